"""Against pycocotools, and against a plain reading of COCO's rules.

Where pycocotools 2.0 answers otherwise than we do (each line has a test below):

| case | pycocotools | here |
|---|---|---|
| no object in any reference | -1 | NaN: there is nothing to find |
| no detected object at all | fails to load an empty list of results | 0 |
"""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from segcore.errors import MetricError
from segcore.metrics import (
    AveragePrecision,
    ReferenceInstance,
    ScoredInstance,
    average_precision,
    encode_mask,
    reference_instances,
    scored_instances,
)
from segcore.result import Segment, Segmentation

SIZE = (40, 56)
CLASSES = ["bicyclist", "car", "pedestrian"]


def random_images(seed: int, kind: str, n_images: int = 6, most: int = 12):
    """Objects of all sizes from one pixel up, their detections moved, doubled, misnamed, missed."""
    rng = np.random.default_rng(seed)
    predictions, references = [], []
    for _ in range(n_images):
        true = [random_box(rng) for _ in range(rng.integers(0, most + 1))]
        names = rng.choice(CLASSES[: rng.integers(1, 4)], len(true))
        crowds = rng.random(len(true)) < 0.2
        references.append(
            [
                ReferenceInstance(region(box, kind, rng), str(name), bool(crowd))
                for box, name, crowd in zip(true, names, crowds, strict=True)
            ]
        )
        found = []
        for box, name in zip(true, names, strict=True):
            for _ in range(rng.integers(0, 4)):
                moved = clip(np.array(box) + rng.integers(-2, 3, 4) * (rng.random() < 0.7))
                right = name if rng.random() < 0.9 else rng.choice(CLASSES)
                found.append((moved, right))
        found += [(random_box(rng), rng.choice(CLASSES)) for _ in range(rng.integers(0, 4))]
        predictions.append(
            [
                # One digit, so that many scores are equal.
                ScoredInstance(region(box, kind, rng), str(name), round(float(rng.random()), 1))
                for box, name in found
            ]
        )
    return predictions, references


def random_box(rng) -> tuple[int, int, int, int]:
    size = np.minimum(rng.integers(1, rng.choice([2, 8, 40]) + 1, 2), SIZE)
    top, left = (int(rng.integers(0, n - s + 1)) for n, s in zip(SIZE, size, strict=True))
    return left, top, left + int(size[1]), top + int(size[0])


def clip(box) -> tuple[int, int, int, int]:
    left, top = np.clip(box[:2], 0, [SIZE[1] - 1, SIZE[0] - 1])
    right, bottom = np.maximum(np.clip(box[2:], 1, SIZE[::-1]), [left + 1, top + 1])
    return int(left), int(top), int(right), int(bottom)


def region(box, kind, rng):
    if kind == "box":
        return tuple(float(edge) + (edge > 0) * 0.25 * int(rng.integers(0, 2)) for edge in box)
    mask = np.zeros(SIZE, bool)
    left, top, right, bottom = box
    inside = rng.random((bottom - top, right - left)) < 0.9
    inside[0, 0] = True
    mask[top:bottom, left:right] = inside
    return encode_mask(mask) if kind == "runs" else mask


def coco_ap(predictions, references, most):
    """(ap, ap50, ap75) of pycocotools: means, and by class."""

    def annotation(number, image, one):
        if isinstance(one.region, tuple):
            left, top, right, bottom = one.region
            shape = {"bbox": [left, top, right - left, bottom - top]}
            area = (right - left) * (bottom - top)
        else:
            pixels = one.region
            if not isinstance(pixels, np.ndarray):
                inside = np.arange(len(pixels.counts)) % 2
                pixels = np.repeat(inside, pixels.counts).reshape(SIZE, order="F")
            shape = {"segmentation": coco_mask.encode(np.asfortranarray(pixels, np.uint8))}
            area = int(pixels.sum())
        return {
            "id": number,
            "image_id": image,
            "category_id": CLASSES.index(one.name) + 1,
            "area": area,
            **shape,
        }

    truth, detected = [], []
    for image, (found, wanted) in enumerate(zip(predictions, references, strict=True)):
        for one in wanted:
            truth.append(annotation(len(truth) + 1, image, one) | {"iscrowd": int(one.is_crowd)})
        detected += [annotation(0, image, one) | {"score": one.score} for one in found]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [
                {"id": k, "height": SIZE[0], "width": SIZE[1]} for k in range(len(references))
            ],
            "annotations": truth,
            "categories": [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)],
        }
        coco.createIndex()
        kind = "bbox" if "bbox" in [*truth, *detected][0] else "segm"
        evaluation = COCOeval(coco, coco.loadRes(detected), kind)
        evaluation.params.maxDets = [1, 10, most]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, 2]

    def mean(values):
        return values[values > -1].mean() if (values > -1).any() else -1

    thresholds = (slice(None), 0, 5)
    by_class = {
        name: [mean(precision[t][..., k]) for t in thresholds] for k, name in enumerate(CLASSES)
    }
    return [mean(precision[t]) for t in thresholds], by_class


