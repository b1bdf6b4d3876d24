"""The exported script: a run of a technique as one file that stands alone.

The script inlines, with their comments, exactly the functions, classes and constants that the run
uses. They are found by following names through the syntax tree, from `segment` and `read_image`
down, and taken as they stand in their files, less what only serves the page: the `show` calls and
the annotations of settings. Of `segment` that is left out, too, which the settings rule out.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from segcore.catalog import get_technique
from segcore.script.collecting import Part, collect
from segcore.script.modules import read
from segcore.script.pruning import prune_segment
from segcore.technique import Technique

WORKING_SIDE = 1024

_SCRIPT = '''\
"""{title}: exported from the segmentation dashboard.

    python script.py IMAGE LABELS.png

reads IMAGE as the dashboard does (turned as its EXIF data says, long side at most WORKING_SIDE
pixels), segments it and writes the labels, 0 = background, as a 16-bit grey PNG.
Needs: {needs}.
"""

{imports}

# Settings
{constants}


{body}


def main(source: str, target: str) -> None:
    data = pathlib.Path(source).read_bytes()
    image = read_image(data, WORKING_SIDE)
    result = segment({arguments})
    if result.labels.max() > 65535:
        sys.exit("A 16-bit PNG holds labels up to 65535; ask for fewer or larger segments.")
    _, encoded = cv2.imencode(".png", result.labels.astype(np.uint16))
    pathlib.Path(target).write_bytes(encoded.tobytes())
    print(f"{{len(result.segments)}} segments in {{image.shape[1]}}×{{image.shape[0]}} pixels")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python script.py IMAGE LABELS.png")
    main(sys.argv[1], sys.argv[2])
'''

_NEEDS = {
    "cv2": "opencv-python",
    "numpy": "numpy",
    "PIL": "Pillow",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "torch": "torch",
    "torchvision": "torchvision",
    "safetensors": "safetensors",
    "transformers": "transformers",
}


def snippet(key: str, /, *, working_side: int = WORKING_SIDE, **settings: Any) -> str:
    """Source of a script that needs no segcore and gives the labels that `segcore.run` gives.

    Args:
        key: name of the technique, see segcore.TECHNIQUES.
        working_side: long side in pixels that the image is reduced to, as on the page.
        **settings: settings of the technique by name.

    Raises:
        SettingError: the technique or a setting is unknown, or a value is out of its range.
    """
    technique = get_technique(key)
    chosen = technique.complete(settings)
    given = {name: chosen[name] for name in chosen if _applies(technique, name, chosen)}
    file = read(technique.segment.__module__)
    pruned = prune_segment(file, {s.name: s.default for s in technique.settings} | given)
    used = {name: value for name, value in given.items() if name in pruned.parameters}
    constants = {"WORKING_SIDE": working_side, **{n.upper(): v for n, v in used.items()}}

    parts, imports = collect(file.module.__name__, pruned.text)
    taken = constants.keys() & parts.keys()
    if taken:
        raise TypeError(f"{sorted(taken)[0]} is both a setting and a constant of {key}.")
    arguments = ["image", *(f"{name}={name.upper()}" for name in used)]
    body = "\n\n\n".join(_joined(parts.values()))
    return _SCRIPT.format(
        title=technique.title,
        needs=", ".join(sorted(_needs(imports, body))),
        imports="\n".join(_sorted_imports(imports)),
        constants="\n".join(_constants(constants, pruned.decided)),
        body=body,
        arguments=_wrapped(arguments),
    )


def _needs(imports: Iterable[str], body: str) -> set[str]:
    """Packages to install, by the imports at the top and those inside functions."""
    inner = [n for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Import | ast.ImportFrom)]
    roots = _roots([*imports, *map(ast.unparse, inner)])
    return {_NEEDS[root] for root in roots if root in _NEEDS}


def _applies(technique: Technique, name: str, chosen: dict[str, Any]) -> bool:
    return next(s for s in technique.settings if s.name == name).applies(chosen)


def _constants(values: Mapping[str, Any], decided: Set[str]) -> Iterator[str]:
    for name, value in values.items():
        note = "  # code for some other values is left out" if name.lower() in decided else ""
        yield f"{name} = {_literal(value)}{note}"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and value.isidentifier() else repr(value)


def _wrapped(arguments: list[str]) -> str:
    line = ", ".join(arguments)
    return line if len(line) < 76 else "\n        " + ",\n        ".join(arguments) + ",\n    "


def _roots(imports: Iterable[str]) -> set[str]:
    return {statement.split()[1].partition(".")[0] for statement in imports}


def _sorted_imports(imports: Iterable[str]) -> Iterator[str]:
    """Standard library first, then the rest, one line per module, as a formatter would."""
    whole = [s for s in imports if s.startswith("import ")]
    names: dict[str, set[str]] = {}
    for statement in imports:
        if statement.startswith("from "):
            _, module, _, name = statement.split(maxsplit=3)
            names.setdefault(module, set()).add(name)
    lines = sorted(whole) + [
        f"from {m} import {', '.join(sorted(names[m]))}" for m in sorted(names)
    ]
    yield from (line for line in lines if not _roots([line]) & _NEEDS.keys())
    yield ""
    yield from (line for line in lines if _roots([line]) & _NEEDS.keys())


def _joined(parts: Iterable[Part]) -> Iterator[str]:
    """Runs of constants stand together, definitions apart."""
    constants: list[str] = []
    for part in parts:
        if part.is_definition:
            if constants:
                yield "\n".join(constants)
                constants = []
            yield part.text
        else:
            constants.append(part.text)
    if constants:
        yield "\n".join(constants)
