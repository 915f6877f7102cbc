"""A summary as one page for mail and telephones: tables and inline styles alone, nothing from outside, no script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from storygen.telemetry.digest import Broken, Digest
from storygen.telemetry.report_words import NONE, dollars, percent, plain, seconds, times

_FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_BODY = f"margin:0;padding:0;background:#f6f5f2;color:#1d1c1a;{_FONT};font-size:16px;line-height:1.5"
_CARD = "width:100%;max-width:640px;background:#ffffff;border:1px solid #e3e0da;border-radius:12px"
_SOFT = "color:#6b6862;font-size:14px"
_HEAD = "font-size:17px;line-height:1.3;margin:0 0 8px"
_CELL = "padding:6px 0 6px 12px;border-top:1px solid #e3e0da;text-align:right;vertical-align:top"
_FIRST = (
    "width:40%;padding:6px 0;border-top:1px solid #e3e0da;text-align:left;vertical-align:top;overflow-wrap:anywhere"
)
_TOP = "padding:0 0 4px 12px;text-align:right;font-weight:normal;color:#6b6862;font-size:13px;white-space:nowrap"
_GOOD, _WARN, _BAD = "#1c7a44", "#9a5b00", "#b3261e"
_FEW = 0.95
_SHORT = 10


def page(digest: Digest, title: str, link: str = "") -> str:
    """The whole page as HTML text; `link` leads to the service, where there is one."""
    parts = [_said(sentence(digest), title, digest), *_sections(digest)]
    if link.startswith(("http://", "https://")):
        parts.append(f'<p style="margin:0"><a href="{escape(link)}" style="color:#1d5fa8">Open storygen</a></p>')
    rows = "".join(f'<tr><td style="padding:20px 20px 0">{part}</td></tr>' for part in parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<title>{_text(title)}</title></head><body style="{_BODY}">'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse"><tr>'
        f'<td align="center" style="padding:12px"><table role="presentation" cellpadding="0" cellspacing="0" '
        f'style="{_CARD}">{rows}<tr><td style="padding:10px"></td></tr></table></td></tr></table></body></html>\n'
    )


def sentence(digest: Digest) -> str:
    """What a person should know first."""
    now = digest.now
    if not now.runs:
        return "Nothing was made."
    cost = f"{dollars(now.cost_usd)}{_change(digest)}"
    said = f"{times(now.runs, 'run')}, {percent(now.success_rate)} of them went well, for {cost}."
    if digest.regressions:
        worst = digest.regressions[0]
        said += f" {plain(worst.stage).capitalize()} takes {worst.factor:.1f} times as long as before."
    if digest.broken:
        said += f" What broke most: {_what(digest.broken[0])}."
    return said


def _change(digest: Digest) -> str:
    if digest.cost_change is None:
        return ""
    more = round((digest.cost_change - 1) * 100)
    return f" ({abs(more)} % {'more' if more > 0 else 'less'} than before)" if more else " (as before)"


def _what(one: Broken) -> str:
    where = ", ".join(plain(word) for word in (one.stage, one.provider) if word)
    return f"{plain(one.kind).replace('_', ' ')}{f' ({where})' if where else ''}, {times(one.count, 'time')}"


def _said(words: str, title: str, digest: Digest) -> str:
    spans = (f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" for moment in (digest.began, digest.ended))
    return (
        f'<h1 style="font-size:24px;line-height:1.25;margin:0">{_text(title)}</h1>'
        f'<p style="{_SOFT};margin:2px 0 0">{" to ".join(spans)} UTC</p>'
        f'<p style="font-size:18px;line-height:1.4;margin:14px 0 0">{escape(words)}</p>'
    )


def _sections(digest: Digest) -> Iterator[str]:
    if not digest.now.runs:
        return
    yield _figures(digest)
    stages = sorted(digest.now.stages, key=lambda row: -row["critical_share"])[:5]
    rows = [
        (_text(row["name"]), percent(row["critical_share"]), seconds(row["mean"]), seconds(row["p95"]))
        for row in stages
    ]
    yield _section("Slowest stages", _table(("stage", "of the way", "mean", "p95"), rows))
    if digest.regressions:
        rows = [
            (_text(one.stage), f"{one.before:.2f} s", f"{one.now:.2f} s", _coloured(f"{one.factor:.2f} times", _BAD))
            for one in digest.regressions
        ]
        yield _section("Slower than before, per second of film", _table(("stage", "before", "now", ""), rows))
    if digest.broken:
        rows = [
            (_text(one.kind.replace("_", " ")), _text(one.stage or NONE), _text(one.provider or NONE), str(one.count))
            for one in digest.broken
        ]
        yield _section("What broke most", _table(("kind", "stage", "provider", "times"), rows))
    yield _quality(digest)
    slow = [
        (_text(run["title"] or run["run_id"]), _text(run["outcome"]), seconds(run["seconds"]))
        for run in digest.now.slowest[:3]
    ]
    yield _section("Slowest runs", _table(("title", "outcome", "time"), slow))


def _figures(digest: Digest) -> str:
    now, before = digest.now, digest.before
    rate = now.success_rate or 0.0
    fidelity = ", ".join(f"{count} {plain(word)}" for word, count in now.fidelity.items()) or NONE
    rows = [
        ("Runs", str(now.runs), str(before.runs)),
        ("Success", _coloured(percent(rate), _GOOD if rate >= _FEW else _BAD), percent(before.success_rate)),
        ("Cost", dollars(now.cost_usd), dollars(before.cost_usd)),
        ("Runs with unknown prices", str(now.unpriced_runs), str(before.unpriced_runs)),
        ("Cost of a film", dollars(digest.cost_per_film_usd) if digest.cost_per_film_usd is not None else NONE, ""),
        ("Spent for nothing", dollars(now.wasted_usd), dollars(before.wasted_usd)),
        ("Mean time", seconds(now.mean), seconds(before.mean)),
        ("From the cache", percent(now.cache_hit_rate), percent(before.cache_hit_rate)),
        ("Films", _text(fidelity), ""),
    ]
    return _table(("", "now", "before"), rows)


def _quality(digest: Digest) -> str:
    quality = digest.quality
    if not quality.passed + quality.warned + quality.failed:
        return ""
    counts = f"{quality.passed} passed, {quality.warned} warned, {quality.failed} failed"
    rows = [(_text(name), str(count)) for name, count in quality.failing.items()]
    table = _table(("check", "times"), rows) if rows else ""
    return _section("Quality", f'<p style="{_SOFT};margin:0 0 6px">{counts}</p>{table}')


def _section(title: str, content: str) -> str:
    return f'<h2 style="{_HEAD}">{title}</h2>{content}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells of `rows` are HTML already."""
    top = "".join(
        f'<th style="{_TOP}{";text-align:left;padding-left:0" if not at else ""}">{_text(cell)}</th>'
        for at, cell in enumerate(head)
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, is_first=not at) for at, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        '<table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;font-size:15px">'
        f"<tr>{top}</tr>{body}</table>"
    )


def _cell(cell: str, *, is_first: bool) -> str:
    """A short figure keeps its unit beside it; everything else may be broken, so that a telephone is wide enough."""
    whole = cell.replace(" ", "&nbsp;") if len(cell) <= _SHORT and not is_first else cell
    return f'<td style="{_FIRST if is_first else _CELL}">{whole}</td>'


def _coloured(text: str, colour: str) -> str:
    return f'<b style="color:{colour}">{_text(text).replace(" ", "&nbsp;")}</b>'


def _text(text: str) -> str:
    return escape(plain(text))
