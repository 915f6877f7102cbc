"""The tales of the built-in writer: for each tone, what is said in each beat.

A beat has several wordings, of which one is drawn. A wording is a tuple of parts: a plain part must be said, one that begins
with "+ " is said when there is time, and "manner: words" after "> " or "+> " is spoken by the friend. Slots are filled
from the world (see `world.py`).
"""

# ruff: noqa: E501  # a sentence stays on its line
from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Mood

Wording = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """One way to tell: `suits` says how well it fits each kind of topic, from 0 to 1; `beats` holds the wordings."""

    tone: str
    audience: str
    suits: dict[str, float]
    moods: dict[str, Mood]
    titles: dict[str, tuple[str, ...]]
    beats: dict[str, tuple[Wording, ...]]


BEATS = ("hook", "home", "want", "attempt", "obstacle", "meet", "part", "clue", "low", "turn", "find", "last")


def _arc(moods: str) -> dict[str, Mood]:
    """The mood of each beat, in their order."""
    return dict(zip(BEATS, map(Mood, moods.split()), strict=True))


QUEST = Tale(
    tone="adventurous",
    audience="anyone who likes a journey with an end",
    suits={"trait": 0.9, "premise": 0.9, "object": 0.8, "label": 0.8, "question": 0.5},
    moods=_arc("tense calm wonder neutral tense neutral joyful mysterious dark wonder joyful calm"),
    titles={"hook": ("Gone", "The Empty Hook"), "want": ("A Promise", "Two Go Looking"), "attempt": ("First Door",)},
    beats={
        "hook": (
            ("The {thing} is gone, and somebody has to bring it back {deadline}.", "{intro}"),
            ("One night. That is all the time there is to find the {thing}.", "{intro}"),
        ),
        "home": (
            (
                "{stake}",
                "+ Everybody {at} knows that. Everybody has gone very quiet.",
                "+ Outside, there is only the sound of people not volunteering.",
            ),
            (
                "{stake}",
                "+ So {crowd} stand in a half circle and look at the floor.",
                "+ It is a perfectly good floor.",
            ),
        ),
        "want": (
            (
                "{hero} takes a coat and a torch and says: I will find it.",
                "> dryly: Good. I will come along and be worried.",
                "That is {friend}, {friend_role}, already tying a bootlace.",
            ),
            (
                "Nobody asks {hero}. That is exactly why {he} goes.",
                "> calmly: Wait for me. I have sandwiches and no sense of direction.",
                "{friend}, {friend_role}, has never missed an adventure on purpose.",
            ),
        ),
        "attempt": (
            (
                "They begin at {spot1}. They look under everything that can be lifted, and behind everything that cannot.",
                "+ They find three umbrellas, and one very old apology.",
                "+ No {short}.",
            ),
            (
                "First {spot1}. Up, down, and once around.",
                "+ {hero} finds the dust of ten years and a sneeze to go with it.",
                "+ The {short} was never here.",
            ),
        ),
        "obstacle": (
            (
                "Then the way is blocked by {beast}.",
                "> whispering: Do not look it in the eye. It knows me.",
                "{hero} offers it half a sandwich. It takes the other half as well, and steps aside.",
                "+ The way is free. So was the sandwich.",
            ),
            (
                "Between them and {spot2} stands {beast}.",
                "> nervously: We could go around. I have always liked around.",
                "{hero} bows, very politely. It steps aside like a duchess.",
                "+ Nobody has ever bowed to it before.",
            ),
        ),
        "low": (
            (
                "At {spot2}, the torch gives up. {hero} sits down on the floor.",
                "+ Half the night is over, and {his} hands are empty.",
                "+> gently: You are allowed to sit. You are not allowed to stay.",
            ),
            (
                "Nothing at {spot2} either. For the first time, {hero} does not know where to go next.",
                "+ It is so quiet that {he} can hear the minutes.",
                "+> quietly: Eat something. Nobody ever found anything on an empty stomach.",
            ),
        ),
    },
)

