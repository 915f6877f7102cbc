"""The console in a real browser, by hand, by keyboard, on a phone, and looked at by axe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.conftest import DESK, PHONE, console_settings
from tests.console.looking import SECONDS, Desk, complaints, is_wider_than_seen
from tests.servers import eventually
from tests.service.running import Service, running, settings_below

LONG = "# A long one\n\n" + "\n\n".join(
    f"## Scene {number}: Part {number}\nNarration: " + "Word by word it goes on and on, and nobody knows why. " * 12
    for number in range(1, 9)
)
EVIL = '<img src=x onerror="document.title=1"><b>bold</b>'


def state(page: Page, words: str) -> None:
    """Wait until the run's page says so."""
    expect(page.locator("#lead .state").first).to_have_text(words, timeout=SECONDS)


def submit_text(page: Page, text: str, name: str) -> None:
    page.goto("/")
    page.locator("#kind-text").check()
    page.locator("#text").fill(text)
    page.locator("#name").fill(name)
    page.get_by_role("button", name="Make the film").click()
    page.wait_for_url(re.compile(r"/runs/\d"))


def test_a_topic_that_is_submitted_by_hand_becomes_a_film_that_plays_without_a_reload(page: Page) -> None:
    page.goto("/")
    page.locator("#topic").fill("a lighthouse that went dark")
    expect(page.locator("#preview")).to_contain_text("Scenes")
    page.get_by_role("button", name="Make the film").click()
    page.wait_for_url(re.compile(r"/runs/\d"))
    page.evaluate("window.isSame = true")
    video = page.locator("#film video")
    video.wait_for(timeout=SECONDS)
    eventually(lambda: page.evaluate("document.querySelector('#film video').readyState >= 1"))
    page.evaluate("document.querySelector('#film video').play()")
    eventually(lambda: page.evaluate("document.querySelector('#film video').currentTime > 0.2"))
    assert video.evaluate("film => film.duration") > 3
    assert video.evaluate("film => film.textTracks.length") == 1
    assert page.evaluate("window.isSame") is True
    expect(page.locator("svg.timeline")).to_be_visible()
    expect(page.locator("#run")).not_to_have_attribute("data-hx-trigger", re.compile("every"))


def test_the_preview_names_the_scenes_of_a_text_before_it_is_submitted(page: Page) -> None:
    page.goto("/")
    page.locator("#kind-text").check()
    page.locator("#text").fill("# The box\n\n## Scene 1: Found\nNarration: Ada found a box.\n")
    expect(page.locator("#preview ol")).to_contain_text("Ada found a box.")
    expect(page.locator("#preview dl")).to_contain_text("$0")


def test_a_form_without_a_story_comes_back_with_what_is_missing(page: Page) -> None:
    page.goto("/")
    page.locator("#name").fill("kept")
    with page.expect_response("**/runs") as answered:
        page.get_by_role("button", name="Make the film").click()
    assert answered.value.status == 422
    expect(page.get_by_role("alert")).to_contain_text("There is no story yet.")
    expect(page.locator("#name")).to_have_value("kept")


def test_a_film_is_cancelled_from_its_page_and_goes_on_when_it_is_tried_again(page: Page) -> None:
    submit_text(page, LONG, "long one")
    state(page, "being made")
    page.get_by_role("button", name="Cancel").click()
    state(page, "cancelled")
    expect(page.locator("#failure")).to_contain_text("What is finished is kept")
    page.get_by_role("button", name="Retry").click()
    page.locator("#film video").wait_for(timeout=SECONDS)
    state(page, "ready")


def test_a_film_is_cancelled_in_the_list_without_leaving_it(page: Page, service: Service) -> None:
    run = service.submit(text=LONG.replace("nobody", "no one"), name="to be stopped", settings={})["id"]
    page.goto("/runs")
    page.evaluate("window.isSame = true")
    page.get_by_role("button", name="Cancel to be stopped").click()
    expect(page.locator(f"#run-{run} .state").first).to_have_text("cancelled", timeout=SECONDS)
    expect(page.get_by_role("button", name="Retry to be stopped")).to_be_visible()
    assert page.evaluate("window.isSame") is True


def test_a_run_that_failed_says_where_why_and_what_to_do_next(page: Page, failure: str) -> None:
    page.goto(f"/runs/{failure}")
    told = page.locator("#failure")
    expect(told).to_contain_text("openai")
    expect(told).to_contain_text("in idea")
    expect(page.locator("#next-step")).to_contain_text(re.compile(r"Next: \S+"))
    page.get_by_role("button", name="Retry").click()
    state(page, "failed")


