"""The report: one file that needs nothing else, and in which nothing of a stranger can run."""

import base64
import hashlib
import math
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from segcore.render import jpeg, png
from segcore.report import Report, ReportItem, ReportScore, to_html

EVIL = '<script>alert("1")</script> & "quotes"'
SCORES = (
    ReportScore("iou", "IoU", "Overlap.", "Jaccard 1901"),
    ReportScore("over", "VI over", "Whole regions.", "Meilă 2003", is_error=True),
)


@pytest.fixture
def picture():
    return np.random.default_rng(2).integers(0, 256, (12, 16, 3), dtype=np.uint8)


@pytest.fixture
def report(picture):
    items = (
        ReportItem(
            "1 · Otsu",
            {"Method": "Otsu"},
            png(picture),
            0.0214,
            1234,
            {"iou": 0.75, "over": 2.5},
            f"print({EVIL!r})",
            "Matched.",
        ),
        ReportItem("2 · K-Means", {}, jpeg(picture), 2.5, 4, {"iou": math.nan, "over": 0.5}),
        ReportItem("3 · U-Net", {"Weights": "street"}, note="The weights are missing."),
    )
    return Report(
        EVIL,
        {"Image": EVIL},
        {"Image": jpeg(picture)},
        items,
        SCORES,
        ["Two empty masks score 1."],
        ((1.0, 0.25), (0.25, 1.0)),
        ("1 · Otsu", "2 · K-Means"),
        "comparison?sample=cells&1=kmeans",
    )


class Page(HTMLParser):
    """What a browser would find in the file: its tags, and the text of each cell."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append(["", dict(attrs).get("class", "")])
            self.inside = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.cells[-1][0] += data

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_nothing_is_fetched_and_nothing_runs(report):
    text = to_html(report)
    page = Page(text)
    assert page.of("script") == page.of("link") == page.of("iframe") == page.of("a") == []
    assert not re.search(r"https?://|url\(|@import", text)
    addresses = [a[name] for _, a in page.tags for name in ("src", "href") if name in a]
    assert len(addresses) == 3
    assert all(address.startswith("data:image/") for address in addresses)
    assert not any(name.startswith("on") or name == "style" for _, a in page.tags for name in a)


def test_the_policy_allows_these_pictures_and_this_style_alone(report):
    text = to_html(report)
    metas = {a.get("http-equiv"): a.get("content") for a in Page(text).of("meta")}
    policy = dict(
        part.strip().split(" ", 1) for part in metas["Content-Security-Policy"].split(";")
    )
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert policy["style-src"] == f"'sha256-{digest}'"
    # The policy holds only for what stands behind it.
    assert text.index("Content-Security-Policy") < min(text.index("<style"), text.index("<body"))


def test_what_a_stranger_wrote_is_text(report):
    text = to_html(report)
    assert EVIL not in text
    assert text.count("&lt;script&gt;") == 4  # title twice, fact, script


def test_pictures_come_out_as_they_went_in(report, picture):
    sources = [a["src"] for a in Page(to_html(report)).of("img")]
    kinds = [source.partition(";")[0] for source in sources]
    assert kinds == ["data:image/jpeg", "data:image/png", "data:image/jpeg"]
    data = np.frombuffer(base64.b64decode(sources[1].partition(",")[2]), np.uint8)
    assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), picture)


def test_numbers_stand_in_the_table_and_the_best_are_marked(report):
    cells = Page(to_html(report)).cells
    texts = [text for text, _ in cells]
    row = texts.index("1 · Otsu")
    assert texts[row + 1 : row + 5] == ["21 ms", "1,234", "0.750", "2.500"]
    row = texts.index("2 · K-Means")
    assert texts[row + 1 : row + 5] == ["2.50 s", "4", "–", "0.500"]
    row = texts.index("3 · U-Net")
    assert texts[row + 1 : row + 5] == ["–", "–", "–", "–"]
    assert [text for text, kind in cells if "best" in kind] == ["0.750", "0.500"]
    assert "0.25" in texts


def test_scripts_reasons_and_the_link_are_there(report):
    text = to_html(report)
    assert "The weights are missing." in text
    assert "Two empty masks score 1." in text
    assert "comparison?sample=cells&amp;1=kmeans" in text
    assert text.count("<details>") == 1
    for score in SCORES:
        assert score.rewards in text
        assert score.paper in text


def test_without_a_truth_there_are_no_scores(picture):
    bare = Report("Bare", {}, {"Image": jpeg(picture)}, [ReportItem("1 · Otsu", {})])
    text = to_html(bare)
    assert "What each score rewards" not in text
    assert "Agreement" not in text
