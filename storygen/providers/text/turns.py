# ruff: noqa: E501  # a sentence stays on its line
"""What turns the stories and ends them: by the kind of the topic, and by who has the thing.

The parts are written as in `tales.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from storygen.providers.text.tales import Wording

INTROS: dict[str, Wording] = {
    "trait": ("{hero} is {a_role}{relative}.",),
    "fear": ("{hero} is {a_role}{relative}. That is about to matter.",),
    "premise": ("It all starts with this: {said}. The {role} is called {hero}.",),
    "object": ("{hero}, {a_role}, was the last to see it.", "The last person who saw it is {hero}, {a_role}."),
    "label": ("In small letters on the {short} it says: {label}. {hero}, {a_role}, never asked why.",),
    "question": ("It is the only book that knows {question_in} {hero}, {a_role}, needs it.",),
}

EXPLAINER_INTROS: Wording = (
    "It reaches {hero}, {a_role}, who cannot leave a question alone.",
    "{hero}, {a_role}, hears it, and that is the end of a quiet evening.",
)

TURNS: dict[str, tuple[Wording, ...]] = {
    "fear": (
        (
            "Somebody brave would have rushed past. {hero} is afraid of {fear}, so {he} goes slowly, and looks twice. And there it is: a thin line of light.",
        ),
        (
            "{hero} has one thing that nobody else {at} has: years of practice in being afraid. {He} knows every sound. And this one is new.",
        ),
    ),
    "trait": (
        (
            "Anybody else would have given up here. But not {a_role}{relative}. What they always smile about is exactly what it takes.",
            "+ {hero} turns around, and goes back to look once more.",
        ),
        (
            "Then {hero} does what only {he} would do, because that is who {he} is: {a_role}{relative}. And it works.",
            "+ Behind the wall, something moves.",
        ),
    ),
    "premise": (
        (
            "Then {hero} remembers how it all started. Nobody believed that {said}. {hero} knows better, so {he} trusts {his} own eyes, and looks again.",
        ),
        (
            "Somebody once told {hero}: do not believe everything. But after this beginning, {he} believes one thing more. The least likely door is the one to try.",
        ),
    ),
    "object": (
        (
            "Then {hero} asks a different question. Not who took the {short}. Who needed it most?",
            "+ The answer has been standing in front of them all night.",
        ),
        (
            "{hero} stops searching where the {short} ought to be, and thinks of where it would be happy.",
            "+ It is a silly thought. It is also the right one.",
        ),
    ),
    "label": (
        (
            "{hero} thinks of the letters on the side: {label}. Perhaps that was never a name. Perhaps it was a hint.",
            "+ And suddenly there is only one place left.",
        ),
        (
            "{hero} looks at the letters on the side: {label}. {He} has read that a thousand times. Tonight, for the first time, {he} wonders who wrote it, and for whom.",
        ),
    ),
    "question": (
        (
            "Then {hero} stops looking for the book, and starts looking for somebody who is reading.",
            "+ One window has a light in it. One window only.",
        ),
        (
            "A book like that is not stolen, thinks {hero}. It is borrowed, by somebody with the same question.",
            "+ And there is only one bed with a light under the blanket.",
        ),
    ),
}

LASTS: dict[str, tuple[Wording, ...]] = {
    "fear": (
        ("{hero} is still afraid of {fear}. But now {he} knows that one can be afraid and on time.",),
        ("Was {hero} cured that night? No. {hero} was thanked, which is better.",),
    ),
    "trait": (
        ("And if you meet {a_role}{relative}, be kind. You may need one some night.",),
        ("{hero} has not changed at all. Only the way they say {his} name has.",),
    ),
    "premise": (
        ("So when you hear that {said}, sit down and listen. It gets better.",),
        ("They believe {hero} now. {He} is already thinking of something harder.",),
    ),
    "object": (
        ("The {short} is back in its place. Nobody has dared to ask what it is for.",),
        ("Since then there is a sign under the {short}. It says: please ask first.",),
    ),
    "label": (
        ("Ask anyone {at} about {about} now. They will tell you about tonight.",),
        ("The letters are still there: {label}. Now there is a second line under them. It says: see {hero}.",),
    ),
    "question": (
        ("The answer is on page one. It says: good question, keep asking.",),
        ("And the answer? It is in the book. The book is in the library. Bring a friend.",),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Where the thing was and why: the note that is found, what it means, and the end of the search."""

    note: Wording
    title: str
    clue: tuple[Wording, ...]
    find: tuple[Wording, ...]


