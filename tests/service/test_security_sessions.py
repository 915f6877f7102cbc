"""Logging in to the console: the cookie, the token against forged forms, the end of a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.datastructures import Headers

from storygen.errors import ResourceFailure, TooMany
from storygen.service import sessions
from storygen.service.limits import Meters
from storygen.service.sessions import IDLE_SECONDS, LONGEST_SECONDS, ROTATE_SECONDS, Seal, local_path
from storygen.service.tokens import Tokens
from storygen.settings import ServiceSettings
from tests.service.door import ANNA, BEN, SCRAPE, Answer, Site, served, settings_in, small_app, tokens_file

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with served(small_app(settings_in(tmp_path, tokens_file=tokens_file(tmp_path)))) as site:
        yield site


def log_in(site: Site, token: str = ANNA, **more: str) -> Answer:
    form = urlencode({"token": token, "next": more.pop("next", "/")})
    return site.ask("POST", "/login", form, Content_Type=FORM, **more)


def cookie_of(answer: Answer) -> str:
    return (answer.headers["Set-Cookie"] or "").partition(";")[0]


def session(site: Site) -> tuple[str, str]:
    """The cookie of a new session, and its CSRF token."""
    cookie = cookie_of(log_in(site))
    return cookie, site.ask("GET", "/runs", Cookie=cookie).json()["csrf"]


def test_a_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_never_see(site: Site) -> None:
    found = log_in(site, next="/runs/1")
    assert (found.status, found.headers["Location"]) == (303, "/runs/1")
    attributes = found.headers["Set-Cookie"].split("; ")[1:]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert ANNA not in found.headers["Set-Cookie"]
    assert site.ask("GET", "/runs", Cookie=cookie_of(found)).json()["caller"] == "anna"


def test_behind_https_the_cookie_stays_on_https_and_on_this_host(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tokens_file=tokens_file(tmp_path), public_url="https://films.example")
    with served(small_app(settings)) as site:
        found = log_in(site)
        assert found.headers["Set-Cookie"].startswith("__Host-storygen=")
        assert "Secure" in found.headers["Set-Cookie"].split("; ")
        assert site.ask("GET", "/runs", Cookie=cookie_of(found)).status == 200


@pytest.mark.parametrize("token", ["", "wrong", ANNA[:-1], SCRAPE])
def test_a_wrong_token_is_sent_back_to_the_page_without_a_cookie(site: Site, token: str) -> None:
    found = log_in(site, token, next="/system")
    assert found.headers["Location"] == "/login?refused=1&next=%2Fsystem"
    assert found.headers["Set-Cookie"] is None


def test_those_who_guess_have_to_wait_even_with_a_right_one(site: Site) -> None:
    for guess in range(12):
        found = log_in(site, f"guess-{guess}")
    assert found.headers["Location"].startswith("/login?wait=")
    assert log_in(site).headers["Set-Cookie"] is None


def test_those_who_guess_from_many_addresses_of_one_network_wait_all_the_same() -> None:
    meters = Meters(lambda: 0.0)
    for host in range(12):
        meters.count_login({"client": (f"2001:db8::{host:x}", 1)})
    with pytest.raises(TooMany):
        meters.check_login({"client": ("2001:db8::ffff", 1)})
    meters.check_login({"client": ("2001:db8:0:1::1", 1)})
    meters.check_login({"client": ("192.0.2.1", 1)})


def test_log_in_cannot_be_forged_by_a_page_from_elsewhere(site: Site) -> None:
    assert log_in(site, Origin="http://evil.example").status == 403


@pytest.mark.parametrize(
    "where",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "javascript:x", "/a\r\nX: y", ""],
)
def test_log_in_never_leads_elsewhere(where: str) -> None:
    assert local_path(where) == "/"


def test_forms_of_a_session_need_its_token(site: Site) -> None:
    cookie, csrf = session(site)
    form = {"Cookie": cookie, "Content_Type": FORM}
    assert site.ask("POST", "/runs", "a=b", **form).status == 403
    assert site.ask("POST", "/runs", "csrf_token=guess", **form).status == 403
    assert site.ask("POST", "/runs", f"csrf_token={csrf}", **form).status == 200
    assert site.ask("POST", "/runs", "{}", Cookie=cookie, Content_Type="application/json").status == 403
    assert site.ask("POST", "/runs", "{}", Cookie=cookie, X_CSRF_Token=csrf).status == 200


def test_the_token_of_one_session_is_of_no_use_in_another(site: Site) -> None:
    _, csrf = session(site)
    other = cookie_of(log_in(site, BEN))
    assert site.ask("POST", "/logout", Cookie=other, X_CSRF_Token=csrf).status == 403


def test_log_out_ends_the_session_also_for_a_copy_of_its_cookie(site: Site) -> None:
    cookie, csrf = session(site)
    assert site.ask("POST", "/logout", Cookie=cookie).status == 403
    found = site.ask("POST", "/logout", Cookie=cookie, X_CSRF_Token=csrf)
    assert (found.status, cookie_of(found)) == (303, "storygen=")
    assert site.ask("GET", "/runs", Cookie=cookie).status == 401


def test_a_session_that_was_planted_is_not_taken_over(site: Site) -> None:
    planted, _ = session(site)
    fresh = cookie_of(log_in(site, BEN, Cookie=planted))
    assert fresh != planted
    assert site.ask("GET", "/runs", Cookie=fresh).json()["caller"] == "ben"
    assert site.ask("GET", "/runs", Cookie=planted).json()["caller"] == "anna"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value[:-1] + ("0" if value[-1] != "0" else "1"),
        lambda value: "A" + value[1:],
        lambda value: value.rpartition(".")[0] + ".",
        lambda value: "." + value.rpartition(".")[2],
        lambda _: "",
        lambda _: "a.b",
        lambda _: "\xff.\xff",
    ],
)
def test_a_cookie_that_was_tampered_with_is_nobodys(site: Site, spoil) -> None:
    name, _, value = cookie_of(log_in(site)).partition("=")
    assert site.ask("GET", "/runs", Cookie=f"{name}={spoil(value)}").status == 401


def test_a_session_ends_with_the_token_that_it_came_from(tmp_path: Path) -> None:
    path = tokens_file(tmp_path)
    with served(small_app(settings_in(tmp_path, tokens_file=path))) as site:
        cookie, _ = session(site)
        tokens_file(tmp_path, path.read_text().replace(ANNA, "another-token-" + "x" * 20))
        assert site.ask("GET", "/runs", Cookie=cookie).status == 401


def test_a_session_outlives_a_restart_and_its_log_out_does_too(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, tokens_file=tokens_file(tmp_path))
    with served(small_app(settings)) as site:
        kept, ended = session(site), session(site)
        site.ask("POST", "/logout", Cookie=ended[0], X_CSRF_Token=ended[1])
    with served(small_app(settings)) as site:
        assert site.ask("GET", "/runs", Cookie=kept[0]).status == 200
        assert site.ask("GET", "/runs", Cookie=ended[0]).status == 401
    key = tmp_path / "state" / "sessions.key"
    assert key.stat().st_mode & 0o077 == 0


def test_a_key_that_is_too_short_signs_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sessions.key").write_bytes(b"")
    with pytest.raises(ResourceFailure, match="holds no key"):
        desk.begin()


class Desk:
    """A seal with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.tokens = Tokens(tokens_file(folder))
        self.seal = Seal(folder / "state", lambda: self.now)
        self.settings = ServiceSettings()

    def begin(self) -> str:
        known = self.tokens.find(ANNA)
        assert known is not None
        return self.seal.cookie(self.seal.begin(known), {"scheme": "http"}, self.settings).partition(";")[0]

    def open(self, cookie: str) -> sessions.Session | None:
        return self.seal.open(Headers({"cookie": cookie}), self.tokens)


