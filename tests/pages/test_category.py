"""The page of a category: a result at once, settings that matter, presets, tabs, refused runs."""

import cv2
import numpy as np
import pytest

from pages.ui.widgets import IN_SIGHT
from segcore import TECHNIQUES, run, snippet
from segcore.catalog import in_category
from segcore.images import fit
from segcore.samples import get_sample

CLASSICAL = [technique.key for technique in in_category("classical")]
PRESETS = [
    pytest.param(key, number, id=f"{key}: {preset.title}")
    for key in CLASSICAL
    for number, preset in enumerate([*TECHNIQUES[key].presets, TECHNIQUES[key].fails])
]


@pytest.fixture(params=CLASSICAL)
def technique(request):
    return TECHNIQUES[request.param]


def decoded(pane):
    return cv2.imdecode(np.frombuffer(pane["file"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


# A result at once ---------------------------------------------------------------------------------


def test_a_first_visit_shows_a_result_with_nothing_configured(visit):
    seen = visit()
    first = in_category("classical")[0]
    assert seen.state["technique.classical"] == first.key
    assert [pane["caption"] for pane in seen.viewer["panes"]] == ["Before", "After"]
    assert decoded(seen.viewer["panes"][1]).shape[1::-1] == tuple(seen.viewer["size"])
    assert seen.digests[0] != seen.digests[1]
    assert seen.sentences == []
    assert seen.link == {"technique": first.key, "sample": first.sample}
    assert seen.steps[0].startswith("**1. ")


def test_every_technique_can_be_chosen(visit, technique):
    seen = visit().choose(technique.key)
    assert len(seen.digests) == 2
    assert seen.sentences == []
    assert seen.link["technique"] == technique.key
    legend = seen.page.main.get("html")[-1].value
    assert " segment" in legend


def test_the_page_offers_every_technique_of_its_category(visit):
    offered = visit().page.segmented_control(key="technique.classical").options
    assert offered == [TECHNIQUES[key].title for key in CLASSICAL]


# Settings -----------------------------------------------------------------------------------------


def in_sight(seen, technique):
    """Settings that lie open, and those that are folded away."""
    keys = {f"{technique.key}.{setting.name}": setting.name for setting in technique.settings}
    folded = {keys[w.key] for box in seen.page.expander for w in box if w.key in keys}
    return {keys[key] for key in seen.drawn if key in keys} - folded, folded


def test_few_settings_are_in_sight_and_only_those_that_matter_are_drawn(visit, technique):
    seen = visit(technique=technique.key)
    choices = [s for s in technique.settings if s.options is not None or s.type is bool]
    for choice in choices:
        for value in choice.options or (True, False):
            if not choice.applies(settings_of(seen, technique)):
                continue
            seen.change(f"{technique.key}.{choice.name}", value)
            open_, folded = in_sight(seen, technique)
            now = settings_of(seen, technique)
            matter = {s.name for s in technique.settings if s.type is not tuple and s.applies(now)}
            assert open_ | folded == matter
            assert len(open_) == min(IN_SIGHT, len(matter)) <= 5


def settings_of(seen, technique):
    return {
        s.name: seen.state.get(f"{technique.key}.{s.name}", s.default) for s in technique.settings
    }


def test_a_changed_setting_changes_the_picture_and_stands_in_the_link(visit):
    seen = visit(technique="thresholding", sample="coins")
    before = seen.digests
    seen.change("thresholding.blur", 3.0)
    assert seen.link == {"technique": "thresholding", "sample": "coins", "blur": "3.0"}
    assert seen.digests[0] == before[0]
    assert seen.digests[1] != before[1]
    seen.change("thresholding.blur", 0.0)
    assert seen.link == {"technique": "thresholding", "sample": "coins"}
    assert seen.digests == before


def test_a_setting_that_stopped_to_matter_leaves_the_link_and_comes_back(visit):
    seen = visit(technique="thresholding", method="fixed", level="90")
    seen.change("thresholding.method", "otsu")
    assert "level" not in seen.link
    seen.change("thresholding.method", "fixed")
    assert seen.link["level"] == "90"
    assert seen.page.slider(key="thresholding.level").value == 90


def test_settings_stay_while_one_looks_at_something_else(visit):
    seen = visit(technique="canny_edges", sigma="2.5", thresholds="fixed", low="40")
    seen.choose("hsv_color").choose("canny_edges")
    assert seen.link["sigma"] == "2.5"
    seen.go("app.py").go("pages/classical.py")
    kept = {"technique": "canny_edges", "sigma": "2.5", "thresholds": "fixed", "low": "40"}
    assert kept.items() <= seen.link.items()


def test_the_picture_is_what_segcore_computes(visit):
    seen = visit(technique="thresholding", sample="coins", method="fixed", level="107")
    seen.change("view.paint", "labels")
    image = fit(get_sample("coins").load(), 1024)
    labels = run("thresholding", image, method="fixed", level=107).segmentation.labels
    colors = decoded(seen.viewer["panes"][1]).astype(int) @ [1 << 16, 1 << 8, 1]
    pairs = set(zip(labels.ravel().tolist(), colors.ravel().tolist(), strict=True))
    assert len(pairs) == 2  # one colour per label, all over the picture
    assert len({color for _, color in pairs}) == 2


# Presets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "number"), PRESETS)
def test_a_preset_sets_every_setting_and_its_sample(visit, key, number):
    technique = TECHNIQUES[key]
    preset = [*technique.presets, technique.fails][number]
    other = next(s for s in technique.settings if s.type in (int, float))
    seen = visit(technique=key, sample="moon", **{other.name: other.to_text(other.type(other.low))})
    seen.press(f"{key}.preset.{preset.title}")
    assert settings_of(seen, technique) == technique.complete(preset.settings)
    assert seen.link["sample"] == (preset.sample or "moon")
    assert seen.sentences == []
    assert seen.viewer is not None


def test_the_defaults_keep_the_image_and_the_best_sample_is_a_preset(visit, technique):
    first = technique.settings[0]
    other = [value for value in first.options or () if value != first.default][:1]
    link = {first.name: first.to_text(other[0])} if other else {}
    seen = visit(technique=technique.key, sample="moon", **link)
    seen.press(f"{technique.key}.preset.Defaults")
    assert seen.link == {"technique": technique.key, "sample": "moon"}
    seen.press(f"{technique.key}.preset.At its best")
    assert seen.link == {"technique": technique.key, "sample": technique.sample}


def test_the_article_shows_the_technique_fail_and_at_its_best(visit, technique):
    seen = visit(technique=technique.key, sample="moon").open_tab("Article")
    texts = "\n".join(m.value for m in seen.page.markdown)
    article = technique.article
    for part in (article.idea, article.used_for, article.when_it_fails, article.references):
        assert part.splitlines()[0] in texts
    seen.press(f"{technique.key}.a.{technique.fails.title}")
    assert seen.state["sample"] == technique.fails.sample
    assert settings_of(seen, technique) == technique.complete(technique.fails.settings)
    seen.press(f"{technique.key}.a.At its best")
    assert seen.link == {"technique": technique.key, "sample": technique.sample}


# Views --------------------------------------------------------------------------------------------


def test_each_way_to_paint_gives_a_picture_of_its_own(visit):
    seen = visit(technique="watershed", sample="coins")
    pictures = {seen.digests[1]}
    for paint in ["outlines", "labels", "means"]:
        pictures.add(seen.change("view.paint", paint).digests[1])
    assert len(pictures) == 4
    assert seen.change("view.paint", "fill").change("view.opacity", 0.9).digests[1] not in pictures


def test_a_step_can_be_laid_over_the_image(visit):
    seen = visit(technique="thresholding", sample="coins")
    menu = seen.page.selectbox(key="view.shown.thresholding")
    assert menu.options[0] == "The result"
    assert menu.options[1] == "Step 1: Grayscale"
    assert not any("Histogram" in option for option in menu.options)  # a chart lies over nothing
    seen.change("view.shown.thresholding", 1)
    assert seen.viewer["panes"][1]["caption"] == "Grayscale"
    gray = cv2.cvtColor(get_sample("coins").load(), cv2.COLOR_RGB2GRAY)
    shown = decoded(seen.viewer["panes"][1])
    assert np.abs(shown[..., 0].astype(int) - gray).mean() < 2  # a JPEG


def test_side_by_side(visit):
    assert visit().change("view.mode", "side").viewer["mode"] == "side"


# Tabs ---------------------------------------------------------------------------------------------


def test_the_script_is_that_of_the_settings(visit):
    seen = visit(technique="thresholding", sample="coins", side="512", method="fixed", level="99")
    seen.open_tab("Script")
    script = snippet("thresholding", working_side=512, method="fixed", level=99)
    assert seen.page.code[0].value == script.strip()
    assert seen.page.download_button(key="download.script")


def test_downloads_are_offered(visit):
    seen = visit().open_tab("Downloads")
    labels = [button.label for button in seen.page.download_button]
    assert labels == ["Labels", "Overlay", "Segments", "Image", "COCO"]


def test_steps_are_the_steps_of_the_run(visit, technique):
    seen = visit(technique=technique.key, sample=technique.sample)
    image = fit(get_sample(technique.sample).load(), 1024)
    steps = run(technique.key, image).steps
    assert seen.steps == [f"**{n}. {s.title}.** {s.caption}" for n, s in enumerate(steps, 1)]


# Points -------------------------------------------------------------------------------------------


def test_undo_takes_the_last_point_and_clear_all(visit):
    seen = visit(technique="region_growing", sample="camera", seeds="100-100_300-200_30-400")
    assert seen.viewer["points"] == [[100, 100], [300, 200], [30, 400]]
    assert seen.viewer["clickable"]
    three = seen.digests
    seen.press("points.undo")
    assert seen.viewer["points"] == [[100, 100], [300, 200]]
    assert seen.link["seeds"] == "100-100_300-200"
    assert seen.digests[1] != three[1]
    seen.press("points.clear")
    assert seen.viewer["points"] == []
    assert "seeds" not in seen.link
    assert seen.page.button(key="points.undo").disabled


def test_a_technique_without_points_cannot_be_clicked(visit):
    seen = visit(technique="hsv_color")
    assert not seen.viewer["clickable"]
    seen.change("hsv_color.source", "picked")
    assert seen.viewer["clickable"]


# Runs that are refused or cancelled ---------------------------------------------------------------


def refuse(seen):
    """Points outside, as a click on an image that has just been replaced may leave them."""
    return seen.put(**{"region_growing.seeds": ((9000, 20),)})


def test_a_refused_run_says_one_sentence_and_keeps_the_picture(visit):
    seen = visit(technique="region_growing", sample="camera", seeds="100-100")
    before = seen.digests
    refuse(seen)
    assert len(seen.sentences) == 1
    assert seen.sentences[0].startswith("seeds must be points inside the image")
    assert seen.digests == before
    assert seen.viewer["points"] == [[100, 100]]


def test_after_a_refused_run_a_person_can_go_on(visit):
    seen = visit(technique="region_growing", sample="camera", seeds="100-100")
    refuse(seen).press("points.clear")
    assert seen.sentences == []
    assert seen.viewer["points"] == []


def test_a_cancelled_run_keeps_the_picture_until_it_is_run(visit):
    technique = TECHNIQUES["thresholding"]
    seen = visit(technique="thresholding", sample="coins")
    before = seen.digests
    settings = technique.complete({"method": "fixed", "level": 55})
    name = ("thresholding", "coins", 1024, (("method", "fixed"), ("level", 55)))
    name = (*name[:3], (*name[3], ("inverted", False), ("blur", 0.0)))
    assert settings == settings | dict(name[3])
    seen.state["cancelled"] = name
    seen.state["thresholding.level"] = 55
    seen.change("thresholding.method", "fixed")
    assert [s.split(".")[0] for s in seen.sentences] == ["Cancelled"]
    assert seen.digests == before
    next(b for b in seen.page.button if b.label == "Run it").click()
    seen.run()
    assert seen.sentences == []
    assert seen.digests[1] != before[1]


def test_a_cancelled_first_run_leaves_the_page_usable(visit):
    seen = visit("app.py")
    seen.state["cancelled"] = (
        *("thresholding", "camera", 1024),
        (("method", "otsu"), ("inverted", False), ("blur", 0.0)),
    )
    seen.go("pages/classical.py")
    assert [s.split(".")[0] for s in seen.sentences] == ["Cancelled"]
    seen.change("thresholding.blur", 1.0)
    assert seen.sentences == []
    assert seen.viewer is not None
