"""Pictures that the browser asks for while a slider moves, ahead of the page's rerun."""

import asyncio
import gc
import math
import time
from threading import Event, Thread
from urllib.parse import urlencode

import pytest
from starlette.routing import Router

from pages.ui import cache, foresight, gate, previews
from pages.ui.progress import run_briefly

LINK = {"technique": "thresholding", "sample": "camera", "side": "512", "method": "fixed"}


@pytest.fixture
def served(monkeypatch):
    """A server that answers, as app.py makes one."""
    monkeypatch.setattr(previews, "_served", Event())
    return Router(previews.routes())


@pytest.fixture
def known(monkeypatch):
    """Thresholding has been run and was quick; nothing is cached."""
    monkeypatch.setattr(gate, "runs", gate.Gate(1))
    with gate.runs.turn("thresholding", lambda _: None):
        pass
    monkeypatch.setattr(cache, "runs", cache.Cache(cache.RUNS_MB))
    monkeypatch.setattr(cache, "pictures", cache.Cache(cache.PICTURES_MB))


def ask(router, url, values, **headers):
    """Status, headers and body of the server's answer."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    sent_along = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    scope = {"type": "http", "method": "GET", "path": url, "headers": sent_along}
    scope["query_string"] = urlencode(values).encode()
    # In a thread of its own: a browser that other tests have open keeps a loop running in this one.
    thread = Thread(target=lambda: asyncio.run(router(scope, receive, send)))
    thread.start()
    thread.join()
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(message.get("body", b"") for message in rest)


def test_a_preview_is_the_picture_that_the_rerun_brings(served, known, visit):
    seen = visit(**LINK, level="90")
    offer = seen.viewer["preview"]
    assert offer["values"]["thresholding.level"] == 90
    for change in ({"thresholding.level": 140}, {"view.opacity": 0.8}):
        status, headers, body = ask(served, offer["url"], {**offer["values"], **change})
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        [(key, value)] = change.items()
        before = seen.digests[1]
        after = seen.put(**{key: value}).viewer["panes"][1]
        assert headers["etag"] == f'"{after["digest"]}"' != f'"{before}"'
        assert body == after["file"]
        offer = seen.viewer["preview"]


def test_the_browser_may_ask_for_the_next_one_and_then_whether_it_still_holds(served, known, visit):
    seen = visit(**LINK, level="90")
    offer = seen.viewer["preview"]
    assert offer["foresees"]
    door = seen.state["preview.door"]
    values = {**offer["values"], "thresholding.level": 91}
    status, headers, body = ask(served, f"{offer['url']}/next", values)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert (door.sent, door.asked) == ("", (-math.inf, -math.inf))  # the page waits for nobody
    status, again, nothing = ask(served, offer["url"], values, if_none_match=headers["etag"])
    assert (status, nothing) == (304, b"")
    assert again["etag"] == headers["etag"] == f'"{door.sent}"'
    assert door.asked[0] > 0
    other = {**values, "thresholding.level": 140}
    assert ask(served, offer["url"], other, if_none_match=headers["etag"])[0] == 200
    assert seen.put(**{"thresholding.level": 91}).viewer["panes"][1]["file"] == body


def test_what_takes_more_than_a_moment_is_not_foreseen(served, known, visit, monkeypatch):
    monkeypatch.setattr(foresight, "MOMENT", 0.0)
    assert visit(**LINK).viewer["preview"]["foresees"] is False


def test_the_work_is_done_once(served, known, visit, monkeypatch):
    seen = visit(**LINK)
    offer = seen.viewer["preview"]
    ask(served, offer["url"], {**offer["values"], "thresholding.level": 33})

    def refuse(*_):
        raise AssertionError("It is computed again.")

    monkeypatch.setattr(gate.Gate, "turn", refuse)
    seen.put(**{"thresholding.level": 33})
    assert seen.viewer["preview"]["values"]["thresholding.level"] == 33


def test_every_session_has_a_door_of_its_own_and_takes_it_along(served, known, visit):
    one, other = visit(**LINK), visit(**LINK)
    first, second = one.viewer["preview"], other.viewer["preview"]
    assert first["url"] != second["url"]
    assert ask(served, first["url"], first["values"])[0] == 200
    del one
    gc.collect()
    assert ask(served, first["url"], first["values"])[0] == 204
    for guessed in ("/preview/guessed", "/preview/guessed/next", f"{first['url']}/next"):
        assert ask(served, guessed, second["values"])[0] == 204


@pytest.mark.parametrize(
    "wrong",
    [
        {"thresholding.level": "red"},
        {"thresholding.level": "nan"},
        {"thresholding.level": "inf"},
        {"thresholding.level": 256},
        {"thresholding.method": "otsu"},
        {"view.opacity": "nan"},
        {"view.opacity": 1.5},
    ],
)
def test_what_no_slider_says_has_no_picture(served, known, visit, wrong):
    offer = visit(**LINK).viewer["preview"]
    assert ask(served, offer["url"], {**offer["values"], **wrong})[::2] == (204, b"")
    assert ask(served, offer["url"], {})[0] == 204
    assert ask(served, f"{offer['url']}/next", {**offer["values"], **wrong})[::2] == (204, b"")


def test_an_image_that_left_the_cache_has_no_picture(served, known, visit, monkeypatch):
    monkeypatch.setattr(cache, "images", cache.Cache(cache.IMAGES_MB))
    seen = visit(**LINK)
    offer = seen.viewer["preview"]
    cache.images = cache.Cache(cache.IMAGES_MB)
    gc.collect()
    assert ask(served, offer["url"], {**offer["values"], "thresholding.level": 7})[0] == 204


def test_without_a_server_nothing_is_offered(known, visit):
    assert visit(**LINK).viewer["preview"] is None


def test_a_long_run_is_left_to_the_page(served, known, visit, monkeypatch):
    seen = visit(**LINK)
    offer = seen.viewer["preview"]
    monkeypatch.setattr(gate, "LONG", 0.0)
    assert ask(served, offer["url"], {**offer["values"], "thresholding.level": 8})[0] == 204
    assert seen.run().viewer["preview"] is None


def test_a_run_that_turns_out_long_is_given_up(known):
    def work(told):
        told(0.0)
        time.sleep(gate.LONG)
        told(0.5)

    with pytest.raises(previews.TooLongError):
        run_briefly("name", "thresholding", work)
    assert "name" not in cache.runs
    assert run_briefly("name", "thresholding", lambda told: told(0.0) or 7) == 7
    assert "name" in cache.runs
    with pytest.raises(previews.TooLongError):
        run_briefly("other", "never run", lambda _: 7)
