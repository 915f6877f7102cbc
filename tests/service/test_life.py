"""The life of a run through real HTTP, from its submission to its removal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import eventually
from tests.service.running import STORY, TINY, Service, running, settings_below


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(settings_below(tmp_path_factory.mktemp("service"))) as found:
        yield found


@pytest.fixture(scope="module")
def made(service: Service) -> dict:
    """A run that was made to its end."""
    return service.over(service.submit(name="The box")["id"])


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that accepts and works on nothing."""
    with running(settings_below(tmp_path_factory.mktemp("idle"), queue={"runs_at_once": 0})) as found:
        yield found


def test_an_accepted_story_is_told_where_it_is_and_waits(idle: Service) -> None:
    answer = idle.client.post("/runs", json={"text": STORY, "name": "The box"})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/v1/runs/{answer.json()['id']}"
    assert answer.json()["state"] == "queued"
    assert answer.json()["title"] == "The box"
    assert idle.run(answer.json()["id"])["story"]["characters"] == len(STORY)


def test_a_story_becomes_a_film_with_all_that_is_to_be_known_of_it(service: Service, made: dict) -> None:
    assert (made["state"], made["fidelity"], made["progress"]) == ("success", "full", 1.0)
    assert made["title"] == "The box"
    assert [scene["is_ready"] for scene in made["scenes"]] == [True] * 3
    assert {part["stage"] for part in made["scenes"][0]["parts"]} >= {"voice", "visuals", "subtitles", "assembly"}
    assert made["scenes"][1]["end"] > made["scenes"][1]["start"] > 0
    assert {cost["provider"] for cost in made["costs"]} == {"builtin"}
    assert made["cost_so_far_usd"] == made["cost_usd"] == 0
    assert made["sentence"]
    assert service.client.get(f"/runs/{made['id']}/report").json()["run"]["run_id"] == made["id"]
    assert service.client.get(f"/runs/{made['id']}/explanation").json()["outcome"] == "success"


def test_a_film_is_sent_whole_in_ranges_and_not_again(service: Service, made: dict) -> None:
    film = made["links"]["film"]
    whole = service.client.get(service.url + film)
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith('inline; filename="film.mp4"')
    assert len(whole.content) == int(whole.headers["content-length"])

    def ask(**headers: str):
        return service.client.get(service.url + film, headers={k.replace("_", "-"): v for k, v in headers.items()})

    size, etag = len(whole.content), whole.headers["etag"]
    first, tail = ask(Range="bytes=0-9"), ask(Range="bytes=-5")
    assert (first.status_code, first.content) == (206, whole.content[:10])
    assert first.headers["content-range"] == f"bytes 0-9/{size}"
    assert (tail.status_code, tail.content) == (206, whole.content[-5:])
    assert ask(Range=f"bytes={size - 3}-").content == whole.content[-3:]
    beyond = ask(Range=f"bytes={size}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert ask(Range="bytes=0-1,4-5").status_code == ask(Range="lines=1-2").status_code == 200
    assert (ask(If_None_Match=etag).status_code, ask(If_None_Match='"other"').status_code) == (304, 200)
    assert ask(Range="bytes=0-9", If_Range='"older"').status_code == 200
    assert ask(Range="bytes=0-9", If_Range=etag).status_code == 206
    assert ask(If_Match='"other"').status_code == 412
    head = service.client.head(service.url + film)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))


def test_every_file_of_a_film_is_listed_and_to_be_had(service: Service, made: dict) -> None:
    listed = service.client.get(f"/runs/{made['id']}/artifacts").json()["artifacts"]
    assert {"film.mp4", "film.srt", "manifest.json", "report.html"} <= {one["name"] for one in listed}
    for one in listed:
        answer = service.client.get(service.url + one["url"])
        assert (answer.status_code, len(answer.content)) == (200, one["size_bytes"])
        assert "sandbox" in answer.headers["content-security-policy"]
    saved = service.client.get(f"/runs/{made['id']}/artifacts/report.html", params={"download": True})
    assert saved.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["none.mp4", "../secret", "parts/%2e%2e/manifest.json", ".run", "%2e%2e/x", "a\\b"])
