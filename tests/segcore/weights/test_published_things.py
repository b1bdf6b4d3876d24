"""Published detectors and classifiers give what torchvision's own documented pipeline gives."""

import hashlib
import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import VisionTransformer, get_model

from segcore import TASKS, TECHNIQUES, WeightsError, classify, detect, run
from segcore.networks.network import Network, Way
from segcore.networks.published import published, title_of
from segcore.networks.published_classifier import open_classifier
from segcore.networks.published_rcnn import open_rcnn, open_ssd, prepare, without_background
from segcore.networks.tuning import tuned
from segcore.samples import get_sample
from segcore.technique import ignore
from segcore.weights.download import Source, fetch
from segcore.weights.pretrained import describe, load_published, read_numbers
from tests.segcore.weights.stand_ins import make_decided, undoable

SIZES = [(160, 120), (61, 140), (300, 40)]
LEAST = 0.05  # torchvision's own threshold, and the least of ours


def downloads(method):
    return [option for setting in method.settings for option in setting.downloads]


MASKS = downloads(TECHNIQUES["mask_rcnn"])
BOXES = downloads(TASKS["faster_rcnn"])
NAMES = downloads(TASKS["pooled_cnn"])


def photograph(width, height):
    return np.ascontiguousarray(cv2.resize(get_sample("astronaut").load(), (width, height)))


def as_documented(name, image, module=None):
    """What torchvision's documentation does: preset, module, and its answer for one image."""
    weights = published(name)
    if module is None:
        module = get_model(name, weights=None)
        module.load_state_dict(read_numbers(weights))
    x = weights.transforms()(torch.tensor(image).permute(2, 0, 1))
    with torch.inference_mode():
        if name in NAMES:
            return module.eval()(x[None]).softmax(1)[0].numpy()
        return {part: value.numpy() for part, value in module.eval()([x])[0].items()}


def labels_of(theirs, size):
    """Their masks from 0 to 1 as one label map: half is inside, and the better score wins."""
    labels = np.zeros(size, np.int32)
    for number in reversed(range(len(theirs["scores"]))):
        labels[theirs["masks"][number, 0] >= 0.5] = number + 1
    return labels


def called(name, labels):
    """What a legend calls the classes of these numbers."""
    return [title_of(published(name).meta["categories"][label]) for label in labels]


def check_instances(name, image, theirs, **collaborators):
    done = run("mask_rcnn", image, show=ignore, weights=name, score=LEAST, nms=0.5, **collaborators)
    found = done.segmentation
    assert len(theirs["scores"]) > 5
    assert np.array_equal(found.labels, labels_of(theirs, image.shape[:2]))
    seen = np.array([segment.label - 1 for segment in found.segments])
    assert [segment.name for segment in found.segments] == called(name, theirs["labels"][seen])
    scores, boxes = zip(*((s.score, s.box) for s in found.segments), strict=True)
    np.testing.assert_allclose(scores, theirs["scores"][seen], atol=1e-5)
    np.testing.assert_allclose(boxes, theirs["boxes"][seen], atol=1e-3)


def check_boxes(name, image, theirs, **collaborators):
    overlap = 0.55 if name.startswith("ssd") else 0.5
    settings = {"weights": name, "score": LEAST, "overlap": overlap}
    found = detect("faster_rcnn", image, **settings, **collaborators)
    sure = np.flatnonzero(theirs["scores"] > LEAST)[:100]
    assert len(sure) > 5
    np.testing.assert_allclose(found.scores, theirs["scores"][sure], atol=1e-5)
    np.testing.assert_allclose(found.boxes, theirs["boxes"][sure], atol=1e-3)
    assert list(found.names) == called(name, theirs["labels"][sure])


def check_classes(name, image, theirs, **collaborators):
    found = classify("pooled_cnn", image, weights=name, **collaborators)
    assert list(found.names) == published(name).meta["categories"]
    np.testing.assert_allclose(found.scores, theirs, atol=1e-7)


CHECKS = {
    **dict.fromkeys(MASKS, check_instances),
    **dict.fromkeys(BOXES, check_boxes),
    **dict.fromkeys(NAMES, check_classes),
}


# Small networks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
def test_small_networks_give_torchvisions_answer_at_every_size(small_ones, name):
    for size in SIZES:
        image = photograph(*size)
        CHECKS[name](name, image, as_documented(name, image))


@pytest.mark.parametrize("name", ["maskrcnn_resnet50_fpn", "ssdlite320_mobilenet_v3_large"])
def test_the_size_of_what_is_seen_is_a_setting(small_ones, name):
    wrap = open_ssd if name.startswith("ssd") else open_rcnn
    network = load_published(wrap, name)
    sides = []
    for zoom in (0.5, 1.0, 2.0):
        seen, images = prepare(network, photograph(160, 120), zoom)
        sides.append(min(seen.shape[:2]))
        assert images.image_sizes == [seen.shape[:2]]
    assert sides == [32, 64, 128]
    assert network.module.transform.min_size == (64,)


def test_a_picture_of_what_is_seen_is_the_image(small_ones):
    """Without a change of size nothing is lost on the way to the tensor and back."""
    network = load_published(open_rcnn, "maskrcnn_resnet50_fpn")
    image = photograph(85, 64)
    assert np.array_equal(prepare(network, image, 1.0)[0], image)


