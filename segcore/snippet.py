"""The exported script: a run of a technique as one file that stands alone.

The script inlines, with their comments, exactly the functions, classes and constants that the run
uses. They are found by following names through the syntax tree, from `segment` and `read_image`
down, and taken as they stand in their files, less what only serves the page: the `show` calls and
the annotations of settings. Of `segment` that is left out, too, which the settings rule out.
"""

import ast
import builtins
import importlib
import inspect
import operator
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
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
    file = _read(technique.segment.__module__)
    pruned = _prune_segment(file, {s.name: s.default for s in technique.settings} | given)
    used = {name: value for name, value in given.items() if name in pruned.parameters}
    constants = {"WORKING_SIDE": working_side, **{n.upper(): v for n, v in used.items()}}

    parts, imports = _collect(file.module.__name__, pruned.text)
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
def _collect(module: str, segment: str) -> tuple[dict[str, _Part], frozenset[str]]:
    """Everything that `segment` of the module and `read_image` need, dependencies first.

    Args:
        module: name of the module.
        segment: text of its `segment`, pruned.
    """
    parts: dict[str, _Part] = {}
    imports = {"import sys", "import pathlib", "import cv2", "import numpy as np"}
    pending: set[str] = set()

    def visit(file: _File, name: str) -> None:
        if name in file.definitions:
            owner = f"{file.module.__name__}.{name}"
            if owner in pending:
                return
            pending.add(owner)
            if owner == f"{module}.segment":
                text, names = segment, _names_used(segment, file)
            else:
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
    return text, _names_used(text, file)


def _names_used(text: str, file: _File) -> tuple[str, ...]:
    return tuple(_global_names(ast.parse(text), file.imports.keys()))


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
            case ast.Subscript(slice=ast.Tuple(elts=[ast.Name(id=alias) as plain, *_])) if (
                alias in settings
            ):
                plain.id = settings[alias]
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
            yield position.signature(node, {"show"})
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

    def signature(self, node: ast.FunctionDef, left_out: Set[str]) -> _Edit:
        """The arguments anew, less some, such as `show`, and with plain types."""
        args = node.args
        kept = ast.arguments(
            posonlyargs=[_plain(a) for a in args.posonlyargs if a.arg not in left_out],
            args=[_plain(a) for a in args.args if a.arg not in left_out],
            vararg=args.vararg,
            kwonlyargs=[_plain(a) for a in args.kwonlyargs if a.arg not in left_out],
            kw_defaults=[
                default
                for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
                if a.arg not in left_out
            ],
            kwarg=args.kwarg,
            defaults=_kept_defaults(args, left_out),
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


def _kept_defaults(args: ast.arguments, left_out: Set[str]) -> list[ast.expr]:
    """The defaults of the positional arguments that are not left out."""
    positional = args.posonlyargs + args.args
    having = positional[len(positional) - len(args.defaults) :]
    return [d for a, d in zip(having, args.defaults, strict=True) if a.arg not in left_out]


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


# Leaving out what the settings rule out ----------------------------------------------------------

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, among: value in among,
    ast.NotIn: lambda value, among: value not in among,
}
_PLAIN_DATA = (str, int, float, tuple, dict, frozenset)


@dataclass(frozen=True)
class _Pruned:
    """What is left of `segment` under certain settings.

    Attributes:
        text: its source.
        parameters: names of its parameters.
        decided: settings whose value has left something out.
    """

    text: str
    parameters: frozenset[str]
    decided: frozenset[str]


def _prune_segment(file: _File, settings: Mapping[str, Any]) -> _Pruned:
    text, _ = _clean(file, file.definitions["segment"])
    constants = {n: v for n, v in vars(file.module).items() if isinstance(v, _PLAIN_DATA)}
    return _prune(text, constants, settings)


