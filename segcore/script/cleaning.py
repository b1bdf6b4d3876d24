"""Leaving out what only serves the page: the `show` calls and the annotations of settings."""

import ast
from collections.abc import Iterator, Set
from pprint import pformat

from segcore.script.edits import Edit, Positions, apply, setting_type
from segcore.script.modules import File


def clean(file: File, node: ast.stmt) -> tuple[str, tuple[str, ...]]:
    """Source of a definition without `show` and setting annotations, and the names it uses.

    Raises:
        TypeError: `show` is used in a way that cannot be left out.
    """
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="Final")):
            # What is found out at import, such as the digests of the weights, is written down.
            return f"{name} = {pformat(getattr(file.module, name))}", ()
    text = _segment_with_comments(file.source, node)
    text = apply(text, list(_edits(text, file.settings)))
    tree = ast.parse(text)
    leftover = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "show"]
    if leftover:
        raise TypeError(f"`show` is used in a way that cannot be left out of a script:\n{text}")
    return text, names_used(text, file)


def names_used(text: str, file: File) -> tuple[str, ...]:
    """Names that the text of a definition takes from its module."""
    return tuple(_global_names(ast.parse(text), file.imports.keys()))


def _segment_with_comments(source: str, node: ast.stmt) -> str:
    """The lines of a definition, its decorators and the comments right above it."""
    lines = source.splitlines()
    decorators = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(d.lineno for d in decorators)]) - 1
    while start > 0 and lines[start - 1].startswith("#") and not lines[start - 1].endswith("---"):
        start -= 1
    return "\n".join(lines[start : node.end_lineno])


def _edits(text: str, settings: dict[str, str]) -> Iterator[Edit]:
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
    position = Positions(text)
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
    return argument.arg == "show" or setting_type(argument) is not None


def _annotated(plain: ast.expr) -> ast.expr:
    """`Annotated[plain]`, where `plain` stands in the text."""
    pair = ast.Tuple([plain])
    mark = ast.Subscript(ast.Name("Annotated"), pair)
    return ast.fix_missing_locations(ast.copy_location(mark, plain))


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
