"""A comparison as one HTML file that needs nothing else: no network, no script, no other file.

Pictures lie inside as data URIs. A strict Content-Security-Policy forbids the browser everything
but these pictures and the one style sheet, which is named by its digest: whatever a file name or a
setting may contain, nothing of it can run or be fetched.
"""

import base64
import hashlib
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReportScore:
    """A score that the report has for every result.

    Attributes:
        key: its name in the values of a result.
        title: what a column calls it.
        rewards: what it rewards, in one line.
        paper: who proposed it.
        is_error: whether less is better.
    """

    key: str
    title: str
    rewards: str
    paper: str
    is_error: bool = False


@dataclass(frozen=True)
class ReportItem:
    """One result.

    Attributes:
        title: what the report calls it.
        settings: label of a setting -> its value in words.
        picture: JPEG or PNG file; empty if there is no result.
        seconds: run time; None if there is no result.
        n_segments: number of segments.
        values: key of a score -> value; NaN where there is nothing to score.
        code: the script that makes the result.
        note: how it was scored, or why there is no result, in a sentence.
    """

    title: str
    settings: Mapping[str, str]
    picture: bytes = b""
    seconds: float | None = None
    n_segments: int = 0
    values: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    note: str = ""


@dataclass(frozen=True)
class Report:
    """What the report tells.

    Attributes:
        title: its heading.
        facts: name -> value of what everything was done on.
        pictures: title -> JPEG or PNG file of the image, of the truth.
        items: the results in their order.
        scores: the columns of the table; none without a truth.
        notes: sentences on how scores were made.
        agreement: (n, n) agreement of the results that are there, named by `agreeing`.
        agreeing: titles of these results.
        link: address that restores the comparison, or nothing.
    """

    title: str
    facts: Mapping[str, str]
    pictures: Mapping[str, bytes]
    items: Sequence[ReportItem]
    scores: Sequence[ReportScore] = ()
    notes: Sequence[str] = ()
    agreement: Sequence[Sequence[float]] = ()
    agreeing: Sequence[str] = ()
    link: str = ""


STYLE = """
:root { color-scheme: light dark; --edge: #8884; --soft: #8882; --best: #0b6e99; }
@media (prefers-color-scheme: dark) { :root { --best: #4cb3dc; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem;
  background: Canvas; color: CanvasText; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
figure { margin: 0; } img { display: block; width: 100%; height: auto; border-radius: 6px; }
figcaption, .soft { font-size: 0.875rem; opacity: 0.8; }
.grid { display: grid; gap: 1.25rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--edge);
  vertical-align: top; }
.number { text-align: right; white-space: nowrap; } .best { font-weight: 700; color: var(--best); }
pre { overflow-x: auto; padding: 0.75rem; background: var(--soft); border-radius: 6px;
  font-size: 0.8125rem; }
summary { cursor: pointer; padding: 0.25rem 0; }
@media print { details { display: none; } }
"""


def to_html(report: Report) -> str:
    """The report as the text of an HTML file (UTF-8)."""
    body = "\n".join(
        part
        for part in (
            f"<h1>{_text(report.title)}</h1>",
            _facts(report),
            _pictures(report),
            _table(report),
            _meanings(report),
            _agreement(report),
            _details(report.items),
        )
        if part
    )
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(report.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _image(data: bytes, alt: str) -> str:
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{_text(alt)}">'


def _figure(data: bytes, title: str, below: str) -> str:
    return (
        f"<figure>{_image(data, title)}<figcaption><strong>{_text(title)}</strong><br>"
        f"{below}</figcaption></figure>"
    )


def _facts(report: Report) -> str:
    rows = [
        f"<tr><th>{_text(name)}</th><td>{_text(v)}</td></tr>" for name, v in report.facts.items()
    ]
    if report.link:
        rows.append(f"<tr><th>Link</th><td><code>{_text(report.link)}</code></td></tr>")
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _pictures(report: Report) -> str:
    figures = [_figure(data, title, "") for title, data in report.pictures.items()]
    for item in report.items:
        if item.picture:
            count = f"{item.n_segments:,} segment{'s' * (item.n_segments != 1)}"
            below = f"{_duration(item.seconds)}, {count}. {_settings(item)}"
            figures.append(_figure(item.picture, item.title, below))
    return f'<h2>Results</h2><div class="grid">{"".join(figures)}</div>'


def _settings(item: ReportItem) -> str:
    told = ", ".join(f"{name}: {value}" for name, value in item.settings.items())
    return _text(told or "No settings.")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _table(report: Report) -> str:
    titles = ["Technique", "Time", "Segments", *(score.title for score in report.scores)]
    best = {score.key: _best(report.items, score) for score in report.scores}
    head = "".join(
        f'<th{_number(place > 0)} scope="col">{_text(title)}</th>'
        for place, title in enumerate(titles)
    )
    rows = []
    for item in report.items:
        cells = [f'<th scope="row">{_text(item.title)}</th>']
        count = f"{item.n_segments:,}" if item.seconds is not None else "–"
        cells += [f"<td{_number()}>{value}</td>" for value in (_duration(item.seconds), count)]
        for score in report.scores:
            value = item.values.get(score.key, math.nan)
            mark = " best" if value == best[score.key] else ""
            shown = "–" if math.isnan(value) else f"{value:.3f}"
            cells.append(f'<td class="number{mark}">{shown}</td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    notes = "".join(f'<p class="soft">{_text(note)}</p>' for note in report.notes)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<h2>Numbers</h2><div class="wide">{table}</div>{notes}'


def _number(is_one: bool = True) -> str:
    return ' class="number"' if is_one else ""


def _best(items: Iterable[ReportItem], score: ReportScore) -> float | None:
    values = [item.values.get(score.key, math.nan) for item in items]
    known = [value for value in values if not math.isnan(value)]
    return (min if score.is_error else max)(known, default=None)


def _meanings(report: Report) -> str:
    if not report.scores:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_text(score.title)}</th><td>{_text(score.rewards)}</td>'
        f"<td>{'less' if score.is_error else 'more'} is better</td>"
        f"<td>{_text(score.paper)}</td></tr>"
        for score in report.scores
    )
    return f'<h2>What each score rewards</h2><div class="wide"><table>{rows}</table></div>'


def _agreement(report: Report) -> str:
    if not report.agreement:
        return ""
    head = "".join(f'<th scope="col"{_number()}>{_text(name)}</th>' for name in report.agreeing)
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th>'
        + "".join(f"<td{_number()}>{value:.2f}</td>" for value in values)
        + "</tr>"
        for name, values in zip(report.agreeing, report.agreement, strict=True)
    )
    return (
        '<h2>Agreement</h2><p class="soft">F1 of the pairs of pixels that two results keep '
        "together (1 minus the adapted Rand error, Arganda-Carreras et al. 2015). To agree is not "
        f'to be right.</p><div class="wide"><table><tr><th></th>{head}</tr>{rows}</table></div>'
    )


def _details(items: Iterable[ReportItem]) -> str:
    """Note and script of every result."""
    parts = []
    for item in items:
        note = f"<p>{_text(item.note)}</p>" if item.note else ""
        code = f"<pre><code>{_text(item.code)}</code></pre>"
        script = f"<details><summary>Script</summary>{code}</details>" if item.code else ""
        settings = f'<p class="soft">{_settings(item)}</p>'
        parts.append(f"<section><h3>{_text(item.title)}</h3>{settings}{note}{script}</section>")
    return f"<h2>Settings and scripts</h2>{''.join(parts)}"
