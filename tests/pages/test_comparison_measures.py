"""The numbers of the comparison: which labels answer to which, scores, right and wrong, colours."""

import io

import numpy as np
import PIL.Image
import pytest

from pages.ui.comparison.charts import (
    agreement_heatmap,
    score_bars,
    speed_and_quality,
    sweep_curve,
)
from pages.ui.comparison.label_file import read_label_file, resized
from pages.ui.comparison.measures import (
    ALL,
    FOREGROUND,
    MISSED,
    RIGHT,
    SCORES,
    WRONG,
    agreement,
    answers_by_name,
    measure,
    measure_part,
    most_typical,
    parts_of,
    right_and_wrong,
)
from pages.ui.comparison.painting import matching_paints, own_paints, tinted
from pages.ui.comparison.sweep import sweepable, values_of
from pages.ui.comparison.truth import Truth, kinds_of, truth_of_scene
from pages.ui.component import LARGEST, pack
from segcore import TECHNIQUES, ImageError
from segcore.metrics import (
    adapted_rand_error,
    best_matching,
    boundary_f1,
    dice,
    iou,
    panoptic_quality,
    variation_of_information,
)
from segcore.render import CLASS_COLORS
from segcore.result import Segment, Segmentation, foreground, regions
from segcore.scenes.cells import cells
from segcore.scenes.street import street

NAMES = ("Sky", "Road", "Car")
LABELS = np.repeat([[1, 1, 2, 2, 3, 0]], 6, axis=0).astype(np.int32)


def classes(labels=LABELS, void=0):
    return Truth(("t", void), regions(np.asarray(labels, np.int32), NAMES), void, is_named=True)


def objects(labels):
    return Truth("o", regions(np.asarray(labels, np.int32), "Region"), None, is_named=False)


@pytest.fixture(scope="module")
def scene():
    return street(96, 64, seed=3)


# By name, by best match ---------------------------------------------------------------------------


def test_the_truth_itself_is_perfect_either_way(scene):
    for kind in kinds_of(scene):
        truth = truth_of_scene(picture_of(scene), scene, kind)
        for is_named in (True, False):
            values = measure(truth.segmentation, truth, is_named=is_named).values
            best = {key: float(not score.is_error) for key, score in SCORES.items()}
            assert values == pytest.approx({key: best[key] for key in values}, abs=1e-12)


def picture_of(scene):
    class Stand:
        digest = "street"

    return Stand


def test_networks_are_held_against_classes_of_the_same_name():
    turned = regions(np.array([0, 3, 1, 2], np.int32)[LABELS], ("Road", "Car", "Sky"))
    assert answers_by_name(turned, classes(), is_named=True)
    measured = measure(turned, classes(), is_named=True)
    assert measured.by_name
    assert measured.values["mean_iou"] == measured.values["pq"] == 1


def test_a_class_under_a_wrong_name_is_wrong_by_name_and_right_by_match():
    swapped = regions(np.array([0, 2, 1, 3], np.int32)[LABELS], NAMES)
    assert measure(swapped, classes(), is_named=True).values["mean_iou"] == pytest.approx(1 / 3)
    matched = measure(swapped, classes(), is_named=False)
    assert not matched.by_name
    assert matched.values["mean_iou"] == 1


def test_names_that_stand_for_several_objects_are_no_classes():
    things = tuple(Segment(n, "Car", is_thing=True) for n in (1, 2, 3))
    truth = Truth("t", Segmentation(LABELS.copy(), things), None, is_named=True)
    assert not answers_by_name(regions(LABELS, NAMES), truth, is_named=True)


def test_regions_that_are_numbered_alike_do_not_match_by_their_numbers():
    numbered = regions(LABELS, "Region")
    assert not answers_by_name(numbered, objects(LABELS), is_named=False)


