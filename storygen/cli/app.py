"""The command line: commands by name, and what an error looks like."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from storygen.cli.check import check
from storygen.cli.compare import compare
from storygen.cli.contact_sheet import contact_sheet
from storygen.cli.doctor import doctor
from storygen.cli.drill import drill
from storygen.cli.estimate import estimate
from storygen.cli.explain import explain
from storygen.cli.inbox import inbox
from storygen.cli.mixin import app as mixin
from storygen.cli.report import report
from storygen.cli.run import run
from storygen.cli.serve import serve
from storygen.cli.stack import stack
from storygen.cli.streams import OutputLost, prepare, printable
from storygen.cli.summary import summary
from storygen.cli.validate import validate
from storygen.cli.vendors import vendors
from storygen.cli.voices import voices
from storygen.cli.watch import watch
from storygen.cli.worker import worker
from storygen.errors import StorygenError

app = typer.Typer(
    name="storygen",
    help="Turn a story into a narrated, subtitled video, and see where the time and the money went.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
command: Callable[..., None]
for command in (run, watch, check, validate, report, summary, explain, doctor, estimate, compare, voices):
    app.command()(command)
app.command("contact-sheet")(contact_sheet)
for command in (serve, worker, vendors, stack, inbox, drill):
    app.command()(command)
app.add_typer(mixin, name="mixin")


def main() -> None:
    """Run a command.

    Exits with 0, 1 (failed), 2 (a mistake of the caller), 3 (a placeholder), 124 (too slow) or 130 (stopped).
    """
    prepare()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except StorygenError as error:
        print(f"storygen: {printable(error.message)}", file=sys.stderr)
        if where := _where(error):
            print(f"  {printable(where)}", file=sys.stderr)
        for note in getattr(error, "__notes__", ()):
            print(f"  {printable(note)}", file=sys.stderr)
        if error.hint:
            print(f"  {printable(error.hint)}", file=sys.stderr)
        sys.exit(error.exit_code)
    except OutputLost as error:
        print(f"storygen: standard output cannot be written to: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def _where(error: StorygenError) -> str:
    """The stage, the provider and the kind of what failed, and after how many attempts; empty where unknown."""
    scene = f" of scene {error.scene}" if error.scene else ""
    attempts = f" after {error.attempt} attempts" if error.attempt > 1 else ""
    said = (f"{error.stage}{scene}" if error.stage else "", error.provider, f"{error.kind}{attempts}")
    return ", ".join(part for part in said if part) if error.stage or error.provider else ""
