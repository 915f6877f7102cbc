"""One command per file; they parse, call and print."""

from storygen.cli.app import main

__all__ = ["main"]
