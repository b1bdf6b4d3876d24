"""The detector: scores and overlaps are kept to, and boxes lie in the image they were found in."""

import numpy as np
import pytest
import torch
from skimage import data
from torchvision.ops import batched_nms, box_iou

from segcore import detect
from segcore.images import fit
from segcore.technique import Recorder


@pytest.fixture
def image():
    return fit(data.astronaut(), 96)


@pytest.fixture
def find(load_model, image):
    def run(**settings):
        return detect("faster_rcnn", image, load_model=load_model, **settings)

    return run


def test_boxes_of_a_class_overlap_no_more_than_allowed(find):
    found = find(score=0.2, overlap=0.3)
    assert len(found.names) > 5
    overlaps = box_iou(torch.tensor(found.boxes), torch.tensor(found.boxes)).numpy()
    alike = np.array(found.names)[:, None] == np.array(found.names)
    np.fill_diagonal(alike, False)
    assert overlaps[alike].max(initial=0) <= 0.3 + 1e-4


def test_suppression_is_that_of_torchvision(find):
    crowded, thinned = find(score=0.2, overlap=0.9), find(score=0.2, overlap=0.4)
    if len(crowded.names) == 100:
        pytest.fail("The list is cut at 100 boxes, so the two cannot be compared.")
    classes = np.unique(crowded.names, return_inverse=True)[1]
    kept = batched_nms(
        torch.tensor(crowded.boxes), torch.tensor(crowded.scores), torch.tensor(classes), 0.4
    )
    assert [crowded.names[i] for i in kept] == list(thinned.names)


def test_a_greater_score_leaves_the_best(find):
    many, few = find(score=0.2), find(score=0.6)
    sure = many.scores >= 0.6
    assert 0 < len(few.names) == np.count_nonzero(sure) < len(many.names)
    assert np.array_equal(many.boxes[sure], few.boxes)


def test_boxes_follow_the_size_of_the_image(load_model, image):
    larger = np.repeat(np.repeat(image, 2, 0), 2, 1)
    found = [detect("faster_rcnn", i, score=0.1, load_model=load_model) for i in (image, larger)]
    assert found[1].boxes.max() > image.shape[1] > found[0].boxes.max() - 1e-3


def test_steps_count_what_is_left(find):
    show = Recorder()
    found = find(score=0.1, show=show)
    last = show.steps[-1]
    assert last.caption.startswith(f"{len(found.names)} boxes are left")
