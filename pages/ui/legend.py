"""What stands below a result: how large, how fast, and the legend of its segments."""

import html
from collections.abc import Sequence

import streamlit as st

from pages.ui import cache
from pages.ui.painting import Finished
from segcore.render import Colors, areas, mean_colors, segment_colors
from segcore.result import Segment

LEGEND = 12  # names in the legend
STRIPES = 4  # colours in the swatch of several segments with one name


def draw_facts(finished: Finished, classes: Sequence[str]) -> None:
    """Time, size and the legend with areas.

    Args:
        finished: the run.
        classes: names of those that are shown; none means all.
    """
    result = finished.run.segmentation
    width, height = finished.picture.size
    count = len(result.segments)
    title = "segment" if count == 1 else "segments"
    facts = f"{count} {title} · {_duration(finished.run.seconds)} · {width}×{height} px"
    sizes = areas(result.labels)
    groups = _by_name(result.segments)
    largest = sorted(groups, key=lambda group: -sum(sizes[s.label] for s in group))[:LEGEND]
    named = sorted(largest, key=lambda group: group[0].label)
    colors = segment_colors(result.segments)
    means = cache.pictures.get(
        (*finished.name, "mean colours"), lambda: mean_colors(finished.picture.image, result.labels)
    )
    items = [
        f"<span{_off(group[0].name, classes)}>"
        f'<i style="background:{_swatch(group, colors, means)}"></i>'
        f"{html.escape(group[0].name)}{_times(len(group))} "
        f"<b>{_share(sum(sizes[s.label] for s in group) / result.labels.size)}</b></span>"
        for group in named
    ]
    if len(groups) > LEGEND:
        items.append(f"<span>and {len(groups) - LEGEND} smaller ones</span>")
    if not count:
        items.append("<span>Nothing was found with these settings.</span>")
    hint = (
        "Left: the colour that stands for a segment here. Right: its mean colour in the image. "
        "Of several with one name: the colours of the first ones."
    )
    st.html(f'<div class="seg-legend" title="{hint}"><span>{facts}</span>{"".join(items)}</div>')


def _by_name(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments of one name together: one entry of the legend."""
    groups: dict[str, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(segment.name, []).append(segment)
    return list(groups.values())


def _times(count: int) -> str:
    return f" × {count}" if count > 1 else ""


def _off(name: str, classes: Sequence[str]) -> str:
    """Marks the legend's entry of a class that was not chosen, see style.css."""
    return ' class="off"' if classes and name not in classes else ""


def _swatch(group: Sequence[Segment], colors: Colors, means: Colors) -> str:
    """A swatch in CSS: on the left the colour that stands for a segment, on the right its own.

    Of several segments: the colours that stand for the first ones.
    """
    label = group[0].label
    alone = (colors[label], means[label])
    stripes = alone if len(group) == 1 else [colors[s.label] for s in group[:STRIPES]]
    part = 100 / len(stripes)
    stops = (
        f"rgb{tuple(map(int, stripe))} {part * place:.0f}% {part * (place + 1):.0f}%"
        for place, stripe in enumerate(stripes)
    )
    return f"linear-gradient(90deg,{','.join(stops)})"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "< 0.1%"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
