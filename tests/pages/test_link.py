"""The link: it restores a view, holds what differs from the defaults, and is never believed."""

import random

import pytest

from pages.ui import link as link_module
from segcore import TECHNIQUES
from segcore.catalog import in_category
from segcore.samples import SAMPLES

SCENES = [sample for sample in SAMPLES.values() if sample.scene is not None]
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
    "a scene": {"technique": "thresholding", "sample": "street"},
    "a scene with settings": {
        "technique": "thresholding",
        "sample": "street",
        "street.seed": "7",
        "street.weather": "rain",
        "level": "90",
        "method": "fixed",
    },
    "points of a scene of another size": {
        "technique": "region_growing",
        "sample": "shapes",
        "shapes.size": "1024",
        "shapes.touching": "false",
        "seeds": "1023-767",
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


@pytest.mark.parametrize("sample", SCENES, ids=lambda sample: sample.key)
def test_any_settings_of_a_scene_survive_the_link(visit, sample):
    rng = random.Random(sample.key)
    chosen = {s.name: draw(s, rng) for s in sample.settings}
    texts = {f"{sample.key}.{s.name}": s.to_text(chosen[s.name]) for s in sample.settings}
    seen = visit(technique="thresholding", sample=sample.key, **texts)
    assert seen.sentences == []
    assert {s.name: seen.state[f"{sample.key}.{s.name}"] for s in sample.settings} == chosen
    assert seen.viewer["size"] == [chosen["size"], chosen["size"] * 3 // 4]
    again = visit(**seen.link)
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


WRONG_SCENES = {
    "a word for a seed": ({"street.seed": "abc"}, "street.seed must be a whole number from 0"),
    "an unknown weather": ({"street.weather": "snow"}, "street.weather must be one of mixed, "),
    "too crowded": ({"street.crowd": "1.5"}, "street.crowd must be a number from 0 to 1, but is"),
    "a size between": ({"street.size": "300"}, "street.size must be one of 128, 256, 512, 1024, "),
    "an unknown setting": ({"street.snow": "1"}, "a setting of street must be one of street.seed"),
    "another scene's setting": ({"cells.seed": "3"}, "a setting of thresholding must be one of "),
    "without the scene's name": ({"seed": "3"}, "a setting of thresholding must be one of "),
    "a seed twice": ({"street.seed": ["3", "4"]}, "'street.seed' stands more than once."),
    "5,000 characters": ({"street.seed": "9" * 5000}, "street.seed must be a whole number"),
}


@pytest.mark.parametrize(("link", "start"), WRONG_SCENES.values(), ids=WRONG_SCENES)
def test_a_wrong_setting_of_a_scene_is_one_sentence_and_its_default(visit, link, start):
    seen = visit(sample="street", **{"street.size": "128"} | link)
    assert len(seen.sentences) == 1
    assert seen.sentences[0].startswith(f"In the link, {start}")
    assert len(seen.sentences[0]) < 450
    right = {"street.size": "128"} if "street.size" not in link else {}
    assert seen.link == {"technique": "thresholding", "sample": "street"} | right
    assert seen.run().sentences == []


def test_a_scene_s_settings_without_the_scene_are_one_sentence(visit):
    seen = visit(sample="coins", **{"street.seed": "3"})
    assert len(seen.sentences) == 1
    assert seen.link["sample"] == "coins"
    assert seen.change("sample", "street").link == {"technique": "thresholding", "sample": "street"}


def test_a_scene_s_settings_alone_name_the_scene(visit):
    seen = visit(**{"street.seed": "3", "street.size": "128"})
    assert seen.sentences == []
    assert seen.link["sample"] == "street"
    assert seen.link["street.seed"] == "3"


def test_going_back_restores_the_scene_before(visit):
    first = {"technique": "thresholding", "sample": "street", "street.size": "128"}
    seen = visit(**first)
    before = seen.digests
    seen.change("street.seed", 11).change("street.time", "night")
    assert seen.link == first | {"street.seed": "11", "street.time": "night"}
    assert seen.digests[0] != before[0]
    seen.go("pages/classical.py", **first)
    assert seen.link == first
    assert seen.digests == before
    assert seen.page.number_input(key="street.seed").value == seen.state["street.seed"] != 11


@pytest.mark.parametrize(("on_its_way", "seed"), [(0.0, 11), (60.0, 12)])
def test_an_address_of_before_means_back_unless_it_may_be_told_late(
    visit, monkeypatch, on_its_way, seed
):
    monkeypatch.setattr(link_module, "ON_ITS_WAY", on_its_way)
    seen = visit(technique="thresholding", sample="street", **{"street.size": "128"})
    links = {n: seen.change("street.seed", n).link for n in (11, 12)}
    seen.page.query_params = links[11]
    assert seen.run().state["street.seed"] == seed
    assert seen.link == links[seed]


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
