"""Things without a network: a watershed, and the connected parts of a threshold, by themselves."""

from collections.abc import Mapping

import cv2
import numpy as np

from pages.ui.painting import Finished, run_name
from pages.ui.picker import Picture
from pages.ui.progress import Quiet, run_patiently
from segcore.catalog import get_technique
from segcore.ops.regions import label_components, remove_small
from segcore.result import Image, Run, regions
from segcore.run import run
from segcore.technique import Recorder, Value

WATERSHED, THRESHOLD = "watershed", "thresholding"
SMALLEST = 30  # pixels of a thing; less is a speck


def things_are_bright(image: Image) -> bool:
    """Which side of Otsu's threshold the things are on: the one that the rim is not on.

    Things are seldom cut off by the rim of a picture, so the ground is what most of it shows.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, bright = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    rim = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    return bool(rim.mean() < 0.5)


def watershed_settings(picture: Picture) -> dict[str, Value]:
    """Settings that suit most pictures of things on a ground; those of the coins are the defaults.

    The distance alone is flooded, since the shape of what touches says more than its shading.
    """
    technique = get_technique(WATERSHED)
    if picture.sample == technique.sample:
        return technique.complete({})
    return technique.complete(
        {
            "objects": "bright" if things_are_bright(picture.image) else "dark",
            "threshold": "otsu",
            "landscape": "distance",
            "h": 2.0,
            "min_area": SMALLEST,
        }
    )


def run_watershed(picture: Picture, settings: Mapping[str, Value] | None = None) -> Finished:
    """The watershed of a picture with all of its steps."""
    technique = get_technique(WATERSHED)
    chosen = dict(settings or watershed_settings(picture))
    done = run_patiently(
        run_name(technique, picture, chosen),
        technique.key,
        lambda told: run(technique.key, picture.image, show=Recorder(told), **chosen),
    )
    return Finished(technique, picture, chosen, done)


def run_components(picture: Picture) -> Run:
    """Connected parts of Otsu's foreground: one thing each, so that what touches is one."""
    is_dark = not things_are_bright(picture.image)
    return run_patiently(
        ("components", picture.digest, picture.side),
        "components",
        lambda told: _parted(
            run(THRESHOLD, picture.image, show=Quiet(told), method="otsu", inverted=is_dark)
        ),
    )


def _parted(done: Run) -> Run:
    """The run of a mask, with each connected part of it (8 neighbours) as a thing."""
    parts = label_components(remove_small(done.segmentation.labels, SMALLEST))
    return Run(regions(parts, "Object", is_thing=True), (), done.seconds)
