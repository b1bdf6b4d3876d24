"""The page of weights of the Hub: first what they are is asked, then they are downloaded."""

import socket
import sys

import pytest

from pages.ui import cache, models
from segcore import TECHNIQUES
from segcore.techniques.instance.segment_anything import SLIM
from segcore.techniques.semantic.segformer import ADE20K
from segcore.weights import jobs
from segcore.weights.hub import FILES, describe_hub
from segcore.weights.offers import describe_offer, source_of
from tests.segcore.weights.hub_stand_ins import (
    COMMIT,
    install_hub,
    make_hub,
    publish,
    question,
)
from tests.segcore.weights.publisher import start

SEMANTIC = "pages/semantic.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_hub(folder, [ADE20K, SLIM])
    return folder


@pytest.fixture
def hub(made, tmp_path, monkeypatch):
    """A Hub on this machine; nobody has asked it, and nothing is here."""
    from huggingface_hub import constants

    found, server = start()
    for name in (ADE20K, SLIM):
        publish(found, made, name)
    install_hub(tmp_path / "hub", monkeypatch.setattr)
    monkeypatch.setattr(constants, "ENDPOINT", found.url)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(cache, "published", cache.Cache(64, 2))
    monkeypatch.setattr(cache, "runs", cache.Cache(64))
    monkeypatch.setattr(cache, "pictures", cache.Cache(64))
    monkeypatch.setattr(models, "tuned", lambda network: network)
    monkeypatch.setattr(jobs.downloads, "_jobs", {})
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(visit, hub):
    return lambda: visit(SEMANTIC, technique="segformer", sample="coffee")


def press(seen, name=ADE20K):
    """Presses the button, and waits until what it fetches is here or refused."""
    source = source_of(describe_offer(name))
    seen.press("download.start")
    job = jobs.downloads.find(source)
    assert job.wait(30)
    return seen.run()


def button(seen):
    return seen.page.button(key="download.start").label


def words(seen):
    parts = (*seen.page.markdown, *seen.page.main.caption)
    return "\n".join(part.value for part in parts).replace("\\", "")


def test_from_the_question_to_the_result(page, hub):
    seen = page()
    assert button(seen) == "Ask 127.0.0.1 how many MB it is"
    assert "not known until you let the Hub be asked" in words(seen)
    assert "3,800,000 parameters" in words(seen)
    assert [tab.label for tab in seen.page.tabs] == ["Article", "Model card"]
    assert hub.asked == []

    press(seen)
    weights = describe_hub(ADE20K)
    assert button(seen) == weights.button
    assert weights.button.startswith("Download ")
    for fact in (COMMIT, weights.answer.files[-1].sha256, "apache-2.0", *FILES, "4,096 MB"):
        assert fact in words(seen)
    assert [name for name, _ in hub.asked] == [question(ADE20K)]

    press(seen)
    assert "download.start" not in seen.drawn
    assert seen.sentences == []
    assert "Where the heads look" in "\n".join(seen.steps)
    seen.open_tab("Model card")
    assert COMMIT in words(seen)
    seen.open_tab("Script")
    assert seen.page.download_button(key="download.weights").label == "Download the weights"
    seen.press(f"download.remove.{ADE20K}")
    assert button(seen) == "Ask 127.0.0.1 how many MB it is"


def test_a_click_is_a_prompt(visit, hub):
    seen = visit("pages/instance.py", technique="segment_anything", sample="coffee", seeds="40-30")
    press(seen, SLIM)
    press(seen, SLIM)
    assert seen.sentences == []
    assert "The prompt" in "\n".join(seen.steps)
    assert seen.link["seeds"] == "40-30"


def test_what_a_click_sets_is_chosen_and_undone_by_itself(visit, hub):
    clicks = {"seeds": "40-30_60-20", "not_seeds": "10-12"}
    seen = visit("pages/instance.py", technique="segment_anything", sample="coffee", **clicks)
    press(seen, SLIM)
    press(seen, SLIM)
    assert seen.viewer["points"] == [[40, 30], [60, 20]]
    assert seen.viewer["others"] == [[[10, 12]]]
    assert seen.viewer["hint"].startswith("Click on the thing.")
    before = seen.digests
    seen.change("view.clicks.segment_anything", "not_seeds")
    assert seen.viewer["hint"].startswith("Click on what was wrongly taken along")
    assert seen.digests == before  # nothing is computed anew
    seen.press("points.clear")
    assert seen.viewer["others"] == [[]]
    assert seen.viewer["points"] == [[40, 30], [60, 20]]
    assert "not_seeds" not in seen.link
    assert seen.link["seeds"] == clicks["seeds"]
    seen.change("view.clicks.segment_anything", "seeds").press("points.undo")
    assert seen.link["seeds"] == "40-30"
    assert seen.sentences == []


def test_what_goes_wrong_is_one_sentence(page, hub):
    hub.code = 404
    seen = press(page())
    assert seen.sentences == ["127.0.0.1 answered 404 (Not Found); nothing was fetched."]
    hub.code = 200
    right = hub.files[question(ADE20K)]
    hub.files[question(ADE20K)] = right.replace(b"model.safetensors", b"pytorch_model.bin")
    press(seen)
    assert seen.sentences == [
        f"{ADE20K} has no model.safetensors on the Hub, and the dashboard reads nothing else."
    ]
    hub.files[question(ADE20K)] = right
    press(seen)
    assert seen.sentences == []
    assert button(seen).startswith("Download ")


def test_no_page_of_these_opens_a_connection(visit, hub, monkeypatch):
    called = []

    def deny(*given, **_):
        called.append(given)
        raise OSError("The network is refused.")

    monkeypatch.setattr(socket.socket, "connect", deny)
    monkeypatch.setattr(socket, "getaddrinfo", deny)
    seen = visit("app.py")
    for key in ("segformer", "segment_anything", "mask2former"):
        seen.go(f"pages/{TECHNIQUES[key].category}.py", technique=key, sample="coffee")
        assert button(seen).startswith("Ask ")
        seen.open_tab("Model card")
    assert called == []


def test_without_transformers_the_page_says_how_to_add_it(page, hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    seen = page()
    assert len(seen.sentences) == 1
    assert "“pip install 'transformers>=5,<6'”" in seen.sentences[0]
    assert "download.start" not in seen.drawn
    seen.open_tab("Model card")
    seen.go("pages/comparison.py")
    assert hub.asked == []
