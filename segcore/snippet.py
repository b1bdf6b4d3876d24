"""The exported script: a run of a technique as one file that stands alone.

The script inlines, with their comments, exactly the functions, classes and constants that the run
uses. They are found by following names through the syntax tree, from `segment` and `read_image`
down, and taken as they stand in their files, less what only serves the page: the `show` calls and
the annotations of settings.
"""

import ast
import builtins
import importlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from pprint import pformat
from types import ModuleType
from typing import Any

from segcore.catalog import get_technique
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
    used = {name: chosen[name] for name in chosen if _applies(technique, name, chosen)}
    constants = {"WORKING_SIDE": working_side, **{n.upper(): v for n, v in used.items()}}

    parts, imports = _collect(technique.segment.__module__)
    taken = constants.keys() & parts.keys()
    if taken:
        raise TypeError(f"{sorted(taken)[0]} is both a setting and a constant of {key}.")
    arguments = ["image", *(f"{name}={name.upper()}" for name in used)]
    body = "\n\n\n".join(_joined(parts.values()))
    return _SCRIPT.format(
        title=technique.title,
        needs=", ".join(sorted(_needs(imports, body))),
        imports="\n".join(_sorted_imports(imports)),
        constants="\n".join(f"{name} = {_literal(value)}" for name, value in constants.items()),
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


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and value.isidentifier() else repr(value)


def _wrapped(arguments: list[str]) -> str:
    line = ", ".join(arguments)
    return line if len(line) < 76 else "\n        " + ",\n        ".join(arguments) + ",\n    "


# Following names ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """One top-level definition, ready for the script."""

    text: str
    is_definition: bool


@dataclass(frozen=True)
class _File:
    """A module of segcore taken apart: source, definitions and imports by name."""

    module: ModuleType
    source: str
    definitions: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str]]  # name -> (module, import statement)

    @property
    def settings(self) -> dict[str, str]:
        """Name -> plain type of the aliases that stand for an annotated setting, such as Zoom."""
        return {
            name: value.__origin__.__name__
            for name, value in vars(self.module).items()
            if hasattr(value, "__metadata__")
        }


@lru_cache(maxsize=256)
def _collect(module: str) -> tuple[dict[str, _Part], frozenset[str]]:
    """Everything that `segment` of the module and `read_image` need, dependencies first."""
    parts: dict[str, _Part] = {}
    imports = {"import sys", "import pathlib", "import cv2", "import numpy as np"}
    pending: set[str] = set()

    def visit(file: _File, name: str) -> None:
        if name in file.definitions:
            owner = f"{file.module.__name__}.{name}"
            if owner in pending:
                return
            pending.add(owner)
            text, names = _clean(file, file.definitions[name])
            for used in names:
                visit(file, used)
            if name in parts:
                raise TypeError(f"{owner} has the name of another function that the script needs.")
            definition = isinstance(file.definitions[name], ast.FunctionDef | ast.ClassDef)
            parts[name] = _Part(text, definition)
        elif name in file.imports:
            origin, statement = file.imports[name]
            if origin.partition(".")[0] == "segcore":
                visit(_read(origin), name)
            else:
                imports.add(statement)
        elif not hasattr(builtins, name) and name != "__file__":
            raise TypeError(
                f"{file.module.__name__} uses {name}, which it neither has nor imports."
            )

    visit(_read(module), "segment")
    visit(_read("segcore.images"), "read_image")
    return parts, frozenset(imports)


