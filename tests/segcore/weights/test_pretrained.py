"""Published weights: described by their publisher, checked at each load, run as he documents it."""

import ast
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import get_model, get_model_weights, list_models
from torchvision.models.detection import maskrcnn_resnet50_fpn
from torchvision.ops.misc import FrozenBatchNorm2d

from segcore import TASKS, TECHNIQUES, WeightsError, run, snippet
from segcore.catalog import get_method
from segcore.images import read_image
from segcore.networks.network import Way
from segcore.networks.published import LONGEST, published, see_as_published
from segcore.networks.published_deeplab import open_deeplab
from segcore.samples import get_sample
from segcore.technique import ignore
from segcore.techniques.semantic.fcn import open_fcn
from segcore.weights.download import Source, fetch
from segcore.weights.hub import is_hub
from segcore.weights.pretrained import (
    build_published,
    describe,
    find_file,
    load_published,
    read_numbers,
    read_published,
)
from tests.segcore.weights.stand_ins import SMALL, classes

ROOT = pathlib.Path(__file__).parents[3]
OFFERED = [
    (method.key, option)
    for method in (*TECHNIQUES.values(), *TASKS.values())
    for setting in method.settings
    for option in setting.downloads
    if not is_hub(option)
]
SEMANTIC = [(key, option) for key, option in OFFERED if get_method(key).category == "semantic"]


def download(name):
    weights = describe(name)
    fetch(Source(weights.url, weights.target, weights.digits, weights.n_bytes))
    return weights


def photograph(width=320, height=240):
    return np.ascontiguousarray(cv2.resize(get_sample("astronaut").load(), (width, height)))


# What is said -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "name"), OFFERED)
def test_everything_that_is_said_is_the_publishers_word(key, name):
    said, weights = describe(name), get_model_weights(name).DEFAULT
    assert said.url == weights.url
    assert said.file == weights.url.rpartition("/")[2]
    assert said.file.endswith(f"-{said.digits}.pth")
    assert said.host in weights.url
    assert said.n_bytes == pytest.approx(weights.meta["_file_size"] * 2**20, abs=1)
    assert list(said.classes) == weights.meta["categories"]
    left_out = {"__background__", "N/A"}
    named = [name for name in said.classes if name not in left_out]
    assert [title.lower() for title in said.titles] == [name.lower() for name in named]
    assert said.n_parameters == weights.meta["num_params"]
    for data, measure, value in said.scores:
        assert weights.meta["_metrics"][data][measure] == value
    assert said.scores
    assert said.about
    assert said.recipe == weights.meta["recipe"]
    assert said.terms == weights.meta.get("license")
    assert said.host in said.button
    assert said.size in said.button


def test_the_light_one_is_suggested_first():
    for method in {key for key, _ in OFFERED}:
        sizes = {option: describe(option).n_bytes for key, option in OFFERED if key == method}
        assert min(sizes, key=sizes.get) == next(iter(sizes))
    assert "12.5 MB" in describe("lraspp_mobilenet_v3_large").button


def test_what_torchvision_does_not_offer_is_refused_by_name(monkeypatch):
    with pytest.raises(WeightsError, match="no weights called fcn_resnet7"):
        describe("fcn_resnet7")
    weights = published("fcn_resnet50")
    monkeypatch.setattr(weights.value, "url", weights.url.replace("-", "_"))
    with pytest.raises(WeightsError, match="no digest in its name"):
        describe("fcn_resnet50")


# Nothing by hand ----------------------------------------------------------------------------------


def sources():
    return [path for folder in ("segcore", "pages") for path in ROOT.glob(f"{folder}/**/*.py")]


def test_no_address_digest_or_list_of_classes_is_typed_by_hand():
    every = [w for name in list_models() for w in get_model_weights(name)]
    hosts = {describe(name).host for _, name in OFFERED} | {w.url.split("/")[2] for w in every}
    digits = {w.url.rpartition("-")[2].partition(".")[0] for w in every}
    lists = {frozenset(c.lower() for c in w.meta.get("categories") or ()) for w in every}
    for path in sources():
        text = path.read_text("utf-8")
        assert not [host for host in hosts if host in text], path
        assert not digits & set(re.findall(r"\b[0-9a-f]{8}\b", text)), path
        for names in literal_lists(text):
            assert not any(len(names & known) >= 5 for known in lists), (path, names)


