# ruff: noqa: E501, SIM905  # tables of words
"""Words by which a topic is understood."""

from __future__ import annotations

QUESTION_WORDS = frozenset(
    "why how what when where who which is are do does did can could should would will was were has have".split()
)

MODALS = frozenset(
    "is are was were do does did can could should would will has have had must may might isn't aren't can't don't"
    " doesn't won't cannot finds makes goes gets takes sees has".split()
)

STOP_WORDS = frozenset(
    "a an the and or but nor so yet of in on at to for from with without by about into onto over under after before"
    " between through during until while because when where why how what which who whose whom that this these those is"
    " are was were be been being am do does did has have had can could will would shall should may might must not no"
    " it its he she they them his her their my our your we you i me us him as if than then there here very just only"
    " also too some any all each every who's it's".split()
)

PEOPLE = frozenset(
    "king queen prince princess knight witch wizard pirate ghost monster dragon robot android alien astronaut cat dog"
    " kitten puppy fox bear mouse rabbit owl crow wolf horse elephant penguin boy girl man woman child kid baby"
    " grandmother grandfather grandma grandpa mother father sister brother uncle aunt widow orphan twin chef cook nurse"
    " monk nun priest thief spy cop cowboy ninja samurai viking clown magician musician scientist detective librarian"
    " captain pilot sailor fisherman farmer baker butcher judge mayor president student pupil teacher professor"
    " engineer doctor surgeon dentist vet poet artist genie fairy mermaid vampire werewolf zombie giant troll elf"
    " gnome dwarf goblin unicorn hermit stranger neighbour neighbor friend host guide guard scout coach athlete"
    " apprentice architect mechanic developer intern boss clerk cashier postman snowman scarecrow turtle tortoise snail"
    " frog squirrel hedgehog parrot goose goat sheep cow pig donkey octopus whale dolphin shark spider bee".split()
)

NOT_PEOPLE = frozenset(
    "river tower water letter paper weather winter summer mirror number computer flower danger power order matter"
    " dinner colour color anger wonder thunder butter finger answer center centre hunger error terror horror humor humour"
    " favor favour silver copper ladder feather leather laser poker soccer border layer sweater printer charter chapter"
    " theater theatre quarter shoulder anchor harbor harbour motor tractor elevator floor never under after either other"
    " another together rather whether forever however later better bigger smaller faster proper former upper lower inner"
    " outer over ever consider remember discover offer enter suffer corner counter cover cancer disaster monastery"
    " desert helicopter newspaper calendar sugar guitar solar lunar pepper paprika hammer slipper supper umbrella timer"
    " alphabet major minor indoor outdoor vapor vapour odor odour flavor flavour labor labour behavior behaviour cider"
    " river's shower powder rubber ginger lobster hamster oyster rooster poster roller router server folder laptop"
    " cluster register trailer trigger twitter whisper glacier frontier barrier career pioneer list fist twist mist wrist"
    " waist exist resist insist assist consist persist checklist playlist mixer toaster freezer cooker boiler burner"
    " container scooter stapler transistor sensor monitor reactor generator calculator escalator refrigerator radiator"
    " doctor's spacer paper's clover hangover makeover leftover crossover peer deer beer cheer steer reindeer".split()
)

PERSON_ENDINGS = (
    "keeper", "maker", "er", "or", "ist", "ian", "eer", "man", "woman", "smith", "wright", "boy", "girl", "monger",
)  # fmt: skip

ABSTRACT_ENDINGS = (
    "ness", "ity", "ship", "work", "tion", "sion", "ism", "ment", "ance", "ence", "dom", "hood", "cy", "ing", "ics",
    "ology", "love", "hope", "time", "music", "science", "history", "future", "war", "peace", "change", "age", "revolution",
)  # fmt: skip
