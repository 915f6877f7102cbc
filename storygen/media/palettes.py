"""The colours of a card, by mood: each mood has a few palettes, so that neighbours differ and still belong together."""

from __future__ import annotations

from dataclasses import dataclass

from storygen.story import Mood

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Seven colours: the sky from top to horizon, the light in it, the land from far to near, and one to stand out."""

    high: Colour
    middle: Colour
    low: Colour
    light: Colour
    far: Colour
    near: Colour
    accent: Colour

    @property
    def is_night(self) -> bool:
        """Whether stars would show: the top of the sky is nearly black."""
        return sum(self.high) < 150

    def layer(self, depth: float) -> Colour:
        """The land at a depth between 0 (far) and 1 (near)."""
        return mix(self.far, self.near, depth)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with `share` (0 to 1) of `other` in it."""
    red, green, blue = (round(a + (b - a) * min(1.0, max(0.0, share))) for a, b in zip(one, other, strict=True))
    return red, green, blue


def palette_for(mood: Mood, variant: int) -> Palette:
    """The palette of a mood; consecutive variants differ."""
    choices = _PALETTES[mood]
    return choices[variant % len(choices)]


def _palette(colours: str) -> Palette:
    high, middle, low, light, far, near, accent = (_colour(each) for each in colours.split())
    return Palette(high=high, middle=middle, low=low, light=light, far=far, near=near, accent=accent)


def _colour(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


_PALETTES: dict[Mood, tuple[Palette, ...]] = {
    mood: tuple(_palette(line) for line in lines)
    for mood, lines in {
        Mood.NEUTRAL: (
            "16324f 3f7396 f0c8a0 ffe9c7 6b8fa6 0d1b2c f2a65a",
            "1d3b3a 4f8a80 ecd9a8 fff3d0 6f9c8e 0c2121 f0b45b",
            "2b2f5b 6a6fa8 f3c3b2 ffe6d6 7d7fae 141733 f59e7d",
        ),
        Mood.CALM: (
            "1f4068 5d93b0 f7d9b8 fff0d6 82a9b8 14304a ffc98b",
            "37396f 8a86bb f6cdd4 fff0ea 938fbd 1c1b40 ffb5a0",
            "1d4d4c 68a596 f2ecc6 fffbe0 86b3a0 0e2f30 ffd37a",
        ),
        Mood.JOYFUL: (
            "a3294f f0694f ffd08a fff2c4 d9654f 4a1238 ffe066",
            "0f5f86 3fb0c4 fff0b8 fffbe2 5bb3b5 0b3a4f ffb347",
            "5c2a86 e8608a ffcf8f ffeec2 b8508f 2a1050 ffd166",
        ),
        Mood.WONDER: (
            "0a0f3c 4b2f8c ea7fb0 ffdcf2 5a3d95 0a0a26 ffd36e",
            "04203c 126a80 86e5c6 e5fff4 2b7f8c 03142a ffe08a",
            "1a0b3b 6a2c91 ffa07a ffe3c8 6b3a86 120626 7fe7ff",
        ),
        Mood.MYSTERIOUS: (
            "080c1c 222f5c 66659a d5dcff 363f6e 05070f 8fd3ff",
            "051517 143f45 5f9887 dcfff0 285a5c 030c0e b8f28a",
            "120a1e 3a2456 8a5f92 f0d9ff 46305f 08040f ffb86b",
        ),
        Mood.TENSE: (
            "16090e 5f1a1d e0622f ffd29a 6b2224 0c0406 ffb347",
            "12131d 412b40 cf7f42 ffe0a8 53384a 08080e ff5a4f",
            "0e1716 2b4a3c c9b24a fff0a6 3a5647 060c0b ff7043",
        ),
        Mood.DARK: (
            "05070b 141b27 3d4d61 c9d8e8 202a38 020305 e05a47",
            "0a0508 27141d 60323b f2cdc4 35202a 040203 d9a441",
            "04090a 0f2426 35575a d0ecea 1b3537 020505 7fd1c7",
        ),
        Mood.MELANCHOLY: (
            "222b3b 55657c b3b9bd eef1f2 67758a 131925 d9a679",
            "2a293e 696582 c9b3b6 f7e6e2 787290 171626 8fb7d1",
            "22332f 58736c bcc4b4 f2f4e6 6b857c 111b19 d8b26e",
        ),
    }.items()
}