def _prune(text: str, constants: Mapping[str, Any], settings: Mapping[str, Any]) -> _Pruned:
    """Leaves out each `if` at the top of a function that is never entered with these settings.

    One that is always entered and returns gives way to its body, and what follows is left out. Of
    one with an `else` the branch is left that is taken. So are parameters left out that only served
    what is gone.
    """
    function = _function(text)
    known = {**constants, **settings}
    for local in _names(function, ast.Store):
        known.pop(local, None)
    decided: set[str] = set()
    edits = []
    for node in function.body:
        match node, _holds(node.test, known) if isinstance(node, ast.If) else None:
            case ast.If(orelse=[]), False:
                edits.append(_left_out(text, node))
            case ast.If(body=[*_, ast.Return()]), True:
                edits.append(_taken(text, node, node.body))
            case ast.If(orelse=[first, *_]), bool(is_entered) if not _is_elif(text, first):
                branch = node.body if is_entered else node.orelse
                edits.append(replace(_taken(text, node, branch), end=_end(text, node)))
            case _:
                continue
        decided |= _names(node.test, ast.Load) & settings.keys()
        if edits[-1].end == len(text):
            break
    text, before = _apply(text, edits), _names(function, ast.Load)
    function = _function(text)
    unused = (before - _names(function, ast.Load)) & _parameters(function)
    if unused:
        text = _apply(text, [_Positions(text).signature(function, unused)])
    return _Pruned(text, _parameters(function) - unused, frozenset(decided))


def _function(text: str) -> ast.FunctionDef:
    return next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))


def _names(tree: ast.AST, use: type[ast.expr_context]) -> frozenset[str]:
    """Names that are read (Load) or written (Store)."""
    names = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, use))
    return frozenset(n.id for n in names)


def _parameters(function: ast.FunctionDef) -> frozenset[str]:
    args = function.args
    return frozenset(a.arg for a in args.posonlyargs + args.args + args.kwonlyargs)


def _holds(test: ast.expr, known: Mapping[str, Any]) -> bool | None:
    """Whether a test holds; None if it asks for more than names that are known and literals."""
    match test:
        case ast.BoolOp(op=joint, values=parts):
            said = [_holds(part, known) for part in parts]
            if None in said:
                return None
            return all(said) if isinstance(joint, ast.And) else any(said)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            said_not = _holds(part, known)
            return None if said_not is None else not said_not
        case ast.Compare(left=left, ops=[how], comparators=[right]) if type(how) in _COMPARISONS:
            if _is_known(left, known) and _is_known(right, known):
                return _COMPARISONS[type(how)](_value(left, known), _value(right, known))
        case ast.Name(id=name) if name in known:
            return bool(known[name])
    return None


def _is_known(node: ast.expr, known: Mapping[str, Any]) -> bool:
    return not any(
        isinstance(part, ast.expr)
        and not isinstance(part, ast.Constant | ast.Tuple)
        and not (isinstance(part, ast.Name) and part.id in known)
        for part in ast.walk(node)
    )


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return known[name]
        case ast.Tuple(elts=parts):
            return tuple(_value(part, known) for part in parts)
    return ast.literal_eval(node)


def _left_out(text: str, node: ast.If) -> _Edit:
    """Without the statement, the comment on it, and one of the blank lines round it."""
    lines = text.splitlines()
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    if not lines[first - 1].strip() and not lines[last].strip():
        last += 1
    at = _Positions(text).lines_at
    return _Edit(at[first], at[last], "")


def _is_elif(text: str, node: ast.stmt) -> bool:
    return text[_Positions(text).span(node)[0] :].startswith("elif")


def _end(text: str, node: ast.stmt) -> int:
    """Where the last line of a statement ends, its line break not counted."""
    return _Positions(text).span(node)[1]


def _taken(text: str, node: ast.If, branch: list[ast.stmt]) -> _Edit:
    """A branch of a statement in place of it and of all that follows."""
    position = _Positions(text)
    first = position.lines_at[branch[0].lineno - 1]
    while text[:first].splitlines()[-1].lstrip().startswith("#"):
        first = position.lines_at[text[:first].count("\n") - 1]
    inner = text[first : position.span(branch[-1])[1]]
    body = textwrap.indent(textwrap.dedent(inner), " " * node.col_offset)
    return _Edit(position.lines_at[node.lineno - 1], len(text), body)
