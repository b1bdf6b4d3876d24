"""How far two partitions of an image agree, whatever their regions are called.

Both scores look at regions alone: labels need no partners, and cutting a region in two is counted
apart from joining two.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segcore.metrics.counts import Counts, count_overlaps


class RandError(NamedTuple):
    """Adapted Rand error and the two shares of pairs of pixels that it is made of.

    Attributes:
        error: 1 - F1 of precision and recall; 0 is best.
        precision: of the pairs that the prediction joins, the share that the reference joins too;
            low where regions were merged.
        recall: of the pairs that the reference joins, the share that the prediction joins too;
            low where regions were split.
    """

    error: float
    precision: float
    recall: float


class InformationVariation(NamedTuple):
    """Variation of information in bits, apart for the two ways to be wrong; 0 is best.

    Attributes:
        over: H(prediction | reference), what over-segmentation adds: regions that were split.
        under: H(reference | prediction), what under-segmentation loses: regions that were merged.
    """

    over: float
    under: float

    @property
    def total(self) -> float:
        """The variation of information itself, a metric on partitions."""
        return self.over + self.under


def adapted_rand_error(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None = 0
) -> RandError:
    """1 - F1 over all pairs of pixels: does a pair belong together in one, does it in both?

    Rewards whole regions, by their area squared: one merge of two large regions costs more than
    many small mistakes.

    Source: I. Arganda-Carreras et al. (2015), "Crowdsourcing the creation of image segmentation
    algorithms for connectomics", after W. M. Rand (1971).

    Args:
        prediction: whole numbers from 0 up, H×W or any shape.
        reference: the same of the same shape.
        ignore_index: label of the reference whose pixels do not count: by default 0, as in the
            source, where it is the membrane between the regions; None counts every pixel.

    Returns:
        Each from 0 to 1. Where the prediction joins no pair, nothing is joined wrongly and the
        precision is 1; where the reference joins none, the recall is 1; where neither does, two
        maps of single pixels for one, the error is 0.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    overlaps = count_overlaps(prediction, reference, ignore_index)
    both = _count_pairs(overlaps.pixels)
    predicted = _count_pairs(overlaps.prediction_areas)
    true = _count_pairs(overlaps.reference_areas)
    return RandError(
        error=1 - (2 * both / (predicted + true) if predicted + true else 1.0),
        precision=both / predicted if predicted else 1.0,
        recall=both / true if true else 1.0,
    )


def variation_of_information(
    prediction: npt.ArrayLike, reference: npt.ArrayLike, ignore_index: int | None = None
) -> InformationVariation:
    """Bits by which knowing one partition leaves the other open, either way.

    Rewards regions that tell as much as the reference's, no more (over) and no less (under).

    Source: M. Meilă (2003), "Comparing Clusterings by the Variation of Information"; the split
    into two parts for segmentations after J. Nunez-Iglesias et al. (2013).

    Args:
        prediction: whole numbers from 0 up, H×W or any shape.
        reference: the same of the same shape.
        ignore_index: label of the reference whose pixels do not count.

    Returns:
        Each from 0 to log2 of the number of counted pixels; both 0 if no pixel counts.

    Raises:
        MetricError: shapes differ, or a counted label is negative or no whole number.
    """
    overlaps = count_overlaps(prediction, reference, ignore_index)
    counted = max(int(overlaps.pixels.sum()), 1)

    def bits(areas: Counts) -> float:
        """What is left open once the region of one partition, with `areas` per pair, is known."""
        return float(overlaps.pixels @ np.log2(areas / overlaps.pixels)) / counted

    return InformationVariation(
        over=bits(overlaps.reference_areas[overlaps.rows]),
        under=bits(overlaps.prediction_areas[overlaps.columns]),
    )


def _count_pairs(areas: Counts) -> int:
    """Number of ordered pairs of different pixels that lie in one region."""
    return int(areas @ (areas - 1))
