import numpy as np
import pytest
from pycocotools import mask as coco_mask

from segcore.errors import MetricError
from segcore.metrics import RunLengths, decode_mask, encode_labels, encode_mask
from segcore.metrics.runs import intersections


def random_masks(seed: int, n: int, shape: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    masks = [rng.random(shape) < rng.random() for _ in range(n)]
    return [*masks, np.zeros(shape, bool), np.ones(shape, bool)]


def to_coco(runs: RunLengths) -> dict:
    size = [runs.height, runs.width]
    counts = runs.counts.tolist()
    return coco_mask.frPyObjects({"size": size, "counts": counts}, *size)


@pytest.mark.parametrize("shape", [(7, 11), (1, 1), (1, 6), (6, 1)])
def test_masks_survive_and_equal_those_of_pycocotools(shape):
    for mask in random_masks(0, 8, shape):
        runs = encode_mask(mask)
        np.testing.assert_array_equal(decode_mask(runs), mask)
        assert runs.area == mask.sum()
        theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert to_coco(runs) == theirs
    for view in (mask[::-1], np.asfortranarray(mask)):
        np.testing.assert_array_equal(decode_mask(encode_mask(view)), view)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_labels_are_encoded_like_their_masks(seed, dtype):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, rng.integers(1, 12, 2)).repeat(2, 0).astype(dtype) * 3
    masks = encode_labels(labels)
    assert list(masks) == [label for label in np.unique(labels) if label]
    for label, runs in masks.items():
        expected = encode_mask(labels == label)
        np.testing.assert_array_equal(runs.counts, expected.counts)
        assert (runs.height, runs.width) == labels.shape


@pytest.mark.parametrize("shape", [(9, 13), (1, 1)])
def test_intersections_equal_counting(shape):
    some, others = random_masks(1, 5, shape), random_masks(2, 7, shape)
    shared = intersections([encode_mask(m) for m in some], [encode_mask(m) for m in others])
    np.testing.assert_array_equal(shared, [[(a & b).sum() for b in others] for a in some])
    assert intersections([], [encode_mask(some[0])]).shape == (0, 1)
    assert intersections([encode_mask(some[0])], []).shape == (1, 0)


def test_intersections_need_one_size():
    masks = [encode_mask(np.ones(shape, bool)) for shape in ((2, 3), (3, 2))]
    with pytest.raises(MetricError, match="of one size"):
        intersections(masks[:1], masks[1:])


@pytest.mark.parametrize("counts", [[3, 0, 3], [-1, 7], [2, 3], [6, 1]])
def test_wrong_run_lengths_are_refused(counts):
    with pytest.raises(MetricError, match="Run lengths"):
        RunLengths(2, 3, np.array(counts))


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3)), np.zeros((2, 3, 4), int), np.zeros((0, 4), int)]
)
def test_what_is_no_mask_or_label_map_is_refused(wrong):
    with pytest.raises(MetricError, match="H×W"):
        encode_labels(wrong)
    for mask in (wrong, wrong.astype(bool)[..., None]):
        with pytest.raises(MetricError, match="H×W"):
            encode_mask(mask)


@pytest.mark.parametrize("label", [-1, 2**31])
def test_labels_out_of_range_are_refused(label):
    with pytest.raises(MetricError, match="from 0 to"):
        encode_labels(np.full((2, 3), label))
