"""What people bring: every kind of file is read exactly or refused with one plain sentence."""

import binascii
import io
import logging
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import PIL.EpsImagePlugin
import PIL.Image
import PIL.ImageFile
import pytest
import tifffile

from segcore import images
from segcore.errors import ImageError, SettingError
from segcore.images import fit, image_size, read_image

RNG = np.random.default_rng(0)
PHOTO = cv2.resize(
    RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8), (80, 60), interpolation=cv2.INTER_CUBIC
)
GRAY = PHOTO[:, :, 1]
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
}


def encode(pixels: Any, kind: str, mode: str | None = None, **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, PIL.Image.Image) else PIL.Image.fromarray(pixels)
    file = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", binascii.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG with one bit per pixel; all black without `pixels`."""
    raw = pixels or bytes((1 + (width + 7) // 8) * height)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(raw, 1)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_header(width: int, height: int) -> bytes:
    """The same, its pixels missing."""
    return png(width, height, b"\0")


def rgb(gray: Any) -> Any:
    return np.repeat(np.asarray(gray, np.uint8)[:, :, None], 3, axis=2)


def exif(orientation: int) -> PIL.Image.Exif:
    tags = PIL.Image.Exif()
    tags[0x0112] = orientation
    return tags


def quietly(read: Callable[[bytes], Any], data: bytes, caplog: pytest.LogCaptureFixture) -> Any:
    """Reads with no warning and no log line leaking."""
    caplog.clear()
    with warnings.catch_warnings(record=True) as seen, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        try:
            return read(data)
        finally:
            assert not seen, [str(warning.message) for warning in seen]
            assert not caplog.records


def refusal(
    data: bytes, caplog: pytest.LogCaptureFixture, read: Callable[[bytes], Any] = read_image
) -> str:
    """The one sentence with which `read` refuses the file."""
    with pytest.raises(ImageError) as caught:
        quietly(read, data, caplog)
    text = str(caught.value)
    assert text.endswith(".")
    assert text[0].isupper()
    assert text.count(". ") == text.count("\n") == 0
    assert len(text) < 200
    return text


# What is read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_files_are_read_exactly(kind: str) -> None:
    image = read_image(encode(PHOTO, kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(image, PHOTO)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert not image.flags.writeable


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 95}), ("WEBP", {"quality": 95}), ("AVIF", {"quality": 95})],
)
def test_lossy_files_are_read_closely(kind: str, options: dict[str, Any]) -> None:
    image = read_image(encode(PHOTO, kind, **options))
    assert image.shape == PHOTO.shape
    assert np.abs(image.astype(int) - PHOTO).mean() < 4


def test_jpeg_is_what_pillow_decodes_at_full_size() -> None:
    data = encode(PHOTO, "JPEG")
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(read_image(data), expected)
    np.testing.assert_array_equal(read_image(data, max_side=80), expected)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_bilevel_gray_and_palette(mode: str) -> None:
    picture = PIL.Image.fromarray(PHOTO).convert(mode)
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(read_image(encode(picture, "PNG")), expected)
    np.testing.assert_array_equal(read_image(encode(picture, "GIF")), expected)


SIXTEEN = np.array([[0, 128, 129, 257, 32767, 32768, 65534, 65535]], np.uint16)
EIGHT = [[0, 0, 1, 1, 127, 128, 255, 255]]  # the nearest of SIXTEEN · 255 / 65535


def test_16_bit_gray_is_scaled_from_its_full_range() -> None:
    np.testing.assert_array_equal(read_image(encode(SIXTEEN, "PNG")), rgb(EIGHT))
    np.testing.assert_array_equal(read_image(encode(SIXTEEN, "TIFF")), rgb(EIGHT))


def test_16_bit_big_endian_gray_is_scaled_alike() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, SIXTEEN, byteorder=">", photometric="minisblack")
    np.testing.assert_array_equal(read_image(file.getvalue()), rgb(EIGHT))


