"""Long runs: a bar with a button that cancels, for results, studies and downloads at full size."""

import numpy as np
import pytest
from streamlit.delta_generator import DeltaGenerator

from pages.ui import progress
from segcore import TECHNIQUES, run
from segcore.images import fit
from segcore.run import study
from segcore.samples import get_sample
from segcore.technique import Recorder

STUDIES = [
    pytest.param(technique, question, id=f"{technique.key}: {question.title}")
    for technique in TECHNIQUES.values()
    for question in technique.studies
]


@pytest.fixture
def told(monkeypatch):
    """What bars are told; they appear at once, and with every step of a run."""
    fractions = []

    def tell(bar, fraction, text):
        assert text == f"{fraction:.0%} done"
        fractions.append(fraction)

    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "PACE", 0.0)
    monkeypatch.setattr(DeltaGenerator, "progress", tell)
    return fractions


def cancel_buttons(seen):
    return [button for button in seen.page.button if button.label == "Cancel"]


def test_a_long_run_tells_its_progress(visit, told):
    seen = visit(technique="region_growing", sample="camera", tolerance="13")
    told[:] = [fraction for fraction in told if fraction is not None]
    assert told == sorted(told)
    assert told[-1] > 0.5
    assert cancel_buttons(seen) == []  # the bar goes when the run is done
    assert seen.viewer is not None


def test_a_short_run_shows_no_bar(visit, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    monkeypatch.setattr(DeltaGenerator, "progress", lambda *_: pytest.fail("There is a bar."))
    assert visit(technique="region_growing", sample="camera", tolerance="14").viewer is not None


def test_two_long_runs_in_one_go(visit, told):
    """A result and its download at full size may both take long after one change."""
    seen = visit(technique="region_growing", sample="cell", side="512").open_tab("Downloads")
    seen.change("download.full", True)
    seen.change("region_growing.tolerance", 17)
    assert seen.sentences == []
    assert told


def test_a_cancelled_download_at_full_size_stays_cancelled(visit):
    seen = visit(technique="thresholding", sample="retina", side="512").open_tab("Downloads")
    settings = tuple(TECHNIQUES["thresholding"].complete({}).items())
    seen.state["cancelled"] = ("full", "thresholding", "retina", settings)
    seen.change("download.full", True)
    captions = [caption.value for caption in seen.page.caption]
    assert "All at 512×512 px." in captions
    assert len(seen.sentences) == 1
    assert seen.sentences[0].startswith("Cancelled.")


@pytest.mark.parametrize(("technique", "question"), STUDIES)
def test_a_study_answers_when_it_is_asked(visit, technique, question):
    page = f"pages/{technique.category}.py"
    seen = visit(page, technique=technique.key, sample="microaneurysms").open_tab("Studies")
    assert question.title not in [title.value for title in seen.page.markdown]
    seen.press(f"study.{question.title}")
    image = get_sample("microaneurysms").load()
    steps = study(technique.key, question.title, image, show=Recorder()).steps
    assert f"#### {question.title}" in [markdown.value for markdown in seen.page.markdown]
    assert seen.steps == [f"**{n}. {s.title}.** {s.caption}" for n, s in enumerate(steps, 1)]
    assert seen.sentences == []


def test_without_studies_there_is_no_tab_for_them(visit):
    for technique in TECHNIQUES.values():
        seen = visit(f"pages/{technique.category}.py", technique=technique.key)
        assert ("Studies" in [tab.label for tab in seen.page.tabs]) == bool(technique.studies)


def test_progress_changes_no_result(told):
    image = fit(get_sample("coins").load(), 200)
    plain = run("region_growing", image).segmentation.labels
    quiet = progress.Quiet(told.append)
    assert np.array_equal(run("region_growing", image, show=quiet).segmentation.labels, plain)
    assert told