def assert_equals_coco(predictions, references, most=100) -> None:
    ours = average_precision(predictions, references, most=most)
    theirs, by_class = coco_ap(predictions, references, most)
    np.testing.assert_allclose([ours.ap, ours.ap50, ours.ap75], theirs, atol=1e-9)
    for one in ours.classes:
        expected = np.array(by_class[one.name], float)
        expected[expected == -1] = np.nan
        np.testing.assert_allclose([one.ap, one.ap50, one.ap75], expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["mask", "runs", "box"])
@pytest.mark.parametrize("seed", range(25))
def test_equals_pycocotools(seed, kind):
    predictions, references = random_images(seed, kind)
    assert_equals_coco(predictions, references)


@pytest.mark.parametrize("most", [100, 500])
@pytest.mark.parametrize("kind", ["runs", "box"])
def test_equals_pycocotools_beyond_100_objects_of_a_class(kind, most):
    assert_equals_coco(*random_images(7, kind, n_images=2, most=300), most)


@pytest.mark.parametrize("seed", range(8))
def test_equals_pycocotools_where_every_object_is_a_crowd_or_one_pixel(seed):
    rng = np.random.default_rng(seed)

    def pixel():
        mask = np.zeros((40, 56), bool)
        mask[rng.integers(0, 3), rng.integers(0, 3)] = True
        return mask

    wide = np.zeros(SIZE, bool)
    wide[:2] = True
    references = [
        [ReferenceInstance(wide, "car", True), ReferenceInstance(wide.copy(), "car", True)]
        + [ReferenceInstance(pixel(), "car") for _ in range(3)]
        for _ in range(4)
    ]
    predictions = [
        [ScoredInstance(pixel(), "car", float(rng.random())) for _ in range(6)] for _ in range(4)
    ]
    assert_equals_coco(predictions, references)


def slow_ap(predictions, references, threshold) -> float:
    """One class, no crowds, straight from the definition."""
    found = []
    total = sum(len(wanted) for wanted in references)
    for k, (of_image, wanted) in enumerate(zip(predictions, references, strict=True)):
        used = set()
        for one in sorted(of_image, key=lambda one: -one.score):
            best, partner = threshold, None
            for j, other in enumerate(wanted):
                iou = (one.region & other.region).sum() / (one.region | other.region).sum()
                if j not in used and iou >= best:
                    best, partner = iou, j
            used.add(partner)
            found.append((one.score, k, partner is not None))
    found.sort(key=lambda entry: -entry[0])
    hits = np.cumsum([hit for *_, hit in found])
    precision, recall = hits / np.arange(1, len(found) + 1), hits / total
    return np.mean(
        [max(precision[recall >= level], default=0.0) for level in np.linspace(0, 1, 101)]
    )


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_definition(seed):
    predictions, references = random_images(seed, "mask")
    predictions = [[ScoredInstance(p.region, "car", p.score) for p in one] for one in predictions]
    references = [[ReferenceInstance(r.region, "car") for r in one] for one in references]
    scores = average_precision(predictions, references)
    every = [slow_ap(predictions, references, t) for t in np.linspace(0.5, 0.95, 10)]
    np.testing.assert_allclose(
        [scores.ap, scores.ap50, scores.ap75], [np.mean(every), every[0], every[5]], atol=1e-12
    )


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_crowds_by_hand(kind):
    def area(left, top, right, bottom):
        if kind == "box":
            return left, top, right, bottom
        mask = np.zeros((10, 10), bool)
        mask[top:bottom, left:right] = True
        return mask

    crowd = ReferenceInstance(area(0, 0, 10, 5), "car", is_crowd=True)
    car = ReferenceInstance(area(0, 6, 4, 9), "car")
    in_crowd = [ScoredInstance(area(x, 0, x + 2, 2), "car", 0.9) for x in (0, 3, 6)]
    hit = ScoredInstance(area(0, 6, 4, 9), "car", 0.1)
    miss = ScoredInstance(area(6, 6, 9, 9), "car", 0.95)
    # Objects found in a crowd neither help nor harm, however sure they are.
    assert average_precision([[*in_crowd, hit]], [[crowd, car]]).ap == 1
    # They would be wrong without it: the fourth object found is the first right one.
    assert average_precision([[*in_crowd, hit]], [[car]]).ap == pytest.approx(1 / 4)
    assert average_precision([[*in_crowd, miss, hit]], [[crowd, car]]).ap == pytest.approx(1 / 2)
    # A crowd alone need not be found: there is no class to average.
    assert np.isnan(average_precision([in_crowd], [[crowd]]).ap)


