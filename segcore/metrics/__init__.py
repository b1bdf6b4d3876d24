"""Scores of a segmentation against a reference; each says what it rewards and who proposed it.

masks        iou, dice, boundary_f1
classes      mean_iou, mean_boundary_f1, confusion_matrix and what is read from it; Confusion
regions      boundary_f1, adapted_rand_error, variation_of_information, best_matching
instances    instance_f, average_precision; AveragePrecision
panoptic     panoptic_quality; PanopticQuality

Confusion, AveragePrecision and PanopticQuality gather many images: `update` with each, `result`.
"""

from segcore.metrics.boundary import boundary_f1, class_boundary_f1, mean_boundary_f1
from segcore.metrics.information import (
    InformationVariation,
    RandError,
    adapted_rand_error,
    variation_of_information,
)
from segcore.metrics.matching import LabelPair, Matching, best_matching, instance_f
from segcore.metrics.overlap import (
    ClassScores,
    Confusion,
    class_dice,
    class_iou,
    confusion_matrix,
    dice,
    iou,
    mean_iou,
    pixel_accuracy,
)
from segcore.metrics.panoptic import (
    ClassQuality,
    PanopticMatch,
    PanopticQuality,
    PanopticScores,
    Quality,
    SegmentPair,
    match_segments,
    panoptic_quality,
)
from segcore.metrics.precision import (
    AveragePrecision,
    ClassPrecision,
    PrecisionScores,
    ReferenceInstance,
    ScoredInstance,
    average_precision,
    reference_instances,
    scored_instances,
)
from segcore.metrics.runs import RunLengths, decode_mask, encode_labels, encode_mask

__all__ = [
    "AveragePrecision",
    "ClassPrecision",
    "ClassQuality",
    "ClassScores",
    "Confusion",
    "InformationVariation",
    "LabelPair",
    "Matching",
    "PanopticMatch",
    "PanopticQuality",
    "PanopticScores",
    "PrecisionScores",
    "Quality",
    "RandError",
    "ReferenceInstance",
    "RunLengths",
    "ScoredInstance",
    "SegmentPair",
    "adapted_rand_error",
    "average_precision",
    "best_matching",
    "boundary_f1",
    "class_boundary_f1",
    "class_dice",
    "class_iou",
    "confusion_matrix",
    "decode_mask",
    "dice",
    "encode_labels",
    "encode_mask",
    "instance_f",
    "iou",
    "match_segments",
    "mean_boundary_f1",
    "mean_iou",
    "panoptic_quality",
    "pixel_accuracy",
    "reference_instances",
    "scored_instances",
    "variation_of_information",
]
