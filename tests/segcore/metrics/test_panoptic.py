"""Against torchmetrics, and against brute force written from the paper.

Where torchmetrics 1.9 answers otherwise than we do (each line has a test below):

| case | torchmetrics | here, as in the paper and in COCO's evaluation |
|---|---|---|
| unlabelled pixels in the prediction | in no union: IoU grows | wrong pixels of the union |
| segment of the reference, mostly unlabelled in the prediction | not counted | missed |
| no segment in either | NaN | NaN, and no class |
"""

import numpy as np
import pytest

from segcore.errors import MetricError
from segcore.metrics import PanopticQuality, match_segments, panoptic_quality
from segcore.result import Segment, Segmentation

THINGS, STUFF = ("car", "pedestrian"), ("road", "sky", "tree")
IDS = {name: number for number, name in enumerate((*THINGS, *STUFF), 1)}


def random_pair(seed: int, *, unlabelled: bool, void: bool) -> tuple[Segmentation, Segmentation]:
    """Blocks of random classes and instances, and a prediction that is right in most of them."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(4, 60, 2)
    coarse = rng.integers(1, 14, (height // 5 + 1, width // 6 + 1))
    true = coarse[np.arange(height)[:, None] // 5, np.arange(width) // 6]
    predicted = np.roll(true, rng.integers(-1, 2, 2), (0, 1))
    predicted[: rng.integers(0, height)] = rng.integers(1, 14)
    noise = rng.random(true.shape) < 0.1
    predicted = np.where(noise, rng.integers(1, 14, true.shape), predicted)
    names = rng.choice(list(IDS), 14)
    if void:
        true = np.where(rng.random(true.shape) < rng.choice([0.2, 0.6]), 0, true)
        true[true == 4] = 0
    if unlabelled:
        predicted[:, : width // 4] = 0
    misnamed = np.where(rng.random(14) < 0.1, rng.choice(list(IDS), 14), names)
    return panoptic(predicted, misnamed), panoptic(true, names)


def panoptic(labels: np.ndarray, names) -> Segmentation:
    """Stuff of one name comes in several segments too, as a careless technique may give it."""
    found = [int(label) for label in np.unique(labels) if label]
    segments = tuple(Segment(k, str(names[k]), str(names[k]) in THINGS) for k in found)
    return Segmentation(labels.astype(np.int32), segments)


def row(*labels: int) -> np.ndarray:
    return np.array([labels], np.int32)


def slow_quality(pairs, crowds=None) -> dict[str, tuple[float, int, int, int]]:
    """IoU sum, TP, FP, FN of each class, with one mask for each segment, from the paper."""
    counts = {}
    for number, (prediction, reference) in enumerate(pairs):
        crowd = crowds[number] if crowds else ()
        void = reference.labels == 0
        predicted, true = masks_of(prediction, ()), masks_of(reference, crowd)
        free = set(range(len(predicted)))
        for name, mask, is_crowd in true:
            if is_crowd:
                continue
            hits = {}
            for k, (other, predicted_mask, _) in enumerate(predicted):
                union = ((predicted_mask & ~void) | mask).sum()
                if other == name and (predicted_mask & mask).sum() / union > 0.5:
                    hits[k] = (predicted_mask & mask).sum() / union
            assert len(hits) <= 1  # the paper's theorem
            add(counts, name, sum(hits.values()), len(hits), 0, 1 - len(hits))
            free -= set(hits)
        for k in free:
            name, mask, _ = predicted[k]
            excuse = void.copy()
            for other, crowd_mask, is_crowd in true:
                if is_crowd and other == name:
                    excuse |= crowd_mask
            if (mask & excuse).sum() / mask.sum() <= 0.5:
                add(counts, name, 0, 0, 1, 0)
    return counts


def masks_of(segmentation, crowd):
    masks = {}
    for one in segmentation.segments:
        joined = not one.is_thing and one.label not in crowd
        key = (one.name, None if joined else one.label)
        mask = segmentation.labels == one.label
        masks[key] = masks.get(key, False) | mask
    return [(name, mask, label in crowd) for (name, label), mask in masks.items() if mask.any()]


def add(counts, name, *values) -> None:
    counts[name] = tuple(np.add(counts.get(name, (0, 0, 0, 0)), values))


def assert_equals_slow(scores, counts) -> None:
    assert [one.name for one in scores.classes] == sorted(counts)
    for one in scores.classes:
        iou_sum, *numbers = counts[one.name]
        assert [one.tp, one.fp, one.fn] == numbers
        assert one.iou_sum == pytest.approx(iou_sum, abs=1e-9)
        tp, fp, fn = numbers
        assert one.pq == pytest.approx(iou_sum / (tp + fp / 2 + fn / 2), abs=1e-9)
        assert one.is_thing == (one.name in THINGS)
    for quality, names in ((scores.overall, IDS), (scores.things, THINGS), (scores.stuff, STUFF)):
        chosen = [one for one in scores.classes if one.name in names]
        assert quality.n_classes == len(chosen)
        for kind in ("pq", "sq", "rq"):
            expected = np.mean([getattr(one, kind) for one in chosen]) if chosen else np.nan
            assert getattr(quality, kind) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("unlabelled", [False, True])
@pytest.mark.parametrize("void", [False, True])
def test_equals_brute_force_from_the_paper(unlabelled, void):
    pooled, pairs = PanopticQuality(), []
    for seed in range(40):
        pairs.append(random_pair(seed, unlabelled=unlabelled, void=void))
        scores = panoptic_quality(*pairs[-1])
        assert_equals_slow(scores, slow_quality(pairs[-1:]))
        assert pooled.update(*pairs[-1]) == scores.matches[0]
    counts = slow_quality(pairs)
    assert all(min(counts[name][1:]) > 0 for name in IDS)  # hits, misses, inventions of each
    assert_equals_slow(pooled.result(), counts)
    assert len(pooled.result().matches) == 40


@pytest.mark.parametrize("seed", range(30))
def test_crowds_equal_brute_force(seed):
    prediction, reference = random_pair(seed, unlabelled=False, void=True)
    labels = [one.label for one in reference.segments]
    crowd = np.random.default_rng(seed).permutation(labels)[: len(labels) // 3].tolist()
    scores = panoptic_quality(prediction, reference, crowd)
    assert_equals_slow(scores, slow_quality([(prediction, reference)], [crowd]))


def torch_quality(pairs) -> tuple[np.ndarray, np.ndarray]:
    """torchmetrics' (PQ, SQ, RQ): their means, and of each class in the order of IDS."""
    import torch
    from torchmetrics.detection import PanopticQuality as TorchPanopticQuality

    things, stuffs = ({IDS[name] for name in names} for names in (THINGS, STUFF))
    results = []
    for per_class in (False, True):
        metric = TorchPanopticQuality(
            things, stuffs, True, return_sq_and_rq=True, return_per_class=per_class
        )
        for pair in pairs:
            metric.update(*(torch.from_numpy(with_ids(one)[None]) for one in pair))
        results.append(metric.compute().numpy())
    return results[0], results[1]