def test_of_equal_overlaps_the_last_is_taken():
    wanted = [ReferenceInstance((x, 0.0, x + 4.0, 1.0), "car") for x in (0.0, 2.0)]
    # The first found lies as well on one as on the other; the second fits one of them alone.
    for left, ap50 in ((0.0, 1), (2.0, 51 / 101)):
        found = [
            ScoredInstance((1.0, 0.0, 5.0, 1.0), "car", 0.9),
            ScoredInstance((left, 0.0, left + 4.0, 1.0), "car", 0.8),
        ]
        assert average_precision([found], [wanted]).ap50 == pytest.approx(ap50)
        assert_equals_coco([found], [wanted])


EMPTY = np.zeros(SIZE, bool)
PIXEL = EMPTY.copy()
PIXEL[3, 4] = True


def test_empty_prediction_and_empty_reference():
    found, wanted = [ScoredInstance(PIXEL, "car", 0.5)], [ReferenceInstance(PIXEL, "car")]
    assert average_precision([[]], [wanted]).ap == 0
    assert average_precision([found], [wanted]).ap == 1
    for predictions in ([], [found], [[]]):
        scores = average_precision(predictions, [[]] * len(predictions))
        assert np.isnan([scores.ap, scores.ap50, scores.ap75]).all()
    with pytest.raises(IndexError):
        coco_ap([[]], [wanted], 100)
    assert coco_ap([found], [[]], 100)[0] == [-1, -1, -1]


def test_a_class_that_is_never_detected_counts_and_one_that_never_is_does_not():
    found = [ScoredInstance(PIXEL, "car", 0.5), ScoredInstance(PIXEL, "bicyclist", 0.5)]
    wanted = [ReferenceInstance(PIXEL, "car"), ReferenceInstance(PIXEL, "pedestrian")]
    scores = average_precision([found], [wanted])
    assert scores.ap == 1 / 2
    assert [one.name for one in scores.classes] == ["bicyclist", "car", "pedestrian"]
    np.testing.assert_array_equal([one.ap for one in scores.classes], [np.nan, 1, 0])
    assert [one.n_references for one in scores.classes] == [0, 1, 1]
    assert [one.n_predictions for one in scores.classes] == [1, 1, 0]
    assert_equals_coco([found], [wanted])


def test_boxes_and_masks_without_area():
    point = (3.0, 3.0, 3.0, 3.0)
    found, wanted = [ScoredInstance(point, "car", 0.5)], [ReferenceInstance(point, "car")]
    assert average_precision([found], [wanted]).ap == 0
    assert_equals_coco([found], [wanted])
    found, wanted = [ScoredInstance(EMPTY, "car", 0.5)], [ReferenceInstance(EMPTY, "car")]
    assert average_precision([found], [wanted]).ap == 0
    assert_equals_coco([found], [wanted])


def test_images_added_one_by_one_are_scored_together():
    predictions, references = random_images(3, "mask")
    pooled = AveragePrecision()
    for found, wanted in zip(predictions, references, strict=True):
        pooled.update(found, wanted)
    assert pooled.result() == average_precision(predictions, references)


def test_things_of_a_segmentation():
    labels = np.array([[1, 1, 0, 2], [3, 3, 0, 2], [3, 3, 5, 5]], np.int32)
    segments = (
        Segment(5, "car", True, 0.7),
        Segment(1, "road"),
        Segment(2, "car", True),
        Segment(3, "pedestrian", True, 0.2),
        Segment(9, "car", True),  # hidden: no pixel of it is left
    )
    segmentation = Segmentation(labels, segments)
    found = scored_instances(segmentation)
    assert [(one.name, one.score) for one in found] == [
        ("car", 0.7),
        ("car", 1.0),
        ("pedestrian", 0.2),
    ]
    wanted = reference_instances(segmentation, crowd={2})
    assert [(one.name, one.is_crowd) for one in wanted] == [
        ("car", False),
        ("car", True),
        ("pedestrian", False),
    ]
    for instances in (found, wanted):
        assert [one.region.area for one in instances] == [2, 2, 4]
    assert average_precision([found], [wanted]).ap == 1


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        (PIXEL, (0, 0, 1, 1), "all or boxes all"),
        (PIXEL, PIXEL[1:], "of one size"),
        (PIXEL.astype(int), PIXEL, "bool H×W"),
        ((0, 0, 1), (0, 0, 1, 1), "left, top"),
        ((2, 0, 1, 1), (0, 0, 1, 1), "left, top"),
        ((0, 0, 1, float("nan")), (0, 0, 1, 1), "left, top"),
    ],
)
def test_regions_that_cannot_be_compared_are_refused(found, wanted, words):
    with pytest.raises(MetricError, match=words):
        average_precision(
            [[ScoredInstance(found, "car", 0.5)]], [[ReferenceInstance(wanted, "car")]]
        )


def test_scores_are_finite_and_images_as_many():
    with pytest.raises(MetricError, match="finite"):
        average_precision([[ScoredInstance(PIXEL, "car", float("nan"))]], [[]])
    with pytest.raises(MetricError, match="1 and 2"):
        average_precision([[]], [[], []])
