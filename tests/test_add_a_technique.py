"""A technique dropped in as one file is on the page, in the contract suite and in exported code.

The project is copied aside, one file is added, and nothing else is changed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

HELPERS = ("stand_ins", "hub_stand_ins", "publisher")  # of the contract suite

SEVENTH = r'''"""Brightest pixel: one ray of light

Idea
Everything as bright as the brightest pixel, less a margin $m$, is foreground.

Used for
This test.

When it fails
On `page`, where white paper is everywhere.

References
Nobody, *Nothing*, 2020.
"""

from typing import Annotated

import cv2
import numpy as np

from segcore.ops.seventh import brightest
from segcore.result import Image, Segmentation, foreground
from segcore.technique import Preset, Range, Show, Technique, ignore


def segment(
    image: Image,
    *,
    margin: Annotated[int, Range(0, 255), "Grey levels below the brightest pixel."] = 40,
    show: Show = ignore,
) -> Segmentation:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    show("Grey", gray, "Colour is gone.")
    top = brightest(gray)
    show("Below the top", lambda: top - gray, "How far below the top.")
    mask = gray >= top - margin
    show("Mask", mask, "Near the top.")
    show("Inverse", lambda: ~mask, "The rest.")
    return foreground(mask, "Bright things")


TECHNIQUE = Technique(
    "Brightest pixel",
    year=2020,
    segment=segment,
    fails=Preset("White paper", sample="page"),
)
'''

OPERATION = '''"""An operation that the technique shares."""


def brightest(gray):  # a comment that the script keeps
    return int(gray.max())
'''

ON_THE_PAGE = """
from streamlit.testing.v1 import AppTest

page = AppTest.from_file("app.py", default_timeout=60).run()
page.switch_page("pages/classical.py").run()
assert not page.exception, page.exception
choice = page.segmented_control(key="technique.classical")
assert "Brightest pixel" in choice.options, choice.options
choice.set_value("seventh").run()
assert not page.exception, page.exception
assert page.slider(key="seventh.margin").value == 40
assert page.query_params["technique"] == "seventh", page.query_params
page.slider(key="seventh.margin").set_value(3).run()
assert page.query_params["margin"] == "3", page.query_params

from segcore import snippet
script = snippet("seventh")
assert "# a comment that the script keeps" in script
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("project")
    for name in ("app.py", "pages", "segcore", ".streamlit", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    (copy / "tests/segcore/weights").mkdir(parents=True)
    for path in ("test_contract.py", *(f"weights/{n}.py" for n in HELPERS)):
        shutil.copy(ROOT / "tests/segcore" / path, copy / "tests/segcore" / path)
    (copy / "segcore/techniques/classical/seventh.py").write_text(SEVENTH, "utf-8")
    (copy / "segcore/ops/seventh.py").write_text(OPERATION, "utf-8")
    return copy


def python(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def test_it_passes_the_contract_suite_with_its_script(project: Path) -> None:
    ran = python(project, "-m", "pytest", "-q", "-k", "seventh")
    assert ran.returncode == 0, ran.stdout
    assert "12 passed" in ran.stdout, ran.stdout


def test_it_is_on_the_page_and_in_the_link(project: Path) -> None:
    ran = python(project, "-c", ON_THE_PAGE)
    assert ran.returncode == 0, ran.stderr
