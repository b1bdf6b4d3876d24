"""Reading the images that people bring: bytes in, upright RGB pixels or one plain sentence out.

`read_image` stands in every exported script as well, so this file needs only numpy, OpenCV and
Pillow. Which decoders may run is fixed by `IMAGE_FORMATS`: Pillow would otherwise start
Ghostscript for an EPS file.
"""

import io
import logging
import re
import struct
import threading
import warnings
import zlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from segcore.errors import ImageError, SettingError
from segcore.result import Gray, Image

IMAGE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
MAX_IMAGE_BYTES = 40_000_000
MAX_IMAGE_PIXELS = 60_000_000  # Pillow itself refuses only what is three times as large

# How a file of one of IMAGE_FORMATS begins, and how files begin that people take for images.
IMAGE_START = re.compile(
    rb"\xff\xd8|\x89PNG|GIF8|RIFF.{4}WEBP|BM.{4}\0{4}|II\*\0|MM\0\*|.{4}ftypavi[fs]", re.DOTALL
)
LOOKALIKES = (
    (rb"\A%PDF", "a PDF document: export the page that you need as PNG"),
    (rb"\A(%!PS|\xc5\xd0\xd3\xc6)", "an EPS or PostScript drawing: export it as PNG"),
    (rb"\A.{4}ftyp(hei|hev|mif1|msf1)", "a HEIC photograph: save it as JPEG"),
    (rb"<!doctype html|<html", "a web page (HTML): save the image itself, not the page around it"),
    (rb"<(\w+:)?svg", "an SVG drawing, which has no pixels: export it as PNG"),
)

# What Pillow raises on damaged files.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    PIL.Image.DecompressionBombError,
)

EXIF_ORIENTATION = 0x0112
PNG_METADATA = (b"eXIf", b"Raw profile type", b"XML:com.adobe.xmp")

# One image at a time: `warnings.catch_warnings` acts on the whole process, and a full-size image
# takes up to a gigabyte while it is decoded, which many sessions at once could not afford.
PILLOW_LOCK = threading.Lock()

# Its one line above "debug" repeats what ImageError says.
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)


def read_image(data: bytes, max_side: int | None = None) -> Image:
    """The image in a JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF file; of an animation the first frame.

    It is turned upright as its EXIF orientation says and laid on white where it is transparent.
    Values of 16 bits are scaled from their full range, 0…65535. Values of 32 bits and real numbers,
    which have no range of their own, are scaled from their least to their greatest finite value;
    NaN and -inf become black, +inf white, and an image of one value only becomes black.

    Args:
        data: content of the file, at most 40 MB, at most 60 million pixels.
        max_side: longest side wanted, in pixels: larger images are shrunk by averaging over areas,
            smaller ones stay as they are. None keeps the full size.

    Returns:
        uint8 H×W×3, RGB, read-only, C-contiguous.

    Raises:
        ImageError: the file is too large, no image, of another format, cut off or damaged.
        SettingError: `max_side` is less than 1.
    """
    with PILLOW_LOCK, warnings.catch_warnings(action="ignore"):
        image = _open_image(data)
        size = image.size if max_side is None else _size_within(image.size, max_side)
        try:
            image.draft(None, size)  # a JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough
            pixels = _decode_rgb(image)
        except DECODER_ERRORS as error:
            raise _damaged_file(error) from error
        orientation = _read_orientation(image)
    upright = np.ascontiguousarray(_turn_upright(_shrink_to(pixels, size), orientation))
    upright.setflags(write=False)
    return upright


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels of what `read_image(data)` would return, from the header alone.

    Raises:
        ImageError: as `read_image`, except for damage behind the header.
    """
    with PILLOW_LOCK, warnings.catch_warnings(action="ignore"):
        image = _open_image(data)
        width, height = image.size
        # Pillow turns the size of a TIFF itself, and decodes all of a PNG to look for metadata
        # behind its pixels.
        plain = image.format == "PNG" and not any(mark in data for mark in PNG_METADATA)
        if image.format != "TIFF" and not plain and _read_orientation(image) in (5, 6, 7, 8):
            return height, width
    return width, height


def fit(image: Image, max_side: int) -> Image:
    """`image` shrunk, by averaging over pixel areas, so that no side is longer than `max_side`.

    An image that fits already is returned as it is; nothing is ever enlarged.

    Raises:
        SettingError: `max_side` is less than 1.
    """
    height, width = image.shape[:2]
    return _shrink_to(image, _size_within((width, height), max_side))


def _size_within(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """(width, height) of `size` when its longer side is at most `max_side`."""
    if max_side < 1:
        raise SettingError("max_side", "a whole number from 1 up", max_side)
    longest = max(size)
    if longest <= max_side:
        return size
    width, height = (max(1, round(side * max_side / longest)) for side in size)
    return width, height


def _shrink_to(pixels: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """`pixels` (H×W×3) averaged down to `size` (width, height), read-only."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    shrunk = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    shrunk.setflags(write=False)
    return shrunk


