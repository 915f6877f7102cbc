"""Who may ask for what, and what no web page may make a browser do."""

from __future__ import annotations

import pytest

from storygen.errors import InvalidSettings
from storygen.service import security
from tests.service.door import ANNA, BEN, OPERA, SCRAPE, Site, served, settings_in, small_app, tokens_file


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """On loopback, without tokens."""
    with served(small_app(settings_in(tmp_path_factory.mktemp("private"), allowed_hosts=("films.example",)))) as site:
        yield site


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """With tokens."""
    folder = tmp_path_factory.mktemp("shared")
    with served(small_app(settings_in(folder, tokens_file=tokens_file(folder)))) as site:
        yield site


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_on_loopback_everybody_is_local_and_may_do_everything(private: Site) -> None:
    assert private.ask("GET", "/system").json()["caller"] == "local"
    assert private.ask("POST", "/runs", "{}").json()["caller"] == "local"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8080", "[::1]:8080", "LOCALHOST", "films.example", "films.example.:80"]
)
def test_names_of_its_own_are_answered(private: Site, host: str) -> None:
    assert private.ask("GET", "/runs", Host=host).status == 200


STRANGE = (
    *("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "evil.example/127.0.0.1"),
    *("localhost.evil.example:80", "2130706433", "0.0.0.0", "[::ffff:8.8.8.8]"),
)


@pytest.mark.parametrize("host", STRANGE)
def test_a_name_that_was_pointed_at_this_machine_is_refused(private: Site, host: str) -> None:
    assert private.ask("GET", "/runs", Host=host).status in {400, 403}
    assert private.ask("POST", "/runs", "{}", Host=host, Origin=f"http://{host}").status in {400, 403}


PAGES = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    {"Referer": "http://evil.example/page"},
]


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json"])
def test_no_page_from_elsewhere_can_submit(private: Site, page: dict[str, str], kind: str) -> None:
    found = private.ask("POST", "/runs", "{}", Content_Type=kind, **page)
    assert found.status == 403
    assert found.json()["kind"] == "not_allowed"


def test_a_page_of_our_own_can_submit(private: Site) -> None:
    own = {"Origin": f"http://{private.host}", "Sec_Fetch_Site": "same-origin"}
    assert private.ask("POST", "/runs", "{}", **own).status == 200


def test_a_page_from_elsewhere_may_link_here_but_not_embed_or_read(private: Site) -> None:
    elsewhere = {"Sec_Fetch_Site": "cross-site"}
    assert private.ask("GET", "/runs", Sec_Fetch_Mode="navigate", **elsewhere).status == 200
    assert private.ask("GET", "/runs", Sec_Fetch_Mode="no-cors", **elsewhere).status == 403


def test_behind_a_proxy_nobody_is_local(private: Site) -> None:
    assert private.ask("GET", "/runs", X_Forwarded_For="203.0.113.7").status == 403


def test_cross_origin_sharing_is_never_offered(private: Site) -> None:
    found = private.ask("OPTIONS", "/runs", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert not [name for name in found.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/runs", "/nothing", "/health/live"])
def test_every_answer_carries_the_strict_headers_and_no_banner(private: Site, path: str) -> None:
    headers = private.ask("GET", path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Server"] is None


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        (ANNA, "GET", "/runs", 200),
        (ANNA, "POST", "/runs", 200),
        (ANNA, "GET", "/system", 403),
        (ANNA, "GET", "/metrics", 403),
        (BEN, "GET", "/runs", 200),
        (BEN, "POST", "/runs", 403),
        (OPERA, "GET", "/system", 200),
        (OPERA, "GET", "/metrics", 200),
        (SCRAPE, "GET", "/metrics", 200),
        (SCRAPE, "GET", "/runs", 403),
    ],
)
def test_a_token_may_do_what_its_scopes_say(shared: Site, token: str, method: str, path: str, status: int) -> None:
    assert shared.ask(method, path, "{}" if method == "POST" else None, **bearer(token)).status == status


@pytest.mark.parametrize("path", ["/runs", "/system", "/metrics", "/forgotten", "/nothing", "/openapi.json", "/docs"])
def test_without_a_token_everything_is_closed_also_what_forgets_to_ask(shared: Site, path: str) -> None:
    found = shared.ask("GET", path)
    assert found.status == 401
    assert found.headers["WWW-Authenticate"] == "Bearer"


def test_live_and_ready_are_open_under_any_name(shared: Site, private: Site) -> None:
    assert shared.ask("GET", "/health/live", Host="10.0.0.7:8080").status == 200
    assert private.ask("GET", "/health/live", Host="10.0.0.7:8080").status == 200


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer ", "Basic YTpi", f"Bearer {ANNA}x", f"Bearer {ANNA[:-1]}", "Bearer \xe9"]
)
def test_a_wrong_token_is_nobodys(shared: Site, said: str) -> None:
    assert shared.ask("GET", "/runs", Authorization=said).status == 401