SOLUTIONS = (
    Solution(
        note=("BORROWED.", "BACK SOON.", "SORRY, AND HAPPY BIRTHDAY."), title="The Birthday",
        clue=(("On the wall hangs a note in neat handwriting. Borrowed, it says. Back soon. Sorry, and happy birthday.", "+> frowning: Whose birthday? Nobody tells me anything. I would have brought cake."),),
        find=(("At {spot3}, the lights go on. All of {crowd_short} are there. The {short} is there too, polished, with a ribbon: tomorrow is {his} birthday.", "> innocent: I knew nothing. I only ordered the cake.", "+ {hero} laughs until the ribbon falls off."),),
    ),
    Solution(
        note=("INVENTORY", "spoons ......... 14", "buttons ........ 31", "left gloves .... 9", "new item ....... 1"), title="The Collection",
        clue=(("Behind a loose board lies a list. Fourteen spoons, thirty-one buttons, nine left gloves, and, since today, one new item.", "+> delighted: Nine left gloves! So that is where my winter went."),),
        find=(("At {spot3}, on a bed of spoons and buttons, lies the {short}. And beside it, fast asleep, {beast_short}.", "> touched: It never wanted to steal. It wanted to own something nice.", "+ They take back the {short}, and leave a bell, a ribbon, and a biscuit."),),
    ),
    Solution(
        note=("NOTE TO SELF", "Moved it somewhere safe.", "Very clever place.", "Impossible to forget."), title="A Very Clever Place",
        clue=(("There is a note on the door. Moved it somewhere safe, it says. Very clever place. Impossible to forget. The handwriting looks familiar.", "+> carefully: That is your handwriting. I say this as a friend."),),
        find=(("The very clever place is {spot3}. And there is the {short}, safe and sound, exactly where {hero} put it yesterday.", "> after a pause: I will tell them that there was a fight. A big one.", "+ {hero} thanks {him}self for the good hiding place. It is only fair."),),
    ),
    Solution(
        note=("ASK THE LAST ONE", "YOU WOULD ASK."), title="The Last One You Would Ask",
        clue=(("A slip of paper falls out of {his} own coat. Ask the last one you would ask, it says.", "+> too fast: What a silly note. Let us go and look somewhere far away."),),
        find=(("The {short} is at {spot3}, wrapped in a scarf. It is a scarf that {hero} knows. {He} turns around slowly.", "> quietly: Once it is done, nobody ever needs company. I wanted one long evening. I am sorry.", "+ {hero} says: next time, just ask. They carry it back together, the long way."),),
    ),
    Solution(
        note=("TO WHOM IT MAY CONCERN:", "it is not stolen", "i am only looking", "(i am six)"), title="Only Looking",
        clue=(("In chalk, very low on the wall, somebody has written: it is not stolen, I am only looking. And under it, in brackets: I am six.", "+> relieved: Six suspects? No. Six years old. That narrows it down."),),
        find=(("At {spot3} sits a small child in pyjamas, right next to the {short}. Nobody had ever let the child see it up close.", "> softly: I was like that. I was also returned in the morning.", "+ So {hero} sits down, and explains every part of it, twice."),),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """Somebody who is met on the way of a longer story, in two scenes."""

    title: str
    picture: str
    meet: Wording
    part: Wording


ENCOUNTERS = (
    Encounter(title="The Knitter", picture="an old woman knitting a scarf that fills the room",
        meet=("On the way they meet a woman who is knitting a scarf. It goes around the room twice.", "+ {hero} asks about {goal}. She counts to the end of the row first.", "+ The row has no end."),
        part=("Nothing has come past her but draughts, she says, and she remembers every one.", "+> admiring: I asked who the scarf is for. She says that it is for the building.", "+ They leave by stepping over it, several times.")),
    Encounter(title="The Chess Players", picture="two old men over a chessboard, neither moving",
        meet=("Two old men sit over a game of chess. It is white to move. It has been white to move since Tuesday.", "+ {hero} whispers the question, so as not to disturb the thinking."),
        part=("We would tell you, says the one with the black pieces, but then he would know that I was listening.", "+> impressed: I have never seen anybody do so little so hard.", "+ When they leave, somebody almost moves a bishop.")),
    Encounter(title="The Form", picture="a clerk behind a tiny window with towers of paper",
        meet=("Then there is a window, and behind the window a clerk. Questions are welcome, he says, in writing.", "+ The form has nine pages. Page four asks for the reason for page three."),
        part=("Under purpose of visit, {hero} writes: hurry. The clerk stamps it with real feeling.", "+> proudly: I filled in mine as well. It seems that I am now a small company.", "+ The answer is expected in six to eight weeks.")),
    Encounter(title="The Choir", picture="a small choir in coats holding sheet music upside down",
        meet=("Behind the next door a choir is rehearsing. It has eleven voices and twelve opinions.", "+ {hero} waits for a pause. There is none. It is that kind of song."),
        part=("So {hero} sings the question. They answer in four parts: no, no, no, and we think not.", "+> moved: The basses meant it. You could tell.", "+ It stays in the ear for the rest of the night.")),
    Encounter(title="The Queue", picture="a long quiet queue of people with no visible beginning",
        meet=("A queue stands in the way. Nobody in it knows what it is for, but it is moving well.", "+ To be polite, they join it."),
        part=("At the front there is a man who wanted to ask where the end is. They thank him for waiting.", "+> satisfied: That was a good queue. Firm, but fair.", "+ As for {goal}, he has heard nothing. He was in a queue.")),
    Encounter(title="The Brothers", picture="two brothers back to back with a suitcase between them",
        meet=("Two brothers sit back to back on one suitcase. They have not spoken for a year.", "+ Each of them asks {hero} to tell the other one that the question is a good one."),
        part=("Ask him whether he has seen anything, says the first. Tell him no, and that I miss his soup, says the second.", "+> sniffing: Something in my eye. It is the soup.", "+ When they look back, the brothers share the lid of a thermos.")),
    Encounter(title="The Inventor", picture="an inventor beside a tall machine of funnels and wires",
        meet=("An inventor has built a machine that finds things. It fills a wall, and it is humming.", "+ {hero} whispers into the funnel what is wanted."),
        part=("The machine rattles, rings, and prints a ticket. It says: have you looked where you had it last?", "+> thoughtful: Eleven years of work. And it sounds just like my mother.", "+ The inventor writes down: works.")),
    Encounter(title="The Dancer", picture="a man dancing alone to a tiny radio",
        meet=("Somebody is dancing alone, to a radio the size of a matchbox.", "+ He will answer any question, he says, but not before the song is over.", "+ It is a long song."),
        part=("When it ends, he has forgotten what they asked, and they have nearly forgotten too.", "+> out of breath: One more? For the investigation.", "+ They go on a little out of step, and in a better mood.")),
    Encounter(title="The Painter", picture="a painter at an easel facing a blank wall",
        meet=("A painter is painting a wall. That is to say, he is painting a picture of it.", "+ He sees everything that passes, because he must not look at it."),
        part=("He shows them the picture. In one corner, very small, there is a shadow that ought not to be there.", "+> squinting: Is that a clue or a thumb?", "+ It is a thumb. But a suspicious one.")),
    Encounter(title="The Sleeper", picture="a sleeper in an armchair under a hat, one finger raised",
        meet=("In an armchair sleeps somebody who is known to talk in dreams, and never to be wrong.", "+ {hero} asks very softly about {goal}."),
        part=("Left, says the sleeper. Then: no, the other left. And then, with great dignity: marmalade.", "+> convinced: I have built whole years of my life on less.", "+ They turn left, and then the other left.")),
)  # fmt: skip

TITLES: dict[str, dict[str, tuple[str, ...]]] = {
    "trait": {
        "adventurous": ("The {Role} Who Went Looking", "All the Way to {Spot3}"),
        "mysterious": ("The {Role} and the Missing {Short}", "A Locked Door {At}"),
        "comic": ("One Job", "The {Role} and the Saucepan"),
        "warm": ("The {Role} of {Name}", "What {hero} Found"),
    },
    "fear": {
        "adventurous": ("Into {Fear}", "The {Role} and {Fear}"),
        "mysterious": ("Who Is Afraid of {Fear}?", "The {Role} Looks Twice"),
        "comic": ("Afraid, and on Time", "A Bad Night for {hero}"),
        "warm": ("The {Role} Who Was Afraid", "A Light for {hero}"),
    },
    "premise": {
        "adventurous": ("The {Role} Nobody Believed", "All the Way to {Spot3}"),
        "mysterious": ("The {Role} and the Locked Door", "What {hero} Saw"),
        "comic": ("Nobody Believes {hero}", "It Gets Better"),
        "warm": ("How {hero} Was Believed", "The {Role} of {Name}"),
    },
    "object": {
        "adventurous": ("The Search for the {Thing}", "Bring Back the {Short}"),
        "mysterious": ("Who Took the {Thing}?", "The {Short} and the Locked Door"),
        "comic": ("Do Not Lose the {Thing}", "Please Ask First"),
        "warm": ("The Night the {Short} Left", "How {Name} Lost the {Short}"),
        "curious": ("What Is {A_thing} Good For?", "The {Thing}, Explained"),
    },
    "label": {
        "adventurous": ("In Search of {Label}", "The Long Way to {Label}"),
        "mysterious": ("The Word on the {Short}", "The Case of {Label}"),
        "comic": ("A Short Lesson in {Label}", "{Label}, and a Saucepan"),
        "warm": ("How {Name} Learned About {Label}", "The Small Letters"),
        "curious": ("What Is {Label}, Really?", "{Label}, Explained"),
    },
    "question": {
        "adventurous": ("The Book of Answers", "To the End of the Question"),
        "mysterious": ("Who Took the Book of Answers?", "Page One Is Missing"),
        "comic": ("Do Not Ask {hero}", "The Answer Is a Saucepan"),
        "warm": ("The Night of the Question", "A Book for {Name}"),
        "curious": ("{Question}", "One Question Too Many"),
    },
}
