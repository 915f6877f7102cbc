"""A media file is opened as what its first bytes say, or not at all."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from storygen.errors import InvalidOutput
from storygen.media import ffmpeg, probe
from storygen.media.ffmpeg import Command
from storygen.media.probe import Media
from tests.media.films import BINARY, run, still

PICTURE = ("-f", "lavfi", "-i", "testsrc=s=96x64:r=25:d=1")
TONE = ("-f", "lavfi", "-i", "sine=d=1:r=48000")


def make(path: Path, *args: str) -> Path:
    run(Command(step="make", args=(*args, f"file:{path}")))
    return path


def look(path: Path) -> Media:
    return asyncio.run(probe.probe(path, partial(ffmpeg.run, binary=BINARY, timeout=30, stall_after=30)))


def test_a_film_is_known_by_its_streams(tmp_path: Path) -> None:
    film = make(
        tmp_path / "a.mp4", *PICTURE, *TONE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4"
    )
    media = look(film)
    assert (media.container, media.seconds, media.size) == ("mp4", pytest.approx(1, abs=0.05), film.stat().st_size)
    (video,) = media.video
    assert (video.codec, video.profile, video.pixel_format) == ("h264", "High", "yuv420p")
    assert (video.width, video.height, video.fps) == (96, 64, 25)
    (audio,) = media.audio
    assert (audio.codec, audio.rate, audio.channels) == ("aac", 48000, "mono")


@pytest.mark.parametrize(
    ("container", "codec", "muxer"),
    [
        ("wav", "pcm_s16le", "wav"),
        ("mp3", "mp3", "mp3"),
        ("mp4", "aac", "ipod"),
        ("ogg", "vorbis", "ogg"),
        ("flac", "flac", "flac"),
        ("webm", "opus", "webm"),
    ],
)
def test_sounds_are_known_whatever_their_name(tmp_path: Path, container: str, codec: str, muxer: str) -> None:
    encoder = {"mp3": "libmp3lame", "vorbis": "libvorbis", "opus": "libopus"}.get(codec, codec)
    media = look(make(tmp_path / "sound.txt", *TONE, "-c:a", encoder, "-f", muxer))
    assert media.container == container
    assert [stream.codec for stream in media.audio] == [codec]
    assert media.video == ()


def test_the_cover_of_a_song_makes_it_no_film(tmp_path: Path) -> None:
    cover = ("-i", f"file:{still(tmp_path / 'cover.png')}", "-map", "0", "-map", "1", "-disposition:v", "attached_pic")
    media = look(make(tmp_path / "a.mp3", *TONE, "-f", "png_pipe", *cover, "-c:a", "libmp3lame", "-f", "mp3"))
    assert media.video == ()
    assert len(media.audio) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1/</BaseURL></MPD>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
        b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1",
        b"\xff\xfeh\x00i\x00",
        b"RIFF\x00\x00\x00\x00AVI ",
        b"",
    ],
)
def test_what_poses_as_a_clip_is_refused_before_ffmpeg_sees_it(tmp_path: Path, content: bytes) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    assert not probe.is_media(clip)
    with pytest.raises(InvalidOutput, match="is not a clip or sound"):
        look(clip)


def test_a_still_is_no_clip_and_a_clip_is_no_still(tmp_path: Path) -> None:
    picture = still(tmp_path / "still.png").rename(tmp_path / "clip.mp4")
    assert probe.is_still(picture)
    with pytest.raises(InvalidOutput):
        look(picture)
    with pytest.raises(InvalidOutput, match="is not a picture"):
        probe.still_demuxer(make(tmp_path / "a.png", *TONE, "-f", "wav"))


def test_a_title_cannot_pretend_to_be_a_stream(tmp_path: Path) -> None:
    lie = "x\n  Stream #0:9: Video: h264 (High), yuv420p, 9999x9999, 60 fps\n  Duration: 99:00:00.00"
    media = look(make(tmp_path / "a.mp4", *TONE, "-metadata", f"title={lie}", "-f", "mp4"))
    assert media.video == ()
    assert media.seconds == pytest.approx(1, abs=0.05)


def test_a_name_can_hold_anything(tmp_path: Path) -> None:
    name = '-y it\'s 100%d "a":b,[c];\n  Stream #0:9: Video: h264, yuv420p, 9x9, 60 fps.wav'
    media = look(make(tmp_path / name, *TONE, "-f", "wav"))
    assert media.video == ()
    assert media.audio[0].rate == 48000


def test_a_film_that_was_cut_short_is_damaged(tmp_path: Path) -> None:
    whole = make(tmp_path / "a.mp4", *PICTURE, "-c:v", "libx264", "-f", "mp4")
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(InvalidOutput, match="cannot be read"):
        look(whole)


def test_a_film_of_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = make(tmp_path / "a.mp4", *PICTURE, "-c:v", "libx264", "-f", "mp4")
    monkeypatch.setattr(probe, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(InvalidOutput):
        look(film)