def test_a_token_in_the_address_is_not_looked_at(shared: Site) -> None:
    assert shared.ask("GET", f"/runs?token={ANNA}&access_token={ANNA}").status == 401


def test_tokens_are_read_again_when_their_file_changes(tmp_path) -> None:
    path = tokens_file(tmp_path)
    with served(small_app(settings_in(tmp_path, tokens_file=path))) as site:
        assert site.ask("GET", "/runs", **bearer(ANNA)).status == 200
        tokens_file(tmp_path, f'[callers.carla]\ntoken = "{"c" * 30}"\nscopes = ["read"]\n')
        assert site.ask("GET", "/runs", **bearer(ANNA)).status == 401
        assert site.ask("GET", "/runs", **bearer("c" * 30)).json()["caller"] == "carla"
        path.unlink()
        assert site.ask("GET", "/runs").status == 401
        assert site.ask("GET", "/runs", **bearer("c" * 30)).status == 200


def test_beyond_loopback_nothing_is_served_without_tokens(tmp_path) -> None:
    with pytest.raises(InvalidSettings, match=r"0\.0\.0\.0 can be reached by others") as refusal:
        security.check_binding(settings_in(tmp_path, host="0.0.0.0"))
    assert "tokens_file" in refusal.value.hint
    security.check_binding(settings_in(tmp_path, host="::1"))
    security.check_binding(settings_in(tmp_path, host="0.0.0.0", tokens_file=tokens_file(tmp_path)))


WRONG = {
    "no TOML": "token=[",
    "nobody": "",
    "too short": '[callers.a]\ntoken = "short"\nscopes = ["read"]',
    "no scopes": f'[callers.a]\ntoken = "{ANNA}"',
    "strange scope": f'[callers.a]\ntoken = "{ANNA}"\nscopes = ["root"]',
    "both": f'[callers.a]\ntoken = "{ANNA}"\ntoken_sha256 = "{"0" * 64}"\nscopes = ["read"]',
    "local": f'[callers.local]\ntoken = "{ANNA}"\nscopes = ["read"]',
    "name": f'[callers."a b"]\ntoken = "{ANNA}"\nscopes = ["read"]',
    "the same twice": "".join(f'[callers.{name}]\ntoken = "{ANNA}"\nscopes = ["read"]\n' for name in "ab"),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_file_of_tokens_that_is_not_right_is_refused_without_showing_a_token(tmp_path, text: str) -> None:
    settings = settings_in(tmp_path, tokens_file=tokens_file(tmp_path, text))
    with pytest.raises(InvalidSettings) as refusal:
        security.check_binding(settings)
    assert ANNA not in f"{refusal.value.message}{refusal.value.hint}"


def test_a_file_of_tokens_that_others_can_read_is_refused(tmp_path) -> None:
    path = tokens_file(tmp_path)
    path.chmod(0o640)
    with pytest.raises(InvalidSettings, match="can be read by others"):
        security.check_binding(settings_in(tmp_path, tokens_file=path))


def test_settings_that_name_another_file_shut_the_door_until_it_is_right(tmp_path) -> None:
    held = [settings_in(tmp_path)]
    other = tmp_path / "tokens.toml"
    app = small_app(held[0], lambda: held[0])
    with served(app) as site:
        assert site.ask("GET", "/runs").status == 200
        held[0] = settings_in(tmp_path, tokens_file=other)
        assert site.ask("GET", "/runs").status == 401
        tokens_file(tmp_path)
        assert site.ask("GET", "/runs", **bearer(ANNA)).status == 200
        held[0] = settings_in(tmp_path)
        assert site.ask("GET", "/runs").status == 401


def test_a_token_can_be_kept_as_its_digest(tmp_path) -> None:
    import hashlib

    digest = hashlib.sha256(b"d" * 30).hexdigest()
    path = tokens_file(tmp_path, f'[callers.dora]\ntoken_sha256 = "{digest}"\nscopes = ["read"]\n')
    with served(small_app(settings_in(tmp_path, tokens_file=path))) as site:
        assert site.ask("GET", "/runs", **bearer("d" * 30)).json()["caller"] == "dora"
        assert site.ask("GET", "/runs", **bearer(digest)).status == 401