# Scores -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("void", [None, 0])
def test_scores_are_those_of_the_engine(void):
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 5, (2, 6, 8)).astype(np.int32)
    predicted, true = (np.kron(c, np.ones((5, 5), np.int32)) for c in coarse)
    result = regions(predicted, "Cluster")
    truth = Truth("t", regions(true, "Region"), void, is_named=False)
    values = measure(result, truth, is_named=False).values
    information = variation_of_information(predicted, true, void)
    expected = {
        "mean_iou": best_matching(predicted, true, void).mean_iou,
        "boundary": boundary_f1(predicted, true, ignore_index=void),
        "rand": adapted_rand_error(predicted, true, void).error,
        "over": information.over,
        "under": information.under,
    }
    assert {key: values[key] for key in expected} == pytest.approx(expected, abs=1e-12)


def test_quality_without_names_counts_segments_and_not_the_background():
    true = np.zeros((20, 60), np.int32)
    for number in range(4):
        true[5:15, 2 + 15 * number : 12 + 15 * number] = number + 1
    found = np.where(true == 4, 0, true)
    found[0, 0] = 9  # one missed, one invented
    quality = measure(regions(found), objects(true), is_named=False).values["pq"]
    assert quality == pytest.approx(3 / (3 + 0.5 + 0.5))
    assert measure(regions(true), objects(true), is_named=False).values["pq"] == 1


def test_quality_by_name_is_that_of_the_panoptic_scene(scene):
    truth = truth_of_scene(picture_of(scene), scene, "both")
    semantic = scene.semantic
    expected = panoptic_quality(semantic, truth.segmentation).overall.pq
    assert measure(semantic, truth, is_named=True).values["pq"] == pytest.approx(expected)
    assert expected < 1


def test_a_part_is_scored_as_a_mask():
    result = regions(np.roll(LABELS, 1, axis=1), NAMES)
    of_part = measure_part(result, classes(), "Road", is_named=True)
    valid = LABELS > 0
    predicted, true = (result.labels == 2) & valid, LABELS == 2
    assert of_part.iou == iou(predicted, true)
    assert of_part.dice == dice(predicted, true)


def test_the_foreground_of_a_mask_is_its_own_and_that_of_clusters_is_matched():
    truth = objects(LABELS > 1)
    assert parts_of(truth)[0] == FOREGROUND
    inverted = foreground(LABELS <= 1)
    assert measure_part(inverted, truth, FOREGROUND, is_named=False).iou == 0
    clusters = regions(np.where(LABELS > 1, 1, 2), "Cluster")
    assert measure_part(clusters, truth, FOREGROUND, is_named=False).iou == 1


def test_two_empty_masks_score_one_and_are_told():
    nothing = foreground(np.zeros((8, 8), bool))
    truth = objects(np.zeros((8, 8)))
    of_part = measure_part(nothing, truth, FOREGROUND, is_named=False)
    assert (of_part.iou, of_part.dice, of_part.both_empty) == (1, 1, True)
    something = foreground(np.eye(8, dtype=bool))
    assert not measure_part(something, truth, FOREGROUND, is_named=False).both_empty


def test_parts_are_classes_with_names_of_their_own():
    assert parts_of(classes()) == [ALL, *NAMES]
    assert parts_of(classes(void=None)) == [FOREGROUND, ALL, *NAMES]


# Right and wrong ----------------------------------------------------------------------------------


def test_hits_misses_and_false_alarms_of_a_mask():
    found = foreground(np.array([[1, 1, 0, 0]]))
    which = right_and_wrong(found, objects([[1, 0, 1, 0]]), FOREGROUND, is_named=False)
    assert which.tolist() == [[RIGHT, WRONG, MISSED, 0]]


def test_hits_misses_and_false_alarms_of_all_classes():
    result = regions(np.array([[1, 3, 4, 2]], np.int32), (*NAMES, "Dragon"))
    truth = classes([[1, 2, 3, 0]])
    which = right_and_wrong(result, truth, ALL, is_named=True)
    assert which.tolist() == [[RIGHT, WRONG, MISSED, 0]]