def with_ids(segmentation: Segmentation) -> np.ndarray:
    """H×W×2 of class and instance; class 0 is unknown to torchmetrics, and so its void."""
    classes = np.zeros(segmentation.labels.max() + 1, np.int64)
    for one in segmentation.segments:
        classes[one.label] = IDS[one.name]
    return np.stack([classes[segmentation.labels], segmentation.labels], axis=-1)


@pytest.mark.parametrize("void", [False, True])
def test_equals_torchmetrics(void):
    pooled, pairs = PanopticQuality(), []
    for seed in range(100, 130):
        pairs.append(random_pair(seed, unlabelled=False, void=void))
        pooled.update(*pairs[-1])
    result = pooled.result()
    means, classes = torch_quality(pairs)
    overall = result.overall
    np.testing.assert_allclose([overall.pq, overall.sq, overall.rq], means, atol=1e-6)
    ours = {one.name: (one.pq, one.sq, one.rq) for one in result.classes}
    np.testing.assert_allclose([ours[name] for name in IDS], classes, atol=1e-6)
    for pair in pairs[:10]:
        alone = panoptic_quality(*pair).overall
        np.testing.assert_allclose(
            [alone.pq, alone.sq, alone.rq], torch_quality([pair])[0], atol=1e-6
        )


def car(labels: np.ndarray) -> Segmentation:
    return panoptic(labels, ["", *["car"] * 20])


def test_unlabelled_pixels_of_the_prediction_are_wrong_but_not_in_torchmetrics():
    prediction, reference = car(row(1, 1, 1, 0)), car(row(1, 1, 1, 1))
    assert panoptic_quality(prediction, reference).overall.pq == 3 / 4
    assert torch_quality([(prediction, reference)])[0][0] == 1


def test_what_the_prediction_leaves_open_is_missed_but_not_in_torchmetrics():
    prediction, reference = car(row(1, 0, 0, 0)), car(row(1, 2, 2, 2))
    overall = panoptic_quality(prediction, reference).overall
    assert (overall.sq, overall.rq) == (1, 2 / 3)
    assert torch_quality([(prediction, reference)])[0].tolist() == [1, 1, 1]


