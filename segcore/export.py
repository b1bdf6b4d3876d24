"""Files of a segmentation for other programs: label PNG, overlay, CSV table, COCO's formats."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from segcore.errors import SegcoreError
from segcore.render import areas, mean_colors, overlay, png, segment_colors
from segcore.result import Image, Labels, Mask, Segment, Segmentation

Integers: TypeAlias = npt.NDArray[np.int64]
Reals: TypeAlias = npt.NDArray[np.float64]

# Pictures ----------------------------------------------------------------------------------------


def labels_png(segmentation: Segmentation) -> bytes:
    """The label map as a grey PNG, whose values are the labels: 8-bit up to label 255, else 16-bit.

    Raises:
        SegcoreError: a label is greater than 65535, the greatest value that a PNG can store.
        ImageError: the label map is empty.
    """
    highest = int(segmentation.labels.max(initial=0))
    if highest > 65535:
        raise SegcoreError(f"A PNG stores labels up to 65535, but this result has label {highest}.")
    return png(segmentation.labels.astype(np.uint8 if highest <= 255 else np.uint16))


def overlay_png(image: Image, segmentation: Segmentation, opacity: float = 0.5) -> bytes:
    """The image (uint8 RGB H×W×3) with its segments tinted in their colours, as a PNG.

    Raises:
        SettingError: the opacity is not between 0 and 1.
        ImageError: image and label map do not fit each other.
    """
    colors = segment_colors(segmentation.segments)
    return png(overlay(image, segmentation.labels, opacity, colors))


# Measures per label ------------------------------------------------------------------------------


def boxes(labels: Labels) -> Integers:
    """Smallest box around each label from 0 to the greatest, n.

    Returns:
        (n + 1, 4) left, top, right, bottom in pixels, right and bottom excluded; zeros for a
        label without pixels.
    """
    table = np.zeros((int(labels.max()) + 1, 4), np.int64)
    # find_objects takes 0 for "nothing", but here it is the background, with a box like any other.
    for label, found in enumerate(find_objects(labels + 1)):
        if found is not None:
            rows, columns = found
            table[label] = columns.start, rows.start, columns.stop, rows.stop
    return table


def centroids(labels: Labels) -> Reals:
    """Mean position x, y (n + 1, 2) of the pixels of each label from 0 to the greatest, n.

    The centre of the upper left pixel is (0, 0); a label without pixels has (0, 0) as well.
    """
    height, width = labels.shape
    flat = labels.ravel()
    x = np.bincount(flat, weights=np.tile(np.arange(width, dtype=float), height))
    y = np.bincount(flat, weights=np.repeat(np.arange(height, dtype=float), width))
    means: Reals = np.stack([x, y], axis=1) / np.maximum(areas(labels), 1)[:, np.newaxis]
    return means


# Table -------------------------------------------------------------------------------------------

COLUMNS = (
    *("label", "name", "is_thing", "score", "area_px", "share_percent"),
    *("left", "top", "width", "height", "centroid_x", "centroid_y"),
)


def segments_csv(segmentation: Segmentation, image: Image | None = None) -> str:
    """One row per segment, in the order of the legend, as CSV (RFC 4180) with a header.

    Boxes and centroids are in pixels of the label map, the centre of the upper left pixel being
    (0, 0); the share is of all pixels, in percent. With an image (uint8 RGB H×W×3) a last column
    gives each segment's mean colour as #rrggbb.

    Raises:
        ImageError: image and label map do not fit each other.
    """
    labels = segmentation.labels
    area, box, center = areas(labels), boxes(labels), centroids(labels)
    colors = None if image is None else mean_colors(image, labels)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS if colors is None else (*COLUMNS, "mean_color"))
    for segment in segmentation.segments:
        n = segment.label
        left, top, right, bottom = box[n]
        row = [n, _not_a_formula(segment.name), str(segment.is_thing).lower()]
        row += ["" if segment.score is None else f"{segment.score:.4f}"]
        row += [area[n], f"{100 * area[n] / labels.size:.4f}"]
        row += [left, top, right - left, bottom - top, *(f"{v:.2f}" for v in center[n])]
        row += [] if colors is None else ["#" + colors[n].tobytes().hex()]
        writer.writerow(row)
    return text.getvalue()


def _not_a_formula(name: str) -> str:
    """The name, with an apostrophe before it where a spreadsheet would run it as a formula.

    Names may come from a file or a person, and Excel, LibreOffice and Google Sheets evaluate a
    cell that starts with one of these characters, which can open links or start programs ("CSV
    injection"). Quoting does not stop it; a leading apostrophe makes the cell text.
    """
    return "'" + name if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


# COCO --------------------------------------------------------------------------------------------


def coco_json(segmentation: Segmentation, image_id: int = 1, file_name: str = "image.png") -> str:
    """The segments as annotations in the format of COCO (Lin et al. 2014), as JSON.

    Masks are compressed RLE. `id` is the segment's label and `bbox` [x, y, width, height] encloses
    its mask. A name's last number is taken for the count of an instance, so that "Coin 1" and
    "Coin 2" are two annotations of the category "Coin". `isthing` of a category is that of COCO's
    panoptic format. `score` is there if the technique gives one, as in COCO's format of results.

    `iscrowd` is 0 throughout, for stuff and regions too: that is what COCO's stuff format
    prescribes, and 1 would mean a group of objects, which an evaluation passes over.

    Args:
        segmentation: the result; its background is not annotated.
        image_id: id of the image in the data set that the annotations are to join.
        file_name: the image's file, as the data set names it.
    """
    labels = segmentation.labels
    categories: dict[tuple[str, bool], int] = {}
    area, box = areas(labels), boxes(labels)
    annotations = []
    for segment in segmentation.segments:
        key = (_category(segment), segment.is_thing)
        left, top, right, bottom = box[segment.label].tolist()
        inside = labels[top:bottom, left:right] == segment.label
        annotation: dict[str, Any] = {
            "id": segment.label,
            "image_id": image_id,
            "category_id": categories.setdefault(key, len(categories) + 1),
            "segmentation": {
                "size": list(labels.shape),
                "counts": compress_counts(run_lengths(inside, left, top, labels.shape)),
            },
            "area": int(area[segment.label]),
            "bbox": [left, top, right - left, bottom - top],
            "iscrowd": 0,
        }
        if segment.score is not None:
            annotation["score"] = round(float(segment.score), 6)
        annotations.append(annotation)
    height, width = labels.shape
    image = {"id": image_id, "file_name": file_name, "width": width, "height": height}
    named = _named(categories)
    return json.dumps({"images": [image], "annotations": annotations, "categories": named})


def _category(segment: Segment) -> str:
    return re.sub(r"\s+\d+$", "", segment.name)


def run_lengths(
    inside: Mask, left: int = 0, top: int = 0, shape: tuple[int, ...] | None = None
) -> Integers:
    """Lengths of the runs of a mask, column by column, the first of 0s, then 1s and 0s in turn.

    Args:
        inside: bool h×w, the mask, or the part of it in a box outside of which it is 0.
        left: column of the box in the mask.
        top: row of the box in the mask.
        shape: (height, width) of the mask; that of `inside` by default.
    """
    height, width = inside.shape if shape is None else shape
    # Transposed, runs lie along the rows; the padding ends each run with its column.
    padded = np.zeros((inside.shape[1], inside.shape[0] + 2), np.int8)
    padded[:, 1:-1] = inside.T
    column, row = np.nonzero(np.diff(padded, axis=1))
    changes = (column + left) * height + row + top
    # A run down to the last row goes on in a column that starts with one: no change there.
    if len(changes):
        joined = np.append(changes[1:] == changes[:-1], False)
        changes = changes[~(joined | np.roll(joined, 1))]
    if len(changes) and changes[-1] == height * width:
        changes = changes[:-1]
    return np.diff(changes, prepend=0, append=height * width)


def compress_counts(counts: Integers) -> str:
    """Run lengths as the text of COCO's compressed RLE.

    From the fourth on, each length is replaced by its difference from the one two before, which
    is small as neighbouring columns are alike. Each number is then written in groups of five
    bits, the lowest first, with a sixth bit that says whether more follow, as characters from
    "0" (48) up; the highest bit of the last group is the sign, as in LEB128.
    """
    values = counts.copy()
    values[3:] -= counts[1:-2]
    shifts = 5 * np.arange(13)  # 13 groups of 5 bits hold every int64
    groups = (values[:, np.newaxis] >> shifts) & 31
    rest = values[:, np.newaxis] >> (shifts + 5).clip(max=63)
    complete = rest == -(groups >> 4)
    last = complete.argmax(axis=1)[:, np.newaxis]
    used = np.arange(13) <= last
    characters = groups + 32 * (np.arange(13) < last) + 48
    text: bytes = characters[used].astype(np.uint8).tobytes()
    return text.decode("ascii")


# COCO panoptic -----------------------------------------------------------------------------------


def panoptic_png(segmentation: Segmentation) -> bytes:
    """The segments as a PNG in the format of COCO panoptic: id = R + 256 G + 65536 B, 0 is void.

    Raises:
        SegcoreError: an id is greater than 16,777,215, the greatest that three bytes hold.
        ImageError: the label map is empty.
    """
    ids = _panoptic_ids(segmentation)
    highest = int(ids.max(initial=0))
    if highest >= 1 << 24:
        raise SegcoreError(f"COCO's panoptic PNG holds ids up to 16777215, but one is {highest}.")
    return png(np.stack([(ids >> shift & 255).astype(np.uint8) for shift in (0, 8, 16)], axis=-1))


def panoptic_json(
    segmentation: Segmentation, image_id: int = 1, file_name: str = "image.png"
) -> str:
    """What stands beside `panoptic_png` (Kirillov et al. 2019), as JSON.

    The id of a thing is its label. Stuff is uncountable: segments of one category of it are one,
    with the label of the first. Categories are those of `coco_json`, and so is `iscrowd`.

    Args:
        segmentation: the result; its background is void, which is not listed.
        image_id: id of the image in the data set that the annotation is to join.
        file_name: the image's file, as the data set names it; that of the annotation is the same
            with the ending .png.
    """
    ids = _panoptic_ids(segmentation)
    area, box = areas(ids), boxes(ids)
    categories: dict[tuple[str, bool], int] = {}
    infos = []
    for segment in segmentation.segments:
        category = categories.setdefault(
            (_category(segment), segment.is_thing), len(categories) + 1
        )
        if segment.label >= len(area) or not area[segment.label]:
            continue  # stuff that was joined to a segment before it
        left, top, right, bottom = box[segment.label].tolist()
        info: dict[str, Any] = {
            "id": segment.label,
            "category_id": category,
            "area": int(area[segment.label]),
            "bbox": [left, top, right - left, bottom - top],
            "iscrowd": 0,
        }
        if segment.score is not None:
            info["score"] = round(float(segment.score), 6)
        infos.append(info)
    height, width = ids.shape
    annotation = {
        "image_id": image_id,
        "file_name": re.sub(r"\.[^.]*$", "", file_name) + ".png",
        "segments_info": infos,
    }
    return json.dumps(
        {
            "images": [{"id": image_id, "file_name": file_name, "width": width, "height": height}],
            "annotations": [annotation],
            "categories": _named(categories),
        }
    )


def panoptic_zip(segmentation: Segmentation, stem: str = "image") -> bytes:
    """PNG and JSON of COCO panoptic in one ZIP, in the folders that COCO's tools expect.

    The same result gives the same bytes.

    Args:
        segmentation: the result.
        stem: name of the image's file without its ending.

    Raises:
        SegcoreError, ImageError: as `panoptic_png`.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (
            ("panoptic.json", panoptic_json(segmentation, file_name=f"{stem}.png").encode()),
            (f"panoptic/{stem}.png", panoptic_png(segmentation)),
        ):
            # A date would make two files of one result differ.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _panoptic_ids(segmentation: Segmentation) -> Labels:
    """The label map with the stuff of one category under one label, and ridge lines as void."""
    first: dict[str, int] = {}
    table = np.arange(int(segmentation.labels.max(initial=0)) + 1, dtype=np.int32)
    for segment in segmentation.segments:
        if not segment.is_thing and segment.label < len(table):
            table[segment.label] = first.setdefault(_category(segment), segment.label)
    ids: Labels = table[np.maximum(segmentation.labels, 0)]
    return ids


def _named(categories: Mapping[tuple[str, bool], int]) -> list[dict[str, Any]]:
    """Categories as COCO lists them."""
    kinds = ("stuff", "thing")
    return [
        {"id": n, "name": name, "supercategory": kinds[is_thing], "isthing": int(is_thing)}
        for (name, is_thing), n in categories.items()
    ]