def _open_image(data: bytes) -> PIL.Image.Image:
    """The opened file, its header checked, nothing decoded yet."""
    if not data:
        raise ImageError("The file is empty: choose another one.")
    if len(data) > MAX_IMAGE_BYTES:
        megabytes = -(-len(data) // 1_000_000)
        raise ImageError(
            f"The file takes {megabytes} MB, but at most {MAX_IMAGE_BYTES // 1_000_000} MB can be "
            "read: make the image smaller or save it as JPEG."
        )
    stream = io.BytesIO(data)
    try:
        image: PIL.Image.Image = PIL.Image.open(stream, formats=IMAGE_FORMATS)
    except PIL.Image.DecompressionBombError as error:
        raise _too_many_pixels("far too many pixels") from error
    except PIL.UnidentifiedImageError as error:
        raise _unidentified_file(data, error) from error
    except DECODER_ERRORS as error:
        raise _damaged_file(error) from error
    width, height = image.size
    if width * height > MAX_IMAGE_PIXELS:
        millions = -(-width * height // 1_000_000)
        raise _too_many_pixels(f"{width}×{height} pixels, which is {millions} million")
    if width * height == 0:
        raise ImageError(
            f"The image has {width}×{height} pixels, so it shows nothing: choose another one."
        )
    return image


def _too_many_pixels(found: str) -> ImageError:
    most = MAX_IMAGE_PIXELS // 1_000_000
    return ImageError(f"The image has {found}, but at most {most} million can be read: shrink it.")


def _unidentified_file(data: bytes, error: Exception) -> ImageError:
    """Why none of the decoders took the file."""
    if IMAGE_START.match(data):
        return _damaged_file(error)
    for pattern, what in LOOKALIKES:
        if re.search(pattern, data[:4096], re.DOTALL | re.IGNORECASE):
            return ImageError(f"The file is {what}.")
    return ImageError(
        "The file is not an image of a known format: "
        "choose a JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF file."
    )


def _damaged_file(error: Exception) -> ImageError:
    if "truncated" in str(error).lower():
        return ImageError("The file is cut off before the end of its image: fetch it once more.")
    return ImageError(
        "The file is damaged or of a rare kind, so its image cannot be decoded: "
        "save it anew as PNG or JPEG."
    )


def _decode_rgb(image: PIL.Image.Image) -> npt.NDArray[np.uint8]:
    """Decodes the pixels and brings them, whatever their mode, to uint8 H×W×3."""
    image.load()
    if image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint16)  # the bytes of a big-endian file swapped
        return _gray_to_rgb(cv2.convertScaleAbs(wide, alpha=255 / 65535))
    if image.mode in ("I", "F"):
        return _gray_to_rgb(_stretch_to_uint8(np.array(image, dtype=np.float64)))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = PIL.Image.new("RGB", image.size, "white")
        image.paste(layer, mask=layer)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _stretch_to_uint8(values: npt.NDArray[np.float64]) -> Gray:
    """Maps the least finite value to 0 and the greatest to 255, in place; NaN becomes 0."""
    finite = np.isfinite(values)
    low = values.min(where=finite, initial=np.inf)
    high = values.max(where=finite, initial=-np.inf)
    if not low < high:
        return np.zeros(values.shape, np.uint8)
    np.nan_to_num(values, copy=False, nan=low, neginf=low, posinf=high)
    values -= low
    values *= 255 / (high - low)
    return np.rint(values, out=values).astype(np.uint8)


def _gray_to_rgb(gray: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _read_orientation(image: PIL.Image.Image) -> Any:
    """The EXIF orientation, 1 to 8; 1 (upright) where the metadata cannot be read."""
    try:
        return image.getexif().get(EXIF_ORIENTATION, 1)
    except DECODER_ERRORS:
        return 1


def _turn_upright(pixels: npt.NDArray[np.uint8], orientation: Any) -> npt.NDArray[np.uint8]:
    """`pixels` turned and mirrored as the EXIF orientation (tag 0x0112) asks."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
