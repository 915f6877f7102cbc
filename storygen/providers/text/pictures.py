"""What is seen in a scene of the built-in writer: the picture, the title, the text on the screen, the directions."""

from __future__ import annotations

from dataclasses import replace

from storygen.providers.text.tales import Tale
from storygen.providers.text.turns import ENCOUNTERS, Encounter
from storygen.providers.text.world import World, draw
from storygen.story import Scene

_SUBJECTS = {
    "hook": "{hero}, {a_role} {look}, before an empty place where something is missing",
    "home": "{crowd} gathered in a half circle, {hero} {look} among them",
    "want": "{hero} {look} and {friend}, {friend_role}, setting out with a torch",
    "attempt": "{hero} {look} searching {spot1}, torch in hand",
    "obstacle": "{hero} {look} face to face with {beast}",
    "clue": "a close view of {hero} {look} reading a handwritten note",
    "low": "{hero} {look} sitting alone at {spot2}, shoulders down",
    "turn": "{hero} {look} standing very still, a thin line of light across the face",
    "find": "{hero} {look} and {friend} at {spot3} with the {short} between them",
    "last": "{hero} {look} seen from behind, looking out over the scene with {friend}",
}

_CURIOUS = {
    "hook": "{hero}, {a_role} {look}, looking up from a table with an open notebook",
    "attempt": "{hero} {look} asking people at {spot1}, pencil in hand",
    "clue": "a close view of a notebook page with three short lines, the hand of {hero} beside it",
    "low": "{hero} {look} with the head on a table full of paper",
    "turn": "{hero} {look} watching patiently, chin on both hands",
    "find": "{hero} {look} and {friend} bent over a notebook, amazed",
}

_COMPOSITIONS = {
    "hook": "wide shot, small figure in the lower third, much empty space above",
    "home": "wide shot from a high corner",
    "want": "medium shot, both figures on the left, the way ahead on the right",
    "attempt": "medium shot through a doorway",
    "obstacle": "low angle, the two facing each other across the middle",
    "meet": "wide shot, the strange figure in the middle",
    "part": "close shot of the hands and the face",
    "clue": "close-up, shallow depth of field",
    "low": "high angle, one small figure in a pool of light",
    "turn": "close portrait on the right third",
    "find": "warm medium shot, the bright point in the middle",
    "last": "very wide shot, low horizon, open sky or far wall above",
}

_TITLES = {
    "home": ("{Name}", "What Is at Stake"),
    "clue": ("A Note", "The Handwriting"),
    "low": ("Half Past Midnight", "The Long Minute"),
    "turn": ("Looking Twice", "The Other Way"),
    "last": ("Afterwards", "Since Then"),
    "obstacle": ("{Beast_short}",),
}

_PARTINGS = (
    "Row by Row", "White to Move", "Page Four", "In Four Parts", "The Front", "The Soup", "The Ticket", "Out of Step",
    "The Thumb", "The Other Left",
)  # fmt: skip

_DIRECTIONS = {
    "hook": ("{sound}", "{sound}, then nothing"),
    "want": (
        "{friend} ties a bootlace, badly",
        "{friend} drops the torch, picks it up, bows",
        "{friend} looks for a second shoe",
    ),
    "obstacle": ("a long look between {hero} and {beast_short}", "{beast_short} does not blink"),
    "low": ("silence, except for a clock", "one breath in, one breath out"),
    "find": ("a pause, then the light changes", "everybody speaks at once, then nobody"),
    "last": ("music out on the last word", "nobody says a word for a while"),
}


def dress(
    scene: Scene,
    *,
    beat: str,
    tale: Tale,
    world: World,
    encounter: Encounter | None,
    along: float,
    salt: tuple[object, ...],
) -> Scene:
    """The scene with all that is seen in it; `along` says where it stands in the film, from 0 to 1."""
    title = encounter.title if encounter else _title(beat, tale, world, salt)
    if encounter and beat == "part":
        title = _PARTINGS[ENCOUNTERS.index(encounter)]
    direction = draw(_DIRECTIONS.get(beat, ("",)), *salt, beat, "direction").format_map(world.slots)
    return replace(
        scene,
        title=title,
        subtitle=f"{world.slots['Name']}, nightfall" if beat == "hook" else "Morning" if beat == "last" else "",
        picture=_picture(beat, tale, world, encounter, along),
        on_screen=_on_screen(beat, tale, world),
        directions=(direction,) if direction else (),
    )


def _title(beat: str, tale: Tale, world: World, salt: tuple[object, ...]) -> str:
    found = tale.titles.get(beat) or _TITLES.get(beat) or (world.solution.title,)
    return draw(found, *salt, beat, "title").format_map(world.slots)


def _picture(beat: str, tale: Tale, world: World, encounter: Encounter | None, along: float) -> str:
    subject = (_CURIOUS.get(beat) if tale.tone == "curious" else None) or _SUBJECTS.get(beat, "")
    if encounter:
        subject = f"{encounter.picture}, {{hero}} {{look}} beside them"
    light = world.lights[min(len(world.lights) - 1, int(along * len(world.lights)))]
    return f"{subject}, {{view}}, {light}, {_COMPOSITIONS[beat]}".format_map(world.slots)


def _on_screen(beat: str, tale: Tale, world: World) -> tuple[str, ...]:
    slots = world.slots
    if beat == "hook":
        if tale.tone == "curious":
            return ("> ask everybody", slots["question"].rstrip("."), "0 answers found")
        return ("MISSING", slots["a_thing"], f"ask for {slots['hero']}")
    if beat == "clue":
        return ("1. look", "2. write it down", "3. look again") if tale.tone == "curious" else world.solution.note
    return ()
