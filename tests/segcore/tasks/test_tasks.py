"""What every task must hold to. There is no list: a new file is tested like the others."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from skimage import data

import segcore
from segcore import ImageError, SettingError, WeightsError, classify, detect, weights
from segcore.catalog import KINDS, get_method, get_task
from segcore.charts import Curve, Diagram, Frames
from segcore.images import fit
from segcore.render import to_rgb
from segcore.result import Classification
from segcore.samples import SAMPLES
from segcore.technique import Preset, Recorder, ignore
from tests.segcore.weights.stand_ins import install, make_files, undoable

ASK = {"classification": classify, "detection": detect}


DOWNLOADS = [
    (key, option)
    for key, task in sorted(segcore.TASKS.items())
    for setting in task.settings
    for option in setting.downloads
]


@pytest.fixture(scope="session")
def downloaded(tmp_path_factory):
    """A folder as the downloads of all tasks would leave it, with files made here."""
    folder = tmp_path_factory.mktemp("downloaded")
    make_files(folder, [option for _, option in DOWNLOADS])
    return folder


@pytest.fixture(params=sorted(segcore.TASKS))
def task(request, downloaded, monkeypatch):
    install(str(downloaded), undoable(monkeypatch))
    return segcore.TASKS[request.param]


@pytest.fixture
def ask(task, load_model):
    """`ask(image, **settings)` runs the task with random weights."""

    def run(image, **settings):
        found = ASK[task.category](task.key, image, load_model=load_model, **settings)
        check(found, image)
        return found

    return run


def check(found, image):
    assert found.scores.dtype == np.float32
    assert found.scores.shape == (len(found.names),)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    assert not found.scores.flags.writeable
    if isinstance(found, Classification):
        assert len(set(found.names)) == len(found.names)
        return
    assert not found.boxes.flags.writeable
    height, width = image.shape[:2]
    assert (found.boxes >= 0).all()
    assert (found.boxes <= (width + 1e-3, height + 1e-3) * 2).all()
    assert all(a >= b for a, b in pairwise(found.scores))


def same(one, other):
    assert one.names == other.names
    assert np.array_equal(one.scores, other.scores)
    if not isinstance(one, Classification):
        assert np.array_equal(one.boxes, other.boxes)


def extremes(setting):
    if setting.options is not None:
        return list(setting.options)
    return [setting.type(setting.low), setting.type(setting.high)]


def small(side=96):
    return fit(data.astronaut(), side)


def test_both_kinds_are_there_and_no_key_is_shared():
    assert {task.category for task in segcore.TASKS.values()} == set(KINDS) == set(ASK)
    assert not segcore.TASKS.keys() & segcore.TECHNIQUES.keys()
    for key in (*segcore.TASKS, "thresholding"):
        assert get_method(key).key == key


def test_default_run_leaves_the_image_alone(ask):
    image = small()
    before = image.copy()
    ask(image)
    assert np.array_equal(image, before)


def test_every_choice_and_both_ends(task, ask):
    for setting in task.settings:
        for value in extremes(setting):
            ask(small(64), **{setting.name: value})


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (1, 3000), (20, 31), (900, 1200)])
def test_odd_and_large_images(task, ask, shape):
    weights = next(s for s in task.settings if s.name == "weights")
    for chosen in (weights.default, *weights.downloads):
        ask(np.zeros((*shape, 3), np.uint8), show=ignore, weights=chosen)
    noise = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    ask(cv2.resize(noise, shape[::-1]))


def test_steps_come_from_the_run(task, ask):
    weights = next(s for s in task.settings if s.name == "weights")
    for chosen in (weights.default, *weights.downloads):
        show = Recorder()
        found = ask(small(), show=show, weights=chosen)
        same(found, ask(small(), weights=chosen))
        check_steps(show)


def check_steps(show):
    assert len(show.steps) >= 3
    assert len({step.title for step in show.steps}) == len(show.steps)
    for step in show.steps:
        assert step.title[0].isupper()
        assert step.caption.endswith(".")
        for picture in (
            step.picture.pictures if isinstance(step.picture, Frames) else [step.picture]
        ):
            if isinstance(picture, np.ndarray):
                assert np.isfinite(picture.astype(float)).all()
                assert to_rgb(picture).dtype == np.uint8
            else:
                assert isinstance(picture, Curve | Diagram), step.title


def test_settings_survive_a_link_and_wrong_ones_are_refused(task, ask):
    for setting in task.settings:
        assert setting.help.endswith(".")
        for value in [setting.default, *extremes(setting)]:
            assert setting.from_text(setting.to_text(value)) == value
        for wrong in (None, "no such value", [1], float("nan")):
            with pytest.raises(SettingError, match=setting.name):
                ask(small(), **{setting.name: wrong})
    with pytest.raises(SettingError, match="no_such_setting"):
        ask(small(), no_such_setting=1)


def test_article_and_presets(task):
    article = task.article
    assert f"`{task.fails.sample}`" in article.when_it_fails
    assert str(task.year) in article.references
    assert task.sample in SAMPLES
    for preset in (*task.presets, task.fails):
        assert isinstance(preset, Preset)
        task.complete(preset.settings)
        assert preset.sample in SAMPLES


def test_weights_have_the_name_that_the_task_says(task, load_model):
    asked = []

    def load(build, name):
        asked.append(name)
        return load_model(build, name)

    weights = next(s for s in task.settings if s.name == "weights")
    for chosen in [option for option in weights.options if option not in weights.downloads]:
        image = small(32)
        ASK[task.category](task.key, image, weights=chosen, load_model=load)
        assert asked.pop() == task.weights_name(chosen)


def test_missing_weights_are_one_sentence(task, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"\.safetensors is missing"):
        ASK[task.category](task.key, small(32))


@pytest.mark.parametrize(("key", "option"), DOWNLOADS)
def test_without_its_file_a_download_says_how_to_get_it(key, option, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"“Download [\d.,]+ MB from \S+”\.$") as error:
        ASK[segcore.TASKS[key].category](key, small(16), weights=option)
    assert "\n" not in str(error.value)
    assert not any(tmp_path.iterdir())


def test_wrong_questions_are_refused():
    with pytest.raises(SettingError, match="The task must be one of"):
        classify("no_such_task", small())
    with pytest.raises(SettingError, match="The task must be one of"):
        detect(get_task("pooled_cnn").key, small())
    with pytest.raises(ImageError, match="H×W×3"):
        classify("pooled_cnn", np.zeros((4, 4, 4), np.uint8))
