"""Colours that match: a segment has the colour of the one that it answers to in the reference."""

import numpy as np
import numpy.typing as npt

from segcore.metrics import best_matching
from segcore.render import BACKGROUND, Colors, class_colors, overlay, palette, segment_colors
from segcore.result import Image, Labels, Segmentation

Paints = npt.NDArray[np.uint8]  # (n + 1, 4) RGBA of every label; alpha 0 leaves the image as it is

# IoU from which a segment answers to its partner: the best matching pairs even a mask over all the
# nuclei with one of them.
LEAST_IOU = 0.1


def own_paints(result: Segmentation) -> Paints:
    """The colours that a result has by itself."""
    return _with_alpha(segment_colors(result.segments, int(result.labels.max(initial=0))))


def matching_paints(result: Segmentation, reference: Segmentation) -> Paints:
    """The colours of the reference, for every label that the best matching finds a partner for.

    Whatever has none takes a colour that the reference does not use; where nothing has one, the
    result keeps its own colours, which are chosen to be seen. A class that has a colour of its own,
    such as a road, keeps it if the reference has such classes as well.
    """
    own = class_colors(result.segments)
    if own and class_colors(reference.segments):
        return own_paints(result)
    of_reference = own_paints(reference)
    highest = int(result.labels.max(initial=0))
    table = np.empty((highest + 1, 4), np.uint8)
    unused = palette(len(of_reference) + highest)[len(of_reference) :]
    table[:] = _with_alpha(np.vstack([[BACKGROUND], unused]).astype(np.uint8))[: highest + 1]
    table[0, 3] = 0
    # A cluster that answers to the background looks like it; but who draws a background of his own
    # has something else in the foreground, which must be seen.
    has_background = bool((result.labels == 0).any())
    partners = {
        pair.prediction: pair.reference
        for pair in best_matching(result.labels, reference.labels).pairs
        if pair.iou >= LEAST_IOU and pair.prediction > 0
        if not (has_background and pair.reference == 0)
    }
    if not partners:
        return own_paints(result)
    for label, partner in partners.items():
        table[label] = of_reference[partner]
    return table


def _with_alpha(colors: Colors) -> Paints:
    table = np.full((len(colors), 4), 255, np.uint8)
    table[:, :3] = colors
    table[0, 3] = 0
    return table


def tinted(image: Image, labels: Labels, paints: Paints, opacity: float) -> Image:
    """The image (uint8 RGB H×W×3) with its segments in these colours, as the panels paint them."""
    kept = np.where(paints[:, 3] > 0, np.arange(len(paints)), 0).astype(np.int32)
    return overlay(image, np.take(kept, labels), opacity, np.ascontiguousarray(paints[:, :3]))
