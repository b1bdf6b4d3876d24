"""Weights of the Hub: asked for, fetched whole, checked, and run as their library does."""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from segcore import TECHNIQUES, SettingError, WeightsError, run, snippet
from segcore.networks.processed import enlarged_winners, prepare
from segcore.networks.tuning import WAYS, tuned
from segcore.samples import get_sample
from segcore.technique import ignore
from segcore.techniques.instance.segment_anything import SLIM, open_sam
from segcore.techniques.panoptic.mask2former import N_THINGS, TINY, fuse_stuff, open_mask2former
from segcore.techniques.semantic.segformer import ADE20K, open_segformer
from segcore.weights import download
from segcore.weights.download import fetch, git_id_of
from segcore.weights.hub import (
    ANSWER,
    FILES,
    NUMBERS,
    describe_hub,
    find_snapshot,
    folder_of,
    forget_answer,
    is_hub,
    list_repositories,
    load_hub,
    remove_repository,
    repository_folder,
    zip_repository,
)
from segcore.weights.jobs import Downloads
from tests.segcore.weights.hub_stand_ins import (
    COMMIT,
    NOWHERE,
    SIDE,
    install_hub,
    make_hub,
    publish,
    question,
    say,
)

ROOT = Path(__file__).parents[3]
OPEN = {ADE20K: open_segformer, SLIM: open_sam, TINY: open_mask2former}
KEY = {ADE20K: "segformer", SLIM: "segment_anything", TINY: "mask2former"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of the Hub's with a tiny network of each kind."""
    folder = tmp_path_factory.mktemp("made")
    make_hub(folder, OPEN)
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """The files of all three are on this machine, in a copy that a test may spoil."""
    cache = tmp_path / "hub"
    shutil.copytree(made, cache)
    install_hub(cache, monkeypatch.setattr)
    return cache


@pytest.fixture
def hub(publisher, made, tmp_path, monkeypatch):
    """A Hub on this machine that publishes all three; none of them is here."""
    from huggingface_hub import constants

    for name in OPEN:
        publish(publisher, made, name)
    install_hub(tmp_path / "home" / "hub", monkeypatch.setattr)
    monkeypatch.setattr(constants, "ENDPOINT", publisher.url)
    return publisher


def ask(name=ADE20K):
    fetch(describe_hub(name).source)
    return describe_hub(name)


def get(name=ADE20K):
    """Asks and downloads, as two presses of the button do."""
    fetch(ask(name).source)
    return describe_hub(name)


def photograph(width=90, height=60):
    return np.ascontiguousarray(cv2.resize(get_sample("astronaut").load(), (width, height)))


def refused(action):
    with pytest.raises(WeightsError) as error:
        action()
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def snapshot(cache, name=ADE20K):
    return cache / folder_of(name) / "snapshots" / COMMIT


def spoil(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


# Asking and fetching ------------------------------------------------------------------------------


def test_nothing_is_known_and_nobody_is_asked_before_the_button(hub):
    weights = describe_hub(ADE20K)
    assert (weights.answer, weights.problem, weights.is_here, weights.titles) == (None,) * 2 + (
        False,
        (),
    )
    assert weights.button == "Ask 127.0.0.1 how many MB it is"
    text = refused(lambda: run("segformer", photograph()))
    assert text.endswith("when you press “Ask 127.0.0.1 how many MB it is”.")
    assert hub.asked == []


def test_the_hubs_answer_says_size_terms_and_revision(hub, made):
    weights = ask()
    sizes = [(snapshot(made) / file).stat().st_size for file in FILES]
    assert [file.n_bytes for file in weights.answer.files] == sizes
    assert (weights.answer.commit, weights.answer.terms) == (COMMIT, "apache-2.0")
    digest = hashlib.sha256((snapshot(made) / NUMBERS).read_bytes()).hexdigest()
    assert weights.answer.files[-1].sha256 == digest
    assert weights.button == f"Download {sum(sizes) / 2**20:.1f} MB from 127.0.0.1"
    assert [name for name, _ in hub.asked] == [question(ADE20K)]
    assert weights.button in refused(lambda: run("segformer", photograph()))


def test_the_files_of_the_revision_are_fetched_checked_and_recorded(hub, made):
    weights = get()
    assert weights.folder == repository_folder(ADE20K) / "snapshots" / COMMIT
    for file in FILES:
        data = (weights.folder / file).read_bytes()
        assert data == (snapshot(made) / file).read_bytes()
        record = (weights.folder / f"{file}.sha256").read_text()
        assert record == f"{hashlib.sha256(data).hexdigest()}  {file}\n"
    assert len(list(weights.folder.iterdir())) == 2 * len(FILES)
    asked = [name for name, _ in hub.asked]
    assert asked[1:] == [
        *(f"{ADE20K}/resolve/{COMMIT}/{file}" for file in FILES),
        f"elsewhere/{folder_of(ADE20K)}",
    ]
    assert weights.titles[:2] == ("Kind 0", "Kind 1")
    get()
    assert len(hub.asked) == 5


def test_three_who_want_it_get_one_download(hub):
    source, downloads = ask().source, Downloads()
    jobs = {downloads.start(source, who) for who in "abc"}
    assert len(jobs) == 1
    job = jobs.pop()
    assert job.wait(20)
    assert job.error is None
    assert (job.progress.done, job.progress.fraction) == (source.n_bytes, 1.0)
    assert len(hub.asked) == 5


@pytest.mark.parametrize("code", [401, 404, 503])
def test_an_error_of_the_hub(hub, code):
    hub.code = code
    assert refused(ask).startswith(f"127.0.0.1 answered {code} (")
    assert describe_hub(ADE20K).answer is None


def test_offline_and_refused(hub, monkeypatch):
    from huggingface_hub import constants

    source = ask().source
    monkeypatch.setattr(constants, "ENDPOINT", NOWHERE)
    text = "127.0.0.1 refuses the connection."
    assert refused(lambda: fetch(describe_hub(ADE20K).source)) == text
    assert refused(lambda: ask(SLIM)) == text

    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert refused(lambda: fetch(source)).endswith("this machine seems to be offline.")


def test_silence(hub, monkeypatch):
    monkeypatch.setattr(download, "SILENCE", 0.2)
    source = ask().source
    hub.pause = 1.5
    assert "was silent" in refused(lambda: fetch(source))


def test_cut_off_in_the_middle_goes_on_from_there(hub, made):
    source = ask().source
    for before in source.before:
        fetch(before)
    hub.share = 0.5
    assert "broke off after" in refused(lambda: fetch(source))
    assert not describe_hub(ADE20K).is_here
    begun = source.part.stat().st_size
    assert begun == (snapshot(made) / NUMBERS).stat().st_size // 2
    hub.share = 1.0
    fetch(source)
    assert hub.asked[-1][1] == f"bytes={begun}-"
    assert describe_hub(ADE20K).is_here


@pytest.mark.parametrize(("file", "word"), [(NUMBERS, "sha256"), (FILES[0], "git id")])
def test_what_is_not_the_published_file_is_thrown_away(hub, file, word):
    source = ask().source
    address = f"{ADE20K}/resolve/{COMMIT}/{file}"
    address = hub.moved.get(address, address)
    hub.files[address] = hub.files[address][:-1] + b"?"
    assert f"(its {word} differs); it was thrown away" in refused(lambda: fetch(source))
    assert not describe_hub(ADE20K).is_here
    assert not list(source.target.parent.glob(f"{file}*"))


def test_no_room(hub, monkeypatch):
    source = ask().source
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    assert refused(lambda: fetch(source)).startswith("The disk is full: config.json needs")
    monkeypatch.undo()
    assert not source.part.exists()


def test_a_full_disk_halfway_leaves_nothing(hub, monkeypatch):
    source = ask().source

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert refused(lambda: fetch(source)).startswith("The disk is full")
    assert not list(source.target.parent.glob("*.part"))


def test_one_budget_for_both_publishers(hub, tmp_path, monkeypatch):
    other = tmp_path / "torch"
    other.mkdir()
    (other / "a.pth").write_bytes(bytes(3 << 20))
    (other / "a.pth.sha256").write_text("0" * 64)
    monkeypatch.setenv("SEGCORE_DISK_MB", "3")
    source = ask().source
    text = refused(lambda: fetch(replace(source, counted=(other,), before=())))
    assert text.endswith(
        "downloads already take 3 MB of the 3 MB that they may: remove some first."
    )
    fetch(source)


def test_a_folder_that_may_not_be_written_to(hub, monkeypatch):
    def deny(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", deny)
    assert refused(ask).endswith("HF_HOME in the environment names another.")


# Answers of no use --------------------------------------------------------------------------------


def answered(hub, content):
    hub.files[question(ADE20K)] = content
    weights = ask()
    assert weights.answer is None
    return weights.problem


def test_a_repository_without_safetensors_is_refused(hub, made):
    said = json.loads(say(snapshot(made)))
    said["siblings"][-1]["rfilename"] = "pytorch_model.bin"
    problem = answered(hub, json.dumps(said).encode())
    assert problem == (
        f"{ADE20K} has no model.safetensors on the Hub, and the dashboard reads nothing else."
    )
    assert refused(lambda: run("segformer", photograph())) == problem
    publish(hub, made, ADE20K)
    forget_answer(ADE20K)
    assert ask().answer.commit == COMMIT


def test_answers_that_cannot_be_trusted(hub, made):
    right = json.loads(say(snapshot(made)))
    files = right["siblings"]
    wrong = [
        [],
        {**right, "sha": "../../../../etc"},
        {**right, "sha": None},
        {**right, "siblings": [{**f, "lfs": None, "blobId": "x"} for f in files]},
        {**right, "siblings": [{**f, "size": "many"} for f in files]},
    ]
    for content in [b"<html>", *(json.dumps(one).encode() for one in wrong)]:
        assert answered(hub, content).endswith("cannot be understood; ask it again.")
        forget_answer(ADE20K)
        assert describe_hub(ADE20K).problem is None


def test_terms_that_are_not_named(hub, made):
    hub.files[question(ADE20K)] = say(snapshot(made), terms=None)
    assert ask().answer.terms is None


# Reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_a_changed_byte_is_refused(here, file):
    spoil(snapshot(here) / file)
    text = refused(lambda: run("segformer", photograph()))
    assert text.startswith(f"{file} of {ADE20K} is not the file that was published (its sha256")


def test_a_changed_file_is_fetched_anew(hub):
    weights = get()
    spoil(weights.folder / NUMBERS)
    spoil(weights.folder / FILES[0])
    fetch(weights.source)
    load_hub(open_segformer, ADE20K)


def record(path):
    path.with_name(f"{path.name}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest())


def test_what_is_no_safetensors_is_never_unpickled(here, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    path = snapshot(here) / NUMBERS
    torch.save({"weight": Trap()}, path)
    record(path)
    text = refused(lambda: load_hub(open_segformer, ADE20K))
    assert text == f"The files of {ADE20K} hold something else; they are not read."
    path.unlink()
    torch.save({"weight": Trap()}, path.with_name("pytorch_model.bin"))
    assert not describe_hub(ADE20K).is_here
    assert not (tmp_path / "sprung").exists()


def test_the_numbers_of_another_network_are_refused(here):
    path = snapshot(here) / NUMBERS
    shutil.copy(snapshot(here, SLIM) / NUMBERS, path)
    record(path)
    text = refused(lambda: load_hub(open_segformer, ADE20K))
    assert text == "model.safetensors holds the numbers of another network."


def test_files_in_a_form_that_the_library_does_not_know_are_refused(here):
    path = snapshot(here) / FILES[0]
    config = json.loads(path.read_text())
    config["hidden_act"] = "one_of_next_year"
    path.write_text(json.dumps(config))
    record(path)
    text = refused(lambda: load_hub(open_segformer, ADE20K))
    assert text.endswith("are in a form that the transformers installed here cannot open.")


def links(here):
    """The files as the Hub's own library leaves them: links to blobs named by their digest."""
    folder = snapshot(here)
    blobs = folder.parents[1] / "blobs"
    blobs.mkdir()
    for file in FILES:
        data = (folder / file).read_bytes()
        name = hashlib.sha256(data).hexdigest() if file == NUMBERS else git_id_of(data)
        (folder / file).rename(blobs / name)
        (folder / file).symlink_to(blobs / name)
        (folder / f"{file}.sha256").unlink()
    (folder.parents[1] / ANSWER).unlink()
    (folder.parents[1] / f"{ANSWER}.sha256").unlink()
    return folder


def test_files_of_another_program_are_used_if_their_digests_are_right(here):
    folder = links(here)
    assert find_snapshot(ADE20K) == folder
    assert ADE20K not in [repository.name for repository in list_repositories()]
    load_hub(open_segformer, ADE20K)
    spoil((folder / FILES[0]).resolve())
    assert "its git id differs" in refused(lambda: load_hub(open_segformer, ADE20K))


def test_files_without_a_digest_are_not_trusted(here):
    (snapshot(here) / f"{NUMBERS}.sha256").unlink()
    assert find_snapshot(ADE20K) is None


def test_what_was_downloaded_is_listed_and_removed(hub):
    get(SLIM)
    ask(ADE20K)
    kept = {repository.name: repository for repository in list_repositories()}
    assert list(kept) == [SLIM, ADE20K]
    assert kept[SLIM].n_bytes > describe_hub(SLIM).answer.n_bytes
    assert not kept[SLIM].is_part
    for repository in kept.values():
        remove_repository(repository)
    assert list(list_repositories()) == []
    assert not repository_folder(SLIM).exists()


def test_the_archive_holds_what_a_script_reads(here):
    archive = zipfile.ZipFile(io.BytesIO(zip_repository(ADE20K)))
    names = {f"{folder_of(ADE20K)}/{file}" for file in FILES}
    assert set(archive.namelist()) == names | {f"{name}.sha256" for name in names}
    assert archive.testzip() is None


# Running ------------------------------------------------------------------------------------------


def libraries_own(here, name):
    """The model as its library loads it from the folder."""
    import transformers

    config = json.loads((snapshot(here, name) / FILES[0]).read_text())
    model = getattr(transformers, config["architectures"][0])
    return model.from_pretrained(snapshot(here, name), local_files_only=True).eval()


@pytest.mark.parametrize("size", [(90, 60), (33, 120)])
def test_segformer_gives_its_librarys_labels(here, size):
    image = photograph(*size)
    network, model = load_hub(open_segformer, ADE20K), libraries_own(here, ADE20K)
    x = prepare(network, image)["pixel_values"]
    with torch.inference_mode():
        answer = model(x)
        assert torch.equal(network.module(x), answer.logits)
    expected = network.processor.post_process_semantic_segmentation(
        answer, target_sizes=[image.shape[:2]]
    )[0]
    labels = run("segformer", image, show=ignore).segmentation.labels
    assert np.array_equal(labels - 1, expected.numpy())
    assert len(np.unique(labels)) > 1


def test_winners_at_every_size_are_those_of_all_scores_enlarged():
    scores = torch.randn(1, 9, 5, 7, generator=torch.Generator().manual_seed(0))
    large = torch.nn.functional.interpolate(scores, size=(41, 30), mode="bilinear")
    assert np.array_equal(enlarged_winners(scores, (30, 41)), large[0].argmax(0).numpy())


def test_mask2former_gives_its_librarys_segments(here):
    image = photograph()
    network, model = load_hub(open_mask2former, TINY), libraries_own(here, TINY)
    given = prepare(network, image)
    with torch.inference_mode():
        answer = network.processor.post_process_panoptic_segmentation(
            model(**given),
            threshold=0.3,
            overlap_mask_area_threshold=0.2,
            label_ids_to_fuse=set(),
            target_sizes=[image.shape[:2]],
        )[0]
    done = run("mask2former", image, score=0.3, overlap=0.2).segmentation
    assert answer["segments_info"]
    expected = fuse_stuff(
        answer["segmentation"].numpy().astype(np.int32), answer["segments_info"], network.names
    )
    assert np.array_equal(done.labels, expected.labels)
    assert done.segments == expected.segments


def test_stuff_of_a_class_is_one_segment_and_things_stay_apart():
    numbers = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    classes = {1: N_THINGS, 2: 0, 3: 0, 4: N_THINGS, 5: N_THINGS + 1}
    found = [{"id": n, "label_id": c, "score": 0.9} for n, c in classes.items()]
    names = tuple(f"class {n}" for n in range(N_THINGS + 2))
    fused = fuse_stuff(numbers, found, names)
    assert fused.labels.tolist() == [[0, 1, 2], [3, 1, 5]]
    assert [(s.label, s.name, s.is_thing) for s in fused.segments] == [
        (1, f"class {N_THINGS}", False),
        (2, "class 0", True),
        (3, "class 0", True),
        (5, f"class {N_THINGS + 1}", False),
    ]


@pytest.mark.parametrize("outside", [(), ((45, 50),), ((45, 50), (5, 5))])
def test_sam_gives_its_librarys_masks(here, outside):
    from transformers import SamProcessor

    image, places = photograph(), ((20, 30), (70, 10))
    network, model = load_hub(open_sam, SLIM), libraries_own(here, SLIM)
    processor = SamProcessor(network.processor)
    given = processor(
        images=image,
        input_points=[[[list(p) for p in (*places, *outside)]]],
        input_labels=[[[1] * len(places) + [0] * len(outside)]],
        return_tensors="pt",
    )
    with torch.inference_mode():
        embedding = model.get_image_embeddings(given["pixel_values"])
        assert torch.equal(network.module(given["pixel_values"]), embedding)
        answer = model(
            pixel_values=given["pixel_values"],
            input_points=given["input_points"].float(),
            input_labels=given["input_labels"],
        )
    sizes = given["original_sizes"], given["reshaped_input_sizes"]
    masks = processor.post_process_masks(answer.pred_masks, *sizes)[0].reshape(3, 60, 90).numpy()
    clicks = {"seeds": places, "not_seeds": outside}
    done = run("segment_anything", image, **clicks).segmentation
    best = int(answer.iou_scores.reshape(-1).argmax())
    assert np.array_equal(done.labels > 0, masks[best])
    areas = []
    for extent in ("smallest", "middle", "largest"):
        done = run("segment_anything", image, **clicks, extent=extent, show=ignore)
        areas.append(int((done.segmentation.labels > 0).sum()))
    assert areas == sorted(int(mask.sum()) for mask in masks)


def test_each_click_can_ask_for_a_thing_of_its_own(here):
    seeds = ((20, 30), (70, 10), (45, 55))
    together = run("segment_anything", photograph(), seeds=seeds).segmentation
    each = run("segment_anything", photograph(), seeds=seeds, clicks="each").segmentation
    assert {s.name for s in together.segments} == {"Object 1"}
    assert {s.name for s in each.segments} <= {"Object 1", "Object 2", "Object 3"}
    alone = [run("segment_anything", photograph(), seeds=(s,)).segmentation for s in seeds]
    union = np.logical_or.reduce([one.labels > 0 for one in alone])
    assert np.array_equal(each.labels > 0, union)


def test_a_click_on_what_is_not_the_thing_holds_for_each_thing(here):
    seeds, outside = ((20, 30), (70, 10)), ((45, 55),)
    each = run("segment_anything", photograph(), seeds=seeds, not_seeds=outside, clicks="each")
    alone = [
        run("segment_anything", photograph(), seeds=(s,), not_seeds=outside).segmentation.labels > 0
        for s in seeds
    ]
    assert np.array_equal(each.segmentation.labels > 0, np.logical_or(*alone))
    without = run("segment_anything", photograph(), seeds=seeds, clicks="each")
    assert not np.array_equal(each.segmentation.labels, without.segmentation.labels)


def test_a_click_on_what_is_not_the_thing_alone_is_against_the_middle(here):
    image = photograph()
    height, width = image.shape[:2]
    alone = run("segment_anything", image, not_seeds=((5, 5),)).segmentation.labels
    both = {"seeds": ((width // 2, height // 2),), "not_seeds": ((5, 5),)}
    assert np.array_equal(alone, run("segment_anything", image, **both).segmentation.labels)
    with pytest.raises(SettingError, match="not_seeds must be points inside the image"):
        run("segment_anything", image, not_seeds=((width, 0),))


def test_clicks_on_one_image_share_its_embedding(here):
    kept = {}

    def remember(key, make):
        return kept.setdefault(key, make()) if key not in kept else kept[key]

    for seeds in (((20, 30),), ((70, 10),)):
        again = run("segment_anything", photograph(), seeds=seeds, remember=remember)
        plain = run("segment_anything", photograph(), seeds=seeds)
        assert np.array_equal(again.segmentation.labels, plain.segmentation.labels)
        assert [s.title for s in again.steps] == [s.title for s in plain.steps]
    assert len(kept) == 1


@pytest.mark.parametrize("name", OPEN)
def test_every_way_of_computing_answers_and_shows_its_steps(here, name):
    network = load_hub(OPEN[name], name)
    assert tuned(network).processor is network.processor
    plain = run(KEY[name], photograph(), load_repository=lambda *_: network)
    for way in WAYS:
        other = replace(network, way=way)
        done = run(KEY[name], photograph(), load_repository=lambda *_, other=other: other)
        assert [step.title for step in done.steps] == [step.title for step in plain.steps]


def test_no_fact_of_the_hub_is_typed_by_hand():
    """Neither digests nor revisions nor the host: the Hub says them, or its library."""
    for path in [p for folder in ("segcore", "pages") for p in ROOT.glob(f"{folder}/**/*.py")]:
        text = path.read_text("utf-8")
        assert not re.search(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b|huggingface\.co", text), path


@pytest.mark.parametrize("name", OPEN)
def test_nothing_calls_the_network(here, monkeypatch, name):
    called = []

    def deny(*given, **_):
        called.append(given)
        raise OSError("The network is refused.")

    monkeypatch.setattr(socket.socket, "connect", deny)
    monkeypatch.setattr(socket, "getaddrinfo", deny)
    run(KEY[name], photograph())
    assert called == []


def test_zoom_is_against_what_the_publisher_chose(here):
    network = load_hub(open_segformer, ADE20K)
    for zoom, side in ((1.0, SIDE), (0.5, SIDE // 2), (2.0, 2 * SIDE)):
        assert prepare(network, photograph(), zoom)["pixel_values"].shape[2:] == (side, side)


def test_every_download_of_the_hub_belongs_to_a_network_that_others_build():
    for technique in TECHNIQUES.values():
        offered = [o for s in technique.settings for o in s.downloads if is_hub(o)]
        assert not offered or technique.network.build is None


# Without transformers -----------------------------------------------------------------------------


def test_without_transformers_one_sentence_says_how_to_add_it(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for key in KEY.values():
        text = refused(lambda key=key: run(key, photograph()))
        assert text.startswith("This network needs the Python package transformers")
        assert "“pip install 'transformers>=5,<6'”" in text
    weights = describe_hub(ADE20K)
    assert (weights.is_here, weights.problem) == (False, text)
    assert list(list_repositories()) == []


def test_where_files_lie_and_what_is_loaded(tmp_path):
    """HF_HOME moves them; torch and transformers are loaded only when a network is asked for."""
    code = (
        "import json, sys, segcore, segcore.weights.hub as hub\n"
        "segcore.snippet('segformer')\n"
        "place = str(hub.repository_folder('a/b'))\n"
        "print(json.dumps([place, sorted({'torch', 'transformers'} & set(sys.modules))]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "HF_HOME": str(tmp_path)},
    )
    assert json.loads(ran.stdout) == [str(tmp_path / "hub" / "models--a--b"), []], ran.stderr


def test_a_script_brings_only_what_its_weights_need():
    script = snippet("segformer")
    assert "def load_hub(" in script
    assert "Needs: " in script
    assert "transformers" in script.partition("Needs: ")[2].splitlines()[0]
    names = ("load_published", "def build(", "zip_repository", "list_kept", "def fetch")
    assert [name for name in names if name in script] == []