MYSTERY = Tale(
    tone="mysterious",
    audience="people who try to guess the ending",
    suits={"trait": 0.8, "premise": 0.8, "object": 0.9, "label": 0.9, "question": 0.6},
    moods=_arc("mysterious tense mysterious neutral tense mysterious neutral mysterious dark wonder calm joyful"),
    titles={
        "hook": ("The Locked Door", "A Quiet Theft"),
        "want": ("The First Suspect", "Notebook Open"),
        "attempt": ("No Footprints",),
    },
    beats={
        "hook": (
            ("Who takes {a_thing} and leaves the door locked behind them?", "{intro}"),
            ("At {clock}, the {thing} is still there. At {later}, it is not. Nobody came in.", "{intro}"),
        ),
        "home": (
            (
                "{stake}",
                "+ No broken window. No muddy boots. Only a smell of {food}.",
                "+ It is the kind of theft that wipes its feet.",
            ),
            (
                "{stake}",
                "+ The lock is whole. The dust is whole. Only the {short} is missing.",
                "+ Somebody was very careful, or very small.",
            ),
        ),
        "want": (
            (
                "{hero} opens a notebook and writes one line: somebody here knows.",
                "> flatly: I was asleep. Ask anybody. They were all complaining about the snoring.",
                "So {friend}, {friend_role}, is the first suspect, and the first helper.",
            ),
            (
                "{hero} decides to ask everybody one question, and to watch their hands.",
                "> offended: My hands? My hands are cold. That is all they are guilty of.",
                "{friend}, {friend_role}, puts both of them into {friend_his} pockets.",
            ),
        ),
        "attempt": (
            (
                "At {spot1} there are no footprints. Only a clean round patch in the dust.",
                "+ Something stood here, and not long ago.",
                "+ {hero} draws it in the notebook, to scale.",
            ),
            (
                "{Spot1} looks as it always looks. That is what bothers {hero}.",
                "+ One chair is pushed in. Nobody {at} has ever pushed in a chair.",
                "+ The notebook gets its first exclamation mark.",
            ),
        ),
        "obstacle": (
            (
                "There was one witness: {beast}. It is not talking.",
                "> seriously: Give it time. It is thinking about its lawyer.",
                "+ {hero} asks again, slower. The witness eats a page of the notebook.",
                "+ Luckily it is a page of wrong ideas.",
            ),
            (
                "Every trail ends at the same guard: {beast}.",
                "> whispering: You be the kind one. I will be the one standing further back.",
                "+ {hero} shows it the drawing. It looks away, too quickly.",
                "+ That goes into the notebook, underlined.",
            ),
        ),
        "low": (
            (
                "By now every suspect has an alibi, and most of them have the same one.",
                "+ {hero} closes the notebook. It has never felt so thin.",
                "+> softly: Perhaps nobody did it. Have you thought of that? I try to, every night.",
            ),
            (
                "The list of suspects is empty. {hero} turns it over. The back is empty too.",
                "+ At {spot2}, a light goes out.",
                "+> tired: In stories, this is where somebody has an idea. I am only mentioning it.",
            ),
        ),
    },
)

MISHAP = Tale(
    tone="comic",
    audience="anyone who has ever made it worse by helping",
    suits={"trait": 0.85, "premise": 0.75, "object": 0.85, "label": 0.75, "question": 0.4},
    moods=_arc("tense neutral neutral joyful tense joyful neutral mysterious melancholy calm wonder joyful"),
    titles={
        "hook": ("One Job", "Not a Good Moment"),
        "want": ("The Plan", "Nobody Must Know"),
        "attempt": ("The Replacement", "It Looks Almost Right"),
    },
    beats={
        "hook": (
            ("There is never a good moment to lose {a_thing}. This one is especially bad.", "{intro}"),
            ("{hero} has one job tonight: look after the {thing}. It has been missing for an hour.", "{intro}"),
        ),
        "home": (
            (
                "{stake}",
                "+ {hero} has told nobody. {hero} has also told everybody, with {his} face.",
                "+ It is that kind of face.",
            ),
            (
                "{stake}",
                "+ No need to panic. {hero} has checked, and panic is not on the list.",
                "+ Everything else is.",
            ),
        ),
        "want": (
            (
                "The plan is simple: put something else in its place until the real one turns up.",
                "> doubtful: Something else. You mean this saucepan.",
                "{friend}, {friend_role}, is holding the saucepan as if it might go off.",
            ),
            (
                "{hero} has a plan. It fits on the back of a hand, and most of it is the word quietly.",
                "> loudly: QUIETLY? I can do that!",
                "{friend}, {friend_role}, has never done anything quietly. Not even knitting.",
            ),
        ),
        "attempt": (
            (
                "They hang up a painted saucepan. From far away, with eyes closed, it is perfect.",
                "+ {Crowd} look at it for a long time.",
                "+ One of them salutes it, to be safe.",
            ),
            (
                "They borrow a ladder from {spot1}, and some paint, and a lampshade.",
                "+ Ten minutes later they own a blue ladder and a wet lampshade.",
                "+ From a distance it looks exactly like a blue ladder and a wet lampshade.",
            ),
        ),
        "obstacle": (
            (
                "Then comes {beast}, and it wants the replacement.",
                "> panicking: Stay calm! Stay calm! I am saying it to myself!",
                "+ There is a short chase through {spot2}. There is a longer one back.",
                "+ The paint was not dry.",
            ),
            (
                "It would have worked, if it were not for {beast}.",
                "> breathless: It bit the disguise! It has taste, I will give it that.",
                "+ {hero} pulls at one end. It pulls at the other.",
                "+ Science learns that saucepans can fly.",
            ),
        ),
        "low": (
            (
                "At last {hero} sits at {spot2}, with paint up to {his} elbows, and stops pretending.",
                "+ It is all {his} fault, and {he} says so, out loud.",
                "+> kindly: There. That was the heaviest part. The rest is only searching.",
            ),
            (
                "There is no plan left. There is no paint left either.",
                "+ {hero} looks at {crowd} and tells them the truth. All of it, even the lampshade.",
                "+> surprised: They are not angry. They are getting their coats.",
            ),
        ),
    },
)

