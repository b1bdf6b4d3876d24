import csv
import io
import json
import time
import zipfile

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from segcore.errors import ImageError, SegcoreError
from segcore.export import (
    boxes,
    centroids,
    coco_json,
    compress_counts,
    labels_png,
    overlay_png,
    panoptic_json,
    panoptic_png,
    panoptic_zip,
    run_lengths,
    segments_csv,
)
from segcore.render import CLASS_COLORS, overlay
from segcore.result import Segment, Segmentation, regions

# pycocotools 2.0.11 hands numpy 2 an array of its own that does not know the new keyword `copy`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SMALL = np.array(
    [
        [0, 1, 1, 0],
        [2, 1, 0, 0],
        [2, 0, 0, 4],
    ],
    np.int32,
)


def tiles(height, width, side):
    """A label map of squares, with a background square now and then."""
    y, x = np.mgrid[:height, :width] // side
    labels = y * (x.max() + 1) + x
    return np.where(labels % 7 == 3, 0, labels).astype(np.int32)


def random_labels(height, width, highest, seed=0):
    return np.random.default_rng(seed).integers(0, highest + 1, (height, width), np.int32)


def decode(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


# Pictures


@pytest.mark.parametrize(
    ("highest", "dtype"), [(1, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16)]
)
def test_labels_png_is_the_label_map(highest, dtype):
    labels = random_labels(30, 40, highest)
    labels[0, 0] = highest
    decoded = decode(labels_png(regions(labels)))
    assert decoded.dtype == dtype
    assert np.array_equal(decoded, labels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_labels_png_of_a_line(shape):
    assert np.array_equal(decode(labels_png(regions(np.full(shape, 300)))), np.full(shape, 300))


def test_labels_png_refuses_labels_that_do_not_fit():
    with pytest.raises(SegcoreError, match="up to 65535, but this result has label 65536"):
        labels_png(Segmentation(np.array([[65536]], np.int32), (Segment(65536, "A"),)))


def test_labels_png_refuses_nothing():
    with pytest.raises(ImageError):
        labels_png(Segmentation(np.zeros((0, 3), np.int32), ()))


def test_overlay_png_is_the_overlay():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    decoded = decode(overlay_png(image, regions(SMALL), 0.7))[..., ::-1]
    assert np.array_equal(decoded, overlay(image, SMALL, 0.7))


def test_overlay_png_has_the_colors_of_the_classes():
    image = np.zeros((1, 2, 3), np.uint8)
    road = regions(np.ones((1, 2), np.int32), ("Road",))
    decoded = decode(overlay_png(image, road, 1.0))[..., ::-1]
    assert decoded[0].tolist() == [list(CLASS_COLORS["Road"])] * 2


# Measures


def test_boxes():
    assert boxes(SMALL).tolist() == [
        [0, 0, 4, 3],
        [1, 0, 3, 2],
        [0, 1, 1, 3],
        [0, 0, 0, 0],
        [3, 2, 4, 3],
    ]


def test_centroids():
    expected = [[11 / 6, 1], [4 / 3, 1 / 3], [0, 1.5], [0, 0], [3, 2]]
    assert np.allclose(centroids(SMALL), expected)


# Table


def read(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_rows():
    segments = (Segment(1, "Car", is_thing=True, score=0.75), Segment(2, "Road"), Segment(4, "Sky"))
    image = np.full((3, 4, 3), (1, 2, 255), np.uint8)
    rows = read(segments_csv(Segmentation(SMALL.copy(), segments), image))
    assert rows[0] == {
        "label": "1",
        "name": "Car",
        "is_thing": "true",
        "score": "0.7500",
        "area_px": "3",
        "share_percent": "25.0000",
        "left": "1",
        "top": "0",
        "width": "2",
        "height": "2",
        "centroid_x": "1.33",
        "centroid_y": "0.33",
        "mean_color": "#0102ff",
    }
    assert [row["label"] for row in rows] == ["1", "2", "4"]
    assert (rows[1]["is_thing"], rows[1]["score"]) == ("false", "")


def test_csv_keeps_the_order_of_the_legend():
    segments = (Segment(4, "A"), Segment(1, "B"), Segment(2, "C"))
    rows = read(segments_csv(Segmentation(SMALL.copy(), segments)))
    assert [(row["name"], row["area_px"]) for row in rows] == [("A", "1"), ("B", "3"), ("C", "2")]
    assert "mean_color" not in rows[0]


def test_csv_quotes_as_rfc_4180():
    name = 'a "quoted", name\nof two lines'
    text = segments_csv(Segmentation(np.ones((1, 1), np.int32), (Segment(1, name),)))
    assert '"a ""quoted"", name\nof two lines"' in text
    assert text.endswith("\r\n")
    assert read(text)[0]["name"] == name


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_names_are_no_formulas(name):
    text = segments_csv(Segmentation(np.ones((1, 1), np.int32), (Segment(1, name),)))
    assert read(text)[0]["name"] == "'" + name


def test_csv_of_no_segments_is_its_header():
    text = segments_csv(regions(np.zeros((2, 2))))
    assert text.count("\r\n") == 1
    assert text.startswith("label,name,is_thing,score,area_px")


def test_csv_refuses_an_image_of_another_size():
    with pytest.raises(ImageError):
        segments_csv(regions(SMALL), np.zeros((4, 3, 3), np.uint8))


# COCO


def reference_counts(mask):
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()


def masks():
    rng = np.random.default_rng(0)
    yield np.zeros((5, 7), bool)
    yield np.ones((5, 7), bool)
    yield np.ones((1, 1), bool)
    yield np.zeros((1, 1), bool)
    one = np.zeros((40, 30), bool)
    one[39, 29] = True
    yield one
    yield ~one
    yield one[::-1, ::-1]
    yield np.tile(np.array([True, True, False]), 50)[np.newaxis]
    yield np.tile(np.array([True, True, False]), 50)[:, np.newaxis]
    yield np.indices((1500, 900))[1] % 400 < 2  # runs that take several characters
    for density in (0.02, 0.3, 0.5, 0.9):
        for shape in ((1, 60), (60, 1), (2, 2), (31, 17), (64, 64)):
            yield rng.random(shape) < density


@pytest.mark.parametrize("mask", list(masks()))
def test_rle_is_that_of_coco(mask):
    counts = compress_counts(run_lengths(mask))
    assert counts == reference_counts(mask)
    decoded = coco_mask.decode({"size": list(mask.shape), "counts": counts})
    assert np.array_equal(decoded, mask)


@pytest.mark.parametrize("box", [(0, 0, 9, 6), (3, 2, 5, 4), (2, 0, 4, 6), (0, 5, 9, 6)])
def test_rle_of_a_box_is_that_of_the_whole_mask(box):
    left, top, right, bottom = box
    rng = np.random.default_rng(1)
    for density in (0.5, 0.9, 1.1):
        mask = np.zeros((6, 9), bool)
        inside = rng.random((bottom - top, right - left)) < density
        mask[top:bottom, left:right] = inside
        counts = run_lengths(inside, left, top, mask.shape)
        assert compress_counts(counts) == reference_counts(mask)


def test_run_lengths_start_with_zeros():
    assert run_lengths(np.array([[True, False], [True, True]])).tolist() == [0, 2, 1, 1]
    assert run_lengths(np.array([[False, True], [False, False]])).tolist() == [2, 1, 1]


def opened(text):
    """The annotations as COCO's own library reads them."""
    coco = COCO()
    coco.dataset = json.loads(text)
    coco.createIndex()
    return coco


@pytest.mark.parametrize(
    "labels",
    [
        SMALL,
        np.full((1, 1), 3, np.int32),
        random_labels(1, 50, 4),
        random_labels(50, 1, 4),
        random_labels(30, 40, 300),
        tiles(64, 48, 5),
    ],
)
def test_coco_masks_are_the_segments(labels):
    segmentation = regions(labels, is_thing=True)
    coco = opened(coco_json(segmentation, image_id=7))
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[7]))
    assert [found["id"] for found in annotations] == [s.label for s in segmentation.segments]
    for found in annotations:
        mask = labels == found["id"]
        assert np.array_equal(coco.annToMask(found), mask)
        assert found["area"] == mask.sum()
        assert found["bbox"] == coco_mask.toBbox(coco.annToRLE(found)).tolist()
        assert found["iscrowd"] == 0


def test_coco_categories_and_scores():
    segments = (
        Segment(2, "Coin 1", is_thing=True, score=0.5),
        Segment(1, "Coin 2", is_thing=True),
        Segment(4, "Table"),
    )
    text = coco_json(Segmentation(SMALL.copy(), segments), file_name="coins.png")
    data = json.loads(text)
    assert data["images"] == [{"id": 1, "file_name": "coins.png", "width": 4, "height": 3}]
    assert data["categories"] == [
        {"id": 1, "name": "Coin", "supercategory": "thing", "isthing": 1},
        {"id": 2, "name": "Table", "supercategory": "stuff", "isthing": 0},
    ]
    found = [(a["id"], a["category_id"], a.get("score")) for a in data["annotations"]]
    assert found == [(2, 1, 0.5), (1, 1, None), (4, 2, None)]


def test_coco_of_no_segments():
    data = json.loads(coco_json(regions(np.zeros((2, 3)))))
    assert data["annotations"] == data["categories"] == []
    assert data["images"][0]["width"] == 3


def test_coco_of_many_segments_is_quick():
    segmentation = regions(tiles(768, 1024, 50))
    assert len(segmentation.segments) > 280
    start = time.process_time()
    coco_json(segmentation)
    assert time.process_time() - start < 1


# COCO panoptic


def panoptic_reader(png_bytes, text):
    """(mask, category name, is thing) of every segment, as COCO defines its panoptic format.

    "For each annotation, per-pixel segment ids are stored as a single PNG. […] To load the PNG as
    an image of ids: id = R + G·256 + B·256². […] Unlabeled pixels (void) have a value of 0."
    """
    data = json.loads(text)
    (annotation,) = data["annotations"]
    blue, green, red = np.moveaxis(decode(png_bytes).astype(np.int64), -1, 0)
    ids = red + 256 * green + 256**2 * blue
    categories = {one["id"]: one for one in data["categories"]}
    found = {}
    for info in annotation["segments_info"]:
        mask = ids == info["id"]
        y, x = np.nonzero(mask)
        assert info["area"] == mask.sum() > 0
        box = [x.min(), y.min(), x.max() - x.min() + 1, y.max() - y.min() + 1]
        assert info["bbox"] == box
        category = categories[info["category_id"]]
        found[info["id"]] = (mask, category["name"], category["isthing"])
    assert set(np.unique(ids)) <= {0, *found}  # every pixel is listed or void
    stuff = [name for _, name, is_thing in found.values() if not is_thing]
    assert len(stuff) == len(set(stuff))  # stuff has one segment per class
    assert len({info["id"] for info in annotation["segments_info"]}) == len(found)
    return found


def panoptic_result(labels, names, things):
    segments = tuple(
        Segment(int(label), names[label], names[label] in things)
        for label in np.unique(labels)
        if label > 0
    )
    return Segmentation(labels.astype(np.int32), segments)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (31, 17), (64, 48)])
