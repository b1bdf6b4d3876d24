"""Changes of a source text that leave all else in it as it stands, comments included."""

import ast
import textwrap
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Edit:
    """Replaces the characters from `start` to `end` of a text."""

    start: int
    end: int
    text: str


def apply(text: str, edits: list[Edit]) -> str:
    """The text with all edits made; no two of them overlap."""
    for edit in sorted(edits, key=lambda e: e.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


class Positions:
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
        """The first character of a node, and the one after its last."""
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def lines(self, node: ast.stmt, keep_block: bool) -> Edit:
        """Without the lines of a statement; `pass` in its place if its block were empty."""
        start, end = self.span(node)
        if keep_block:
            return Edit(start, end, "pass")
        return Edit(self.lines_at[node.lineno - 1], self.lines_at[node.end_lineno or 0], "")

    def signature(self, node: ast.FunctionDef, left_out: Set[str]) -> Edit:
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
        return Edit(start, end, head)

    def arguments(self, node: ast.Call) -> Iterator[Edit]:
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
                yield Edit(start, end, "")


def _kept_defaults(args: ast.arguments, left_out: Set[str]) -> list[ast.expr]:
    """The defaults of the positional arguments that are not left out."""
    positional = args.posonlyargs + args.args
    having = positional[len(positional) - len(args.defaults) :]
    return [d for a, d in zip(having, args.defaults, strict=True) if a.arg not in left_out]


def _plain(argument: ast.arg) -> ast.arg:
    return ast.arg(argument.arg, setting_type(argument) or argument.annotation)


def setting_type(argument: ast.arg) -> ast.expr | None:
    """`int` of `Annotated[int, …]`, else None."""
    match argument.annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[plain, *_])):
            return plain
    return None


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
