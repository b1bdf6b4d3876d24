import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab
from skimage.segmentation import find_boundaries, slic

from segcore.errors import ImageError, SettingError
from segcore.render import (
    BACKGROUND,
    CLASS_COLORS,
    DEUTERANOPIA,
    N_COLORS,
    OKABE_ITO,
    PROTANOPIA,
    RIDGE,
    UNDEFINED,
    areas,
    class_colors,
    colorize,
    jpeg,
    mean_colors,
    outlines,
    overlay,
    palette,
    png,
    segment_colors,
    to_rgb,
)
from segcore.result import Segment


def frozen(array, dtype=None):
    array = np.array(array, dtype)
    array.setflags(write=False)
    return array


def photo(height=40, width=50, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return frozen(cv2.GaussianBlur(noise, (7, 7), 2))


def blobs(height=40, width=50, segments=12):
    labels = slic(photo(height, width), segments, start_label=0).astype(np.int32)
    return frozen(labels)


def decode(data):
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return picture[..., ::-1] if picture.ndim == 3 else picture


# Palette


def seen(colors, cones):
    """sRGB (n, 3) from 0 to 1 as a dichromat sees it."""
    encoded = colors / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    linear = (linear @ cones.T).clip(0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def closest(colors, cones):
    """The least CIELAB distance between two of the colours."""
    lab = rgb2lab(seen(colors, cones))
    distances = np.linalg.norm(lab[:, np.newaxis] - lab, axis=-1)
    return distances[np.triu_indices(len(colors), 1)].min()


@pytest.mark.parametrize(
    ("cones", "least"), [(np.eye(3), 25), (DEUTERANOPIA, 16), (PROTANOPIA, 16)]
)
def test_first_colors_differ_for_every_viewer(cones, least):
    assert closest(palette(12)[1:], cones) > least


def test_the_first_64_colors_differ_from_each_other_and_the_background():
    assert closest(palette(64), np.eye(3)) > 8


def test_dichromats_see_white_as_white():
    # Rows that sum to 1 leave greys alone; a mistyped coefficient would not.
    assert np.allclose(DEUTERANOPIA.sum(axis=1), 1, atol=2e-6)
    assert np.allclose(PROTANOPIA.sum(axis=1), 1, atol=2e-6)


@pytest.mark.parametrize(("n", "least"), [(12, 50), (64, 20), (256, 11), (N_COLORS, 6)])
def test_consecutive_labels_differ_clearly(n, least):
    lab = rgb2lab(palette(n)[1:] / 255)
    assert np.linalg.norm(np.diff(lab, axis=0), axis=1).min() > least


def test_palette_starts_with_background_and_okabe_ito():
    assert palette(7).tolist() == [list(BACKGROUND), *map(list, OKABE_ITO)]


@pytest.mark.parametrize("n", [0, 1, 8, 64, 65, 256, 257, 1024, 2000])
def test_a_label_has_the_same_color_in_every_palette(n):
    colors = palette(n)
    assert colors.shape == (n + 1, 3)
    assert colors.dtype == np.uint8
    assert np.array_equal(colors, palette(3000)[: n + 1])


def test_colors_are_distinct_and_then_repeat():
    colors = palette(2 * N_COLORS)
    assert len(np.unique(colors[: N_COLORS + 1], axis=0)) == N_COLORS + 1
    assert np.array_equal(colors[1 : N_COLORS + 1], colors[N_COLORS + 1 :])


# Classes


def test_a_class_has_its_color_whatever_its_label():
    segments = (Segment(9, "Road"), Segment(2, "Region 2"), Segment(4, "Car", is_thing=True))
    assert class_colors(segments) == {9: CLASS_COLORS["Road"]}
    table = segment_colors(segments)
    assert table.shape == (10, 3)
    assert tuple(table[9]) == CLASS_COLORS["Road"]
    assert np.array_equal(table[:9], palette(8))  # things are told apart by the palette
    assert np.array_equal(segment_colors((), 5), palette(5))
    assert len(segment_colors(segments, 20)) == 21


def test_colors_of_classes_are_told_apart_at_least_as_well_as_a_palette_of_as_many():
    colors = np.array(list(CLASS_COLORS.values()))
    assert least_distance(colors) > least_distance(palette(len(colors))[1:])


def least_distance(colors):
    """Of any two, in CIELAB, with normal vision and as two kinds of dichromats see them."""
    least = np.inf
    for cones in (np.eye(3), DEUTERANOPIA, PROTANOPIA):
        lab = rgb2lab(seen(colors, cones)[None])[0]
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
        least = min(least, apart[np.triu_indices(len(colors), 1)].min())
    return least


def test_a_step_takes_the_colors_of_the_classes():
    labels = np.array([[0, 1, 2]], np.int32)
    drawn = to_rgb(labels, (Segment(1, "Tree"),))
    assert drawn[0].tolist() == [list(BACKGROUND), list(CLASS_COLORS["Tree"]), list(OKABE_ITO[1])]


def test_changing_a_palette_changes_no_other():
    palette(5)[:] = 0
    assert palette(5)[1].tolist() == list(OKABE_ITO[0])


# Labels


def test_colorize_looks_each_label_up():
    colors = frozen([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)
    labels = frozen([[0, 1], [2, 1]], np.int32)
    assert np.array_equal(colorize(labels, colors), colors[labels])


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (33, 70)])
def test_colorize_uses_the_palette(shape, dtype):
    labels = np.random.default_rng(0).integers(0, 400, shape).astype(dtype)
    assert np.array_equal(colorize(labels), palette(400)[labels])


def test_colorize_of_labels_beyond_the_palette():
    labels = np.array([[0, 1, N_COLORS, N_COLORS + 1, 2**31 - 1]], np.int32)
    expected = palette(N_COLORS)[[0, 1, N_COLORS, 1, (2**31 - 2) % N_COLORS + 1]]
    assert np.array_equal(colorize(labels)[0], expected)


def test_colorize_draws_watershed_ridges_white():
    labels = np.array([[-8, -1, 0, 1]], np.int32)
    expected = [RIDGE, RIDGE, BACKGROUND, OKABE_ITO[0]]
    assert colorize(labels)[0].tolist() == list(map(list, expected))
    assert colorize(np.full((2, 2), -1, np.int32)).tolist() == [[list(RIDGE)] * 2] * 2


def test_colorize_refuses_a_label_without_color():
    with pytest.raises(ImageError, match="Label 3 has no colour: the table ends at 2"):
        colorize(np.array([[3]], np.int32), palette(2))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (2, 2, 2)])
