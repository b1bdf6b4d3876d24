import numpy as np
import pytest

from segcore.ops.labels import drop_small, order_labels, relabel

LABELS = np.array([[0, 7, 7, 2], [4, 0, 2, 2], [4, 4, 9, 7]])


def test_relabel_numbers_by_first_pixel_in_raster_order():
    expected = [[0, 1, 1, 2], [3, 0, 2, 2], [3, 3, 4, 1]]
    result = relabel(LABELS)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)


def test_relabel_without_background():
    np.testing.assert_array_equal(relabel(np.array([[5, 5, 3], [1, 3, 5]])), [[1, 1, 2], [3, 2, 1]])


def test_relabel_keeps_background_that_comes_late():
    np.testing.assert_array_equal(relabel(np.array([[3, 0, 1]])), [[1, 0, 2]])


def test_relabel_makes_maps_of_the_same_regions_equal():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 300, (60, 70))
    renamed = np.concatenate([[0], 1 + rng.permutation(299)])[labels]
    np.testing.assert_array_equal(relabel(labels), relabel(renamed))
    _, first = np.unique(relabel(labels)[labels > 0], return_index=True)
    assert (np.diff(first) > 0).all()


@pytest.mark.parametrize("labels", [np.zeros((2, 3), int), np.zeros((1, 1), np.uint8)])
def test_relabel_of_background_alone(labels):
    np.testing.assert_array_equal(relabel(labels), labels)


def test_order_labels_numbers_by_ascending_value():
    labels = np.array([[0, 1, 2], [3, 2, 1]])
    result = order_labels(labels, [8.5, -1.0, 3.0])
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, [[0, 3, 1], [2, 1, 3]])


def test_order_labels_keeps_the_order_of_equal_values():
    labels = np.array([[1, 2, 3, 4]])
    np.testing.assert_array_equal(order_labels(labels, [5, 1, 5, 1]), [[3, 1, 4, 2]])


def test_order_labels_needs_a_value_for_every_label():
    with pytest.raises(IndexError):
        order_labels(np.array([[1, 2, 3]]), [5, 1])


def test_drop_small_keeps_the_order_and_closes_gaps():
    result = drop_small(LABELS, 3)
    assert result.dtype == np.int32
    # 2, 4 and 7 have three pixels each, 9 has one.
    np.testing.assert_array_equal(result, [[0, 3, 3, 1], [2, 0, 1, 1], [2, 2, 0, 3]])


def test_drop_small_of_one_pixel_only_closes_gaps():
    np.testing.assert_array_equal(drop_small(LABELS, 1), np.searchsorted([0, 2, 4, 7, 9], LABELS))


def test_drop_small_may_leave_nothing():
    assert not drop_small(LABELS, 4).any()


@pytest.mark.parametrize("function", [relabel, lambda x: order_labels(x, [1] * 9), drop_small])
def test_the_input_stays_as_it_is(function):
    labels = LABELS.copy()
    labels.setflags(write=False)
    arguments = (labels, 2) if function is drop_small else (labels,)
    assert not np.shares_memory(function(*arguments), labels)
    np.testing.assert_array_equal(labels, LABELS)
