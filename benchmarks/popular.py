"""The film as popular generators write it with MoviePy: zoomed stills, text clips, concatenate, write.

MoviePy lives in an environment of its own, because it pins packages that storygen uses in newer releases: the one whose
interpreter `STORYGEN_BENCH_MOVIEPY` names, or else one that pip fills once in the user's cache folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from benchmarks.material import CUES, WORDS, Part
from storygen.media import ffmpeg
from storygen.media.fonts import font_file
from storygen.settings import FilmSettings

PACKAGE = "moviepy==2.2.1"
_PROGRAM = """
import json, sys
from moviepy import AudioFileClip, CompositeVideoClip, ImageClip, TextClip, concatenate_videoclips

film = json.load(sys.stdin)
size, seconds, cues = (film["width"], film["height"]), film["seconds"], film["cues"]
clips = []
for scene in film["scenes"]:
    grow = film["zoom"] - 1
    zoom = (lambda t: 1 + grow * t / seconds) if scene["inward"] else (lambda t: 1 + grow * (1 - t / seconds))
    layers = [ImageClip(scene["image"]).with_duration(seconds).resized(zoom).with_position("center")]
    for number in range(cues):
        text = TextClip(font=film["font"], text=film["text"], font_size=56, color="white", stroke_color="black",
                        stroke_width=4, method="caption", size=(size[0] - 120, None), text_align="center")
        start = number * seconds / cues
        layers.append(text.with_start(start).with_duration(seconds / cues).with_position(("center", size[1] - 560)))
    whole = CompositeVideoClip(layers, size=size).with_duration(seconds)
    clips.append(whole.with_audio(AudioFileClip(scene["voice"]).with_duration(seconds)))
concatenate_videoclips(clips, method="compose").write_videofile(
    film["out"], fps=film["fps"], codec="libx264", preset=film["preset"], audio_codec="aac", audio_bitrate="192k",
    ffmpeg_params=["-crf", str(film["crf"]), "-pix_fmt", "yuv420p", "-profile:v", "high"], logger=None)
"""


def environment() -> Path:
    """The interpreter that has MoviePy; the environment is made at the first use."""
    named = os.environ.get("STORYGEN_BENCH_MOVIEPY")
    if named:
        return Path(named)
    folder = platformdirs.user_cache_path("storygen") / "bench" / PACKAGE.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        (folder / "ready").touch()
    return python


def write_film(
    python: Path, parts: Sequence[Part], film: FilmSettings, seconds: float, zoom: float, out: Path
) -> float:
    """Seconds that MoviePy takes for a film of some parts, with the ffmpeg that ours uses."""
    frame = film.frame
    asked = {
        "width": frame.width,
        "height": frame.height,
        "fps": frame.fps,
        "seconds": seconds,
        "zoom": zoom,
        "cues": CUES,
        "text": " ".join(WORDS),
        "font": str(font_file("Inter")),
        "preset": film.preset,
        "crf": film.crf,
        "out": str(out),
        "scenes": [
            {
                "image": str(part.shot.value.image),
                "voice": str(part.narration.value.audio),
                "inward": part.shot.value.inward,
            }
            for part in parts
        ],
    }
    own = os.environ | {"IMAGEIO_FFMPEG_EXE": str(ffmpeg.find_binary(None))}
    started = time.perf_counter()
    subprocess.run([str(python), "-c", _PROGRAM], input=json.dumps(asked), text=True, env=own, check=True)
    return time.perf_counter() - started