def test_colorize_refuses_what_is_no_label_map(shape):
    with pytest.raises(ImageError):
        colorize(np.zeros(shape, np.int32))


def test_overlay_mixes_image_and_color():
    image, labels = photo(), blobs()
    mixed = overlay(image, labels, 0.3)
    expected = 0.7 * image + 0.3 * palette(labels.max())[labels]
    inside = labels > 0
    assert np.abs(mixed[inside] - expected[inside]).max() <= 0.5 + 1e-3
    assert np.array_equal(mixed[~inside], image[~inside])
    assert not np.shares_memory(mixed, image)


def test_overlay_of_opacity_0_is_the_image():
    assert np.array_equal(overlay(photo(), blobs(), 0), photo())


def test_overlay_of_opacity_1_is_the_colors():
    image, labels = photo(), blobs()
    expected = np.where(labels[..., np.newaxis] > 0, colorize(labels), image)
    assert np.array_equal(overlay(image, labels, 1), expected)


def test_overlay_can_tint_the_background():
    assert np.array_equal(overlay(photo(), blobs(), 1, background=True), colorize(blobs()))


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_overlay_refuses_other_opacities(opacity):
    with pytest.raises(SettingError, match="opacity must be a number from 0 to 1"):
        overlay(photo(), blobs(), opacity)


@pytest.mark.parametrize("function", [overlay, outlines, mean_colors])
@pytest.mark.parametrize("shape", [(40, 51), (50, 40)])
def test_image_and_labels_must_fit(function, shape):
    with pytest.raises(ImageError, match="label map's size"):
        function(photo(), np.zeros(shape, np.int32))


