"""Numbering the labels of a label map anew; label 0, the background, always stays 0."""

from typing import Any

import numpy as np
import numpy.typing as npt

from segcore.result import count_labels


def relabel(labels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """The label map with its labels numbered 1 to n by their first pixel, row by row.

    Two label maps of the same regions, whatever their numbers, become equal.

    Args:
        labels: H×W of whole numbers from 0 up; the work grows with the greatest of them.

    Returns:
        int32 H×W.
    """
    flat = labels.ravel()
    first = np.full(int(flat.max(initial=0)) + 1, flat.size)
    # Written from the last pixel to the first, so that what remains is a label's first pixel.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    first[0] = -1
    order = np.argsort(first)
    numbers = np.empty(len(first), np.int32)
    numbers[order] = np.arange(len(first))
    return np.take(numbers, labels, mode="wrap")  # all in range: this mode is the fastest


def order_labels(labels: npt.NDArray[Any], values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """The label map with its labels 1 to n numbered by ascending value.

    Args:
        labels: H×W of whole numbers from 0 to n.
        values: (n,) the value of each label from 1 up, such as the brightness of its centre; of
            equal ones the lower label comes first.

    Returns:
        int32 H×W.
    """
    order = np.argsort(values, kind="stable")
    numbers = np.zeros(len(order) + 1, np.int32)
    numbers[order + 1] = np.arange(1, len(order) + 1)
    return np.take(numbers, labels)


def drop_small(labels: npt.NDArray[Any], min_area: int) -> npt.NDArray[np.int32]:
    """The label map without its labels of fewer than `min_area` pixels.

    Args:
        labels: H×W of whole numbers from 0 up.
        min_area: area in pixels from which a label stays; 1 only closes gaps in the numbering.

    Returns:
        int32 H×W; the labels that stay are numbered from 1 up, in the order that they had.
    """
    stays = count_labels(labels) >= max(min_area, 1)
    stays[0] = False
    numbers = np.cumsum(stays, dtype=np.int32)
    numbers[~stays] = 0
    return np.take(numbers, labels, mode="wrap")  # all in range: this mode is the fastest