def test_a_line_of_pixels_is_an_image_too(small_ones):
    for name in (MASKS[0], *BOXES, *NAMES):
        for shape in ((1, 3000, 3), (3000, 1, 3), (1, 1, 3)):
            image = np.full(shape, 90, np.uint8)
            if name in MASKS:
                assert run("mask_rcnn", image, weights=name).segmentation.labels.shape == shape[:2]
            else:
                key = "faster_rcnn" if name in BOXES else "pooled_cnn"
                (detect if name in BOXES else classify)(key, image, weights=name)


def test_a_class_that_only_the_streets_have_hides_nothing(small_ones):
    image = photograph(160, 120)
    settings = {"weights": MASKS[0], "score": LEAST}
    every = run("mask_rcnn", image, show=ignore, **settings).segmentation
    again = run("mask_rcnn", image, show=ignore, **settings, classes="Car").segmentation
    assert np.array_equal(every.labels, again.labels)


# Networks of full width ---------------------------------------------------------------------------

FEW = {"min_size": 96, "max_size": 160, "rpn_pre_nms_top_n_test": 60, "rpn_post_nms_top_n_test": 30}
WIDE = [
    ("maskrcnn_resnet50_fpn_v2", open_rcnn, FEW),
    ("fasterrcnn_mobilenet_v3_large_320_fpn", open_rcnn, FEW),
    ("ssdlite320_mobilenet_v3_large", open_ssd, {}),
    ("mobilenet_v3_small", open_classifier, {}),
    ("resnet50", open_classifier, {}),
    ("vit_b_16", open_classifier, {"num_layers": 2}),
]


@pytest.mark.parametrize(("name", "wrap", "options"), WIDE, ids=[name for name, *_ in WIDE])
def test_real_networks_give_torchvisions_answer(name, wrap, options):
    """Every architecture as it is, with numbers by lot; detectors see small images and judge few
    boxes, and of the twelve equal blocks of the transformer two are enough."""
    real = real_network(name, **options)
    image = photograph(200, 150)
    names = tuple(map(title_of, published(name).meta["categories"]))
    network = Network(wrap(real).eval(), names, 0)
    CHECKS[name](name, image, as_documented(name, image, real), load_pretrained=lambda *_: network)


def real_network(name, **options):
    torch.manual_seed(11)
    if name == "vit_b_16":
        return make_decided(VisionTransformer(224, 16, options["num_layers"], 12, 768, 3072)).eval()
    backbone = {} if name in NAMES else {"weights_backbone": None}
    real = make_decided(get_model(name, weights=None, **backbone, **options))
    if name not in NAMES:
        vary(real)
    return real.eval()


def vary(detector):
    """Normalisation by what these numbers make of noise, or all places would look the same."""
    for part in detector.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1.0
    side = 320 if hasattr(detector, "head") else 96
    with torch.no_grad():
        maps = detector.train().backbone(torch.randn(2, 3, side, side))
        if hasattr(detector, "head"):
            detector.head(list(maps.values()))


# Speed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wrap"),
    [(MASKS[0], open_rcnn), (BOXES[0], open_ssd), *((name, open_classifier) for name in NAMES)],
)
def test_the_fastest_way_is_found_for_every_kind(small_ones, name, wrap):
    network = load_published(wrap, name)
    fast = tuned(network)
    assert (fast.names, fast.side) == (network.names, network.side)
    assert isinstance(fast.way, Way)
    assert fast.module is not network.module


@pytest.mark.parametrize("way", [Way(channels_last=True), Way(channels_last=True, bfloat16=True)])
@pytest.mark.parametrize("name", [MASKS[0], BOXES[0], BOXES[1], *NAMES])
def test_every_way_gives_nearly_the_same_answer(small_ones, name, way):
    image = photograph(160, 120)

    def load(wrap, published_name):
        return replace(load_published(wrap, published_name), way=way)

    if name in NAMES:
        plain = classify("pooled_cnn", image, weights=name)
        found = classify("pooled_cnn", image, weights=name, load_pretrained=load)
        np.testing.assert_allclose(found.scores, plain.scores, atol=0.05)
        return
    key, ask = ("mask_rcnn", run) if name in MASKS else ("faster_rcnn", detect)
    plain, found = (
        ask(key, image, show=ignore, weights=name, score=LEAST, load_pretrained=how)
        for how in (load_published, load)
    )
    if name in MASKS:
        labels = [one.segmentation.labels > 0 for one in (plain, found)]
        assert (labels[0] == labels[1]).mean() > 0.9
    else:
        assert len(found.names) == pytest.approx(len(plain.names), rel=0.2)
        assert found.scores[0] == pytest.approx(plain.scores[0], abs=0.1)


# The whole way ------------------------------------------------------------------------------------


def test_from_the_download_to_the_boxes(publisher, tmp_path, monkeypatch):
    """A real SSDlite, published on this machine, by the very code that the button runs."""
    name = BOXES[0]
    module = real_network(name)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    data = file.getvalue()
    place = f"{name}-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    publisher.files[place] = data
    change = undoable(monkeypatch)
    change(published(name).value, "url", publisher.address(place))
    change(published(name).value.meta, "_file_size", len(data) / 2**20)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    image = photograph(200, 150)
    with pytest.raises(WeightsError, match=r"press “Download 1\d\.\d MB from 127\.0\.0\.1”\."):
        detect("faster_rcnn", image, weights=name)
    weights = describe(name)
    fetch(Source(weights.url, weights.target, weights.digits, weights.n_bytes))
    check_boxes(name, image, as_documented(name, image, module))
    assert "Background" not in without_background(load_published(open_ssd, name)).names