def test_names_that_no_film_has_lead_nowhere(service: Service, made: dict, name: str) -> None:
    assert service.client.get(f"/runs/{made['id']}/artifacts/{name}").status_code == 404


def test_one_scene_is_made_anew_and_the_others_come_from_the_cache(service: Service, made: dict) -> None:
    answer = service.client.post(f"/runs/{made['id']}/remake", json={"scene": 2})
    assert answer.status_code == 202
    again = service.over(answer.json()["id"])
    assert again["id"] != made["id"]
    assert again["state"] == "success"
    cached = {scene["number"]: {p["stage"]: p["cached"] for p in scene["parts"]} for scene in again["scenes"]}
    assert all((cached[1]["voice"], cached[1]["visuals"], cached[3]["visuals"], cached[1]["assembly"]))
    assert not any((cached[2]["voice"], cached[2]["visuals"]))
    assert again["scenes"][1]["take"] == 1

    def picture(run: str) -> bytes:
        listed = service.client.get(f"/runs/{run}/artifacts").json()["artifacts"]
        name = next(one["url"] for one in listed if one["name"].startswith("parts/02") and "picture" in one["name"])
        return service.client.get(service.url + name).content

    assert picture(again["id"]) != picture(made["id"])
    beyond = service.client.post(f"/runs/{made['id']}/remake", json={"scene": 9})
    assert (beyond.status_code, beyond.json()["kind"]) == (400, "caller_mistake")


def test_the_same_key_is_the_same_run_and_another_story_under_it_is_refused(idle: Service) -> None:
    def submit(text: str):
        return idle.client.post("/runs", json={"text": text}, headers={"Idempotency-Key": "k-1"})

    first, again, other = submit(STORY), submit(STORY), submit("Another story altogether.")
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["kind"]) == (409, "conflict")
    bad = idle.client.post("/runs", json={"text": STORY}, headers={"Idempotency-Key": "x" * 191})
    assert bad.status_code == 400


def test_an_uploaded_script_is_read_in_any_encoding(idle: Service) -> None:
    script = "Der Leuchtturm\n\nAda öffnete die Tür. Niemand war da.".encode("utf-16")
    answer = idle.client.post(
        "/runs",
        files={"file": ("../../lüge.txt", script)},
        data={"settings": '{"film": {"language": "de"}}', "seed": "3"},
    )
    assert answer.status_code == 202, answer.text
    run = idle.run(answer.json()["id"])
    assert (run["title"], run["story"]["seed"]) == ("lüge.txt", 3)
    assert run["story"]["settings"] == {"film": {"language": "de"}}


def test_a_batch_is_accepted_whole_or_not_at_all_and_counts_its_runs(idle: Service) -> None:
    runs = [{"topic": f"a lighthouse, number {number}"} for number in range(4)]
    answer = idle.client.post("/batches", json={"name": "monday", "runs": runs}, headers={"Idempotency-Key": "b-1"})
    assert answer.status_code == 202, answer.text
    batch = answer.json()
    assert len(batch["runs"]) == batch["total"] == batch["states"]["queued"] == 4
    idle.client.post(f"/runs/{batch['runs'][0]['id']}/cancel")
    found = idle.client.get(f"/batches/{batch['id']}").json()
    assert (found["states"]["cancelled"], found["progress"], found["is_over"]) == (1, 0.25, False)
    listed = idle.client.get("/runs", params={"batch": batch["id"], "state": "queued"}).json()["runs"]
    assert {run["batch"] for run in listed} == {batch["id"]}
    assert len(listed) == 3
    again = idle.client.post("/batches", json={"name": "monday", "runs": runs}, headers={"Idempotency-Key": "b-1"})
    assert again.json()["id"] == batch["id"]
    broken = idle.client.post("/batches", json={"name": "x", "runs": [{"topic": "a box"}, {"text": "..."}]})
    assert broken.status_code == 422
    assert not idle.client.get("/runs", params={"text": "a box"}).json()["runs"]


