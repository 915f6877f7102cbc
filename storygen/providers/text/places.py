# ruff: noqa: E501, SIM905  # tables of words
"""Where the stories of the built-in writer happen, who lives there, and how they are lit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A setting with everything in it that a plot can trip over; `words` in a topic call for it."""

    words: tuple[str, ...]
    name: str
    at: str
    crowd: str
    roles: tuple[str, ...]
    friends: tuple[str, ...]
    thing: str
    short: str
    stake: str
    deadline: str
    spots: tuple[str, str, str]
    beast: str
    beast_short: str
    sound: str
    food: str
    view: str


PLACES = (
    Place(
        words=("lighthouse", "sea", "ship", "pirate", "sailor", "fish", "island", "harbour", "harbor", "boat", "whale",
               "captain", "octopus", "faro", "beach", "ocean", "mermaid", "penguin"),
        name="Low Skerry", at="on Low Skerry", crowd="the fishermen",
        roles=("lighthouse keeper", "net mender", "ferry pilot"),
        friends=("a retired ferry captain", "the harbour cook", "a diver who hates getting wet"),
        thing="brass signal lamp", short="lamp", stake="Without the {short}, the night boats cannot find the harbour.",
        deadline="before the night boats come in", spots=("the net loft", "the ice house", "the boathouse"),
        beast="a goose that believes it owns the pier", beast_short="the goose", sound="wind in the rigging",
        food="fish pie", view="a small stone harbour with moored boats",
    ),
    Place(
        words=("mountain", "village", "king", "queen", "knight", "dragon", "witch", "princess", "shepherd", "goat",
               "farmer", "bell", "snow", "winter", "castle", "giant"),
        name="Upper Fenn", at="in Upper Fenn", crowd="the villagers",
        roles=("bell ringer", "postal clerk", "beekeeper"),
        friends=("the miller next door", "a travelling clock repairer", "the village schoolteacher"),
        thing="silver fog bell", short="bell", stake="Without the {short}, nobody finds the way home through the fog.",
        deadline="before the fog comes down", spots=("the old mill", "the cable car hut", "the chapel on the ridge"),
        beast="a goat with strong opinions", beast_short="the goat", sound="cowbells, far off",
        food="plum dumplings", view="a mountain village of slate roofs under steep meadows",
    ),
    Place(
        words=("space", "astronaut", "alien", "robot", "mars", "moon", "star", "planet", "rocket", "android", "galaxy",
               "satellite", "gravity", "ai"),
        name="Station Nine", at="on Station Nine", crowd="the engineers",
        roles=("night engineer", "radio operator", "greenhouse gardener"),
        friends=("the ship's doctor", "a cook who has never seen a fresh carrot", "the youngest pilot on board"),
        thing="copper docking key", short="key", stake="Without the {short}, the supply ship cannot dock.",
        deadline="before the supply ship arrives", spots=("the greenhouse", "the laundry module", "the observation deck"),
        beast="a cleaning robot that has stopped taking orders", beast_short="the cleaning robot",
        sound="the air vents hum", food="tomato soup", view="a round space station corridor with a window on the stars",
    ),
    Place(
        words=("forest", "woods", "wood", "tree", "fox", "bear", "wolf", "owl", "deer", "ranger", "mushroom", "garden",
               "nature", "recycling", "bee", "rabbit", "fairy", "elf"),
        name="Hollow Wood", at="in Hollow Wood", crowd="the woodcutters",
        roles=("forest ranger", "mushroom picker", "bird counter"),
        friends=("a charcoal burner", "the last woodcutter with all ten fingers", "a poet who lives in a tent"),
        thing="glass compass", short="compass", stake="Without the {short}, no path in the wood leads home twice.",
        deadline="before the moon goes down", spots=("the fallen oak", "the charcoal hut", "the stone bridge"),
        beast="an owl that asks for a password", beast_short="the owl", sound="branches creaking",
        food="chestnut soup", view="a clearing between tall old trees",
    ),
    Place(
        words=("city", "library", "librarian", "baker", "bakery", "clock", "street", "shop", "detective", "café", "cafe",
               "cat", "cats", "thief", "coffee", "book", "chef", "bread", "money", "office"),
        name="Lantern Street", at="on Lantern Street", crowd="the shopkeepers",
        roles=("night librarian", "watchmaker", "locksmith"),
        friends=("the baker from number four", "a taxi driver between jobs", "a piano tuner without a piano"),
        thing="brass clock key", short="key", stake="Without the {short}, the street clock stops, and nobody knows when to open.",
        deadline="before the clock runs down", spots=("the bakery", "the laundromat", "the roof garden"),
        beast="a cat that answers to nobody", beast_short="the cat", sound="a tram bell, two streets away",
        food="cinnamon buns", view="a narrow old street with lit shop windows",
    ),
    Place(
        words=("train", "railway", "conductor", "journey", "travel", "night", "ticket", "station"),
        name="the Night Express", at="on the Night Express", crowd="the passengers",
        roles=("conductor", "dining car cook", "sleeping car attendant"),
        friends=("a salesman of very small brushes", "the engine driver's cousin", "a chess champion in slippers"),
        thing="silver whistle", short="whistle", stake="Without the {short}, the train may not leave the next station.",
        deadline="before the last bridge", spots=("the dining car", "the luggage van", "the mail coach"),
        beast="a poodle with a first-class ticket", beast_short="the poodle", sound="wheels over the points",
        food="pea soup", view="a panelled sleeper train corridor with brass lamps",
    ),
    Place(
        words=("school", "teacher", "student", "pupil", "class", "boy", "girl", "child", "kid", "homework", "exam",
               "teamwork", "friendship", "learning", "professor", "math"),
        name="Alder Lane School", at="at Alder Lane School", crowd="the pupils",
        roles=("school caretaker", "science teacher", "crossing guard"),
        friends=("the school cook", "a substitute teacher on a first day", "the head of the chess club"),
        thing="painted globe", short="globe", stake="Without the {short}, tomorrow's fair has no first prize.",
        deadline="before the first bell", spots=("the music room", "the boiler room", "the school stage"),
        beast="a guinea pig with a criminal record", beast_short="the guinea pig", sound="a door closing, far away",
        food="cold pancakes", view="a long school corridor with coat hooks",
    ),
)  # fmt: skip