FOLK = Tale(
    tone="warm",
    audience="listeners of every age, shortly before bed",
    suits={"trait": 0.8, "premise": 0.7, "object": 0.8, "label": 0.85, "question": 0.5},
    moods=_arc("wonder calm calm wonder tense calm wonder mysterious melancholy wonder joyful calm"),
    titles={
        "hook": ("For a Hundred Years", "Once, at Night"),
        "want": ("Three Places", "The Oldest Rule"),
        "attempt": ("The First Place",),
    },
    beats={
        "hook": (
            ("For a hundred years nothing ever went missing {at}. Tonight the {thing} is gone.", "{intro}"),
            ("Listen: this is the night on which the {thing} disappears, and what comes of it.", "{intro}"),
        ),
        "home": (
            (
                "{stake}",
                "+ The old people say nothing. They put on another pot of {food}, which is how they worry.",
                "+ They make enough for two weeks of worrying.",
            ),
            (
                "{stake}",
                "+ One by one the windows light up, and every window has a face in it.",
                "+ Nobody sleeps while something is missing.",
            ),
        ),
        "want": (
            (
                "There is an old rule {at}: what is lost is looked for in three places, and never alone.",
                "> cheerfully: I am not alone either. I have my knee. It predicts rain.",
                "So {hero} goes, and {friend}, {friend_role}, goes too, and so does the knee.",
            ),
            (
                "I will walk until I find it, says {hero}, and nobody laughs.",
                "> warmly: And I will walk until you are tired of me. Ten minutes, then.",
                "That is {friend}, {friend_role}. They shake hands on it, and go.",
            ),
        ),
        "attempt": (
            (
                "The first place is {spot1}. {hero} knocks three times, as one should.",
                "+ Nobody opens but the wind, and the wind has seen nothing.",
                "+ It says so for quite some time.",
            ),
            (
                "At {spot1}, {hero} asks the dark a polite question. The dark thinks about it.",
                "+ It has no answer, but it seems pleased to be asked.",
                "+ They leave it a bun, just in case.",
            ),
        ),
        "obstacle": (
            (
                "Before the second place sits {beast}. Its riddle: what is looked for, and never lost?",
                "> proudly: My glasses! No. Wait. Those I lose.",
                "A reason, says {hero}. The guard moves one step to the left.",
                "+ One step is enough.",
            ),
            (
                "The second place is guarded by {beast}. It wants a gift that cannot be bought.",
                "> modestly: I could sing. People have paid me to stop.",
                "So {hero} tells it a story. It wipes its eyes, and denies it.",
                "+ It was a short one, with a happy ending.",
            ),
        ),
        "low": (
            (
                "At {spot2}, the second place, there is only moonlight and somebody's lost glove.",
                "+ {hero} picks up the glove and puts it where it will be found.",
                "+> softly: You see? That is how I know that you will find the other thing.",
            ),
            (
                "The second place is {spot2}, and it is empty too. So {hero} sits down and listens to {his} own heart.",
                "+ It is late, and the last place is far.",
                "+> quietly: The third is always the one. Ask anybody who tells stories.",
            ),
        ),
    },
)

