"""Taking the nuclei apart that a network of three classes has found."""

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from segcore.networks.inference import Probabilities
from segcore.result import Segmentation, count_labels, regions
from segcore.technique import Show, ignore

# All sizes are in pixels as the network sees them.
SMALLEST_MARKER = 2
SMALLEST = 16  # of a nucleus; less is a speck
LEAST_SHARE = 0.25  # of the size of the image's median nucleus; less is a fragment
IS_NUCLEUS = 0.5  # least probability of inside or rim together
IS_INSIDE = 0.88  # least share of inside in that; high, since one doubtful bridge joins two nuclei


def split_nuclei(
    probabilities: Probabilities, size: tuple[int, int], *, show: Show = ignore
) -> Segmentation:
    """One segment per nucleus, touching ones apart.

    The insides of the nuclei do not touch, since the network calls their rims a class of its own.
    Each connected inside is a marker, from which a watershed floods the probability of nucleus or
    rim.

    Args:
        probabilities: 3×h×w: background, inside of a nucleus, rim of a nucleus.
        size: (width, height) of the image.
        show: receives the steps.
    """
    background, inside, rim = probabilities
    is_nucleus = inside + rim > IS_NUCLEUS
    markers, _ = ndimage.label((inside > IS_INSIDE * (inside + rim)) & is_nucleus)
    markers[(count_labels(markers) < SMALLEST_MARKER)[markers]] = 0
    show(
        "Insides as markers",
        lambda: markers.astype(np.int32),
        "Where inside beats rim by far: one connected part for each nucleus, even where they "
        "touch.",
    )
    labels = watershed(background - inside, markers, mask=is_nucleus)
    sizes = count_labels(labels)
    typical = float(np.median(sizes[1:][sizes[1:] > 0])) if labels.any() else 0.0
    labels[(sizes < max(SMALLEST, LEAST_SHARE * typical))[labels]] = 0
    large = np.asarray(cv2.resize(labels.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST))
    show(
        "Flooded from the markers",
        lambda: large.astype(np.int32),
        "Each marker grows over its rim until it meets the next one.",
    )
    numbers = np.unique(large)
    ordered = np.searchsorted(numbers[numbers > 0], large, side="left").astype(np.int32) + 1
    ordered[large == 0] = 0
    # All of one class: which one it is, its label says.
    return regions(ordered, ("Nucleus",) * len(numbers), is_thing=True)
