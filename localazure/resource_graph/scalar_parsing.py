"""Scalar expressions: `or` binds loosest, then `and`, then one comparison, then calls, paths and literals."""

from localazure.resource_graph.lexing import InvalidQueryError, Token
from localazure.resource_graph.syntax import Call, Comparison, Literal, Path, Scalar

COMPARISONS = frozenset(
    {"==", "!=", "=~", "!~", "<", ">", "<=", ">="}
    | {f"{no}{word}" for word in ("has", "contains", "startswith", "endswith") for no in ("", "!")}
)
LISTS = frozenset({"in", "in~", "!in", "!in~"})
_WORDS: dict[str, Literal] = {"true": Literal(True), "false": Literal(False)}


class Reader:
    """Walks over the tokens of a query."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    def peek(self, further: int = 0) -> Token:
        return self._tokens[min(self._at + further, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def took(self, value: str) -> bool:
        """Step over a sign or word if it comes next."""
        token = self.peek()
        found = token.kind in ("sign", "name") and token.value == value
        if found:
            self._at += 1
        return found

    def expect(self, value: str) -> None:
        if not self.took(value):
            raise self.unexpected(f"'{value}'")

    def name(self, what: str) -> str:
        if self.peek().kind != "name":
            raise self.unexpected(what)
        return self.take().value

    def number(self) -> int:
        if self.peek().kind != "number":
            raise self.unexpected("a number")
        return int(self.take().value)

    def at_end(self) -> bool:
        return self.peek().kind == "end"

    def unexpected(self, wanted: str) -> InvalidQueryError:
        token = self.peek()
        return InvalidQueryError(f"expected {wanted} at position {token.at}, not '{token.value or 'the end'}'")


def scalar(reader: Reader) -> Scalar:
    """Read one expression. Raises InvalidQueryError."""
    left = _conjunction(reader)
    while reader.took("or"):
        left = Call("or", (left, _conjunction(reader)))
    return left


def _conjunction(reader: Reader) -> Scalar:
    left = _comparison(reader)
    while reader.took("and"):
        left = Call("and", (left, _comparison(reader)))
    return left


def _comparison(reader: Reader) -> Scalar:
    left = _operand(reader)
    operator = reader.peek().value if reader.peek().kind in ("sign", "name") else ""
    if operator in COMPARISONS:
        reader.take()
        return Comparison(operator, left, (_operand(reader),))
    if operator in LISTS:
        reader.take()
        reader.expect("(")
        return Comparison(operator, left, _arguments(reader))
    return left


def _operand(reader: Reader) -> Scalar:
    token = reader.peek()
    match token.kind:
        case "text":
            return Literal(reader.take().value)
        case "number":
            return Literal(reader.number())
        case "sign" if reader.took("("):
            inner = scalar(reader)
            reader.expect(")")
            return inner
        case "name" if token.value in _WORDS:
            reader.take()
            return _WORDS[token.value]
        case "name" if reader.peek(1).value == "(" and reader.peek(1).kind == "sign":
            reader.take()
            reader.take()
            return Call(token.value, _arguments(reader))
        case "name" if token.value[-1] != "~" and token.value[0] != "!" and "-" not in token.value:
            return _path(reader)
        case _:
            raise reader.unexpected("an expression")


def _arguments(reader: Reader) -> tuple[Scalar, ...]:
    """What stands up to the closing bracket, which is stepped over."""
    found: list[Scalar] = []
    if reader.took(")"):
        return ()
    found.append(scalar(reader))
    while reader.took(","):
        found.append(scalar(reader))
    reader.expect(")")
    return tuple(found)


def _path(reader: Reader) -> Path:
    steps: list[str | int] = [reader.name("a column")]
    while True:
        if reader.took("."):
            steps.append(reader.name("a property"))
        elif reader.took("["):
            token = reader.take()
            if token.kind not in ("text", "number"):
                raise InvalidQueryError(f"expected a key or an index at position {token.at}")
            steps.append(int(token.value) if token.kind == "number" else token.value)
            reader.expect("]")
        else:
            return Path(tuple(steps))
