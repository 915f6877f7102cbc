"""The feeling of a scene, from the words in it."""

from __future__ import annotations

import re
from functools import cache

from storygen.story import Mood

_WORDS: dict[Mood, str] = {
    Mood.CALM: """calm calmly quiet quietly gentle gently soft softly peaceful peace serene breath breathe
        breathes asleep sleep hush relaxed soothing lullaby drift drifts tea blanket""",
    Mood.JOYFUL: """joy joyful joyfully happy happily laugh laughs laughed laughing laughter smile smiles
        smiled smiling grin grins grinned grinning cheer cheers cheerful bright brightly sunny dance dances
        dancing celebrate party playful excited delighted delight music sing sings sang funny comedy golden
        sunshine""",
    Mood.WONDER: """wonder wonders wondrous awe awed marvel miracle magic magical stars star galaxy glow
        glows glowing shimmer shimmering impossible discover discovers discovery infinite universe dream dreams
        dreaming sunrise dawn beautiful breathtaking vast hope hopeful epic""",
    Mood.MYSTERIOUS: """mystery mysterious mysteriously strange strangely secret secrets unknown whisper
        whispers whispered whispering fog mist misty shadow shadows shadowy hidden riddle eerie eerily uncanny
        odd vanish vanished vanishes disappear disappeared footprints puzzled curious""",
    Mood.TENSE: """tense tension urgent urgently hurry hurries hurried running alarm alarms
        siren sirens warning chase panic panicked fear afraid nervous nervously countdown deadline emergency
        flashing pounding scream screams shout shouts shouted breathless crash crashes crashed error fatal
        failed failing danger suspense suspenseful""",
    Mood.DARK: """dark darkness black blackness blood dead death die dies died grave kill killed murder
        horror terror evil ruin ruins burnt ash ashes rot grim grimly bleak monster abyss buried nightmare
        menacing ominous""",
    Mood.MELANCHOLY: """melancholy sad sadly sadness sorrow lonely alone loss lost grief grieving mourn mourning
        cry cries cried crying tears tear rain raining grey gray empty goodbye farewell missed missing regret
        remember remembers remembered forgotten faded wistful wistfully tired nostalgic funeral widow""",
}
_WORD = re.compile(r"[^\W\d_]+")


@cache
def _moods() -> dict[str, Mood]:
    table = {word: mood for mood, words in _WORDS.items() for word in words.split()}
    return table | {mood.value: mood for mood in Mood}


def named_mood(text: str) -> Mood | None:
    """The mood that a `Mood:` label asks for, by its name or a word that stands for it."""
    for word in _WORD.findall(text.lower()):
        if word in _moods():
            return _moods()[word]
    return None


def guess_mood(*texts: str) -> Mood:
    """The mood that most words of the texts speak of; the first of equals, neutral when none does."""
    counts = dict.fromkeys(Mood, 0)
    for text in texts:
        for word in _WORD.findall(text.lower()):
            if mood := _moods().get(word):
                counts[mood] += 1
    return max(counts, key=lambda mood: counts[mood])