def test_outlines_are_the_inner_boundaries():
    image, labels = photo(), blobs()
    drawn = outlines(image, labels, casing=False)
    edge = find_boundaries(labels, connectivity=1, mode="inner", background=0)
    assert np.array_equal(drawn[edge], colorize(labels)[edge])
    assert np.array_equal(drawn[~edge], image[~edge])


def test_outlines_of_three_pixels():
    labels = np.zeros((1, 12), np.int32)
    labels[0, 2:] = 1
    drawn = outlines(np.full((1, 12, 3), 100, np.uint8), labels, 3, color=(1, 2, 3))
    line, cased, plain = [1, 2, 3], [40] * 3, [100] * 3
    assert drawn[0].tolist() == [plain] * 2 + [line] * 3 + [cased] + [plain] * 6


def test_outlines_leave_the_background_untouched():
    image, labels = photo(), blobs()
    drawn = outlines(image, labels, 3)
    assert np.array_equal(drawn[labels == 0], image[labels == 0])
    assert not np.array_equal(drawn[labels > 0], image[labels > 0])


def test_outlines_part_touching_segments_by_two_lines():
    labels = np.array([[1, 1, 2, 2]], np.int32)
    drawn = outlines(np.zeros((1, 4, 3), np.uint8), labels, colors=palette(2))
    black = [0, 0, 0]
    assert drawn[0].tolist() == [black, list(OKABE_ITO[0]), list(OKABE_ITO[1]), black]


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (8, 1)])
def test_outlines_of_one_segment_are_none(shape):
    image = frozen(np.full((*shape, 3), 7), np.uint8)
    assert np.array_equal(outlines(image, np.ones(shape, np.int32), 2), image)


def test_outlines_refuse_no_width():
    with pytest.raises(SettingError, match="width must be a whole number of pixels"):
        outlines(photo(), blobs(), 0)


def test_areas_count_pixels():
    assert areas(np.array([[0, 3, 3], [1, 3, 0]], np.int32)).tolist() == [2, 1, 0, 3]


def test_mean_colors():
    image = frozen([[[0, 10, 20], [255, 255, 255], [1, 11, 21]]], np.uint8)
    labels = np.array([[3, 1, 3]], np.int32)
    # 0.5, 10.5, 20.5 round to even.
    assert mean_colors(image, labels).tolist() == [[0] * 3, [255] * 3, [0] * 3, [0, 10, 20]]


def test_mean_colors_agree_with_means():
    image, labels = photo(), blobs()
    means = mean_colors(image, labels)
    for label in range(labels.max() + 1):
        assert np.abs(means[label] - image[labels == label].mean(axis=0)).max() <= 0.5 + 1e-9


# Any array


def test_mask_is_black_and_white():
    mask = frozen([[True, False]])
    assert to_rgb(mask).tolist() == [[[255] * 3, [0] * 3]]


def test_gray_stays_gray():
    gray = photo()[:, :, 0]
    assert np.array_equal(to_rgb(gray), np.repeat(gray[..., np.newaxis], 3, axis=2))


def test_rgb_stays_as_it_is():
    assert np.array_equal(to_rgb(photo()), photo())


def test_label_map_gets_its_palette():
    assert np.array_equal(to_rgb(blobs()), colorize(blobs()))


VIRIDIS_ENDS = ([68, 1, 84], [253, 231, 37])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint16, np.int16])
def test_one_sign_goes_from_dark_to_yellow(dtype):
    rgb = to_rgb(np.array([[10, 20, 30]], dtype))
    assert (rgb[0, 0].tolist(), rgb[0, 2].tolist()) == VIRIDIS_ENDS
    lightness = rgb2lab(rgb / 255)[0, :, 0]
    assert np.all(np.diff(lightness) > 10)


def test_negative_numbers_alone_use_the_same_map():
    ends = to_rgb(np.array([[-3.0, -1.0]]))[0]
    assert (ends[0].tolist(), ends[1].tolist()) == VIRIDIS_ENDS


def test_two_signs_diverge_from_white():
    rgb = to_rgb(np.array([[-4.0, -2.0, 0.0, 1.0, 2.0]]))[0].astype(int)
    assert rgb[0].tolist() == [0, 114, 178]  # the greater side reaches its end
    assert rgb[2].tolist() == [255, 255, 255]
    assert rgb[1, 2] > rgb[1, 0]  # blue below zero
    assert rgb[4, 0] > rgb[4, 2]  # orange above
    assert rgb[3].sum() > rgb[4].sum()