def test_16_bit_rgb() -> None:
    wide = RNG.integers(0, 65536, (9, 7, 3), dtype=np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, wide, photometric="rgb")
    encoded = cv2.imencode(".png", wide[:, :, ::-1])[1].tobytes()
    for data in (file.getvalue(), encoded):
        assert np.abs(read_image(data) - wide / 257).max() <= 1


def test_32_bit_integers_are_stretched_from_least_to_greatest() -> None:
    values = np.array([[-(2**31), 0, 2**31 - 1]], np.int32)
    np.testing.assert_array_equal(read_image(encode(values, "TIFF")), rgb([[0, 128, 255]]))
    offset = np.array([[10**9, 10**9 + 1, 10**9 + 5]], np.int32)
    np.testing.assert_array_equal(read_image(encode(offset, "TIFF")), rgb([[0, 51, 255]]))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.25, 1.0], [0, 64, 255]),
        ([-1.0, np.nan, 3.0, 1.0], [0, 0, 255, 128]),
        ([2.0, np.inf, -np.inf, 4.0], [0, 255, 0, 255]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ([0.0, 1e-45], [0, 255]),
        ([np.nan, np.nan], [0, 0]),
        ([np.inf, -np.inf], [0, 0]),
        ([0.7, 0.7], [0, 0]),
    ],
)
def test_floats_are_stretched_over_their_finite_values(
    values: list[float], expected: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    data = encode(np.array([values], np.float32), "TIFF")
    np.testing.assert_array_equal(quietly(read_image, data, caplog), rgb([expected]))


def test_cmyk_jpeg() -> None:
    inks = np.zeros((32, 64, 4), np.uint8)
    inks[:, 32:] = (255, 255, 0, 0)  # cyan and magenta make blue
    data = encode(PIL.Image.fromarray(inks, "CMYK"), "JPEG", quality=100)
    image = read_image(data).astype(int)
    assert np.abs(image[:, :24] - 255).max() <= 3
    assert np.abs(image[:, 40:] - (0, 0, 255)).max() <= 3


def test_lab_tiff() -> None:
    picture = PIL.Image.new("LAB", (9, 9), (255, 128, 128))
    assert read_image(encode(picture, "TIFF")).min() >= 253


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_laid_on_white(kind: str) -> None:
    layer = np.array([[(9, 99, 199, 255), (0, 0, 0, 128), (10, 20, 30, 0)]], np.uint8)
    image = read_image(encode(layer, kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(image, [[(9, 99, 199), (127, 127, 127), (255, 255, 255)]])


def test_gray_with_alpha_is_laid_on_white() -> None:
    layer = PIL.Image.fromarray(np.array([[(0, 255), (0, 128), (0, 0)]], np.uint8), "LA")
    np.testing.assert_array_equal(read_image(encode(layer, "PNG")), rgb([[0, 127, 255]]))


def test_transparent_palette_is_laid_on_white(caplog: pytest.LogCaptureFixture) -> None:
    picture = PIL.Image.fromarray(np.array([[0, 1, 2]], np.uint8), "L").convert("P")
    picture.putpalette([0, 0, 0, 200, 100, 0, 1, 2, 3])
    data = encode(picture, "PNG", transparency=bytes([128, 255, 0]))
    expected = [[(127, 127, 127), (200, 100, 0), (255, 255, 255)]]
    np.testing.assert_array_equal(quietly(read_image, data, caplog), expected)
    np.testing.assert_array_equal(
        read_image(encode(picture, "GIF", transparency=2))[0, 1:], [(200, 100, 0), (255, 255, 255)]
    )


def test_transparent_colour_is_laid_on_white() -> None:
    pixels = np.array([[(1, 2, 3), (4, 5, 6)]], np.uint8)
    image = read_image(encode(pixels, "PNG", transparency=(1, 2, 3)))
    np.testing.assert_array_equal(image, [[(255, 255, 255), (4, 5, 6)]])


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {}), ("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
)
def test_first_frame_of_animations_and_pages(kind: str, options: dict[str, Any]) -> None:
    first, second = PIL.Image.new("RGB", (20, 10), "red"), PIL.Image.new("RGB", (20, 10), "blue")
    data = encode(first, kind, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read_image(data), np.full((10, 20, 3), (255, 0, 0)))
    assert image_size(data) == (20, 10)


# How an upright image is stored for each EXIF orientation (Exif 2.32, tag 0x0112).
STORED: dict[int, Callable[[Any], Any]] = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation(orientation: int, kind: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](PHOTO))
    data = encode(stored, kind, exif=exif(orientation), **LOSSLESS[kind])
    image = read_image(data)
    np.testing.assert_array_equal(image, PHOTO)
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert image_size(data) == (80, 60)
    assert read_image(data, max_side=40).shape == (30, 40, 3)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_of_lossy_files(orientation: int, kind: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](PHOTO))
    data = encode(stored, kind, exif=exif(orientation), quality=95)
    assert np.abs(read_image(data).astype(int) - PHOTO).mean() < 4
    assert np.abs(read_image(data, max_side=40).astype(int) - fit(PHOTO, 40)).mean() < 4
    assert image_size(data) == (80, 60)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_changes_nothing(orientation: int) -> None:
    data = encode(PHOTO, "PNG", exif=exif(orientation))
    np.testing.assert_array_equal(read_image(data), PHOTO)


