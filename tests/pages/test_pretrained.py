"""Published weights on the page: an offer, a button, progress, cancel, and what is on the disk."""

import socket
from pathlib import Path

import pytest

from pages.ui import cache, models
from pages.ui.tasks.networks import NETWORKS
from segcore import TECHNIQUES
from segcore.networks.published import published
from segcore.networks.published_classifier import open_classifier
from segcore.networks.published_rcnn import open_rcnn, open_ssd
from segcore.weights import jobs
from segcore.weights.offers import source_of
from segcore.weights.pretrained import describe
from tests.segcore.weights.publisher import start
from tests.segcore.weights.stand_ins import install, make_files, undoable

SEMANTIC = "pages/semantic.py"
TASKS_PAGE = "pages/tasks.py"
NAME = "fcn_resnet50"
THINGS = "maskrcnn_resnet50_fpn"
ANSWERS = {"classification": "mobilenet_v3_small", "detection": "ssdlite320_mobilenet_v3_large"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the files of small networks."""
    folder = tmp_path_factory.mktemp("made")
    make_files(folder, [NAME, THINGS, *ANSWERS.values()])
    return folder


@pytest.fixture
def publisher(made, tmp_path, monkeypatch):
    """A host that publishes the files; none is on this machine yet, and nothing is downloaded."""
    change = undoable(monkeypatch)
    install(str(made), change)
    found, server = start()
    for file in Path(made).glob("hub/checkpoints/*.pth"):
        found.files[file.name] = file.read_bytes()
        name = file.name.rpartition("-")[0]
        change(published(name).value, "url", found.address(file.name))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(cache, "published", cache.Cache(64, 2))
    monkeypatch.setattr(cache, "runs", cache.Cache(64))
    monkeypatch.setattr(cache, "pictures", cache.Cache(64))  # of another test's stand-in
    monkeypatch.setattr(jobs.downloads, "_jobs", {})
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(visit, loaded, publisher):
    """`page()` opens the FCN with published weights, in a new session."""
    return lambda **link: visit(SEMANTIC, technique="fcn", weights=NAME, sample="coffee", **link)


def job(name=NAME):
    return jobs.downloads.find(source_of(describe(name)))


def finish(seen, name=NAME):
    assert job(name).wait(20)
    return seen.run()


def captions(seen):
    return "\n".join(part.value for part in (*seen.page.markdown, *seen.page.main.caption))


def test_the_offer_says_what_there_is_to_download_and_fetches_nothing(page, publisher):
    seen = page()
    weights = describe(NAME)
    assert seen.page.button(key="download.start").label == weights.button
    text = captions(seen).replace("\\", "")
    for fact in (*weights.titles, weights.file, "60.5", f"{weights.n_parameters:,}", "4,096 MB"):
        assert fact in text
    assert [pane["caption"] for pane in seen.viewer["panes"]] == ["Image"]
    assert [tab.label for tab in seen.page.tabs] == ["Article", "Model card"]
    assert publisher.asked == []
    assert jobs.downloads.find(source_of(weights)) is None


def test_the_button_downloads_and_the_network_runs(page, publisher):
    seen = page().press("download.start")
    finish(seen)
    assert "download.start" not in seen.drawn
    assert [pane["caption"] for pane in seen.viewer["panes"]] != ["Image"]
    assert "Score of each class" in "\n".join(seen.steps)
    assert len(publisher.asked) == 1
    seen.open_tab("Model card")
    assert describe(NAME).digits in captions(seen)
    seen.open_tab("Script")
    assert seen.page.download_button(key="download.weights").label == "Download the weights"
    assert seen.link["weights"] == NAME


def test_three_sessions_watch_one_download(page, publisher):
    publisher.pause = 0.1
    sessions = [page() for _ in range(3)]
    for seen in sessions:
        if "download.start" in seen.drawn:
            seen.press("download.start")
        else:
            seen.run()
    assert len(publisher.asked) == 1
    publisher.pause = 0
    for seen in sessions:
        finish(seen)
        assert "After shows" in {box.label for box in seen.page.selectbox}
    assert len(publisher.asked) == 1


def test_cancel_and_go_on(page, publisher):
    publisher.pause = 1.0
    seen = page().press("download.start")
    assert "download.cancel" in seen.drawn
    running = job()
    seen.press("download.cancel")
    assert running.wait(20)
    seen.run()
    assert "download.start" in seen.drawn
    assert seen.sentences == []
    publisher.pause = 0
    finish(seen.press("download.start"))
    assert len(publisher.asked) == 2
    assert "download.start" not in seen.drawn


def test_things_are_found_after_the_button(visit, loaded, publisher):
    seen = visit("pages/instance.py", technique="mask_rcnn", weights=THINGS, score="0.05",
                 sample="street", **{"street.size": "128"})  # fmt: skip
    assert publisher.asked == []
    assert seen.page.button(key="download.start").label == describe(THINGS).button
    finish(seen.press("download.start"), THINGS)
    assert seen.sentences == []
    assert "What RoIAlign reads of one" in "\n".join(seen.steps)
    for tab in ("Things", "Scores", "Model card", "Script"):
        seen.open_tab(tab)
        assert seen.sentences == []
    assert THINGS in cache.published
    assert seen.link["weights"] == THINGS


def test_the_tasks_are_ours_until_another_network_is_chosen(visit, loaded, publisher):
    seen = visit(TASKS_PAGE, sample="coffee", side="512")
    assert len([s for s in seen.sentences if s.startswith("No network of ours knows")]) == 2
    assert not any("download" in key for key in seen.drawn)
    for kind, name in ANSWERS.items():
        seen.change(f"tasks.{kind}.other", name)
        assert seen.link[kind] == name
    starts = [f"download.start.{kind}" for kind in ANSWERS]
    assert [seen.page.button(key=key).label for key in starts] == [
        describe(name).button for name in ANSWERS.values()
    ]
    assert publisher.asked == []
    for kind, name in ANSWERS.items():
        finish(seen.press(f"download.start.{kind}"), name)
        assert f"download.start.{kind}" not in seen.drawn
    assert seen.sentences == []
    said = captions(seen)
    assert "1000 probabilities" in said
    assert "and 988 more names" in said
    assert "names no terms" in said
    assert said.count("M parameters") == 2
    assert "one box each" in said or "**None**" in said
    names = {describe(name).file for name in ANSWERS.values()}
    assert {
        key.removeprefix("download.remove.") for key in seen.drawn if ".remove." in key
    } == names
    again = visit(TASKS_PAGE, **seen.link)
    assert again.sentences == []
    assert again.link == seen.link


def test_a_task_knows_only_the_networks_that_it_has(visit, loaded, publisher):
    seen = visit(TASKS_PAGE, sample="coffee", shows="other", detection="resnet50")
    assert any("detection must be one of ssdlite320" in s for s in seen.sentences)


def test_a_damaged_file_of_a_task_is_offered_again(visit, loaded, publisher):
    name = ANSWERS["detection"]
    target = describe(name).target
    target.parent.mkdir(parents=True)
    target.write_bytes(b"damaged")
    seen = visit(TASKS_PAGE, sample="coffee", side="512", shows="other", detection=name)
    assert any("is not the file that was published" in sentence for sentence in seen.sentences)
    finish(seen.press("download.start.detection"), name)
    assert not any("published (" in sentence for sentence in seen.sentences)


def test_what_goes_wrong_is_one_sentence_and_our_own_weights_work(page, publisher):
    publisher.code = 404
    seen = page().press("download.start")
    finish(seen)
    assert seen.sentences == ["127.0.0.1 answered 404 (Not Found); nothing was fetched."]
    assert "download.start" in seen.drawn
    seen.go(SEMANTIC, technique="unet", sample="coffee")
    assert seen.sentences == []
    assert len(seen.viewer["panes"]) == 2


def test_what_is_on_the_disk_can_be_removed(page, publisher):
    seen = finish(page().press("download.start"))
    name = describe(NAME).file
    assert name in captions(seen).replace("\\", "")
    seen.press(f"download.remove.{name}")
    assert not describe(NAME).is_here
    assert "download.start" in seen.drawn


def test_a_damaged_file_is_refused_and_offered_again(page, publisher):
    weights = describe(NAME)
    weights.target.parent.mkdir(parents=True)
    weights.target.write_bytes(b"damaged")
    seen = page()
    assert len(seen.sentences) == 1
    assert "is not the file that was published" in seen.sentences[0]
    finish(seen.press("download.start"))
    assert seen.sentences == []


def test_the_networks_used_least_are_let_go(monkeypatch):
    kept = cache.Cache(100, most=2)
    for name in ("a", "b", "a", "c"):
        kept.get(name, lambda: b"network")
    assert ["a" in kept, "b" in kept, "c" in kept] == [True, False, True]


def test_of_the_published_networks_only_some_stay_whatever_they_are_for(
    visit, loaded, publisher, made, monkeypatch
):
    monkeypatch.setenv("TORCH_HOME", str(made))
    monkeypatch.setattr(models, "tuned", lambda network: network)
    models.get_published(open_rcnn, THINGS)
    models.get_published(open_ssd, ANSWERS["detection"])
    first = models.get_published(open_classifier, ANSWERS["classification"])
    assert models.get_published(open_classifier, ANSWERS["classification"]) is first
    assert [name in cache.published for name in (THINGS, *ANSWERS.values())] == [False, True, True]


def test_no_page_opens_a_connection(visit, loaded, monkeypatch, tmp_path):
    """Every page, and every choice of weights: nothing is looked up and nobody is called."""
    called = []

    def deny(*given, **_):
        called.append(given)
        raise OSError("The network is refused.")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", deny)
    monkeypatch.setattr(socket, "getaddrinfo", deny)
    seen = visit("app.py")
    for path in ("pages/classical.py", "pages/clustering.py", "pages/training.py"):
        seen.go(path)
    for key in ("fcn", "deeplab", "mask_rcnn"):
        setting = next(s for s in TECHNIQUES[key].settings if s.name == "weights")
        page = f"pages/{TECHNIQUES[key].category}.py"
        for option in setting.downloads:
            seen.go(page, technique=key, weights=option, sample="coffee")
            assert "download.start" in seen.drawn
    for kind, task in NETWORKS.items():
        setting = next(s for s in task.settings if s.name == "weights")
        for option in setting.downloads:
            seen.go(TASKS_PAGE, sample="coffee", side="512", shows="other", **{kind: option})
            assert f"download.start.{kind}" in seen.drawn
    assert called == []
    assert not any(tmp_path.iterdir())