def test_coco_panoptic_is_read_as_coco_defines_it(shape):
    rng = np.random.default_rng(5)
    numbers = np.array([0, 1, 2, 3, 255, 256, 300, 70_000, 16_777_215])
    labels = numbers[rng.integers(0, len(numbers), shape)]
    kinds = ["", "Road", "Sky", "Car", "Car", "Pedestrian", "Car", "Road", "Car"]
    names = dict(zip(numbers.tolist(), kinds, strict=True))
    result = panoptic_result(labels, names, {"Car", "Pedestrian"})
    found = panoptic_reader(panoptic_png(result), panoptic_json(result))
    roads = [label for label in np.unique(labels) if names[label] == "Road"]
    expected = {}
    for label in np.unique(labels[labels > 0]).tolist():
        mask = np.isin(labels, roads) if names[label] == "Road" else labels == label
        if label not in roads[1:]:
            expected[label] = (mask, names[label], int(names[label] in ("Car", "Pedestrian")))
    assert found.keys() == expected.keys()
    for label, (mask, *facts) in expected.items():
        assert np.array_equal(found[label][0], mask)
        assert list(found[label][1:]) == facts


def test_coco_panoptic_of_ridge_lines_nothing_and_scores():
    labels = np.array([[1, 1, -1, 2, 2]], np.int32)
    segments = (Segment(1, "Object 1", True, 0.25), Segment(2, "Object 2", True))
    result = Segmentation(labels, segments)
    found = panoptic_reader(panoptic_png(result), panoptic_json(result))
    assert [(m.sum(), name) for m, name, _ in found.values()] == [(2, "Object"), (2, "Object")]
    (annotation,) = json.loads(panoptic_json(result, 7, "a.b.jpg"))["annotations"]
    assert (annotation["image_id"], annotation["file_name"]) == (7, "a.b.png")
    assert [info.get("score") for info in annotation["segments_info"]] == [0.25, None]
    nothing = regions(np.zeros((3, 4)))
    assert panoptic_reader(panoptic_png(nothing), panoptic_json(nothing)) == {}


def test_coco_panoptic_refuses_ids_that_do_not_fit():
    with pytest.raises(SegcoreError, match="up to 16777215, but one is 16777216"):
        panoptic_png(Segmentation(np.array([[1 << 24]], np.int32), (Segment(1 << 24, "A"),)))


def test_coco_panoptic_zip_holds_both_and_is_reproducible():
    result = panoptic_result(SMALL, ["", "Car", "Road", "", "Car"], {"Car"})
    data = panoptic_zip(result, "street")
    assert data == panoptic_zip(result, "street")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        text = archive.read("panoptic.json").decode()
        (annotation,) = json.loads(text)["annotations"]
        found = panoptic_reader(archive.read("panoptic/" + annotation["file_name"]), text)
    assert sorted(found) == [1, 2, 4]
