"""Clips and sounds of any kind are seen and heard as they were meant, and what is broken is told before all else."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import pytest
from PIL import Image

from storygen.errors import InvalidScript
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from storygen.settings import VoiceSettings
from storygen.stages.given import bring_clip, bring_picture, bring_sound, inspect
from storygen.stages.revise import revise
from storygen.stages.visuals import draw
from storygen.stages.voice import speak
from storygen.story import Frame, Given, GivenFile, Line, Scene, Script
from storygen.workshop import Workshop
from tests.media.films import workshop
from tests.media.odd import CORNERS, GREEN, RED, card, close, corners, disc, in_place

FRAME = Frame(width=90, height=120, fps=10)  # the shape of `card`
BINARY = ffmpeg.find_binary(None)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12")


def make(*args: str) -> None:
    """Run ffmpeg as a user would: nothing here is opened with care."""
    command = Command(step="make", args=args)
    asyncio.run(ffmpeg.run(command, binary=BINARY, timeout=60, stall_after=30))


def filmed(path: Path, *out: str, filters: str = "null", rate: str = "25", options: tuple[str, ...] = ()) -> Path:
    """Two seconds of a card; `out` says how it is written."""
    still = path.with_suffix(".card.png")
    card(90, 120).save(still)
    looped = ("-loop", "1", "-framerate", rate, "-t", "2", "-f", "image2", "-i", f"file:{still}")
    make(*looped, "-vf", filters, *options, *out, f"file:{path}")
    return path


def file_of(path: Path) -> GivenFile:
    return GivenFile(name=path.name, path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def brought(path: Path, frame: Frame = FRAME, scene: Scene | None = None) -> tuple[np.ndarray, float]:
    """Every picture of a clip after it was brought, as frames, rows, columns and colours; and its seconds."""
    tools = workshop(path.parent / "cache")
    scene = scene or Scene(given=Given(clip=file_of(path)))
    clip = asyncio.run(bring_clip(scene, file_of(path), frame, tools)).value
    raw = path.parent / "frames.raw"
    make("-f", "mov", "-i", f"file:{clip.video}", "-map", "0", "-fps_mode", "passthrough", "-pix_fmt", "rgb24",
         "-sws_flags", "accurate_rnd+full_chroma_int", "-f", "rawvideo", f"file:{raw}")  # fmt: skip
    return np.fromfile(raw, "uint8").reshape(-1, frame.height, frame.width, 3).astype(int), clip.seconds


def matrix(turned: str, path: Path) -> Path:
    """A clip whose pictures lie on their side, with a note for players to turn them."""
    transposed = {"90": "transpose=clock", "180": "hflip,vflip", "270": "transpose=cclock"}[turned]
    lying = filmed(path.with_name("lying.mp4"), *X264, "-pix_fmt", "yuv420p", filters=transposed)
    make("-display_rotation", turned, "-i", f"file:{lying}", "-c", "copy", f"file:{path}")
    return path


HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-qp", "10", "-x265-params", "log-level=none")
KINDS: dict[str, Any] = {
    "h264.mp4": lambda path: filmed(path, *X264, "-pix_fmt", "yuv420p"),
    "turned-90.mov": lambda path: matrix("90", path),
    "turned-180.mp4": lambda path: matrix("180", path),
    "turned-270.mp4": lambda path: matrix("270", path),
    "odd-size.mkv": lambda path: filmed(path, *X264, "-pix_fmt", "yuv444p", filters="scale=91:121"),
    "wide-pixels.mp4": lambda path: filmed(path, *X264, "-pix_fmt", "yuv420p", filters="scale=44:120,setsar=45/22"),
    "ten-bit.mp4": lambda path: filmed(path, *HEVC, "-pix_fmt", "yuv420p10le"),
    "full-range.mov": lambda path: filmed(path, "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p"),
    "rgb.mov": lambda path: filmed(path, "-c:v", "qtrle", "-pix_fmt", "rgb24"),
    "60-a-second.webm": lambda path: filmed(path, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-crf", "20", rate="60"),
    "film.mkv": lambda path: filmed(path, *X264, "-pix_fmt", "yuv420p", rate="24000/1001"),
    "8-a-second.mp4": lambda path: filmed(path, *X264, "-pix_fmt", "yuv420p", rate="8"),
    "uneven.mp4": lambda path: filmed(
        path, *X264, "-pix_fmt", "yuv420p", "-fps_mode", "vfr",
        filters="setpts='if(lt(N\\,25)\\,N*0.02\\,0.5+(N-25)*0.06)/TB'",
    ),
    "between-lines.ts": lambda path: filmed(path, "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_clip_of_any_kind_is_upright_in_its_colours_and_as_long_as_it_was(tmp_path: Path, name: str) -> None:
    frames, seconds = brought(KINDS[name](tmp_path / name))
    assert seconds == pytest.approx(2.0, abs=0.11)
    assert len(frames) == round(seconds * FRAME.fps)
    for place in (0, len(frames) // 2, -1):
        assert in_place(frames[place], 48), corners(frames[place])
        width, height = disc(frames[place])
        assert abs(width - height) <= 2
        assert width == pytest.approx(30, abs=3)


def test_a_clip_of_great_contrast_is_seen_in_plain_colours(tmp_path: Path) -> None:
    told = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none"
    to_pq = "zscale=tin=bt709:min=bt709:pin=bt709:rin=tv:t=smpte2084:m=bt2020nc:p=bt2020:npl=100,format=yuv420p10le"
    hdr = ("-c:v", "libx265", "-preset", "ultrafast", "-qp", "6", "-x265-params", told)
    frames, _ = brought(filmed(tmp_path / "hdr.mp4", *hdr, filters=f"scale=out_color_matrix=bt709,{to_pq}"))
    seen = corners(frames[5])
    for colour, drawn in zip(seen, CORNERS, strict=True):
        assert [max(colour) - part < 90 for part in colour] == [max(drawn) - part < 90 for part in drawn], seen
    assert frames[5][60, 45].min() > 150  # white did not become grey


@pytest.mark.parametrize("how", ["prores", "vp9"])
def test_what_is_transparent_in_a_clip_lies_on_a_dark_ground(tmp_path: Path, how: str) -> None:
    clear = "format=yuva444p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(Y,60),255,0)'"
    coded = {
        "prores": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le", "-f", "mov"),
        "vp9": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-crf", "20", "-pix_fmt", "yuva420p", "-f", "webm"),
    }
    frames, _ = brought(filmed(tmp_path / "clear.mov", *coded[how], filters=clear))
    top_left, top_right, below, beside = corners(frames[9])
    assert close(top_left, RED, 48)
    assert close(top_right, GREEN, 48)
    assert max(below) < 45
    assert max(beside) < 45


@pytest.mark.parametrize("frame", [Frame(width=90, height=160, fps=10), Frame(width=160, height=90, fps=10)], ids=str)
def test_a_clip_of_another_shape_is_seen_whole_and_not_stretched(tmp_path: Path, frame: Frame) -> None:
    wide = frame.width < frame.height
    size = "160:90" if wide else "90:160"
    clip = filmed(tmp_path / "a.mp4", *X264, "-pix_fmt", "yuv420p", filters=f"scale={size},setsar=1")
    frames, _ = brought(clip, frame)
    inner = round(90 * 90 / 160)
    start = (160 - inner) // 2
    seen = frames[3][start : start + inner] if wide else frames[3][:, start : start + inner]
    assert [close(one, other, 60) for one, other in zip(corners(seen), CORNERS, strict=True)] == [True] * 4
    behind = frames[3][: start - 4] if wide else frames[3][:, : start - 4]
    assert 12 < behind.mean() < 0.65 * seen.mean()


def test_no_more_of_a_clip_is_brought_than_its_scene_can_last(tmp_path: Path) -> None:
    make("-f", "lavfi", "-i", "color=gray:s=90x120:r=5:d=40", *X264, "-pix_fmt", "yuv420p", f"file:{tmp_path}/a.mp4")
    given = Given(clip=file_of(tmp_path / "a.mp4"))
    _, spoken = brought(tmp_path / "a.mp4", scene=Scene(given=given, lines=(Line(text="One two three."),)))
    _, silent = brought(tmp_path / "a.mp4", scene=Scene(given=given, seconds=3.0))
    assert spoken == pytest.approx(20.0, abs=0.1)
    assert silent == pytest.approx(4.0, abs=0.1)


SINE = "0.25*sin(2*PI*440*t)"


def tone(
    path: Path, *out: str, source: str = "0.25*sin(2*PI*440*t)", rate: int = 44_100, channels: str = "mono"
) -> Path:
    make("-f", "lavfi", "-i", f"aevalsrc='{source}':s={rate}:d=2:c={channels}", *out, f"file:{path}")
    return path


def pcm(code: str) -> tuple[str, ...]:
    return ("-c:a", f"pcm_{code}")


SOUNDS: dict[str, Any] = {
    "8-bit.wav": lambda path: tone(path, *pcm("u8")),
    "24-bit.wav": lambda path: tone(path, *pcm("s24le"), rate=96_000),
    "32-bit.wav": lambda path: tone(path, *pcm("s32le")),
    "float.wav": lambda path: tone(path, *pcm("f32le")),
    "double.wav": lambda path: tone(path, *pcm("f64le")),
    "telephone.wav": lambda path: tone(path, *pcm("mulaw"), rate=8_000),
    "studio.wav": lambda path: tone(path, *pcm("s24le"), rate=192_000),
    "stereo.flac": lambda path: tone(path, source=f"{SINE}|{SINE}", channels="stereo"),
    "left.wav": lambda path: tone(path, source=f"{SINE}|0", channels="stereo"),
    "5.1.wav": lambda path: tone(path, *pcm("s16le"), source=f"0|0|{SINE}|0|0|0", channels="5.1"),
    "5.1.m4a": lambda path: tone(path, "-c:a", "aac", source=f"0|0|{SINE}|0|0|0", channels="5.1"),
    "a.mp3": lambda path: tone(path, "-c:a", "libmp3lame"),
    "a.opus": lambda path: tone(path, "-c:a", "libopus", rate=48_000),
    "a.aiff": lambda path: tone(path, *pcm("s24be")),
    "a.aac": lambda path: tone(path, "-c:a", "aac"),
}


def heard(path: Path) -> np.ndarray:
    """The samples of a sound of the user's after it was brought, between -1 and 1."""
    take = asyncio.run(bring_sound(file_of(path), workshop(path.parent / "cache"))).value
    content = take.audio.read_bytes()
    assert content[20:24] == b"\x01\0\x01\0"  # PCM, one channel
    assert int.from_bytes(content[24:28], "little") == 48_000
    return np.frombuffer(content[content.index(b"data") + 8 :], "<i2") / 32768


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_of_any_kind_keeps_its_pitch_and_its_length(tmp_path: Path, name: str) -> None:
    samples = heard(SOUNDS[name](tmp_path / name))
    assert len(samples) / 48_000 == pytest.approx(2.0, abs=0.09)
    middle = samples[24_000:72_000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == pytest.approx(440, abs=1)
    assert 0.05 < np.abs(middle).max() < 0.4
    assert np.abs(np.fft.rfft(middle))[[880, 1320, 2200]].max() < 0.05 * np.abs(np.fft.rfft(middle)).max()


def test_a_sound_that_passes_full_scale_is_turned_down_and_not_clipped(tmp_path: Path) -> None:
    samples = heard(tone(tmp_path / "hot.wav", *pcm("f32le"), source="2.5*sin(2*PI*440*t)"))
    assert 0.85 < np.abs(samples).max() < 0.97
    assert np.abs(np.fft.rfft(samples[:48_000]))[1320] < 0.01 * np.abs(np.fft.rfft(samples[:48_000]))[440]


def spoken(path: Path, scene: Scene, tools: Workshop) -> Any:
    given = replace(scene.given or Given(), sound=file_of(path))
    return asyncio.run(speak(replace(scene, given=given), (), "en", tools, VoiceSettings()))


@pytest.mark.parametrize("level", [0.003, 0.9])
def test_a_recording_is_as_loud_as_every_voice_and_its_words_have_times(tmp_path: Path, level: float) -> None:
    pulses = f"{level}*sin(2*PI*300*t)*lt(mod(t\\,0.5)\\,0.35)"
    path = tone(tmp_path / "me.wav", *pcm("s24le"), source=f"{pulses}|{pulses}", channels="stereo", rate=96_000)
    made = spoken(path, Scene(lines=(Line(text="One two three four."),)), workshop(tmp_path / "cache"))
    samples = np.frombuffer(made.value.audio.read_bytes()[44:], "<i2") / 32768
    assert pyloudnorm.Meter(48_000).integrated_loudness(samples) == pytest.approx(-16.0, abs=0.5)
    assert np.abs(samples).max() < 10 ** (-1 / 20)
    times = [time for word in made.value.words for time in (word.start, word.end)]
    assert [word.text for word in made.value.words] == ["One", "two", "three", "four."]
    assert times == sorted(times)
    assert times[0] > 0.2
    assert times[-1] < made.value.seconds
    assert (made.provider, made.cost_usd) == ("local", 0.0)


def test_a_recording_without_a_text_is_heard_without_subtitles(tmp_path: Path) -> None:
    made = spoken(tone(tmp_path / "me.wav"), Scene(), workshop(tmp_path / "cache"))
    assert made.value.words == ()
    assert made.value.seconds == pytest.approx(2.0 + 0.25 + 0.35, abs=0.35)


def test_a_scene_with_a_clip_and_no_words_lasts_as_long_as_the_clip(tmp_path: Path) -> None:
    given, tools = Given(clip=file_of(filmed(tmp_path / "a.mp4", *X264))), workshop(tmp_path / "cache")
    made = asyncio.run(speak(Scene(given=given), (), "en", tools, VoiceSettings()))
    assert made.value.seconds == pytest.approx(2.0, abs=0.05)
    short = asyncio.run(speak(Scene(given=given, seconds=1.5), (), "en", tools, VoiceSettings()))
    assert short.value.seconds == pytest.approx(1.5, abs=0.001)


def test_a_given_picture_has_the_scenes_words_on_it_and_nobody_is_asked_for_another(tmp_path: Path) -> None:
    card().save(tmp_path / "a.png")
    given = Given(image=file_of(tmp_path / "a.png"))
    tools = workshop(tmp_path / "cache")  # who has nobody to call
    bare = asyncio.run(draw(Scene(given=given), 2, "Film", FRAME, tools, clips=True)).value
    titled = asyncio.run(draw(Scene(given=given, title="Harbour"), 2, "Film", FRAME, tools)).value
    with Image.open(bare.image) as one, Image.open(titled.image) as other:
        plain, worded = (np.asarray(image).astype(int) for image in (one, other))
    assert in_place(plain)
    changed = np.abs(plain - worded).mean(axis=2) > 60
    assert changed[: len(changed) // 2].sum() > 50
    assert not changed[-len(changed) // 3 :].any()
    assert bare.clip is None


def test_what_is_made_of_a_file_depends_on_its_content_and_not_on_where_it_lies(tmp_path: Path) -> None:
    card().save(tmp_path / "a.png")
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    tools = workshop(tmp_path / "cache")
    first = asyncio.run(bring_picture(file_of(tmp_path / "a.png"), FRAME, tools))
    moved = asyncio.run(bring_picture(file_of(tmp_path / "moved" / "b.png"), FRAME, tools))
    card(600, 800).save(tmp_path / "a.png")
    edited = asyncio.run(bring_picture(file_of(tmp_path / "a.png"), FRAME, tools))
    assert (moved.key, moved.cached) == (first.key, True)
    assert (edited.key == first.key, edited.cached) == (False, False)


def test_a_file_that_changes_while_the_film_is_made_is_noticed_and_not_stored(tmp_path: Path) -> None:
    card().save(tmp_path / "a.png")
    file = file_of(tmp_path / "a.png")
    card(600, 800).save(tmp_path / "a.png")
    tools = workshop(tmp_path / "cache")
    for _ in range(2):
        with pytest.raises(InvalidScript, match=r"a\.png: it was changed since the script was read"):
            asyncio.run(bring_picture(file, FRAME, tools))


def test_a_revision_keeps_the_files_of_its_scenes_and_does_not_store_them(tmp_path: Path) -> None:
    card().save(tmp_path / "a.png")
    tools = workshop(tmp_path / "cache")
    scene = Scene(lines=(Line(text="One."),), given=Given(image=file_of(tmp_path / "a.png")))
    bare = asyncio.run(revise(Script(title="T", scenes=(replace(scene, given=None),)), tools, VoiceSettings()))
    made = asyncio.run(revise(Script(title="T", scenes=(scene,)), tools, VoiceSettings()))
    assert (made.cached, made.key) == (True, bare.key)
    assert made.value.script.scenes[0].given == scene.given


def cut(path: Path, share: float = 0.6) -> Path:
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"
BROKEN: dict[str, tuple[str, Any, str]] = {
    "cut.mp4": ("clip", lambda path: cut(filmed(path, *X264)), "it cannot be read to its end"),
    "early.mp4": (
        "clip",
        lambda path: cut(filmed(path, *X264, "-g", "1", "-movflags", "+faststart"), 0.5),
        "it says it lasts 2.0 s and ends after",
    ),
    "text.mp4": ("clip", lambda path: written(path, b"To be or not to be"), "it is no clip or sound"),
    "playlist.mp4": ("clip", lambda path: written(path, PLAYLIST), "it is no clip or sound"),
    "list.webm": ("clip", lambda path: written(path, b"ffconcat version 1.0\nfile a.mp4\n"), "it is no clip or sound"),
    "header.mkv": ("clip", lambda path: written(path, b"\x1aE\xdf\xa3" + bytes(300)), "it cannot be read to its end"),
    "picture.mp4": ("clip", lambda path: card().save(path, "PNG") or path, "it is no clip or sound"),
    "sound.mp4": ("clip", lambda path: tone(path, "-c:a", "aac"), "there is no picture in it"),
    "mute.mp4": ("sound", lambda path: filmed(path, *X264), "there is no sound in it"),
    "still.wav": ("sound", lambda path: tone(path, source="0"), "nothing can be heard in it"),
    "cut.wav": ("sound", lambda path: cut(tone(path)), "105,809 of 176,400 bytes of sound are there"),
    "cut.flac": ("sound", lambda path: cut(tone(path)), "it says it lasts 2.0 s and ends after"),
    "noise.mp3": ("sound", lambda path: written(path, b"ID3\x03" + bytes(range(256)) * 8), "it cannot be read to its"),
    "clip.png": ("image", lambda path: filmed(path, *X264, "-f", "mp4"), "it is no picture"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_with_its_scene_its_name_and_what_is_right(tmp_path: Path, name: str) -> None:
    kind, make_it, said = BROKEN[name]
    given = Given(**{kind: file_of(make_it(tmp_path / name))})
    script = Script(title="T", scenes=(Scene(lines=(Line(text="One."),)), Scene(given=given)))
    with pytest.raises(InvalidScript) as failure:
        asyncio.run(inspect(script, workshop(tmp_path / "cache")))
    assert failure.value.message.startswith(f"scene 2: {name}: {said}"), failure.value.message
    assert failure.value.hint
    assert failure.value.scene == 2


def test_all_that_is_broken_is_told_at_once_and_what_is_good_is_looked_at_once(tmp_path: Path) -> None:
    bad = [file_of(written(tmp_path / f"{n}.png", f"text {n}".encode())) for n in range(2)]
    card().save(tmp_path / "good.png")
    good = file_of(tmp_path / "good.png")
    scenes = tuple(Scene(given=Given(image=file)) for file in (good, bad[0], good, bad[1]))
    tools = workshop(tmp_path / "cache")
    with pytest.raises(InvalidScript, match=r"scene 2: 0\.png") as failure:
        asyncio.run(inspect(Script(title="T", scenes=scenes), tools))
    assert [note.partition(":")[0] for note in failure.value.__notes__] == ["scene 4"]
    asyncio.run(inspect(Script(title="T", scenes=(scenes[0], scenes[2])), tools))


@pytest.mark.parametrize(
    "name", ["-y.mp4", "a:b.mp4", "%03d.mp4", 'it\'s "x".mp4', "a\nb.mp4", "🌊 [x];y.mp4", "..mp4"]
)
def test_no_name_of_a_clip_means_anything_to_ffmpeg(tmp_path: Path, name: str) -> None:
    plain = filmed(tmp_path / "plain.mp4", *X264, "-pix_fmt", "yuv420p")
    path = tmp_path / name
    path.write_bytes(plain.read_bytes())
    given = Given(clip=file_of(path))
    asyncio.run(inspect(Script(title="T", scenes=(Scene(given=given),)), workshop(tmp_path / "cache")))
    frames, _ = brought(path)
    assert in_place(frames[0], 48)