def test_a_list_goes_on_page_by_page(idle: Service) -> None:
    for number in range(5):
        idle.submit(name=f"page {number}")
    seen, cursor = [], ""
    while True:
        page = idle.client.get("/runs", params={"text": "page ", "limit": 2, "cursor": cursor}).json()
        seen += [run["title"] for run in page["runs"]]
        if not (cursor := page["cursor"]):
            break
    assert seen == [f"page {number}" for number in (4, 3, 2, 1, 0)]
    assert idle.client.get("/runs", params={"cursor": "nonsense"}).json()["kind"] == "caller_mistake"


def test_a_run_that_waits_is_cancelled_retried_and_forgotten(idle: Service) -> None:
    run = idle.submit()["id"]
    assert idle.client.delete(f"/runs/{run}").status_code == 409
    assert idle.client.post(f"/runs/{run}/retry").status_code == 409
    assert idle.client.post(f"/runs/{run}/cancel").json()["state"] == "cancelled"
    assert idle.client.post(f"/runs/{run}/cancel").status_code == 200
    assert idle.client.post(f"/runs/{run}/retry").json()["state"] == "queued"
    idle.client.post(f"/runs/{run}/cancel")
    assert idle.client.delete(f"/runs/{run}").status_code == 204
    assert idle.client.get(f"/runs/{run}").status_code == 404


def test_a_run_that_is_made_is_stopped_and_its_film_removed_with_it(service: Service) -> None:
    run = service.submit(text="\n\n".join(f"Scene {n} is long. {STORY}" for n in range(40)))["id"]
    eventually(lambda: service.run(run)["stage"], seconds=60)
    service.client.post(f"/runs/{run}/cancel")
    stopped = service.over(run)
    assert stopped["state"] == "cancelled"
    assert stopped["next_step"]
    made = service.over(service.submit()["id"])["id"]
    assert service.client.delete(f"/runs/{made}").status_code == 204
    assert service.client.get(f"/runs/{made}/film").status_code == 404
    assert not (service.settings.folders.films / made).exists()


def test_a_run_that_fails_says_where_why_and_what_to_do(tmp_path) -> None:
    vendors = {"openai": {"api_keys": ["k" * 20], "base_url": "http://127.0.0.1:9/v1", "attempts": 1}}
    degrade = {"visuals": "fail"}
    with running(settings_below(tmp_path, vendors=vendors, degrade=degrade)) as service:
        settings = {**TINY, "providers": {"images": ["openai"]}}
        failed = service.over(service.submit(settings=settings)["id"])
    assert failed["state"] == "failed"
    assert (failed["error"]["stage"], failed["error"]["provider"]) == ("visuals", "openai")
    assert failed["error"]["kind"] == "unavailable"
    assert all((failed["error"]["hint"], failed["next_step"]))
    assert "k" * 20 not in str(failed)


def test_what_a_story_would_cost_and_how_it_is_understood_is_known_before(idle: Service) -> None:
    guess = idle.client.post("/estimate", json={"topic": "a lighthouse that went dark", "settings": TINY})
    assert (guess.status_code, guess.json()["low_usd"]) == (200, 0)
    assert guess.json()["scenes"] >= 1
    read = idle.client.post("/check", json={"text": STORY}).json()
    assert (read["is_usable"], [scene["words"] for scene in read["scenes"]]) == (True, [4, 3, 3])
    assert idle.client.get("/voices", params={"language": "de"}).json()[0]["provider"] == "builtin"
    found = idle.client.get("/providers").json()
    assert next(one for one in found["images"] if one["name"] == "builtin")["is_chosen"]
    assert "film.aspect" in found["per_run"]
    assert not [key for key in found["per_run"] if "api_key" in key or "url" in key or "folder" in key]
