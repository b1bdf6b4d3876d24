"""Scores against a scene: classes by name, void and background, objects one by one."""

import numpy as np
import pytest

from pages.ui.class_scores import compare
from pages.ui.object_scores import THRESHOLDS, compare_objects, only_classes
from pages.ui.score_charts import class_bars, confusion_heatmap
from segcore.result import Segment, Segmentation, regions
from segcore.scenes.scene import Scene
from segcore.scenes.street import street

NAMES = ("Sky", "Road", "Car")


def scene(labels):
    labels = np.asarray(labels, np.int32)
    image = np.zeros((*labels.shape, 3), np.uint8)
    return Scene(image, labels, np.zeros_like(labels), NAMES, ())


LABELS = np.repeat([[1, 1, 2, 2, 3, 0]], 6, axis=0)


def test_the_truth_itself_is_perfect():
    for drawn in (street(96, 64, seed=3), scene(LABELS)):
        compared = compare(drawn.semantic, drawn, has_background=False)
        assert compared.scores.mean_iou == compared.scores.pixel_accuracy == 1
        assert np.nanmin(compared.boundary) == 1
        assert compared.strange == ()


def test_classes_answer_by_their_names_not_by_their_labels():
    other = regions(np.array([0, 3, 1, 2], np.int32)[LABELS], ("Road", "Car", "Sky"))
    assert compare(other, scene(LABELS), has_background=False).scores.pixel_accuracy == 1


def test_void_does_not_count_but_background_does():
    result = regions(np.where(LABELS == 0, 3, LABELS), NAMES)  # a car where the scene says nothing
    without = compare(result, scene(LABELS), has_background=False)
    assert without.scores.pixel_accuracy == 1
    assert not without.asked[:, 5].any()
    with_background = compare(result, scene(LABELS), has_background=True)
    assert with_background.scores.pixel_accuracy == pytest.approx(5 / 6)
    assert with_background.scores.iou[3] == pytest.approx(1 / 2)
    assert with_background.asked.all()


def test_a_class_that_the_scene_does_not_have_is_wrong_and_named():
    result = regions(LABELS, ("Sky", "Road", "Dragon"))
    compared = compare(result, scene(LABELS), has_background=False)
    assert compared.strange == ("Dragon",)
    assert compared.scores.iou[1:] == pytest.approx([1, 1, 0])
    assert compared.scores.matrix[3, 0] == 6
    assert compared.present == [1, 2, 3]


def test_absent_classes_are_not_scored():
    labels = np.where(LABELS == 3, 0, LABELS)
    compared = compare(regions(labels, NAMES), scene(labels), has_background=False)
    assert compared.present == [1, 2]
    assert np.isnan(compared.scores.iou[3])


# Objects ------------------------------------------------------------------------------------------


def objects():
    """Four squares of 10×10 with room between them."""
    labels = np.zeros((20, 60), np.int32)
    for number in range(4):
        labels[5:15, 2 + 15 * number : 12 + 15 * number] = number + 1
    return labels


def named(labels, *names):
    """The objects with these names, the last of which stands for all further ones."""
    highest = int(labels.max())
    return regions(labels, (*names, *names[-1:] * highest)[:highest], is_thing=True)


def compare_labels(prediction, reference):
    return compare_objects(named(prediction, "Cell"), named(reference, "Cell"))


def test_the_same_objects_under_other_numbers_are_perfect():
    found = compare_labels(np.array([0, 4, 2, 1, 3], np.int32)[objects()], objects())
    assert found.found == pytest.approx(np.ones(len(THRESHOLDS)))
    assert found.dice == found.boundary == found.quality.pq == 1
    assert not found.match.missed
    assert not found.match.invented
    assert found.masks is found.boxes is None  # without scores there is no order of objects


def test_objects_that_grew_together_are_missed_whatever_dice_says():
    labels = objects()
    labels[labels == 2] = 1
    labels[5:15, 12:17] = 1  # the bridge
    found = compare_labels(labels, objects())
    assert found.found[0] == pytest.approx(2 / 5)  # 2 right, 2 missed, 1 invented
    assert found.dice > 0.9
    assert sorted(s.label - 1 for s in found.match.missed) == [1, 2]
    assert [s.label - 1 for s in found.match.invented] == [1]


def test_the_share_found_falls_with_the_threshold():
    labels = objects()
    labels[:, :9] = 0  # three of ten columns of the first are left: 0.3
    labels[5:8][labels[5:8] == 2] = 0  # seven rows of ten of the second: 0.7
    found = compare_labels(labels, objects()).found
    assert found[0] == pytest.approx(3 / 5)
    assert found[-1] == pytest.approx(2 / 6)


def test_an_image_without_objects_is_no_error():
    nothing = np.zeros((8, 8), np.int32)
    found = compare_labels(nothing, nothing)
    assert found.found[0] == found.dice == 1
    assert np.isnan(found.quality.pq)


def test_a_thing_of_the_wrong_class_is_missed_and_invented():
    truth = named(objects(), "Car", "Car", "Sign", "Sign")
    found = compare_objects(named(objects(), "Car", "Sign", "Sign", "Sign"), truth)
    assert found.found[0] == 1  # whatever the class
    assert [s.name for s in found.match.missed] == ["Car"]
    assert [s.name for s in found.match.invented] == ["Sign"]
    # Cars: 1 right, 1 missed; signs: 2 right, 1 invented.
    assert found.quality.pq == pytest.approx((1 / 1.5 + 2 / 2.5) / 2)


def test_things_with_scores_have_average_precision_of_masks_and_of_predicted_boxes():
    truth = named(objects(), "Car")
    segments = tuple(
        Segment(s.label, "Car", True, 1 - s.label / 10, (0.0, 0.0, 1.0, 1.0) if k else None)
        for k, s in enumerate(truth.segments)
    )
    found = compare_objects(Segmentation(objects(), segments), truth)
    assert found.masks.ap == 1
    # The first box is the one around the pixels, all others are elsewhere.
    assert found.boxes.classes[0].ap50 == pytest.approx(26 / 101)


def test_of_the_classes_that_were_asked_for_alone_objects_are_missed():
    truth = named(objects(), "Car", "Sign")
    assert [s.label for s in only_classes(truth, ["Sign"]).segments] == [2, 3, 4]
    assert sorted(np.unique(only_classes(truth, ["Car"]).labels)) == [0, 1]


# Charts -------------------------------------------------------------------------------------------


def test_bars_hold_their_values_and_leave_gaps():
    import plotly.graph_objects as go

    drawn = go.Figure(class_bars(("a", "b"), {"IoU": [0.5, np.nan], "Dice": [0.7, 0.1]}).to_dict())
    iou, dice = drawn.data
    assert list(iou.y) == ["a", "b"]
    assert iou.x[0] == 0.5
    assert np.isnan(iou.x[1])
    assert list(dice.x) == [0.7, 0.1]
    assert iou.marker.color != dice.marker.color


def test_the_confusion_matrix_is_in_percent_of_its_rows_with_counts():
    import plotly.graph_objects as go

    matrix = np.array([[30, 10], [0, 0]])
    cells = go.Figure(confusion_heatmap(("a", "b"), ("a", "b"), matrix).to_dict()).data[0]
    assert list(cells.z[0]) == [75, 25]
    assert np.isnan(cells.z[1]).all()
    assert cells.customdata.tolist() == matrix.tolist()
    assert cells.text[0] == ("75", "25") or list(cells.text[0]) == ["75", "25"]