@lru_cache(maxsize=256)
def _read(name: str) -> _File:
    module = importlib.import_module(name)
    source = inspect.getsource(module)
    definitions: dict[str, ast.stmt] = {}
    imports: dict[str, tuple[str, str]] = {}
    for node in _top_level(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own):
                definitions[own] = node
            case ast.Assign(targets=[ast.Name(id=own)]) | ast.AnnAssign(target=ast.Name(id=own)):
                definitions[own] = node
            case ast.Import(names=aliases):
                for alias in aliases:
                    bound = alias.asname or alias.name.partition(".")[0]
                    statement = ast.unparse(ast.Import([alias]))
                    imports[bound] = (alias.name, statement)
            case ast.ImportFrom(module=origin, names=aliases):
                for alias in aliases:
                    if alias.asname and (origin or "").startswith("segcore"):
                        raise TypeError(f"{name} renames {alias.name} of {origin} on import.")
                    statement = ast.unparse(ast.ImportFrom(origin, [alias], 0))
                    imports[alias.asname or alias.name] = (origin or "", statement)
    return _File(module, source, definitions, imports)


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, and the imports that it makes for its type checker only.

    A script evaluates its annotations, so that it makes those imports for good.
    """
    for node in tree.body:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=imports):
                yield from imports
            case _:
                yield node


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


def _joined(parts: Iterable[_Part]) -> Iterator[str]:
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


# Leaving out what only serves the page -----------------------------------------------------------


def _clean(file: _File, node: ast.stmt) -> tuple[str, tuple[str, ...]]:
    """Source of a definition without `show` and setting annotations, and the names it uses."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="Final")):
            # What is found out at import, such as the digests of the weights, is written down.
            return f"{name} = {pformat(getattr(file.module, name))}", ()
    text = _segment_with_comments(file.source, node)
    text = _apply(text, list(_edits(text, file.settings)))
    tree = ast.parse(text)
    leftover = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "show"]
    if leftover:
        raise TypeError(f"`show` is used in a way that cannot be left out of a script:\n{text}")
    return text, tuple(_global_names(tree, file.imports.keys()))


def _segment_with_comments(source: str, node: ast.stmt) -> str:
    """The lines of a definition, its decorators and the comments right above it."""
    lines = source.splitlines()
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(d.lineno for d in decorators)]) - 1
    while start > 0 and lines[start - 1].startswith("#") and not lines[start - 1].endswith("---"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


@dataclass(frozen=True)
class _Edit:
    """Replaces the characters from `start` to `end` of a text."""

    start: int
    end: int
    text: str


def _apply(text: str, edits: list[_Edit]) -> str:
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _edits(text: str, settings: dict[str, str]) -> Iterator[_Edit]:
    """What to leave out of the text of one definition; no two edits overlap."""
    tree = ast.parse(text)
    for argument in [node for node in ast.walk(tree) if isinstance(node, ast.arg)]:
        match argument.annotation:
            case ast.Name(id=alias) if alias in settings:
                plain = ast.copy_location(ast.Name(settings[alias]), argument.annotation)
                argument.annotation = _annotated(plain)
    position = _Positions(text)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):  # parents come before their children
        if node in skipped:
            skipped.update(ast.iter_child_nodes(node))
        elif isinstance(node, ast.stmt) and _only_shows(node):
            skipped.update(ast.iter_child_nodes(node))
            yield position.lines(node, _is_only_statement(tree, node))
        elif isinstance(node, ast.FunctionDef) and _is_for_page(node.args):
            skipped.update(ast.walk(node.args))
            yield position.signature(node)
        elif isinstance(node, ast.Call):
            yield from position.arguments(node)