def test_orientation_behind_the_pixels_of_a_png() -> None:
    stored = np.ascontiguousarray(STORED[6](PHOTO))
    plain = encode(stored, "PNG")
    end = chunk(b"IEND", b"")
    metadata = chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0"))
    data = plain.removesuffix(end) + metadata + end
    np.testing.assert_array_equal(read_image(data), PHOTO)
    assert image_size(data) == (80, 60)


def test_damaged_metadata_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    cut = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    data = encode(PHOTO, "PNG", exif=cut)
    with pytest.warns(UserWarning, match="EXIF"):  # the file is of the kind that Pillow warns of
        PIL.Image.open(io.BytesIO(data)).getexif()
    np.testing.assert_array_equal(quietly(read_image, data, caplog), PHOTO)
    assert quietly(image_size, data, caplog) == (80, 60)
    for junk in (b"Exif\0\0", b"Exif\0\0nonsense", b"\xff" * 40):
        np.testing.assert_array_equal(
            quietly(read_image, encode(PHOTO, "PNG", exif=junk), caplog), PHOTO
        )


# Size --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_extreme_shapes(width: int, height: int) -> None:
    pixels = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG"):
        data = encode(pixels, kind)
        assert image_size(data) == (width, height)
        assert read_image(data).shape == (height, width, 3)
        longest = min(100, max(width, height))
        assert max(read_image(data, max_side=100).shape[:2]) == longest
        assert read_image(data, max_side=1).shape == (1, 1, 3)


def test_small_images_are_never_enlarged() -> None:
    np.testing.assert_array_equal(read_image(encode(PHOTO, "PNG"), max_side=1000), PHOTO)
    assert fit(PHOTO, 80) is PHOTO
    assert fit(PHOTO, 1000) is PHOTO


def test_shrinking_averages_over_areas() -> None:
    fine = RNG.integers(0, 256, (12, 15, 3), dtype=np.uint8)
    expected = fine.reshape(4, 3, 5, 3, 3).mean(axis=(1, 3))
    small = fit(fine, 5)
    assert np.abs(small - expected).max() <= 0.5
    assert small.dtype == np.uint8
    assert not small.flags.writeable
    assert fine.flags.writeable
    np.testing.assert_array_equal(read_image(encode(fine, "PNG"), max_side=15), fine)
    np.testing.assert_array_equal(read_image(encode(fine, "PNG"), max_side=5), small)


