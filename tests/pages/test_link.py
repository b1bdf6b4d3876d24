"""The link: it restores a view, holds what differs from the defaults, and is never believed."""

import random

import pytest

from segcore import TECHNIQUES
from segcore.catalog import in_category

CLASSICAL = [technique.key for technique in in_category("classical")]
DEEP_LINKS = {
    "a fixed level": {"technique": "thresholding", "method": "fixed", "level": "90"},
    "a real number off the slider's grid": {"technique": "thresholding", "blur": "0.05"},
    "a choice that is a number": {"technique": "canny_edges", "aperture": "5", "sample": "coins"},
    "a switch": {"technique": "canny_edges", "l2_norm": "true", "sample": "coins"},
    "a working size": {"technique": "watershed", "sample": "retina", "side": "512"},
    "points": {"technique": "region_growing", "sample": "coffee", "seeds": "10-20_300-399"},
    "points of a working size": {
        "technique": "hsv_color",
        "sample": "retina",
        "side": "512",
        "source": "picked",
        "seeds": "500-500",
    },
}

# What a link says, and the end of the one sentence that the page says of it.
WRONG_LINKS = {
    "a word for a number": ({"level": "abc"}, "from 0 to 255, but is 'abc'."),
    "a real for a whole number": ({"level": "1.5"}, "from 0 to 255, but is '1.5'."),
    "too large": ({"level": "256"}, "level must be a whole number from 0 to 255, but is 256."),
    "too small": ({"level": "-1"}, "level must be a whole number from 0 to 255, but is -1."),
    "not a number": ({"blur": "nan"}, "blur must be a number from 0 to 10, but is 'nan'."),
    "infinite": ({"blur": "inf"}, "but is 'inf'."),
    "an even size": (
        {"window": "4"},
        "window must be an odd whole number from 3 to 151, but is 4.",
    ),
    "an unknown choice": ({"method": "magic"}, "but is 'magic'."),
    "a label for a choice": ({"method": "Multi-Otsu"}, "but is 'Multi-Otsu'."),
    "no truth": ({"inverted": "yes"}, "inverted must be true or false, but is 'yes'."),
    "nothing": ({"level": ""}, "but is ''."),
    "an unknown setting": ({"magic": "1"}, "but is 'magic'."),
    "an unknown technique": ({"technique": "magic"}, "but is 'magic'."),
    "a technique of no name": ({"technique": ""}, "but is ''."),
    "an unknown sample": ({"sample": "magic"}, "but is 'magic'."),
    "a path for a sample": ({"sample": "../../etc/passwd"}, "but is '../../etc/passwd'."),
    "an odd working size": ({"side": "513"}, "one of 512, 1024, 2048, 4096, but is '513'."),
    "a script": ({"level": "<script>alert(1)</script>"}, "but is '<script>alert(1)</script>'."),
    "a script's name": (
        {"<script>alert(1)</script>": "1"},
        "but is '<script>alert(1)</script>'.",
    ),
    "5,000 characters": ({"level": "9" * 5000}, "."),
    "a name of 5,000 characters": ({"x" * 5000: "1"}, "."),
    "4,000 digits": ({"level": "9" * 4000}, "."),
    "a setting twice": ({"level": ["90", "91"]}, "'level' stands more than once."),
    "a sample twice": ({"sample": ["coins", "page"]}, "'sample' stands more than once."),
    "a long name twice": ({"y" * 5000: ["1", "2"]}, "stands more than once."),
    "a zero byte": ({"level": "9\0"}, "."),
}
WRONG_POINTS = {
    "points outside": "10-10_9000-20",
    "half a point": "10",
    "three numbers": "10-20-30",
    "negative": "-10-20",
    "words": "a-b",
    "too many": "_".join(["1-1"] * 65),
    "endless numbers": f"{'9' * 4000}-1",
    "endless digits": f"{'9' * 5000}-1",
    "a real number": "1.5-2",
}


@pytest.mark.parametrize("link", DEEP_LINKS.values(), ids=DEEP_LINKS)
def test_a_deep_link_restores_the_view(visit, link):
    seen = visit(**link)
    assert seen.sentences == []
    assert seen.link == {"sample": "camera"} | link
    technique = TECHNIQUES[link["technique"]]
    assert seen.state["technique.classical"] == technique.key
    for setting in technique.settings:
        if setting.name in link:
            value = seen.state[f"{technique.key}.{setting.name}"]
            assert value == setting.from_text(link[setting.name])
    if "seeds" in link:
        given = [pair.split("-") for pair in link["seeds"].split("_")]
        assert seen.viewer["points"] == [[int(x), int(y)] for x, y in given]
    assert max(seen.viewer["size"]) <= int(link.get("side", 1024))


