"""What is wrong with a film is found by the check that is there for it, and by no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from storygen.media.ffmpeg import Command
from storygen.settings import QualitySettings
from tests.media.films import run
from tests.quality.damage import FPS, RATE, little, pictures, speech, without_parts

SECOND = FPS


def test_a_healthy_film_passes_every_check_and_is_told_in_full(tmp_path: Path) -> None:
    film = little(tmp_path)
    assert film.failing() == set()
    checks = film.checks(thorough=True)
    assert film.failing(thorough=True) == set()
    assert {"av_offset", "packets", "loudness", "repeated_stretch", "first_frame", "bitrate"} <= checks.keys()
    assert not (tmp_path / "scan").exists()


def test_loudness_is_what_another_meter_finds(tmp_path: Path) -> None:
    film = little(tmp_path, heard=0.7 * speech())
    decoded = tmp_path / "decoded.raw"
    run(Command(step="decode", args=("-i", f"file:{film.path}", "-f", "f64le", f"file:{decoded}")))
    theirs = pyloudnorm.Meter(RATE).integrated_loudness(np.fromfile(decoded))
    assert float(film.checks()["loudness"].value or 0) == pytest.approx(theirs, abs=0.2)


def test_a_black_stretch_is_found_where_it_is(tmp_path: Path) -> None:
    seen = pictures()
    seen[2 * SECOND : 6 * SECOND] = 0
    film = little(tmp_path, seen)
    assert film.failing(thorough=True, limits=QualitySettings()) == {"black_stretch"}
    found = film.checks(thorough=True)["black_stretch"]
    assert (found.at, found.value) == (pytest.approx(2.0, abs=0.3), pytest.approx(4.0, abs=0.3))


def test_a_frozen_stretch_is_found_where_it_is(tmp_path: Path) -> None:
    seen = pictures()
    seen[3 * SECOND : 7 * SECOND] = seen[3 * SECOND]
    film = little(tmp_path, seen)
    assert film.failing(thorough=True) == {"frozen_stretch"}
    found = film.checks(thorough=True)["frozen_stretch"]
    assert (found.at, found.value) == (pytest.approx(3.0, abs=0.6), pytest.approx(4.0, abs=0.6))


def test_a_repeated_stretch_is_found_where_it_is(tmp_path: Path) -> None:
    seen = pictures()
    seen[7 * SECOND : 11 * SECOND] = seen[1 * SECOND : 5 * SECOND]
    film = little(tmp_path, seen)
    assert film.failing(thorough=True) == {"repeated_stretch"}
    found = film.checks(thorough=True)["repeated_stretch"]
    assert (found.at, found.value) == (pytest.approx(7.0, abs=0.3), pytest.approx(4.0, abs=0.5))


def test_a_first_picture_without_anything_to_see_is_a_warning(tmp_path: Path) -> None:
    seen = pictures()
    seen[:5] = 128
    assert little(tmp_path, seen).failing(thorough=True) == {"first_frame"}


def test_a_loud_film_is_found(tmp_path: Path) -> None:
    heard = np.tanh(speech() * 1.5)
    assert little(tmp_path, heard=heard * 0.85 / np.abs(heard).max()).failing() == {"loudness"}


def test_a_clipped_film_is_found_by_its_samples_and_so_its_peaks(tmp_path: Path) -> None:
    heard = speech()
    places = np.arange(RATE, len(heard) - RATE, RATE)
    for place in places:
        heard[place : place + 100] = np.sign(np.sin(np.arange(100) * 2 * np.pi / 50)) * 1.0
    film = little(tmp_path, heard=heard)
    assert film.failing() == {"clipping_share", "true_peak"}


@pytest.mark.parametrize("milliseconds", [120, -120])
def test_sound_that_is_late_or_early_is_found_to_a_few_milliseconds(tmp_path: Path, milliseconds: int) -> None:
    film = little(tmp_path, heard=np.roll(speech(), milliseconds * RATE // 1000))
    assert film.failing() == {"av_offset"}
    assert float(film.checks()["av_offset"].value or 0) == pytest.approx(0.120, abs=0.003)


def test_sound_that_drifts_is_found_at_the_end(tmp_path: Path) -> None:
    meant = speech()
    slower = np.interp(np.arange(len(meant)) / 1.01, np.arange(len(meant)), meant)
    assert little(tmp_path, heard=slower).failing() == {"av_offset"}


def test_a_film_that_was_cut_off_lacks_frames_and_seconds(tmp_path: Path) -> None:
    film = little(tmp_path)
    data = film.path.read_bytes()
    film.path.write_bytes(data[: len(data) * 2 // 3])
    assert {"frames", "duration"} <= film.failing()


def test_one_flipped_byte_in_the_picture_is_found_without_decoding_it(tmp_path: Path) -> None:
    film = little(tmp_path)
    data = bytearray(film.path.read_bytes())
    part = (tmp_path / "part.mp4").read_bytes()
    data[data.index(part[-400:-360])] ^= 0xFF
    film.path.write_bytes(data)
    assert "packets" in film.failing()


def test_damage_between_key_frames_is_found_when_all_is_decoded(tmp_path: Path) -> None:
    film = without_parts(little(tmp_path))
    data = bytearray(film.path.read_bytes())
    middle = data.index(b"mdat") + (len(data) - data.index(b"mdat")) // 2
    data[middle : middle + 60] = bytes(60)
    film.path.write_bytes(data)
    assert "decodes" in film.failing(thorough=True)
