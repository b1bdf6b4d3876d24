"""Readers of photographs, pools of scenes, and the channels that are learned."""

import cv2
import numpy as np
import pytest

from segcore import ImageError
from segcore.scenes.shapes import shapes
from segcore.training import sets
from segcore.training.augment import IGNORE
from segcore.training.sets import SETS, Example, Photographs, Pool, rims


def draw(seed):
    scene = shapes(32, 32, seed=seed)
    return Example(scene.image, scene.labels.astype(np.uint8))


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(sets, "WORK", tmp_path / "work")
    monkeypatch.setattr(sets, "DATA", tmp_path / "data")
    return tmp_path


def write_pair(folder, name, truth):
    folder.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).integers(0, 256, (*truth.shape, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / f"{name}.jpg"), image)
    cv2.imwrite(str(folder / f"{name}.png"), truth)


def test_a_pool_draws_each_scene_once(work, monkeypatch):
    pool = Pool("shapes", draw, range(5, 9))
    assert len(pool) == 4
    assert np.array_equal(pool[0].image, draw(5).image)
    assert np.array_equal(pool[3].targets, draw(8).targets)
    assert len(list(pool)) == 4
    assert len(pool[1:3]) == 2
    before = {p: p.stat().st_mtime_ns for p in (work / "work").rglob("*.npz")}
    assert len(before) == 4
    Pool("shapes", draw, range(5, 10))
    assert all(p.stat().st_mtime_ns == then for p, then in before.items())


def test_camvid_has_eleven_classes_and_void(work):
    write_pair(work / "data/camvid/train", "a", np.arange(12, dtype=np.uint8).reshape(3, 4))
    (example,) = SETS["camvid"].train()
    assert example.targets.ravel().tolist() == [*range(11), IGNORE]
    assert example.image.shape == (3, 4, 3)


def test_pets_leave_the_border_out(work):
    write_pair(work / "data/pets/val", "a", np.array([[1, 2], [3, 1]], np.uint8))
    (example,) = SETS["pets"].val()
    assert example.targets.tolist() == [[1, 0], [IGNORE, 1]]


def test_nuclei_keep_their_numbers(work):
    truth = np.zeros((6, 8), np.uint16)
    truth[1:4, 1:4], truth[1:4, 4:7] = 300, 301
    write_pair(work / "data/nuclei/val", "a", truth)
    (example,) = SETS["nuclei"].val()
    assert np.array_equal(example.targets, truth)
    channels = rims(example.targets)
    assert channels[2, 2] == 1
    assert channels[2, 5] == 1
    assert set(channels[1:4, 3:5].ravel()) == {2}  # where the two touch
    assert channels[0, 0] == 0


def test_a_missing_folder_is_named(work):
    with pytest.raises(ImageError, match=r"No images lie in .*SEGCORE_DATA"):
        Photographs("camvid/train", lambda truth: truth)


def test_an_image_without_its_classes_is_named(work):
    write_pair(work / "data/pets/val", "alone", np.zeros((4, 4), np.uint8))
    (work / "data/pets/val/alone.png").unlink()
    with pytest.raises(ImageError, match=r"alone of .* is not a pair"):
        SETS["pets"].val()


def test_streets_for_training_and_for_measuring_share_no_seed():
    assert sets.N_STREETS <= sets.VAL_SEED
