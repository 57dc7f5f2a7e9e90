"""What variables of a Bicep file come to: the little of the language that decides which rights a policy leads to.

Another parser than bicep.py's, since it has the operators in their right order.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_parser = Parser(Language(tree_sitter_bicep.language()))

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": lambda *parts: [*chain(*parts)],
    "contains": lambda held, wanted: wanted in held,
    "empty": lambda held: not held,
    "json": json.loads,
    "last": lambda held: held[-1],
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, mark: text.split(mark),
    "subscription": lambda: {"subscriptionId": "11111111-1111-1111-1111-111111111111"},
    "toLower": str.lower,
    "union": lambda *parts: [*dict.fromkeys(chain(*parts))],
}


class Evaluated:
    """A file's variables with some values given for its parameters. Each is computed when it is asked for."""

    def __init__(self, path: Path, given: Mapping[str, Any]) -> None:
        root = _parser.parse(path.read_bytes()).root_node
        declared = [node for node in root.named_children if node.type == "variable_declaration"]
        self._variables = {_text(node.named_children[0]): node.named_children[1] for node in declared}
        self._given = dict(given)

    def __getitem__(self, name: str) -> Any:
        return self._of(self._variables[name], {})

    def _of(self, node: Node, local: Mapping[str, Any]) -> Any:
        match node.type:
            case "identifier":
                return self._named(_text(node), local)
            case "string":
                return "".join(_text(part) for part in node.named_children)
            case "number":
                return int(_text(node))
            case "boolean":
                return _text(node) == "true"
            case _:
                return self._made(node, local)

    def _made(self, node: Node, local: Mapping[str, Any]) -> Any:
        """What is made of other values."""
        parts = node.named_children
        match node.type:
            case "parenthesized_expression":
                return self._of(parts[0], local)
            case "member_expression":
                return self._of(parts[0], local)[_text(parts[1])]
            case "subscript_expression":
                return self._of(parts[0], local)[self._of(parts[1], local)]
            case "ternary_expression":
                return self._of(parts[1] if self._of(parts[0], local) else parts[2], local)
            case "unary_expression":
                return not self._of(parts[0], local)
            case "binary_expression":
                return self._binary(node, local)
            case "call_expression":
                return self._called(node, local)
            case _:
                return self._list(node, local)

    def _list(self, node: Node, local: Mapping[str, Any]) -> list[Any]:
        parts = node.named_children
        match node.type:
            case "array":
                return [self._of(part, local) for part in parts]
            case "for_statement":
                name, held, body = parts
                return [self._of(body, {**local, _text(name): item}) for item in self._of(held, local)]
            case _:
                raise AssertionError(f"a variable is made of what is not known here: {node.type} {_text(node)}")

    def _named(self, name: str, local: Mapping[str, Any]) -> Any:
        if name in local:
            return local[name]
        return self._given[name] if name in self._given else self[name]

    def _binary(self, node: Node, local: Mapping[str, Any]) -> Any:
        left, right = node.named_children
        match _text(node.children[1]):
            case "&&":
                return self._of(left, local) and self._of(right, local)
            case "||":
                return self._of(left, local) or self._of(right, local)
            case "==":
                return self._of(left, local) == self._of(right, local)
            case other:
                raise AssertionError(f"an operator that is not known here: {other}")

    def _called(self, node: Node, local: Mapping[str, Any]) -> Any:
        name, arguments = _text(node.named_children[0]), node.named_children[1].named_children
        if name == "filter":
            return [item for item in self._of(arguments[0], local) if self._kept(arguments[1], item, local)]
        return _FUNCTIONS[name](*(self._of(argument, local) for argument in arguments))

    def _kept(self, rule: Node, item: Any, local: Mapping[str, Any]) -> bool:
        name, body = rule.named_children
        return self._of(body, {**local, _text(name): item})


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def mistakes(path: Path) -> Iterator[str]:
    """Where a file is not Bicep, as far as this parser knows it."""
    todo = [_parser.parse(path.read_bytes()).root_node]
    while todo:
        node = todo.pop()
        if node.type == "ERROR" or node.is_missing:
            yield f"{path.name}:{node.start_point.row + 1}: {_text(node)[:60]}"
        todo += node.children
