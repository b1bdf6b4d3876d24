"""Our stages of Mask R-CNN against torchvision's own run of the same network."""

import numpy as np
import pytest
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.ops import batched_nms

from segcore.networks.network import Network
from segcore.networks.pictures import diagram
from segcore.networks.rcnn import (
    MOST_OBJECTS,
    Candidates,
    anatomy,
    build_rcnn,
    find_objects,
    paste,
    pasted,
    resolve,
    suppress,
    to_batch,
    view,
)

NAMES = ("Disc", "Box")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(4)
    module = build_rcnn(len(NAMES))
    # A fresh network is sure of nothing; louder weights give it boxes of all classes and scores.
    with torch.no_grad():
        module.roi_heads.box_predictor.cls_score.weight.mul_(40)
        module.roi_heads.mask_predictor.mask_fcn_logits.weight.mul_(20)
        module.roi_heads.box_predictor.cls_score.bias.zero_()
    return Network(module.eval(), NAMES, 96)


def picture(height=96, width=128, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def some_boxes(rng, count, reach):
    corners = rng.uniform(-0.3 * reach, reach, (count, 2))
    return np.hstack([corners, corners + rng.uniform(0, reach, (count, 2))]).astype(np.float32)


@pytest.mark.parametrize("most_overlap", [0.1, 0.5, 0.9])
def test_suppression_is_torchvisions(most_overlap):
    rng = np.random.default_rng(3)
    for count in (0, 1, 40, 300):
        boxes = some_boxes(rng, count, 60.0)
        scores = np.sort(rng.random(count).astype(np.float32))[::-1].copy()
        found = Candidates(boxes, rng.integers(0, 3, count), scores)
        winners = suppress(found, most_overlap)
        kept = batched_nms(
            torch.from_numpy(boxes),
            torch.from_numpy(scores),
            torch.from_numpy(found.classes),
            most_overlap,
        )
        stays = np.flatnonzero(winners == np.arange(count))
        assert stays.tolist() == sorted(kept.tolist())
        assert set(winners.tolist()) <= set(stays.tolist())
        assert np.array_equal(found.classes[winners], found.classes)


def test_pasting_is_torchvisions():
    rng = np.random.default_rng(5)
    some = some_boxes(rng, 80, 90.0)
    some = some[((some[:, 2:] > 1) & (some[:, :2] < (119, 79))).all(1)][:56]
    boxes = np.vstack([some, [[0, 0, 120, 80], [-500, -400, 700, 900],
                       [30, 30, 30.4, 30.2], [119, 79, 120, 80]]])  # fmt: skip
    boxes = boxes.astype(np.float32)
    masks = rng.random((len(boxes), 28, 28)).astype(np.float32)
    theirs = paste_masks_in_image(
        torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (80, 120)
    )[:, 0].numpy()
    for mask, box, whole in zip(masks, boxes, theirs, strict=True):
        place, part = paste(mask, box, (120, 80))
        ours = np.zeros((80, 120), np.float32)
        ours[place] = part
        np.testing.assert_allclose(ours, whole, atol=1e-5)
        assert np.array_equal(pasted(mask, box, (120, 80), 0.5), ours >= 0.5)


def test_a_box_outside_the_image_is_empty():
    for box in ([-90, -90, -5, -5], [200, 3, 230, 20]):
        _, part = paste(np.ones((28, 28), np.float32), np.array(box, np.float32), (120, 80))
        assert part.size == 0


def test_a_run_finds_what_torchvisions_run_finds(network):
    seen = picture()
    with torch.inference_mode():
        module = network.module
        images = to_batch([torch.from_numpy((seen / 255.0 - 0.5) / 0.25).permute(2, 0, 1).float()])
        pyramid = module.backbone(images.tensors)
        proposals, _ = module.rpn(images, pyramid)
        (theirs,), _ = module.roi_heads(pyramid, proposals, images.image_sizes)
    found, masks = find_objects(network, view(network, seen), most_overlap=0.5)
    assert 100 < len(theirs["boxes"]) <= MOST_OBJECTS
    np.testing.assert_allclose(found.boxes, theirs["boxes"], atol=1e-3)
    np.testing.assert_allclose(found.scores, theirs["scores"], atol=1e-5)
    assert np.array_equal(found.classes + 1, theirs["labels"])
    np.testing.assert_allclose(masks, theirs["masks"][:, 0], atol=1e-4)


def test_images_are_padded_but_neither_resized_nor_changed():
    image = torch.randn(3, 33, 70)
    images = to_batch([image, image])
    assert images.tensors.shape == (2, 3, 64, 96)
    assert images.image_sizes == [(33, 70)] * 2
    assert torch.equal(images.tensors[1, :, :33, :70], image)
    assert not images.tensors[:, :, 33:].any()


def test_the_better_score_takes_a_pixel():
    masks = np.full((2, 28, 28), 0.9, np.float32)
    boxes = np.array([[2, 2, 12, 12], [8, 2, 18, 12]], np.float32)
    numbers, layers = resolve(masks, boxes, (24, 16), 0.5)
    assert numbers[6, 5] == 1
    assert numbers[6, 10] == 1
    assert numbers[6, 16] == 2
    assert layers[6, 10] == 2
    assert layers.max() == 2
    assert np.array_equal(layers > 0, numbers > 0)


def test_the_diagram_counts_every_number_of_the_network(network):
    drawn = diagram(anatomy(network.module), 96, 128)
    assert sum(b.parameters for b in drawn.blocks) == sum(
        p.numel() for p in network.module.parameters()
    )
    assert drawn.blocks[-1].shape == (len(NAMES) + 1, 28, 28)


def test_a_size_that_is_no_multiple_of_anything(network):
    found, masks = find_objects(network, view(network, picture(48, 80)))
    assert len(found) == len(masks)
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, 2] <= 80).all()
    assert (found.boxes[:, 3] <= 48).all()