@pytest.mark.parametrize("kind", images.IMAGE_FORMATS)
def test_the_size_is_read_without_decoding(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> None:
        raise AssertionError("The image was decoded.")

    data = encode(PHOTO, kind)
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", load)
    assert image_size(data) == (80, 60)


def test_jpeg_is_decoded_small_and_looks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = cv2.resize(PHOTO, (1001, 751), interpolation=cv2.INTER_CUBIC)
    data = encode(photo, "JPEG", quality=95)
    decoded = []
    shrink = images._shrink_to
    monkeypatch.setattr(
        images, "_shrink_to", lambda p, size: (decoded.append(p.shape), shrink(p, size))[1]
    )
    small = read_image(data, max_side=200)
    assert decoded == [(188, 251, 3)]  # a quarter
    full = read_image(data)
    assert small.shape == fit(full, 200).shape == (150, 200, 3)
    assert np.abs(small.astype(int) - fit(full, 200)).mean() < 2


def test_max_side_must_be_positive() -> None:
    data = encode(PHOTO, "JPEG")
    for wrong in (0, -5):
        with pytest.raises(SettingError, match="max_side must be a whole number from 1 up"):
            read_image(data, max_side=wrong)
        with pytest.raises(SettingError, match="max_side"):
            fit(PHOTO, wrong)


# What is refused ---------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>'
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "not an image"),
        (b"Dear all, the picture follows.", "not an image"),
        (bytes(5000), "not an image"),
        (SVG, "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n' + SVG, "SVG"),
        (b"<svg:svg></svg:svg>", "SVG"),
        (b"<!DOCTYPE html><html><body>" + SVG, "web page"),
        (b"\n<HTML>404 not found</HTML>", "web page"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "EPS"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "EPS"),
        (b"%PDF-1.7\n", "PDF"),
        (HEIC, "HEIC"),
    ],
)
def test_other_files_are_refused_by_name(
    data: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert words in refusal(data, caplog)
    assert words in refusal(data, caplog, image_size)


def test_postscript_never_reaches_ghostscript(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def start(*_: Any, **__: Any) -> None:
        raise AssertionError("Ghostscript was started.")

    eps = encode(PHOTO, "EPS")
    monkeypatch.setattr(PIL.EpsImagePlugin, "Ghostscript", start)
    with pytest.raises(AssertionError, match="Ghostscript"):
        PIL.Image.open(io.BytesIO(eps)).load()
    assert "EPS" in refusal(eps, caplog)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF"])
def test_cut_off_files(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    data = encode(PHOTO, kind)
    assert "cut off" in refusal(data[: len(data) // 2], caplog)
    assert "cut off" in refusal(data[: len(data) * 4 // 5], caplog)


@pytest.mark.parametrize("kind", [*images.IMAGE_FORMATS])
def test_files_cut_anywhere_are_refused(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    data = encode(PHOTO, kind)
    for length in (24, 40, len(data) // 4, len(data) // 2, len(data) * 3 // 4):
        text = refusal(data[:length], caplog)
        assert "cut off" in text or "damaged" in text


def test_a_jpeg_that_breaks_off_in_its_last_bytes(caplog: pytest.LogCaptureFixture) -> None:
    assert "cut off" in refusal(encode(PHOTO, "JPEG")[:-2], caplog)


def test_jpeg_damaged_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    """OpenCV takes such a file without a word."""
    data = bytearray(encode(PHOTO, "JPEG", quality=95))
    middle = (data.index(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 4] = b"\xff\xc4\xff\xc4"  # headers of tables amid the coded pixels
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    assert "damaged" in refusal(bytes(data), caplog)


def test_png_damaged_in_the_middle(caplog: pytest.LogCaptureFixture) -> None:
    data = bytearray(encode(PHOTO, "PNG"))
    start = data.index(b"IDAT") + 4
    for place in np.linspace(start + 8, len(data) - 24, 7).astype(int):
        flipped = bytearray(data)
        flipped[place] ^= 0xFF
        assert "damaged" in refusal(bytes(flipped), caplog)


@pytest.mark.parametrize("kind", images.IMAGE_FORMATS)
def test_random_damage_is_refused_or_survived(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    random_ = random.Random(kind)
    whole = encode(PHOTO[:24, :32], kind, exif=exif(6)) if kind != "TIFF" else encode(GRAY, kind)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(random_.choice((1, 3, 9))):
            data[random_.randrange(random_.choice((120, len(data))))] = random_.randrange(256)
        try:
            image = quietly(read_image, bytes(data), caplog)
        except ImageError:
            refused += 1
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 3
    assert refused > 0


BOMBS = {
    "wide": (100_000, 1_000),
    "tall": (1_000, 100_000),
    "square": (20_000, 20_000),
    "line": (1, 1_000_000_000),
}


@pytest.mark.parametrize("shape", BOMBS)
def test_decompression_bombs_are_refused_by_their_header(
    shape: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def load(*_: Any) -> None:
        raise AssertionError("The bomb was decoded.")

    width, height = BOMBS[shape]
    data = png(width, height) if shape in ("wide", "tall") else png_header(width, height)
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", load)
    for read in (read_image, image_size, lambda bomb: read_image(bomb, max_side=64)):
        assert "at most 60 million" in refusal(data, caplog, read)


def test_too_many_pixels_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    assert "100000×1000 pixels, which is 100 million" in refusal(png_header(10**5, 1000), caplog)
    assert "8000×7501 pixels, which is 61 million" in refusal(png_header(8000, 7501), caplog)
    assert image_size(png_header(8000, 7500)) == (8000, 7500)


def test_too_many_bytes(caplog: pytest.LogCaptureFixture) -> None:
    padded = encode(PHOTO, "BMP").ljust(40_000_001, b"\0")
    assert "41 MB, but at most 40 MB" in refusal(padded, caplog)
    np.testing.assert_array_equal(read_image(padded[:-1]), PHOTO)


def test_no_pixels(caplog: pytest.LogCaptureFixture) -> None:
    for data in (png_header(0, 5), png_header(5, 0)):
        refusal(data, caplog)


def test_a_bomb_in_the_metadata(caplog: pytest.LogCaptureFixture) -> None:
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(10**8), 1))
    data = encode(PHOTO, "PNG")
    assert "cannot be decoded" in refusal(data[:33] + text + data[33:], caplog)


def test_more_channels_than_colours(caplog: pytest.LogCaptureFixture) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((9, 9, 20), np.uint8), photometric="minisblack", planarconfig=1)
    logger = logging.getLogger("PIL.TiffImagePlugin")
    level = logger.level
    try:  # the file is of the kind that Pillow logs an error about
        logger.setLevel(logging.INFO)
        with pytest.raises(PIL.UnidentifiedImageError):
            PIL.Image.open(io.BytesIO(file.getvalue()))
        assert caplog.records
    finally:
        logger.setLevel(level)
    assert "rare kind" in refusal(file.getvalue(), caplog)


# Many sessions -----------------------------------------------------------------------------------


def test_threads_read_undisturbed_and_leave_nothing_behind() -> None:
    cut = encode(PHOTO, "PNG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    files = [cut, encode(PHOTO, "TIFF"), encode(PHOTO, "WEBP", lossless=True)] * 20
    before = list(warnings.filters), PIL.Image.MAX_IMAGE_PIXELS
    with ThreadPoolExecutor(8) as pool:
        for image in pool.map(read_image, files):
            np.testing.assert_array_equal(image, PHOTO)
    assert (list(warnings.filters), PIL.Image.MAX_IMAGE_PIXELS) == before


def test_a_refused_file_does_not_block_the_next() -> None:
    with pytest.raises(ImageError):
        read_image(b"")
    np.testing.assert_array_equal(read_image(encode(PHOTO, "PNG")), PHOTO)
