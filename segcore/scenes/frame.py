"""The frame that flat scenes are laid out in, so that one seed shows one scene at every size.

Everything is placed in a frame of 256×192 units. An image of another size shows the same frame
larger or smaller; where its proportions differ, it shows as much of the middle as fits.
"""

from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

WIDE, HIGH = 256, 192  # units

Plane: TypeAlias = npt.NDArray[np.float32]  # H×W
Places: TypeAlias = npt.NDArray[np.complex64]  # H×W, points of the frame as x + iy
Window: TypeAlias = tuple[slice, slice]  # rows and columns of an image


class Frame:
    """The frame as an image of `width`×`height` pixels shows it.

    Attributes:
        scale: pixels per unit.
        places: complex64 H×W, the centre of every pixel in units, x + iy.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.scale = max(width / WIDE, height / HIGH)
        self._left = WIDE / 2 - width / self.scale / 2
        self._top = HIGH / 2 - height / self.scale / 2

    @cached_property
    def places(self) -> Places:
        x = self._left + (np.arange(self.width) + 0.5) / self.scale
        y = self._top + (np.arange(self.height) + 0.5) / self.scale
        return (x[None, :] + 1j * y[:, None]).astype(np.complex64)

    def around(self, centre: complex, reach: float) -> Window:
        """The pixels within `reach` units of `centre` to the left, right, above and below."""
        x, y = (centre.real - self._left) * self.scale, (centre.imag - self._top) * self.scale
        half = reach * self.scale + 1
        columns = slice(max(0, int(x - half)), max(0, int(x + half) + 1))
        return slice(max(0, int(y - half)), max(0, int(y + half) + 1)), columns

    def show(self, field: npt.NDArray[Any]) -> Plane:
        """`field`, real numbers spread evenly over the whole frame, at every pixel (H×W)."""
        rows, columns = field.shape
        across, down = columns / WIDE, rows / HIGH
        matrix = np.array(
            (
                (across / self.scale, 0, (self._left + 0.5 / self.scale) * across - 0.5),
                (0, down / self.scale, (self._top + 0.5 / self.scale) * down - 0.5),
            )
        )
        size, how = (self.width, self.height), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        plane: Plane = cv2.warpAffine(
            field.astype(np.float32), matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE
        )
        return plane

    def blur(self, plane: npt.NDArray[Any], sigma: float) -> npt.NDArray[np.float32]:
        """`plane` (H×W or H×W×3) behind a Gaussian blur of `sigma` units."""
        pixels = sigma * self.scale
        if pixels < 0.2:
            return plane
        coarse = max(1, int(pixels / 3))  # a wide blur hides that it was done on fewer pixels
        if coarse == 1:
            return np.asarray(cv2.GaussianBlur(plane, (0, 0), pixels))
        size = (max(1, self.width // coarse), max(1, self.height // coarse))
        small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), pixels / coarse)
        return np.asarray(cv2.resize(small, (self.width, self.height)))


def grain(rng: np.random.Generator, sigma: float) -> Plane:
    """Random texture over the whole frame, of mean 0 and deviation 1, its grains `sigma` wide.

    Wide grains come on a coarser grid, for `Frame.show` to spread out.
    """
    coarse = max(1, int(sigma / 2))
    noise = rng.standard_normal((HIGH // coarse, WIDE // coarse), dtype=np.float32)
    smooth: Plane = cv2.GaussianBlur(noise, (0, 0), sigma / coarse)
    smooth -= smooth.mean()
    smooth /= smooth.std()
    return smooth