# Agreement ----------------------------------------------------------------------------------------


def test_agreement_is_symmetric_and_blind_to_names():
    rng = np.random.default_rng(7)
    one, other = rng.integers(0, 4, (2, 30, 30))
    assert agreement(one, other) == pytest.approx(agreement(other, one))
    assert agreement(one, (one + 1) % 4) == 1
    assert agreement(one, other) < 0.6


def test_the_most_typical_agrees_most_with_all_others():
    matrix = np.array([[1, 0.9, 0.1], [0.9, 1, 0.8], [0.1, 0.8, 1]])
    assert most_typical(matrix) == 1


# Colours ------------------------------------------------------------------------------------------


def test_matching_segments_have_one_colour_whatever_their_labels():
    reference = regions(LABELS, "Region")
    turned = regions(np.array([0, 3, 1, 2], np.int32)[LABELS], "Cluster")
    mine, theirs = matching_paints(turned, reference), own_paints(reference)
    assert np.array_equal(mine[turned.labels], theirs[reference.labels])


def test_a_segment_without_a_partner_has_a_colour_of_its_own():
    reference = foreground(LABELS == 1)
    many = regions(LABELS + 1, "Cluster")
    paints = matching_paints(many, reference)
    assert len({tuple(color) for color in paints[1:]}) == 4
    assert (paints[1:, 3] == 0).sum() == 1  # the one that answers to the background


def test_a_mask_over_many_objects_is_none_of_them():
    objects = np.arange(1, 31, dtype=np.int32).reshape(5, 6)
    objects[0, 0] = 7  # the largest: the best matching pairs the mask with it
    reference, mask = regions(objects, "Nucleus"), foreground(objects > 0)
    assert np.array_equal(matching_paints(mask, reference), own_paints(mask))


def test_a_mask_that_is_inverted_is_still_seen():
    paints = matching_paints(foreground(LABELS != 1), foreground(LABELS == 1))
    assert paints[1, 3] == 255
    assert paints[0, 3] == 0


def test_classes_keep_the_colours_of_the_street():
    reference = regions(LABELS, NAMES)
    paints = matching_paints(regions(np.where(LABELS == 1, 3, 2), NAMES), reference)
    assert tuple(paints[3, :3]) == CLASS_COLORS["Car"]


def test_the_painted_picture_leaves_the_background_alone():
    image = np.full((6, 6, 3), 90, np.uint8)
    result = foreground(LABELS == 1)
    painted = tinted(image, result.labels, own_paints(result), 0.5)
    assert np.array_equal((painted != 90).any(axis=2), LABELS == 1)


# What travels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("highest", [1, 255, 256, 70_000])
def test_packed_labels_come_out_as_they_went_in(highest):
    import zlib

    labels = np.random.default_rng(1).integers(0, highest + 1, (7, 9))
    labels[0, 0] = highest
    packed = pack(labels)
    kind = {1: np.uint8, 2: "<u2", 4: "<u4"}[packed.bytes_each]
    found = np.frombuffer(zlib.decompress(packed.data), kind)
    assert np.array_equal(found.reshape(packed.height, packed.width), labels)


def test_a_large_map_is_reduced_without_new_labels():
    labels = np.random.default_rng(1).integers(0, 2, (8, 2 * LARGEST)) * 200
    packed = pack(labels)
    assert (packed.width, packed.height, packed.bytes_each) == (LARGEST, 4, 1)


# Label files --------------------------------------------------------------------------------------


def file(image, form="PNG", **options):
    memory = io.BytesIO()
    image.save(memory, form, **options)
    return memory.getvalue()


def test_grey_and_palette_files_hold_labels():
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    palette = PIL.Image.fromarray(labels, "P")
    palette.putpalette(list(range(255, -1, -1)) * 3)
    deep = PIL.Image.fromarray(labels.astype(np.uint16) * 5000)
    for image, expected in (
        (PIL.Image.fromarray(labels), labels),
        (palette, labels),
        (deep, labels.astype(np.uint16) * 5000),
    ):
        assert np.array_equal(read_label_file(file(image), (4, 3)), expected)