EXPLAINER = Tale(
    tone="curious",
    audience="people who ask one question too many",
    suits={"trait": 0.0, "premise": 0.0, "object": 0.3, "label": 0.5, "question": 1.0},
    moods=_arc("mysterious neutral joyful neutral tense joyful neutral wonder melancholy calm wonder joyful"),
    titles={
        "hook": ("The Question",),
        "want": ("Ask Everybody",),
        "attempt": ("Answer Number One",),
        "obstacle": ("Answer Number Two", "The Expert"),
        "low": ("No Answer",),
        "clue": ("The Method",),
        "turn": ("Looking",),
        "find": ("Line Three",),
    },
    beats={
        "hook": (
            ("Here is a question that nobody {at} can answer: {question}", "{intro}"),
            ("One small question is asked at supper, and the whole night is gone: {question}", "{intro}"),
        ),
        "home": (
            (
                "Everybody is sure that they know. Until somebody has to say it out loud.",
                "+ Then they remember that they left something on the stove.",
                "+ All of them. The same stove.",
            ),
            (
                "It sounds easy. It sounds so easy that nobody has ever checked.",
                "+ That is how the best questions hide.",
                "+ In plain sight, with a hat on.",
            ),
        ),
        "want": (
            (
                "{hero} wants a real answer by morning, and starts where everybody starts: by asking around.",
                "> confidently: You ask. I will nod as if I knew.",
                "{friend}, {friend_role}, has been nodding like that for thirty years.",
            ),
            (
                "{hero} sharpens a pencil. Tonight there will be an answer, or at least a better question.",
                "> helpfully: I have a theory. It is not good, but it is loud.",
                "That is {friend}, {friend_role}, who has never kept a theory in.",
            ),
        ),
        "attempt": (
            (
                "The first answer comes from {spot1}: {wrong1}",
                "+ {hero} writes it down and puts a question mark behind it.",
                "+ Then a second one, to be fair to the first.",
            ),
            (
                "At {spot1} they do not hesitate for a moment. They say: {wrong1}",
                "+ Everybody there agrees, which makes {hero} suspicious.",
                "+ Agreeing is not the same as knowing.",
            ),
        ),
        "obstacle": (
            (
                "The second answer has to get past {beast}.",
                "> thoughtfully: It says: {wrong2} Or it is hungry. My accent is not good.",
                "+ {hero} writes that down as well. Evidence is evidence.",
                "+ Some of it has been chewed.",
            ),
            (
                "Then they ask an expert. The expert has a white coat, a pointer, and no doubt at all.",
                "> impressed: {wrong2} Did you hear how slowly that was said? It must be true.",
                "+ {hero} asks how one could check it. The expert looks at the pointer.",
                "+ The pointer does not know either.",
            ),
        ),
        "clue": (
            (
                "Then {hero} stops asking, and makes a list of three lines instead.",
                "+ It is the shortest method in the world, and it is rarely tried.",
                "+> reading: One, look. Two, write it down. Three, look again. That is all? Where is the expensive part?",
            ),
        ),
        "low": (
            (
                "Two answers now, and they cannot both be true.",
                "+ {hero} puts {his} head on the table. It is a good table for that.",
                "+> gently: Maybe nobody knows. Nobody is a very clever person.",
            ),
            (
                "It is late. The page is full, and the answer is not on it.",
                "+ {hero} crosses out everything that somebody only said.",
                "+> quietly: That leaves the date. The date is solid work.",
            ),
        ),
        "turn": (
            (
                "So {hero} spends one hour with nothing but {about} and a pencil. {He} does not guess. {He} looks.",
                "+ After ten minutes it is boring. After twenty it is strange.",
                "+ After forty, nothing about it is ordinary any more.",
            ),
        ),
        "find": (
            (
                "Line one turns out to be wrong. Line two is better. Line three is something that nobody {at} has ever noticed.",
                "> amazed: It was there the whole time? I have been looking at that for years.",
                "+ Looking, says {hero}. But not looking again.",
            ),
        ),
        "last": (
            ("It is not the whole answer. It is the first true line of it, and now you know how to find the second.",),
            ("The full answer needs a longer film. But it starts where this one ends: with somebody who looks again.",),
        ),
    },
)

TALES = (QUEST, MYSTERY, MISHAP, FOLK, EXPLAINER)