def literal_lists(text):
    """The strings of every list, tuple, set and dictionary of a source, in small letters."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
            parts = node.keys + node.values if isinstance(node, ast.Dict) else node.elts
            words = [p.value for p in parts if isinstance(p, ast.Constant)]
            yield {word.lower() for word in words if isinstance(word, str)}


def test_that_test_finds_what_is_typed_by_hand():
    voc = get_model_weights("fcn_resnet50").DEFAULT.meta["categories"]
    found = list(literal_lists(f"NAMES = {voc[3:9]!r}"))
    assert len(found[0] & set(voc)) == 6


# Reading ------------------------------------------------------------------------------------------


def test_the_way_from_the_button_to_the_labels(lraspp, publisher, lraspp_file):
    image = photograph()
    with pytest.raises(WeightsError, match=r"press “Download 12\.\d MB from 127\.0\.0\.1”\."):
        run("deeplab", image, weights=lraspp)
    assert publisher.asked == []
    weights = download(lraspp)
    assert (weights.target, weights.is_here) == (find_file(weights.file), True)
    assert read_published(published(lraspp)) == lraspp_file
    done = run("deeplab", image, weights=lraspp)
    assert np.array_equal(done.segmentation.labels, as_documented(lraspp, image, 520))
    titles = [step.title for step in done.steps]
    assert titles[0] == "What the network sees"
    assert {"Backbone, stage 1", "The gate", "Score of each class", "Uncertainty"} <= set(titles)
    assert titles[-1] == "The network"


def as_documented(name, image, side):
    """Labels as torchvision's documentation makes them, enlarged as every network's here are."""
    weights = published(name)
    network = get_model(name, weights=None, weights_backbone=None, **options(name))
    network.load_state_dict(read_numbers(weights))
    batch = weights.transforms()(torch.tensor(image).permute(2, 0, 1))[None]
    assert min(batch.shape[2:]) == side
    with torch.inference_mode():
        scores = network.eval()(batch)["out"].softmax(1)[0].numpy()
    size = image.shape[1::-1]
    large = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in scores]
    return np.argmax(large, axis=0)


def options(name):
    aux = {} if name.startswith("lraspp") else {"aux_loss": True}
    return {"num_classes": classes(name), **aux}


def test_a_changed_byte_is_refused(lraspp):
    path = download(lraspp).target
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"sha256 differs\); download it again\.$"):
        load_published(open_deeplab, lraspp)
    download(lraspp)
    load_published(open_deeplab, lraspp)


def test_the_recorded_digest_counts_and_not_only_its_first_digits(lraspp):
    weights = download(lraspp)
    record = weights.target.with_name(f"{weights.file}.sha256")
    record.write_text(weights.digits + "0" * 56)
    with pytest.raises(WeightsError, match="sha256 differs"):
        load_published(open_deeplab, lraspp)


def test_a_file_of_another_program_is_used_if_its_digest_is_right(lraspp, lraspp_file, publisher):
    target = describe(lraspp).target
    target.parent.mkdir(parents=True)
    target.write_bytes(lraspp_file)
    assert load_published(open_deeplab, lraspp).names[0] == "Background"
    assert publisher.asked == []


def offer(publisher, monkeypatch, name, content):
    """Publishes other content under a right digest, and puts it where torch keeps its own."""
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(published(name).value, "url", publisher.address(f"x-{digest[:8]}.pth"))
    target = describe(name).target
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def test_code_in_a_file_is_never_run(lraspp, publisher, monkeypatch, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    offer(publisher, monkeypatch, lraspp, saved({"weight": Trap()}))
    with pytest.raises(WeightsError, match="holds more than numbers"):
        load_published(open_deeplab, lraspp)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_rubbish_with_a_right_digest_is_refused(lraspp, publisher, monkeypatch, content):
    offer(publisher, monkeypatch, lraspp, content)
    with pytest.raises(WeightsError):
        load_published(open_deeplab, lraspp)


def test_the_weights_of_another_network_are_refused(lraspp, publisher, monkeypatch):
    offer(publisher, monkeypatch, lraspp, saved({"backbone.weight": torch.zeros(3)}))
    with pytest.raises(WeightsError, match="holds the weights of another network"):
        load_published(open_deeplab, lraspp)
    assert "get_state_dict" not in vars(published(lraspp))


def test_a_builder_that_looks_at_its_weights_gets_them():
    """Mask R-CNN has frozen normalisation, without an epsilon, with these weights and only then."""
    torch.manual_seed(0)
    plain = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    numbers = {k: v for k, v in plain.state_dict().items() if not k.endswith("batches_tracked")}
    built = build_published("maskrcnn_resnet50_fpn", numbers)
    frozen = [part for part in built.modules() if isinstance(part, FrozenBatchNorm2d)]
    assert len(frozen) == 53
    assert {part.eps for part in frozen} == {0.0}


# Running ------------------------------------------------------------------------------------------

OPEN = {"fcn": open_fcn, "deeplab": open_deeplab}


@pytest.mark.parametrize(("key", "name"), [s for s in SEMANTIC if not s[1].endswith("101")])
def test_real_networks_give_torchvisions_scores(key, name):
    """Every architecture at full width, with numbers by lot, on a small image.

    ResNet101 is ResNet50 with more blocks in one stage, and takes twice as long to build.
    """
    torch.manual_seed(1)
    real = get_model(name, weights=None, weights_backbone=None, **options(name)).eval()
    x = torch.randn(1, 3, 65, 97)
    with torch.inference_mode():
        coarse = OPEN[key](real).eval()(x)
        large = torch.nn.functional.interpolate(coarse, size=x.shape[2:], mode="bilinear")
        assert torch.equal(large, real(x)["out"])


@pytest.mark.parametrize("size", [(61, 40), (40, 61), (460, 120), (64, 64)])
def test_small_networks_give_torchvisions_labels_at_every_size(small_ones, size):
    image = photograph(*size)
    for key, name in SEMANTIC:
        labels = run(key, image, show=ignore, weights=name).segmentation.labels
        assert np.array_equal(labels, as_documented(name, image, 64)), name


@pytest.mark.parametrize(("key", "name"), SEMANTIC)
def test_the_network_sees_what_torchvision_documents(key, name):
    preset = published(name).transforms()
    assert isinstance(preset.resize_size[0], int)
    image = photograph(701, 555)
    seen = see_as_published(image, name, 1.0)
    whole = preset(torch.tensor(image).permute(2, 0, 1))
    again = published(name).transforms(resize_size=None)(torch.tensor(seen).permute(2, 0, 1))
    assert torch.equal(whole, again)
    assert min(see_as_published(image, name, 0.5).shape[:2]) == preset.resize_size[0] // 2


def test_a_very_long_image_is_seen_smaller():
    side = published("fcn_resnet50").transforms().resize_size[0]
    for shape in ((1, 40, 3), (700, 3, 3)):
        seen = see_as_published(np.zeros(shape, np.uint8), "fcn_resnet50", 1.0)
        assert max(seen.shape[:2]) <= LONGEST * side + max(shape)


def test_classes_keep_torchvisions_order(small_ones):
    network = load_published(open_fcn, "fcn_resnet50")
    known = published("fcn_resnet50").meta["categories"]
    assert network.names[0] == "Background"
    assert [name.lower() for name in network.names[1:]] == known[1:]
    result = run("fcn", photograph(), weights="fcn_resnet50").segmentation
    for segment in result.segments:
        assert segment.name.lower() == known[segment.label]


@pytest.mark.parametrize("way", [Way(channels_last=True), Way(channels_last=True, bfloat16=True)])
def test_every_way_gives_nearly_the_same_labels(small_ones, way):
    plain = run("fcn", photograph(), show=ignore, weights="fcn_resnet50").segmentation.labels

    def load(wrap, name):
        return replace(load_published(wrap, name), way=way)

    done = run("fcn", photograph(), weights="fcn_resnet50", load_pretrained=load)
    assert (done.segmentation.labels == plain).mean() > 0.97


# The script ---------------------------------------------------------------------------------------

AS_PUBLISHED = """
import pathlib, runpy, sys
from torchvision.models import get_model_weights
get_model_weights({name!r}).DEFAULT.value.url = {url!r}
del sys.argv[0]
path, right = pathlib.Path({file!r}), pathlib.Path({file!r}).read_bytes()
path.write_bytes(right[:-1] + b"?")
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except RuntimeError as error:
    print("refused:", error)
