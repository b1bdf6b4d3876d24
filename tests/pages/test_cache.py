"""The cache: bounded in bytes, keeps what was used last, shares values, never mixes two images."""

import threading

import numpy as np
import pytest

from pages.ui.cache import Cache
from segcore.charts import Frames, Histogram, Scatter, Surface
from segcore.result import Run, Step, foreground


def of_bytes(megabytes):
    return bytes(int(megabytes * 1_000_000))


def test_a_value_is_made_once_and_shared():
    cache, made = Cache(1), []

    def make():
        made.append(1)
        return np.zeros(10)

    assert cache.get("a", make) is cache.get("a", make)
    assert len(made) == 1


def test_it_is_bounded_in_bytes_and_keeps_what_was_used_last():
    cache = Cache(10)
    for name in "abc":
        cache.get(name, lambda: of_bytes(3))
    cache.get("a", lambda: pytest.fail("It is there."))
    cache.get("d", lambda: of_bytes(3))
    assert [name in cache for name in "abcd"] == [True, False, True, True]


def test_what_is_larger_than_the_cache_is_given_but_not_kept():
    cache = Cache(1)
    cache.get("small", lambda: of_bytes(0.5))
    assert len(cache.get("large", lambda: of_bytes(2))) == 2_000_000
    assert "large" not in cache
    assert "small" in cache


def test_what_cannot_be_made_is_not_kept():
    cache = Cache(1)

    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("a", fail)
    assert "a" not in cache
    assert cache.get("a", lambda: b"now") == b"now"


def run_with(picture):
    return Run(foreground(np.zeros((10, 10))), (Step("a", picture, "b"),), 0.0)


LARGE = np.zeros((1000, 1000), np.float64)  # 8 MB
SOME = np.zeros(10)


@pytest.mark.parametrize(
    "value",
    [
        LARGE,
        Run(foreground(LARGE), (), 0.0),
        run_with(LARGE),
        run_with(Frames((LARGE[:500], LARGE[500:]), ("1", "2"))),
        run_with(Surface(LARGE, "z")),
        run_with(Histogram(SOME, LARGE, "x")),
        run_with(Scatter(LARGE, SOME, ("a", "b", "c"))),
        (LARGE[:500], LARGE[500:]),
    ],
    ids=["array", "labels", "step", "frames", "surface", "histogram", "scatter", "tuple"],
)
def test_the_size_of_every_kind_of_value_counts(value):
    cache = Cache(3)
    cache.get("a", lambda: value)
    assert "a" not in cache
    roomy = Cache(9)
    roomy.get("a", lambda: value)
    assert "a" in roomy


def test_many_threads_get_the_right_values():
    cache, wrong = Cache(1), []

    def work(seed):
        rng = np.random.default_rng(seed)
        for name in rng.integers(0, 30, 300).tolist():
            found = cache.get(name, lambda name=name: np.full(10_000, name))
            if not (found == name).all():
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_long_making_does_not_hold_up_the_others():
    cache, go_on = Cache(1), threading.Event()
    slow = threading.Thread(target=cache.get, args=("slow", lambda: go_on.wait(10) and b"slow"))
    slow.start()
    assert cache.get("fast", lambda: b"fast") == b"fast"  # would wait for ever
    go_on.set()
    slow.join()
    assert cache.get("slow", lambda: b"new") == b"slow"


def test_two_images_that_differ_in_one_pixel_never_mix(visit):
    import cv2

    image = np.full((40, 60, 3), 30, np.uint8)
    image[10:30, 20:40] = 200
    other = image.copy()
    other[0, 0] = 255
    first, second = (cv2.imencode(".png", picture)[1].tobytes() for picture in (image, other))
    seen = visit().upload(("a.png", first))
    one = seen.digests
    two = seen.upload(("b.png", second)).digests
    assert one[0] != two[0]
    assert one[1] != two[1]
    use = [button.key for button in seen.page.button if button.key.startswith("use.")]
    assert seen.press(use[1]).digests == one
    assert seen.press(use[0]).digests == two