@pytest.mark.parametrize("key", CLASSICAL)
def test_any_settings_survive_the_link(visit, key):
    technique = TECHNIQUES[key]
    rng = random.Random(key)
    chosen = {s.name: draw(s, rng) for s in technique.settings}
    texts = {s.name: s.to_text(chosen[s.name]) for s in technique.settings}
    seen = visit(technique=key, sample="weak_edge", **texts)
    assert seen.sentences == []
    assert {s.name: seen.state[f"{key}.{s.name}"] for s in technique.settings} == chosen
    again = visit(**seen.link)  # what the address shows now gives the same pictures
    assert again.digests == seen.digests
    assert again.link == seen.link


def draw(setting, rng):
    if setting.options is not None:
        return rng.choice(setting.options)
    if setting.type is bool:
        return rng.random() < 0.5
    if setting.type is tuple:
        return tuple((rng.randrange(300), rng.randrange(300)) for _ in range(rng.randrange(4)))
    steps = int((setting.high - setting.low) / setting.step)
    return setting.type(setting.low + setting.step * rng.randint(0, steps))


@pytest.mark.parametrize(("link", "end"), WRONG_LINKS.values(), ids=WRONG_LINKS)
def test_a_wrong_link_is_one_sentence_and_the_defaults(visit, caplog, link, end):
    caplog.clear()
    seen = visit(**link)
    assert len(seen.sentences) == len(seen.page.warning) == 1
    assert seen.sentences[0].startswith("In the link, ")
    assert seen.sentences[0].endswith(end)
    assert len(seen.sentences[0]) < 450
    assert not seen.page.error
    assert seen.link == {"technique": "thresholding", "sample": "camera"}
    assert seen.digests == visit().digests
    assert all("ScriptRunContext" in record.message for record in caplog.records)
    assert seen.run().sentences == []  # it is said once


@pytest.mark.parametrize("seeds", WRONG_POINTS.values(), ids=WRONG_POINTS)
def test_wrong_points_are_one_sentence_and_none(visit, seeds):
    seen = visit(technique="region_growing", sample="cell", seeds=seeds, tolerance="30")
    assert len(seen.sentences) == 1
    assert "seeds must be" in seen.sentences[0]
    assert len(seen.sentences[0]) < 250
    assert seen.viewer["points"] == []
    assert seen.link == {"technique": "region_growing", "sample": "cell", "tolerance": "30"}


def test_what_is_right_in_a_wrong_link_is_followed(visit):
    seen = visit(technique="thresholding", sample="coins", method="fixed", level="999", blur="2.0")
    assert len(seen.sentences) == 1
    right = {"technique": "thresholding", "sample": "coins", "method": "fixed", "blur": "2.0"}
    assert seen.link == right
    assert seen.state["thresholding.level"] == 127


def test_several_wrongs_are_several_sentences(visit):
    seen = visit(technique="thresholding", sample="magic", side="3", level="abc", magic="1")
    assert len(seen.sentences) == 4


def test_nothing_in_a_link_becomes_markup(visit):
    hostile = "![x](http://evil.example/x.png) [a](http://evil.example) $x$ www.evil.example"
    seen = visit(**{hostile: "1", "level": hostile, "sample": "`x`<b>", "**b**": ["1", "2"]})
    for box in seen.page.warning:
        bare = box.value.replace("\\\\", "")
        for sign in "![]()$<>`*_":
            assert bare.count(sign) == bare.count("\\" + sign), box.value
        assert "http:" not in box.value
        assert "www." not in box.value


def test_a_new_link_in_an_old_session_is_followed(visit):
    seen = visit(technique="thresholding", method="fixed", level="90")
    seen.go("pages/classical.py", technique="watershed", sample="coins", h="5.0")
    assert seen.link == {"technique": "watershed", "sample": "coins", "h": "5.0"}
    seen.go("pages/classical.py", technique="thresholding", sample="coins")
    assert seen.state["thresholding.method"] == "otsu"


def test_a_refused_link_does_not_touch_the_upload(visit, png):
    seen = visit().upload(("mine.png", png))
    mine = seen.digests
    seen.go("pages/classical.py", sample="magic")
    assert len(seen.sentences) == 1
    assert seen.digests == mine
    assert "sample" not in seen.link
