"""Jobs that were submitted are found again, whatever happened since."""

from __future__ import annotations

import os
from pathlib import Path

from storygen.store.jobs import Job, Jobs


def test_a_job_is_found_by_another_process_until_it_has_ended(tmp_path: Path) -> None:
    key = Jobs.key({"picture": "a storm", "still": b"abc"})
    begun = Jobs(tmp_path, lambda: 12.5).begin(key, id="task-1", provider="runway", account="ab12")
    assert begun == Job(id="task-1", provider="runway", submitted=12.5, account="ab12")
    other = Jobs(tmp_path)
    assert other.find(key) == begun
    assert other.waiting() == 1
    other.end(key)
    other.end(key)
    assert (other.find(key), other.waiting()) == (None, 0)


def test_another_picture_to_begin_with_is_another_job() -> None:
    assert Jobs.key({"still": b"abc"}) != Jobs.key({"still": b"abd"})


def test_a_file_that_cannot_be_read_is_no_job(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    jobs.begin("k", id="t", provider="runway")
    path = next((tmp_path / "jobs").iterdir())
    for content in (b"", b"{", b"[]", b'{"id": "t"}'):
        path.write_bytes(content)
        assert jobs.find("k") is None


def test_what_no_vendor_still_knows_of_is_forgotten_when_the_next_job_begins(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    jobs.begin("old", id="t", provider="runway")
    os.utime(tmp_path / "jobs" / "old.json", (0, 0))
    jobs.begin("new", id="t", provider="runway")
    assert jobs.find("old") is None
    assert jobs.find("new") is not None
    assert len(list((tmp_path / "jobs").iterdir())) == 1
