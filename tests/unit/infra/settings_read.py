"""Which app settings the code reads: by its syntax, so that none is missed because no test needs it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]


@cache
def settings_read() -> frozenset[str]:
    """The names in `environment.get(…)`, `os.environ.get(…)`, `os.environ[…]` and `… in os.environ`, in all of the app.

    What a policy names (a TSIG secret) is no name here. A read whose name cannot be told is an error.
    """
    files = [ROOT / "function_app.py", *sorted((ROOT / "functions").rglob("*.py"))]
    return frozenset(name for file in files for name in _read_in(_tree(file), file))


def _read_in(tree: ast.Module, file: Path) -> Iterator[str]:
    known = {**_imported(tree), **_constants(tree)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=held, attr="get"), args=[name, *_]) if _is_environment(held):
                yield from _named(name, known, file)
            case ast.Subscript(value=held, slice=name) if _is_environment(held):
                yield from _named(name, known, file)
            case ast.Compare(left=name, ops=[ast.In()], comparators=[held]) if _is_environment(held):
                yield from _named(name, known, file)
            case _:
                pass


def _is_environment(node: ast.expr) -> bool:
    match node:
        case ast.Name(id="environment") | ast.Attribute(value=ast.Name(id="os"), attr="environ"):
            return True
        case _:
            return False


def _named(node: ast.expr, known: dict[str, str], file: Path) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Name(id=symbol):
            yield known[symbol]
        case ast.JoinedStr(values=parts):
            yield "".join(_part(part, known) for part in parts)
        case ast.Attribute(attr="setting"):
            return  # functions.policy.Tsig: the policy names it
        case _:
            raise AssertionError(f"{file}:{node.lineno} reads a setting whose name cannot be told")


def _part(node: ast.expr, known: dict[str, str]) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id=symbol)):
            return known[symbol]
        case _:
            raise AssertionError("a setting's name is made of something else than constants")


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def _imported(tree: ast.Module) -> dict[str, str]:
    """The constants of Tether's own modules that this one imports."""
    return {
        alias.name: text
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for file in [ROOT / f"{node.module.replace('.', '/')}.py"]
        if node.module.startswith("functions.") and file.exists()
        for alias in node.names
        if (text := _constants(_tree(file)).get(alias.name)) is not None
    }


@cache
def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that stand for one text, in the module or in a function of it."""
    return {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
