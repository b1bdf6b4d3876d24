"""Taking the nuclei apart that a network of three classes has found."""

import math

import cv2
import numpy as np
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from segcore.networks.inference import Probabilities
from segcore.ops.heights import background_distance, h_maxima_transform
from segcore.ops.labels import drop_small
from segcore.ops.regions import fill_holes, label_components
from segcore.result import Segmentation, count_labels, regions
from segcore.technique import Show, ignore

# Chosen on images that the network learned from. All sizes are in pixels as the network sees them.
IS_NUCLEUS = 0.55  # least probability of inside or rim together
IS_INSIDE = 0.4  # least share of inside in that
RISE = 0.4  # of the distance: a lower peak is a bump of an outline, not a nucleus of its own
SMALLEST = 16  # of a nucleus; less is a speck
LEAST_SHARE = 0.2  # of the size of the image's median nucleus; less is a fragment

SQUARE = np.ones((3, 3), np.uint8)


def split_nuclei(
    probabilities: Probabilities, size: tuple[int, int], *, show: Show = ignore
) -> Segmentation:
    """One segment per nucleus, touching ones apart.

    The insides of the nuclei hardly touch, since the network calls their rims a class of its own.
    Where two still do, the bridge is narrow: each peak of the distance to the outline of the
    insides is a marker, from which a watershed floods the nuclei with their rims.

    Args:
        probabilities: 3×h×w: background, inside of a nucleus, rim of a nucleus.
        size: (width, height) of the image.
        show: receives the steps.
    """
    _, inside, rim = probabilities
    certain = (inside + rim > IS_NUCLEUS).view(np.uint8)
    is_nucleus = fill_holes(cv2.morphologyEx(certain, cv2.MORPH_OPEN, SQUARE))
    is_inside = fill_holes((inside > IS_INSIDE * (inside + rim)) & is_nucleus)
    show("Insides", is_inside, "Nuclei without their rims: most of those that touch are apart.")
    distance = cv2.GaussianBlur(background_distance(is_inside.view(np.uint8)), (0, 0), 1.0)
    show(
        "Distance transform",
        distance,
        "To the outline of the insides: a bridge between two nuclei is a saddle between two peaks.",
    )
    peaks = local_maxima(h_maxima_transform(distance, RISE)) & (distance > 0)
    markers = label_components(peaks)
    show("Markers", markers, f"Every peak that rises by {RISE:g} px: one for each nucleus.")
    labels = watershed(-distance, markers, mask=is_nucleus)
    sizes = count_labels(labels)[1:]
    typical = float(np.median(sizes[sizes > 0])) if labels.any() else 0.0
    labels = drop_small(labels, math.ceil(max(SMALLEST, LEAST_SHARE * typical)))
    large = cv2.resize(labels.astype(np.uint16), size, interpolation=cv2.INTER_NEAREST)
    nuclei = drop_small(large, 1)  # in a small image some may be gone
    show(
        "Flooded from the markers",
        nuclei,
        "Each marker grows over its rim until it meets the next one.",
    )
    # All of one class: which one it is, its label says.
    return regions(nuclei, ("Nucleus",) * int(nuclei.max()), is_thing=True)