path.write_bytes(right)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_script_reads_the_file_beside_it_and_checks_it(lraspp, lraspp_file, tmp_path):
    photo = cv2.imencode(".png", photograph(96, 64)[..., ::-1])[1].tobytes()
    (tmp_path / "image.png").write_bytes(photo)
    settings = {"weights": lraspp, "zoom": 0.5}
    (tmp_path / "script.py").write_text(snippet("deeplab", **settings), "utf-8")
    weights = describe(lraspp)
    (tmp_path / weights.file).write_bytes(lraspp_file)
    start = AS_PUBLISHED.format(name=lraspp, url=weights.url, file=weights.file)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", start, "script.py", "image.png", "labels.png"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"refused: {weights.file} is not the file that was published")
    download(lraspp)
    expected = run("deeplab", read_image(photo, 1024), show=ignore, **settings)
    labels = cv2.imread(str(tmp_path / "labels.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(labels, expected.segmentation.labels)


# Loading ------------------------------------------------------------------------------------------


def test_torchvision_is_loaded_only_when_published_weights_are_asked_for():
    code = (
        "import json, sys, segcore, segcore.weights.pretrained, segcore.weights.jobs\n"
        "segcore.snippet('fcn')\n"
        "print(json.dumps(sorted({'torch', 'torchvision'} & set(sys.modules))))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert json.loads(ran.stdout) == [], ran.stderr


def test_every_download_has_a_stand_in():
    assert {name.partition("_")[0] for _, name in OFFERED} <= set(SMALL)
