"""Connected regions of a mask: filling their holes, removing small ones, numbering them."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from segcore.result import Labels, Mask, count_labels


def fill_holes(mask: npt.NDArray[Any]) -> Mask:
    """The mask together with its holes.

    A hole is background that no path of pixels side by side joins to the image border, as in
    scipy.ndimage.binary_fill_holes.

    Args:
        mask: H×W; pixels other than 0 are foreground.

    Returns:
        bool H×W.
    """
    # A frame of background joins everything outside, so that one flood reaches all of it.
    framed = np.pad(mask != 0, 1).view(np.uint8)
    reached = 2  # a value that the mask does not have
    cv2.floodFill(framed, None, (0, 0), reached, flags=4)
    return np.not_equal(framed[1:-1, 1:-1], reached)


def remove_small(mask: npt.NDArray[Any], min_area: int, connectivity: int = 8) -> Mask:
    """The mask without its connected components of fewer than `min_area` pixels.

    Args:
        mask: H×W; pixels other than 0 are foreground.
        min_area: area in pixels from which a component stays.
        connectivity: 4 joins pixels side by side, 8 also those corner to corner.

    Returns:
        bool H×W.
    """
    parts = label_components(mask, connectivity)
    stays = count_labels(parts) >= min_area
    stays[0] = False  # 0 is the background
    return np.take(stays, parts)


def label_components(mask: npt.NDArray[Any], connectivity: int = 8) -> Labels:
    """Labels 1, 2, … for the connected components of a mask, in the order of reading.

    A component comes before another if its first pixel does, row by row from the upper left.

    Args:
        mask: H×W; pixels other than 0 are foreground.
        connectivity: 4 joins pixels side by side, 8 also those corner to corner.

    Returns:
        int32 H×W, 0 = background.
    """
    # OpenCV's other algorithms scan blocks of 2×2 pixels, which numbers in another order.
    _, labels = cv2.connectedComponentsWithAlgorithm(
        (mask != 0).view(np.uint8), connectivity, cv2.CV_32S, cv2.CCL_SAUF
    )
    return np.asarray(labels, np.int32)
