"""What every technique must hold to. There is no list: a new file is tested like the others."""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from skimage import data

import segcore
from segcore import SettingError, WeightsError, read_image, run, snippet, weights
from segcore.charts import Curve, Diagram, Frames, Histogram, HueWheel, Scatter, Surface, Table
from segcore.images import fit
from segcore.render import to_rgb
from segcore.result import Image, Segmentation
from segcore.run import study
from segcore.samples import SAMPLES
from segcore.technique import Recorder, Setting, Technique, ignore
from segcore.weights.hub import is_hub

RESERVED = {"technique", "sample", "side", "working_side", "show"}
CHARTS = Histogram | Curve | Scatter | Surface | HueWheel | Diagram | Table


DOWNLOADS = {
    key: names
    for key, technique in sorted(segcore.TECHNIQUES.items())
    if (names := [option for s in technique.settings for option in s.downloads])
}


@pytest.fixture(scope="session")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Technique -> a folder as its downloads would leave it, with files made here."""
    folders = {}
    for key, names in DOWNLOADS.items():
        from tests.segcore.weights.hub_stand_ins import make_hub
        from tests.segcore.weights.stand_ins import make_files

        folders[key] = tmp_path_factory.mktemp(key)
        make_files(folders[key], [name for name in names if not is_hub(name)])
        make_hub(folders[key], filter(is_hub, names))
    return folders


@pytest.fixture(params=sorted(segcore.TECHNIQUES))
def technique(
    request: pytest.FixtureRequest,
    downloaded: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Technique:
    if request.param in downloaded:
        from tests.segcore.weights.hub_stand_ins import install_hub
        from tests.segcore.weights.stand_ins import install, undoable

        install(str(downloaded[request.param]), undoable(monkeypatch))
        install_hub(downloaded[request.param], undoable(monkeypatch))
    return segcore.TECHNIQUES[request.param]


def small(name: str, side: int = 64) -> Image:
    image = getattr(data, name)()
    return fit(np.ascontiguousarray(image if image.ndim == 3 else np.dstack([image] * 3)), side)


def odd_images() -> Iterator[tuple[str, Image]]:
    rng = np.random.default_rng(7)
    yield "1×1", np.full((1, 1, 3), 90, np.uint8)
    yield "1×40", rng.integers(0, 256, (1, 40, 3), dtype=np.uint8)
    yield "40×1", rng.integers(0, 256, (40, 1, 3), dtype=np.uint8)
    yield "2×2", rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    yield "black", np.zeros((20, 31, 3), np.uint8)
    yield "white", np.full((20, 31, 3), 255, np.uint8)
    yield "grey", np.dstack([rng.integers(0, 256, (33, 47), dtype=np.uint8)] * 3)
    yield "noise", rng.integers(0, 256, (37, 50, 3), dtype=np.uint8)
    yield "two colours", np.repeat(np.uint8([[[0, 0, 0], [250, 10, 10]]]), 12, axis=0)


def conditions(technique: Technique, setting: Setting) -> dict[str, Any]:
    """Settings under which this one matters."""
    chosen: dict[str, Any] = {}
    known = {s.name: s for s in technique.settings}
    for name, values in setting.only.items():
        chosen |= conditions(technique, known[name]) | {name: values[0]}
    return chosen


def extremes(setting: Setting) -> list[Any]:
    """Every choice, both ends of a range, none and some points."""
    if setting.options is not None:
        return list(setting.options)
    if setting.type is bool:
        return [False, True]
    if setting.type is tuple:
        return [(), ((0, 0),), ((3, 4), (20, 9), (3, 4))[: setting.most]]
    return [setting.type(setting.low), setting.type(setting.high)]


def variants(technique: Technique) -> Iterator[dict[str, Any]]:
    for setting in technique.settings:
        for value in extremes(setting):
            yield conditions(technique, setting) | {setting.name: value}


def random_settings(technique: Technique, rng: random.Random) -> dict[str, Any]:
    return {setting.name: random_value(setting, rng) for setting in technique.settings}


def random_value(setting: Setting, rng: random.Random) -> Any:
    if setting.options is not None:
        return rng.choice(setting.options)
    if setting.type is bool:
        return rng.random() < 0.5
    if setting.type is tuple:
        count = min(rng.randrange(4), setting.most)
        return tuple((rng.randrange(50), rng.randrange(50)) for _ in range(count))
    steps = int((setting.high - setting.low) / setting.step)
    return setting.type(setting.low + setting.step * rng.randint(0, steps))


def check(result: Segmentation, image: Image) -> None:
    assert result.labels.dtype == np.int32
    assert result.labels.shape == image.shape[:2]
    assert not result.labels.flags.writeable
    labels = [segment.label for segment in result.segments]
    assert labels == sorted(set(labels))
    assert set(np.unique(result.labels)) - {0} == set(labels)
    assert all(segment.name for segment in result.segments)
    assert all(s.score is None or 0 <= s.score <= 1 for s in result.segments)


def test_default_run(technique: Technique) -> None:
    image = small("astronaut", 128)
    before = image.copy()
    done = run(technique.key, image)
    check(done.segmentation, image)
    assert np.array_equal(image, before)
    assert done.seconds >= 0


def test_large_image(technique: Technique) -> None:
    image = cv2.resize(data.astronaut(), (1600, 1200))
    check(run(technique.key, image, show=ignore).segmentation, image)


def test_steps(technique: Technique) -> None:
    steps = run(technique.key, small("coffee", 96)).steps
    assert len(steps) >= 4
    assert len({step.title for step in steps}) == len(steps)
    for step in steps:
        assert step.title[0].isupper()
        assert step.caption.endswith("."), step.caption
        for picture in (
            step.picture.pictures if isinstance(step.picture, Frames) else [step.picture]
        ):
            if isinstance(picture, np.ndarray):
                assert not picture.flags.writeable
                assert np.isfinite(picture.astype(np.float64)).all(), step.title
                assert to_rgb(picture).dtype == np.uint8
            else:
                assert isinstance(picture, CHARTS), step.title
                assert_finite(picture)


def assert_finite(chart: Any) -> None:
    for name, value in vars(chart).items():
        if isinstance(value, np.ndarray):
            assert np.isfinite(value.astype(np.float64)).all(), name
    for series in getattr(chart, "curves", ()) + getattr(chart, "series", ()):
        assert np.isfinite(np.asarray(series.y, np.float64)).all(), series.name
    for row in getattr(chart, "rows", ()):
        assert len(row) == len(chart.columns)
        assert np.isfinite([value for value in row if not isinstance(value, str)]).all(), row


def test_odd_images(technique: Technique) -> None:
    for name, image in odd_images():
        done = run(technique.key, image)
        check(done.segmentation, image)
        assert len(done.steps) >= 4, name


def test_every_setting_on_odd_images(technique: Technique) -> None:
    tiny = [image for name, image in odd_images() if name in ("1×1", "1×40", "black", "noise")]
    for settings in variants(technique):
        for image in tiny:
            height, width = image.shape[:2]
            points = (settings.get(s.name, ()) for s in technique.settings if s.type is tuple)
            if any(x >= width or y >= height for given in points for x, y in given):
                continue
            check(run(technique.key, image, show=ignore, **settings).segmentation, image)


def test_every_choice_and_both_ends(technique: Technique) -> None:
    image = small("coins", 64)
    for settings in variants(technique):
        done = run(technique.key, image, **settings)
        check(done.segmentation, image)
        assert len(done.steps) >= 4, settings


def test_same_seed_same_labels_with_and_without_steps(technique: Technique) -> None:
    image = small("chelsea", 80)
    for settings in ({}, random_settings(technique, random.Random(3))):
        first = run(technique.key, image, **settings).segmentation
        again = run(technique.key, image, show=ignore, **settings).segmentation
        assert np.array_equal(first.labels, again.labels)
        assert first.segments == again.segments


def test_settings_survive_the_link(technique: Technique) -> None:
    for setting in technique.settings:
        assert setting.name not in RESERVED
        assert setting.help.endswith("."), setting.name
        for value in [setting.default, *extremes(setting)]:
            assert setting.from_text(setting.to_text(value)) == value


def test_wrong_settings_are_refused_by_name(technique: Technique) -> None:
    image = small("coins", 16)
    with pytest.raises(SettingError, match="no_such_setting"):
        run(technique.key, image, no_such_setting=1)
    for setting in technique.settings:
        wrong: list[Any] = [None, "no such value", [1], float("nan")]
        if setting.low is not None:
            wrong += [setting.low - 1, setting.high + 1]
        if setting.type is tuple:
            wrong += [((99999, 0),), ((-1, 0),), ((1.5, 0),), (1, 2)]
        for value in wrong:
            extra = conditions(technique, setting) | {setting.name: value}
            with pytest.raises(SettingError, match=setting.name) as error:
                run(technique.key, image, **extra)
            assert str(error.value).endswith("."), error.value
            assert "\n" not in str(error.value)


def test_article_and_presets(technique: Technique) -> None:
    article = technique.article
    assert technique.sample in SAMPLES
    assert technique.fails.sample in SAMPLES
    assert f"`{technique.fails.sample}`" in article.when_it_fails
    assert 1900 < technique.year < 2030
    assert str(technique.year) in article.references
    titles = [preset.title for preset in (*technique.presets, technique.fails)]
    assert len(set(titles)) == len(titles)
    for preset in (*technique.presets, technique.fails):
        technique.complete(preset.settings)
        assert preset.sample is None or preset.sample in SAMPLES


def test_studies(technique: Technique) -> None:
    image = small("coffee", 40)
    for question in technique.studies:
        said: list[float] = []
        answer = study(technique.key, question.title, image, show=Recorder(said.append))
        assert answer.steps
        assert said == sorted(said), question.title
        assert len(said) >= 2
        for step in answer.steps:
            assert isinstance(step.picture, CHARTS | np.ndarray)
            assert step.caption.endswith(".")


@pytest.mark.parametrize(
    ("key", "option"), [(key, option) for key, names in DOWNLOADS.items() for option in names]
)
def test_without_its_file_a_download_says_how_to_get_it(
    key: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.segcore.weights import hub_stand_ins

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    hub_stand_ins.install_hub(tmp_path, monkeypatch.setattr)
    setting = next(s for s in segcore.TECHNIQUES[key].settings if option in s.downloads)

    def refused(button: str) -> None:
        with pytest.raises(WeightsError, match=rf"“{button}”\.$") as error:
            run(key, small("coins", 16), **{setting.name: option})
        assert "\n" not in str(error.value)

    size = r"Download [\d.,]+ MB from \S+"
    refused(r"Ask \S+ how many MB it is" if is_hub(option) else size)
    assert not any(tmp_path.iterdir())
    if is_hub(option):  # the Hub has been asked, and nothing was downloaded
        hub_stand_ins.make_hub(tmp_path, [option])
        for path in tmp_path.rglob(f"{hub_stand_ins.NUMBERS}*"):
            path.unlink()
        refused(size)


def a_photograph() -> bytes:
    """A JPEG that lies on its side, so that the script must turn it as the page does."""
    photograph = PIL.Image.fromarray(small("astronaut", 100)[:, :72])
    exif = photograph.getexif()
    exif[0x0112] = 6
    file = BytesIO()
    photograph.save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


def command(technique: Technique, downloaded: dict[str, Path]) -> list[str]:
    """What runs the scripts of a technique, one after another: three arguments for each.

    -I: neither the folder of this project nor PYTHONPATH can be imported from.
    """
    start = [sys.executable, "-I", "-W", "error", "-c"]
    if technique.key not in downloaded:
        return [*start, RUN]
    from tests.segcore.weights import stand_ins

    return [*start, stand_ins.prepare(downloaded[technique.key]) + RUN]


RUN = """
import runpy, sys
rest = sys.argv[1:]
while rest:
    sys.argv, rest = rest[:3], rest[3:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_exported_script(technique: Technique, tmp_path: Path, downloaded: dict[str, Path]) -> None:
    photograph = a_photograph()
    (tmp_path / "image.jpg").write_bytes(photograph)
    for chosen in next((s.options for s in technique.settings if s.name == "weights"), ()):
        for name in technique.weights_files(chosen):
            file = weights.FOLDER / f"{name}.safetensors"
            if file.is_file():  # it is not, of what is to be downloaded
                shutil.copy(file, tmp_path)  # a network's script needs its weights beside it
    for folder in downloaded.get(technique.key, tmp_path / "none").glob("models--*"):
        shutil.copytree(next(folder.glob("snapshots/*")), tmp_path / folder.name)
    rng = random.Random(technique.key)
    chosen = [{}, *(random_settings(technique, rng) for _ in range(3))]
    for setting in technique.settings:
        if setting.downloads:
            chosen[-1][setting.name] = setting.downloads[0]
    arguments: list[Path] = []
    for number, settings in enumerate(chosen):
        script = snippet(technique.key, working_side=72, **settings)
        assert not re.search(r"^\s*(from|import) segcore", script, re.MULTILINE)
        assert "show" not in {word.strip("(.,)") for word in script.split()}
        assert "Annotated" not in script
        path = tmp_path / f"script{number}.py"
        path.write_text(script, "utf-8")
        arguments += [path, tmp_path / "image.jpg", tmp_path / f"labels{number}.png"]
    ran = subprocess.run(
        [*command(technique, downloaded), *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for number, settings in enumerate(chosen):
        expected = run(technique.key, read_image(photograph, 72), show=ignore, **settings)
        written = cv2.imread(str(tmp_path / f"labels{number}.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(written, expected.segmentation.labels), settings
