"""The scenes that can be painted, and which words ask for which."""

from __future__ import annotations

import re
from collections.abc import Callable

from storygen.media.canvas import Canvas, Point
from storygen.media.scenery import abstract, inside, nature, places, sky

Scenery = Callable[[Canvas], Point]

SCENES: dict[str, Scenery] = {
    "hills": nature.hills,
    "mountains": nature.mountains,
    "sea": sky.sea,
    "forest": nature.forest,
    "snow": nature.snow,
    "dunes": nature.dunes,
    "night": sky.night,
    "space": sky.space,
    "city": places.city,
    "rain": places.rain,
    "road": places.road,
    "room": inside.room,
    "machines": inside.machines,
    "ribbons": abstract.ribbons,
    "rings": abstract.rings,
    "lanterns": abstract.lanterns,
    "paper": abstract.paper,
}

_WORDS = {
    "space": """
        space planet planets galaxy orbit rocket spaceship spacecraft astronaut cosmos cosmic asteroid comet
        universe mars saturn
    """,
    "machines": """
        server servers computer computers datacenter terminal code laptop robot robots machine machines
        network chip screen screens data keyboard hacker algorithm monitor console ai factory laboratory lab
        engine reactor
    """,
    "snow": """
        snow snowy snowfall winter ice icy frost frozen blizzard glacier arctic antarctic christmas
    """,
    "rain": """
        rain rainy raining storm stormy thunder drizzle puddle puddles wet umbrella
    """,
    "sea": """
        sea ocean beach wave waves boat ship sail harbour harbor coast shore lighthouse island lake river
        water whale fisherman sailor tide bay
    """,
    "forest": """
        forest forests wood woods tree trees jungle fir firs pine pines grove fox wolf deer owl bear
    """,
    "mountains": """
        mountain mountains peak peaks summit cliff cliffs alps valley canyon volcano climb climber
    """,
    "dunes": """
        desert dune dunes sand sahara camel oasis pyramid
    """,
    "city": """
        city cities skyline street streets downtown building buildings tower towers skyscraper town roof
        roofs rooftop traffic apartment urban metro station alley market
    """,
    "road": """
        road roads highway path drive driving car journey travel route train railway truck bridge motorcycle
        bicycle
    """,
    "room": """
        room window desk kitchen house home office bedroom bed table lamp library study interior door
        hallway cafe restaurant shop bar classroom chair shelf bookshop attic
    """,
    "night": """
        night star stars moon moonlit moonlight midnight starry constellation telescope
    """,
    "lanterns": """
        party festival celebration lantern lanterns candle candles firework fireworks carnival wedding
        birthday balloon balloons dance concert
    """,
    "hills": """
        hill hills field fields meadow farm village countryside sunrise sunset dawn dusk garden morning
        horizon landscape park grass vineyard
    """,
}
_PLACE_OF = {word: name for name, words in _WORDS.items() for word in words.split()}
_ROTATION = (
    "hills",
    "ribbons",
    "sea",
    "rings",
    "mountains",
    "lanterns",
    "night",
    "paper",
    "city",
    "dunes",
    "forest",
    "road",
)


def scene_for(description: str, turn: int) -> str:
    """The scene that most words of `description` ask for, by `turn` one of those that are asked for alike.

    Where no word asks for any it is the next of a rotation.
    """
    asked: dict[str, int] = {}
    for word in re.findall(r"[a-z]+", description.lower()):
        if word in _PLACE_OF:
            asked[_PLACE_OF[word]] = asked.get(_PLACE_OF[word], 0) + 1
    if asked:
        most = [name for name, count in asked.items() if count == max(asked.values())]
        return most[turn % len(most)]
    return _ROTATION[turn % len(_ROTATION)]