def test_nothing_in_either():
    nothing = car(row(0, 0, 0, 0))
    scores = panoptic_quality(nothing, nothing)
    assert np.isnan([scores.overall.pq, scores.overall.sq, scores.overall.rq]).all()
    assert (scores.overall.n_classes, scores.classes) == (0, ())
    assert np.isnan(torch_quality([(nothing, nothing)])[0]).all()


@pytest.mark.parametrize(
    ("prediction", "reference", "outcome"),  # matched, missed, invented, excused
    [
        (row(1, 1, 0, 0), row(0, 0, 0, 0), (0, 0, 0, 1)),  # all on void
        (row(0, 0, 0, 0), row(1, 1, 2, 0), (0, 2, 0, 0)),
        (row(1, 1, 1, 1), row(0, 0, 2, 3), (0, 2, 1, 0)),  # half on void is not mostly
        (row(1, 1, 1, 1), row(0, 0, 0, 3), (1, 0, 0, 0)),  # outside void it is right
        (row(1, 1, 1, 1), row(3, 3, 4, 4), (0, 2, 1, 0)),  # IoU 1/2 is not more than that
        (row(7), row(9), (1, 0, 0, 0)),  # one pixel
        (row(1, 2, 2, 2), row(1, 2, 2, 2), (2, 0, 0, 0)),  # an object of one pixel
    ],
)
def test_hard_cases_by_hand(prediction, reference, outcome):
    match = match_segments(car(prediction), car(reference))
    assert tuple(map(len, (match.matched, match.missed, match.invented, match.excused))) == outcome


def test_a_crowd_excuses_its_own_class_alone():
    reference = panoptic(row(1, 1, 1, 1, 2, 2), ["", "car", "road"])
    cars = panoptic(row(1, 3, 4, 4, 2, 2), ["", "car", "road", "car", "car"])
    people = panoptic(row(1, 3, 4, 4, 2, 2), ["", "pedestrian", "road", "pedestrian", "car"])
    match = match_segments(cars, reference, crowd=[1])
    assert (len(match.matched), match.missed, match.invented, len(match.excused)) == (1, (), (), 3)
    match = match_segments(people, reference, crowd=[1])
    assert [one.name for one in match.invented] == ["pedestrian", "pedestrian"]
    assert [one.name for one in match.excused] == ["car"]
    assert panoptic_quality(cars, reference, crowd=[1]).overall.n_classes == 1


def test_the_pairs_are_told():
    reference = panoptic(row(5, 5, 5, 6, 6, 6), ["", *["car"] * 4, "car", "road"])
    prediction = panoptic(row(1, 1, 2, 3, 3, 3), ["", "car", "car", "road"])
    scores = panoptic_quality(prediction, reference)
    matched = scores.matches[0].matched
    found = [(pair.prediction.label, pair.reference.label, pair.iou) for pair in matched]
    assert found == [(1, 5, 2 / 3), (3, 6, 1)]
    assert [one.label for one in scores.matches[0].invented] == [2]
    assert (scores.things.pq, scores.stuff.pq) == (pytest.approx(2 / 3 / 1.5), 1)


def test_the_reference_says_what_a_thing_is():
    labels = row(1, 1, 2, 2)
    named = (Segment(1, "car"), Segment(2, "dog", is_thing=True))
    reference = Segmentation(labels, (Segment(1, "car", is_thing=True), Segment(2, "road")))
    scores = panoptic_quality(Segmentation(labels.copy(), named), reference)
    assert {one.name: one.is_thing for one in scores.classes} == {
        "car": True,
        "dog": True,
        "road": False,
    }


def test_inputs_stay_as_they_are():
    prediction, reference = random_pair(1, unlabelled=False, void=True)
    before = prediction.labels.copy(), reference.labels.copy()
    panoptic_quality(prediction, reference)
    np.testing.assert_array_equal(prediction.labels, before[0])
    np.testing.assert_array_equal(reference.labels, before[1])


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (Segmentation(row(1, 2), (Segment(1, "car"),)), "2 of the prediction has none"),
        (Segmentation(row(1, 1, 1), (Segment(1, "car"),)), "shape"),
        (Segmentation(row(1, -1), (Segment(1, "car"), Segment(3, "car"))), "-1"),
    ],
)
def test_what_cannot_be_compared_is_refused(prediction, words):
    with pytest.raises(MetricError, match=words):
        panoptic_quality(prediction, Segmentation(row(1, 1), (Segment(1, "car"),)))
