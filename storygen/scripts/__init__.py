"""Readers and writers of script formats."""

from __future__ import annotations

from storygen.scripts.base import Issue, Reading, Severity
from storygen.scripts.reading import read_text
from storygen.scripts.source import read_source, read_topic
from storygen.scripts.writing import to_json, write_script

__all__ = ["Issue", "Reading", "Severity", "read_source", "read_text", "read_topic", "to_json", "write_script"]