PEOPLE = (
    ("Mara", "she"), ("Ines", "she"), ("Nora", "she"), ("Juno", "she"), ("Odile", "she"), ("Tilda", "she"),
    ("Wanda", "she"), ("Bruno", "he"), ("Tomas", "he"), ("Emil", "he"), ("Otis", "he"), ("Felix", "he"),
    ("Anton", "he"), ("Jasper", "he"),
)  # fmt: skip

HE_ROLES = frozenset(
    "king prince boy man father brother uncle grandfather grandpa monk priest fisherman postman wizard snowman"
    " cowboy".split()
)
SHE_ROLES = frozenset(
    "queen princess girl woman mother sister aunt grandmother grandma nun witch widow mermaid postmistress".split()
)

LOOKS = (
    "in a yellow scarf", "in a red woollen hat", "with a blue scarf", "in a green coat", "in a striped jumper",
    "in a mustard raincoat",
)  # fmt: skip

TRAITS = (
    "who is always four minutes late", "who has never once asked for help", "who writes everything down",
    "who apologises to furniture", "who cannot say no", "who counts everything twice",
)  # fmt: skip

LIGHTS = (
    "low golden evening light", "deep blue dusk", "warm lamplight against the dark", "moonlight and long shadows",
    "cold grey light before dawn", "first warm light of morning",
)  # fmt: skip

INDOOR_LIGHTS = (
    "soft amber panel light", "dim blue night-shift light", "one warm lamp in the dark", "pale light through a window",
    "cold grey light from the far end", "bright warm light flooding in",
)  # fmt: skip