def test_one_scene_is_made_anew_and_the_others_come_from_the_cache(page: Page, film: str) -> None:
    page.goto(f"/runs/{film}")
    page.get_by_role("button", name="Remake scene 2").click()
    page.wait_for_url(lambda url: "/runs/" in url and film not in url)
    page.locator("#film video").wait_for(timeout=SECONDS)
    expect(page.locator("#scene-2")).to_contain_text("take 2")
    expect(page.locator("#stage-voice")).to_contain_text("cached")


def test_a_bar_of_the_timeline_opens_what_it_stands_for(page: Page, film: str) -> None:
    page.goto(f"/runs/{film}")
    page.locator("svg .bar.s-voice").first.click(force=True)
    opened = page.locator("details.work[open]")
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text("voice")
    expect(opened).to_contain_text("Attempt")


def test_the_list_finds_films_by_title_and_state(page: Page, film: str, failure: str) -> None:
    page.goto("/runs?state=broken")
    expect(page.locator(f"#run-{failure}")).to_be_visible()
    expect(page.locator(f"#run-{film}")).to_have_count(0)
    page.locator("#text").fill("nothing is called so")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#rows")).to_contain_text("Nothing matches")


def test_a_batch_counts_its_films_as_they_end(page: Page, service: Service) -> None:
    made = service.client.post("/batches", json={"name": "monday", "runs": [{"topic": "a box"}, {"topic": "a fox"}]})
    page.goto(f"/batches/{made.json()['id']}")
    expect(page.locator("h1")).to_have_text("monday")
    expect(page.locator("#batch")).to_contain_text("2 of 2 films over", timeout=SECONDS)