def _only_shows(node: ast.stmt) -> bool:
    """Whether a statement does nothing but show: `show(…)`, `show.progress(…)`, `if …: show(…)`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="show"))):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="show")))):
            return True
        case ast.If(body=body, orelse=orelse) | ast.For(body=body, orelse=orelse):
            return all(map(_only_shows, body + orelse))
    return False


def _is_only_statement(tree: ast.AST, node: ast.stmt) -> bool:
    """Whether leaving the statement out would leave a block empty."""
    for parent in ast.walk(tree):
        for block in ("body", "orelse"):
            statements = getattr(parent, block, None)
            if isinstance(statements, list) and node in statements:
                first_left = next((s for s in statements if not _only_shows(s)), None)
                return first_left is None and node is statements[0]
    return False


def _is_for_page(args: ast.arguments) -> bool:
    everyone = args.posonlyargs + args.args + args.kwonlyargs
    return any(_is_page_argument(a) for a in everyone)


def _is_page_argument(argument: ast.arg) -> bool:
    return argument.arg == "show" or _setting_type(argument) is not None


def _setting_type(argument: ast.arg) -> ast.expr | None:
    """`int` of `Annotated[int, …]`, else None."""
    match argument.annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[plain, *_])):
            return plain
    return None


class _Positions:
    """Where the nodes of a text stand in it, counted in characters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines_at = [0]
        for line in text.splitlines(keepends=True):
            self.lines_at.append(self.lines_at[-1] + len(line))
        self.raw = [line.encode() for line in text.splitlines()]

    def at(self, line: int, byte: int) -> int:
        """The syntax tree counts columns in bytes of UTF-8; the texts are full of × and –."""
        return self.lines_at[line - 1] + len(self.raw[line - 1][:byte].decode())

    def span(self, node: Any) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def lines(self, node: ast.stmt, keep_block: bool) -> _Edit:
        start, end = self.span(node)
        if keep_block:
            return _Edit(start, end, "pass")
        return _Edit(self.lines_at[node.lineno - 1], self.lines_at[node.end_lineno or 0], "")

    def signature(self, node: ast.FunctionDef) -> _Edit:
        """The arguments anew, without `show` and with plain types."""
        args = node.args
        kept = ast.arguments(
            posonlyargs=[_plain(a) for a in args.posonlyargs if a.arg != "show"],
            args=[_plain(a) for a in args.args if a.arg != "show"],
            vararg=args.vararg,
            kwonlyargs=[_plain(a) for a in args.kwonlyargs if a.arg != "show"],
            kw_defaults=[
                d for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if a.arg != "show"
            ],
            kwarg=args.kwarg,
            defaults=_kept_defaults(args),
        )
        start = self.text.index("(", self.at(node.lineno, node.col_offset))
        parts = [n for n in [*ast.walk(args), node.returns] if hasattr(n, "end_lineno")]
        end = self.text.index(":", max([start, *(self.span(part)[1] for part in parts)])) + 1
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        indent = " " * node.col_offset
        head = f"({ast.unparse(kept)}){returns}:"
        if len(head) + len(node.name) + node.col_offset > 95:
            rows = textwrap.indent(",\n".join(_rows(kept)), indent + "    ")
            head = f"(\n{rows},\n{indent}){returns}:"
        return _Edit(start, end, head)

    def arguments(self, node: ast.Call) -> Iterator[_Edit]:
        """`f(a, show, b=1)` -> `f(a, b=1)`."""
        given: list[Any] = [*node.args, *node.keywords]
        for index, argument in enumerate(given):
            value = argument.value if isinstance(argument, ast.keyword) else argument
            if isinstance(value, ast.Name) and value.id == "show":
                start, end = self.span(argument)
                if index:
                    start = self.span(given[index - 1])[1]
                elif len(given) > 1:
                    end = self.span(given[1])[0]
                yield _Edit(start, end, "")


def _kept_defaults(args: ast.arguments) -> list[ast.expr]:
    """The defaults of the positional arguments but that of `show`."""
    positional = args.posonlyargs + args.args
    having = positional[len(positional) - len(args.defaults) :]
    return [d for a, d in zip(having, args.defaults, strict=True) if a.arg != "show"]


def _plain(argument: ast.arg) -> ast.arg:
    return ast.arg(argument.arg, _setting_type(argument) or argument.annotation)


def _annotated(plain: ast.expr) -> ast.expr:
    """`Annotated[plain]`, where `plain` stands in the text."""
    pair = ast.Tuple([plain])
    mark = ast.Subscript(ast.Name("Annotated"), pair)
    return ast.fix_missing_locations(ast.copy_location(mark, plain))


def _rows(args: ast.arguments) -> Iterator[str]:
    """One argument per row."""
    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    for argument, default in zip(args.args, defaults, strict=True):
        yield _row(argument, default)
    if args.kwonlyargs:
        yield "*"
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _row(argument, default)


def _row(argument: ast.arg, default: ast.expr | None) -> str:
    text = ast.unparse(argument)
    return text if default is None else f"{text} = {ast.unparse(default)}"


def _global_names(tree: ast.Module, imported: Set[str]) -> Iterator[str]:
    """Names that a definition takes from its module, each once, in the order of their use.

    What a function imports for itself is its own, unless an annotation needs it at the top too.
    """
    own = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    own |= {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.name}
    inner = (n for n in ast.walk(tree) if isinstance(n, ast.alias))
    own |= {(n.asname or n.name).partition(".")[0] for n in inner} - imported
    own |= {
        n.name
        for top in tree.body
        for n in ast.walk(top)
        if isinstance(n, ast.FunctionDef | ast.ClassDef)
    }
    seen: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in own and node.id not in seen:
            seen.add(node.id)
            yield node.id