def test_diverging_map_is_symmetric_in_scale():
    left = to_rgb(np.array([[-1.0, 0.5]]))[0, 0]
    assert np.array_equal(left, to_rgb(np.array([[-1.0, 1.0]]))[0, 0])


@pytest.mark.parametrize("value", [0.0, -2.0, 5.0, 1e308])
def test_constant_numbers_have_one_color(value):
    assert to_rgb(np.full((2, 3), value)).tolist() == [[VIRIDIS_ENDS[0]] * 3] * 2


def test_what_is_not_finite():
    rgb = to_rgb(np.array([[np.nan, -np.inf, 0.0, 1.0, np.inf]]))[0]
    low, high = VIRIDIS_ENDS
    assert rgb.tolist() == [list(UNDEFINED), low, low, high, high]
    nothing = to_rgb(np.array([[np.nan, np.inf, -np.inf]], np.float32))[0]
    assert nothing.tolist() == [list(UNDEFINED), low, low]


def test_extreme_numbers_do_not_overflow():
    greatest = np.finfo(np.float64).max
    assert to_rgb(np.array([[-greatest, greatest]]))[0].tolist() == [[0, 114, 178], [213, 94, 0]]
    assert to_rgb(np.array([[0, 5e-324]]))[0, 1].tolist() == VIRIDIS_ENDS[1]


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros(5),
        np.zeros((2, 2, 3)),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2), complex),
        np.zeros((2, 2), object),
    ],
)
def test_other_arrays_are_refused(picture):
    with pytest.raises(ImageError, match="A picture must be height × width"):
        to_rgb(picture)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_empty_pictures_are_refused(dtype):
    with pytest.raises(ImageError, match="at least one pixel"):
        to_rgb(np.zeros((0, 4), dtype))


# Files


@pytest.mark.parametrize(
    "picture",
    [
        photo(),
        photo()[:, :, 0],
        photo(1, 1),
        photo(1, 30),
        photo()[::-1],
        photo()[:, ::2, 1].astype(np.uint16) * 257,
    ],
)
def test_png_is_lossless(picture):
    data = decode(png(picture))
    assert data.dtype == picture.dtype
    assert np.array_equal(data, picture)


def test_jpeg_is_near():
    rgb = colorize(np.repeat(np.arange(4, dtype=np.int32), 16)[np.newaxis].repeat(32, axis=0))
    decoded = decode(jpeg(rgb)).astype(int)
    assert np.abs(decoded - rgb).mean() < 2
    assert len(jpeg(photo(), 30)) < len(jpeg(photo(), 95))


def test_jpeg_keeps_color_at_full_resolution():
    stripes = colorize(np.tile(np.array([1, 2], np.int32), (16, 8)))  # of one pixel each
    assert np.abs(decode(jpeg(stripes)).astype(int) - stripes).max() < 30


@pytest.mark.parametrize("write", [png, jpeg])
@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4), bool),
        np.zeros((4, 4), np.int32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_files_of_other_arrays_are_refused(write, picture):
    with pytest.raises(ImageError):
        write(picture)


def test_jpeg_has_limits():
    with pytest.raises(ImageError, match="uint8, but this one is 4×4 of uint16"):
        jpeg(np.zeros((4, 4), np.uint16))
    with pytest.raises(ImageError, match="A picture of 70000×1 cannot be stored"):
        jpeg(np.zeros((1, 70_000), np.uint8))
    with pytest.raises(SettingError, match="quality"):
        jpeg(photo(), 101)


def test_inputs_of_other_layouts():
    # Slices and transposes of arrays reach these functions too.
    image, labels = photo()[:, ::-2], blobs()[:, ::-2]
    solid, flat = np.ascontiguousarray(image), np.ascontiguousarray(labels)
    for function in (overlay, outlines, mean_colors):
        assert np.array_equal(function(image, labels), function(solid, flat))
    assert np.array_equal(to_rgb((labels > 1).T), to_rgb(np.ascontiguousarray((flat > 1).T)))