def test_a_title_of_html_stays_text(page: Page, service: Service) -> None:
    run = service.submit(name=EVIL, settings={})["id"]
    for where in ("/runs", "/", f"/runs/{run}"):
        page.goto(where)
        expect(page.get_by_text(EVIL).first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "1"
    service.over(run)


def test_a_story_is_submitted_and_its_film_found_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "topic":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.type("a key without a door")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/\d"))
    page.locator("#film video").wait_for(timeout=SECONDS)
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Download":
            return
    pytest.fail("the film's button cannot be reached")


def test_nothing_moves_under_the_reader_while_a_film_is_made(page: Page) -> None:
    submit_text(page, LONG[:1500], "a lighthouse keeper who found a message in a bottle, and the sea")
    page.evaluate(
        "window.moved = 0; new PerformanceObserver(seen => { for (const one of seen.getEntries()) moved += one.value })"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.locator("#film video").wait_for(timeout=SECONDS)
    assert page.evaluate("window.moved") < 0.1  # what browsers call good


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_axe_finds_nothing_serious_and_no_page_is_wider_than_the_screen(
    chromium: Browser, service: Service, film: str, failure: str, scheme: str, size: dict[str, int]
) -> None:
    with Desk(chromium, service.url, size).opened(scheme) as page:
        for where in ("/", "/runs", "/runs?text=nothing", f"/runs/{film}", f"/runs/{failure}", "/system"):
            page.goto(where)
            assert (where, complaints(page)) == (where, [])
            assert (where, is_wider_than_seen(page)) == (where, False)


def test_the_pages_work_without_scripts(chromium: Browser, service: Service) -> None:
    with Desk(chromium, service.url, DESK).opened(java_script_enabled=False) as page:
        page.goto("/")
        page.locator("#topic").fill("a lamp")
        page.get_by_role("button", name="Make the film").click()
        page.wait_for_url(re.compile(r"/runs/\d"))
        service.over(page.url.rpartition("/")[2])
        page.reload()
        expect(page.locator("#film video")).to_have_count(1)


def test_two_clicks_make_one_film(page: Page, service: Service) -> None:
    page.goto("/")
    page.locator("#topic").fill("a bell that rings twice")
    page.get_by_role("button", name="Make the film").dblclick()
    page.wait_for_url(re.compile(r"/runs/\d"))
    made = service.client.get("/runs", params={"text": "a bell that rings twice"}).json()["runs"]
    assert [run["id"] for run in made] == [page.url.rpartition("/")[2]]


def test_a_form_that_is_sent_twice_gives_one_film_and_another_story_in_it_another(service: Service) -> None:
    def sent(topic: str) -> str:
        fields = {"once": "a-form-of-mine", "kind": "topic", "topic": topic}
        answer = service.client.post(f"{service.url}/runs", data=fields, files={"file": ("", b"")})
        assert answer.status_code == 303
        return answer.headers["location"]

    first = sent("a box of sand")
    assert sent("a box of sand") == first
    assert sent("a box of salt") != first


def test_a_scene_that_is_asked_for_twice_is_made_anew_once(service: Service, film: str) -> None:
    asked = [service.client.post(f"{service.url}/runs/{film}/remake", data={"scene": 1}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [303, 303]
    assert asked[0].headers["location"] == asked[1].headers["location"]


def test_a_second_retry_leads_to_the_film_as_the_first_did(service: Service) -> None:
    run = service.submit(text=LONG.replace("nobody", "few"), settings={})["id"]
    service.client.post(f"/runs/{run}/cancel")
    service.over(run)
    again = [service.client.post(f"{service.url}/runs/{run}/retry") for _ in range(2)]
    assert [answer.status_code for answer in again] == [303, 303]
    assert again[1].headers["location"] == f"/runs/{run}"
    service.client.post(f"/runs/{run}/cancel")


def test_a_film_that_waits_for_a_vendor_says_so_at_once_and_when_its_time_is_over(
    chromium: Browser, tmp_path: Path
) -> None:
    openai = {"api_keys": ["nobody"], "base_url": "http://127.0.0.1:9/v1", "retry_wait": 0.05}
    guard = {"load_per_core": 1000, "memory_gb": 32}
    slow = {"stage_timeout": {"idea": 12}}
    settings = settings_below(tmp_path, vendors={"openai": openai}, run=slow, guard=guard)
    with running(settings) as waiting, Desk(chromium, waiting.url, DESK).opened() as page:
        run = waiting.submit(text=None, topic="a box", settings={"providers": {"text": ["openai"]}})["id"]
        page.goto(f"/runs/{run}")
        expect(page.locator("#film .trouble")).to_contain_text("openai is not available", timeout=SECONDS)
        state(page, "out of time")
        expect(page.locator("#waited-for")).to_contain_text("openai is not available")
        expect(page.locator("#next-step")).to_contain_text("Retry goes on from what is finished.")


def test_a_film_that_waits_for_the_machine_says_what_it_waits_for(chromium: Browser, tmp_path: Path) -> None:
    with running(settings_below(tmp_path, guard={"free_memory_gb": 1e6})) as full:
        run = full.submit(settings={})["id"]
        with Desk(chromium, full.url, DESK).opened() as page:
            page.goto(f"/runs/{run}")
            expect(page.locator("#film")).to_contain_text("of memory are free", timeout=SECONDS)


def test_an_unknown_film_is_a_page_that_leads_on(service: Service) -> None:
    answer = service.client.get(f"{service.url}/runs/nothing", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "text/html" in answer.headers["content-type"]
    assert "See the films" in answer.text


def test_a_live_part_that_has_not_changed_is_not_sent_again(service: Service, film: str) -> None:
    first = service.client.get(f"{service.url}/live/recent")
    again = service.client.get(f"{service.url}/live/recent", headers={"HX-PTag": first.headers["HX-PTag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_document_for_programs(
    chromium: Browser, service: Service
) -> None:
    desk = Desk(chromium, service.url, DESK)
    with desk.opened() as page:
        answer = page.goto("/films/of/yesterday")
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_text("There is no such page.")).to_be_visible()
        page.get_by_role("link", name="See the films").click()
        page.wait_for_url("**/runs")
        desk.said.clear()  # a browser tells of what is not found, too
    told = service.client.get(f"{service.url}/films/of/yesterday")
    assert (told.status_code, told.json()["kind"]) == (404, "not_found")
    asked = service.client.get(f"{service.url}/api/v1/films", headers={"Accept": "text/html"})
    assert asked.headers["content-type"] == "application/problem+json"


def test_where_tokens_are_needed_the_console_asks_for_one_and_then_works(chromium: Browser, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(f'[callers.anna]\ntoken = "{"a" * 40}"\nscopes = ["submit", "read"]\n')
    tokens.chmod(0o600)
    settings = console_settings(tmp_path, service={"tokens_file": tokens})
    with running(settings) as guarded, Desk(chromium, guarded.url, DESK).opened() as page:
        page.goto("/runs")
        page.wait_for_url("**/login?next=%2Fruns")
        assert complaints(page) == []
        page.locator("#token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Nobody has this token")
        page.locator("#token").fill("a" * 40)
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs")
        expect(page.get_by_role("link", name="Films")).to_be_visible()
        assert page.get_by_role("link", name="System").count() == 0, "it is for operators"
        page.goto("/")
        page.locator("#topic").fill("a lamp")
        expect(page.locator("#preview")).to_contain_text("Scenes")
        page.get_by_role("button", name="Make the film").click()
        page.locator("#film video").wait_for(timeout=SECONDS)
        eventually(lambda: page.evaluate("document.querySelector('#film video').readyState >= 1"))
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")


def test_a_page_that_loses_the_service_says_so_and_goes_on_by_itself(chromium: Browser, service: Service) -> None:
    desk = Desk(chromium, service.url, DESK)
    with desk.opened() as page:
        page.goto("/runs")
        page.route("**/live/**", lambda route: route.abort())
        expect(page.get_by_text("The service does not answer.")).to_be_visible()
        page.unroute("**/live/**")
        expect(page.get_by_text("The service does not answer.")).to_be_hidden()
        desk.said.clear()  # a browser tells of what could not be loaded, too
