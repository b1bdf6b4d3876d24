"""Which box gave way to which, row by row."""

import numpy as np

from segcore.networks.boxes import list_rivals
from segcore.networks.rcnn import Candidates, suppress

NAMES = ("Car", "Sign")


def candidates(*rows):
    """(left, top, right, bottom, class, score) of each box, the best first."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Candidates(table[:, :4], table[:, 4].astype(np.int64), table[:, 5])


FOUND = candidates(
    (0, 0, 10, 10, 0, 0.9),  # stays, number 1
    (0, 0, 10, 10, 1, 0.8),  # stays, number 2: another class
    (0, 0, 10, 8, 0, 0.7),  # gives way to 1
    (50, 0, 60, 10, 0, 0.6),  # stays, number 3
    (51, 0, 60, 10, 0, 0.5),  # gives way to 3
    (0, 0, 10, 9, 1, 0.4),  # gives way to 2
)


def rounded(table):
    return [(row[0], *(round(value, 3) for value in row[1:])) for row in table.rows]


def test_each_suppressed_box_stands_with_its_winner_and_their_overlap():
    table = list_rivals(FOUND, suppress(FOUND, 0.5), NAMES)
    assert len(table.columns) == 5
    assert rounded(table) == [
        ("Car", 0.7, 1, 0.9, 0.8),
        ("Car", 0.5, 3, 0.6, 0.9),
        ("Sign", 0.4, 2, 0.8, 0.9),
    ]


def test_of_one_wanted_class_things_are_numbered_among_themselves():
    winners = suppress(FOUND, 0.5)
    assert rounded(list_rivals(FOUND, winners, NAMES, "Car")) == [
        ("Car", 0.7, 1, 0.9, 0.8),
        ("Car", 0.5, 2, 0.6, 0.9),
    ]
    assert rounded(list_rivals(FOUND, winners, NAMES, "Sign")) == [("Sign", 0.4, 1, 0.8, 0.9)]


def test_nothing_gives_way_where_there_is_nothing():
    nothing = candidates()
    assert list_rivals(nothing, suppress(nothing, 0.5), NAMES).rows == ()