def test_a_session_ends_after_half_a_day_without_use(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    cookie = desk.begin()
    desk.now += IDLE_SECONDS - 1
    assert desk.open(cookie) is not None
    desk.now += 2
    assert desk.open(cookie) is None


def test_a_session_in_use_gets_new_cookies_and_still_ends_after_a_week(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    cookie = desk.begin()
    used = 0
    while (session := desk.open(cookie)) is not None and used < 100:
        desk.now += max(ROTATE_SECONDS, IDLE_SECONDS / 2)
        renewed = desk.seal.renewed(session, {"scheme": "http"}, desk.settings)
        assert renewed
        cookie, used = renewed.partition(";")[0], used + 1
    assert LONGEST_SECONDS / (IDLE_SECONDS / 2) - 1 <= used <= LONGEST_SECONDS / (IDLE_SECONDS / 2) + 1


def test_people_without_a_session_are_shown_the_log_in_and_come_back(site: Site) -> None:
    found = site.ask("GET", "/runs?state=failed", Accept="text/html,*/*")
    assert (found.status, found.headers["Location"]) == (303, "/login?next=%2Fruns%3Fstate%3Dfailed")


def test_a_link_from_elsewhere_passes_by_a_page_of_ours_so_that_the_strict_cookie_comes_along(site: Site) -> None:
    found = site.ask("GET", "/runs", Accept="text/html", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert found.status == 200
    assert b'http-equiv="refresh" content="0;url=/runs"' in found.body


def test_on_loopback_without_tokens_nobody_logs_in(tmp_path: Path) -> None:
    with served(small_app(settings_in(tmp_path))) as site:
        assert log_in(site, next="/system").headers["Location"] == "/system"
        assert site.ask("GET", "/runs").json()["csrf"] == ""
