"""Where boxes are drawn, and which gave way to which, row by row."""

import numpy as np

from segcore.networks.boxes import draw_boxes, list_rivals, place_words
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


def test_a_box_is_drawn_where_it_is_whatever_the_size_of_the_image():
    red = (230, 20, 10)
    box = np.array([[50, 20, 90, 45]], np.float32)
    for times in (1, 9):
        image = np.full((50 * times, 100 * times, 3), 128, np.uint8)
        drawn = draw_boxes(image, box * times, [red], ("Car",), side=640, light=1.0)
        assert drawn.shape == (320, 640, 3)
        assert tuple(drawn[round(45 * 6.4) - 1, round(70 * 6.4)].tolist()) == red
        assert (drawn[round(35 * 6.4), round(70 * 6.4)] == 128).all()
        assert (image == 128).all()


def test_words_lie_inside_the_image_on_top_of_all_frames():
    image = np.zeros((60, 60, 3), np.uint8)
    boxes = np.array([[0, 0, 59, 59], [40, 0, 60, 5]], np.float32)
    plain = draw_boxes(image, boxes, [(255, 0, 0), (0, 255, 0)])
    worded = draw_boxes(image, boxes, [(255, 0, 0), (0, 255, 0)], ("A", "A very long word"))
    added = np.argwhere((plain != worded).any(2))
    assert plain.shape == worded.shape == (768, 768, 3)
    assert len(added) > 500
    assert (worded == (0, 255, 0)).all(2).sum() > (plain == (0, 255, 0)).all(2).sum()


def plates_of(sizes, places):
    """left, top, right, bottom of the words that found a place."""
    return [
        (left, top, left + width, top + height)
        for (width, height), (left, top) in zip(sizes, filter(None, places), strict=True)
    ]


def test_words_of_crowded_boxes_do_not_cover_one_another():
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 200, (20, 2))
    frames = np.hstack([starts, starts + rng.integers(10, 60, (20, 2))])
    sizes = [(60, 14)] * len(frames)
    places = place_words(sizes, frames.tolist(), (260, 260))
    put = plates_of(sizes[: sum(p is not None for p in places)], places)
    assert len(put) > 10
    page = np.zeros((260, 260), int)
    for left, top, right, bottom in put:
        assert 0 <= left < right <= 260
        assert 0 <= top < bottom <= 260
        page[top:bottom, left:right] += 1
    assert page.max() == 1


def test_the_first_box_has_its_words_where_there_is_room_for_one_alone():
    frame = [0, 0, 40, 10]
    assert place_words([(40, 10)] * 3, [frame] * 3, (40, 20)) == [(0, 10), (0, 0), None]
    assert place_words([(40, 10), (90, 10)], [frame, [0, 15, 9, 19]], (40, 20))[1] is None