@pytest.mark.parametrize(
    ("image", "form", "size", "sentence"),
    [
        (PIL.Image.new("L", (4, 3)), "JPEG", (4, 3), "not a PNG"),
        (PIL.Image.new("RGB", (4, 3)), "PNG", (4, 3), "a colour picture"),
        (PIL.Image.new("RGBA", (4, 3)), "PNG", (4, 3), "a colour picture"),
        (PIL.Image.new("L", (4, 3)), "PNG", (8, 6), "4×3 pixels, but the image has 8×6"),
    ],
)
def test_other_files_are_refused_with_a_sentence(image, form, size, sentence):
    with pytest.raises(ImageError, match=sentence):
        read_label_file(file(image, form), size)


def test_a_damaged_file_is_refused():
    good = file(PIL.Image.effect_noise((64, 64), 90))
    with pytest.raises(ImageError, match="damaged"):
        read_label_file(good[: len(good) // 2], (64, 64))


def test_a_resized_map_has_no_new_labels():
    labels = np.random.default_rng(1).choice([0, 7, 300], (40, 60)).astype(np.uint16)
    assert set(np.unique(resized(labels, (23, 17)))) <= {0, 7, 300}


# Truths of a scene --------------------------------------------------------------------------------


def test_a_street_answers_three_questions_and_cells_two(scene):
    assert kinds_of(scene) == ("classes", "objects", "both")
    assert kinds_of(cells(64, 48, seed=1)) == ("objects", "classes")


def test_both_at_once_parts_objects_and_keeps_classes(scene):
    truth = truth_of_scene(picture_of(scene), scene, "both").segmentation
    offset = len(scene.names)
    assert np.array_equal(truth.labels > offset, scene.instances > 0)
    outside = scene.instances == 0
    assert np.array_equal(truth.labels[outside], scene.labels[outside])
    assert {s.label for s in truth.segments} == set(np.unique(truth.labels)) - {0}


# A sweep ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", TECHNIQUES)
def test_every_setting_can_be_swept_with_values_that_are_allowed(key):
    technique = TECHNIQUES[key]
    for setting in sweepable(technique, technique.complete({})):
        for count in (5, 9):
            values = values_of(setting, count)
            assert 1 < len(values) <= 9 or setting.low == setting.high
            assert values == [setting.check(value) for value in values]
            if setting.low is not None:
                assert (values[0], values[-1]) == (setting.low, setting.high)
                assert values == sorted(set(values))


# Charts -------------------------------------------------------------------------------------------


def test_charts_are_what_plotly_takes_and_hold_their_numbers():
    import plotly.graph_objects as go

    names, values = ["1 · A", "2 · B", "3 · C"], [0.5, np.nan, 0.75]
    bars = go.Figure(score_bars(names, values, SCORES["iou"]).to_dict()).data[0]
    assert list(bars.y) == names
    assert len(set(bars.marker.color)) == 2
    assert bars.marker.color[2] not in bars.marker.color[:2]
    errors = go.Figure(score_bars(names, values, SCORES["over"]).to_dict()).data[0]
    assert errors.marker.color[0] != errors.marker.color[2]
    points = go.Figure(speed_and_quality(names, [0.02, 1, 3], values, SCORES["rand"]).to_dict())
    assert list(points.data[0].x) == [20, 1000, 3000]
    assert points.layout.yaxis.autorange == "reversed"
    cells = go.Figure(agreement_heatmap(names, np.eye(3)).to_dict()).data[0]
    assert np.array_equal(cells.z, np.eye(3))
    curve = go.Figure(sweep_curve(["2", "4"], [0.1, 0.2], "Clusters", "IoU", "4").to_dict()).data[0]
    assert list(curve.x) == [2, 4]
    assert curve.marker.size[1] > curve.marker.size[0]
