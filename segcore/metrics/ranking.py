"""Scores of a classification of whole images.

Source: the average precision of information retrieval, in the form without interpolation that
scikit-learn computes: M. Everingham et al. (2010), "The PASCAL visual object classes challenge",
tells why interpolation was dropped.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from segcore.errors import MetricError

Truth: TypeAlias = npt.NDArray[np.bool_]


def ranking_precision(scores: npt.NDArray[Any], truth: Truth) -> float:
    """Average precision of one class: how far images that show it come before the others.

    The images are ranked by their score; after each, the precision among those so far counts as
    much as the recall has grown. Images of equal score count at once, as none of them comes first.
    A guess that ignores the image scores about the share of the images that show the class.

    Args:
        scores: (n,) one per image; only their order counts.
        truth: (n,) bool, whether the image shows the class.

    Returns:
        0 to 1; NaN if no image shows the class.

    Raises:
        MetricError: the lengths differ, or a score is not finite.
    """
    if scores.ndim != 1 or scores.shape != truth.shape or truth.dtype != np.bool_:
        raise MetricError("Scores and truth must be two rows of one length, the truth of bool.")
    if not np.isfinite(scores).all():
        raise MetricError("Scores must be finite numbers.")
    total = np.count_nonzero(truth)
    if not total:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits = np.cumsum(truth[order])[last]
    growth = np.diff(hits, prepend=0) / total
    return float((growth * hits / (last + 1)).sum())
