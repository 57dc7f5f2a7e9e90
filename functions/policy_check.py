"""`python -m functions.policy check FILE`: is a policy valid, what does it mean, and is that what was meant?"""

import argparse
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from functions.policy import Policy, PolicyError, parse
from functions.policy_doubts import doubts
from functions.policy_words import Line, meaning

_WIDTH, _INDENT = 110, 19


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns 0 for a policy that can be used, 1 for one that cannot, 2 for a wrong call."""
    parser = argparse.ArgumentParser(
        prog="python -m functions.policy",
        description="Say what a policy of Tether means before it is deployed. docs/policy.md explains every field.",
        epilog="example: python -m functions.policy check policy.json",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="validate a policy and print in words what it means",
        description="Validate a policy and print in words what it means, and what in it is probably not meant.",
        epilog="The exit code is 0 if the policy can be used, whatever there is to look at, and 1 if it cannot.",
    )
    check.add_argument("file", metavar="FILE", help="a JSON file, the value of TETHER_POLICY; - reads standard input")
    return _check(parser.parse_args(arguments).file)


def _check(file: str) -> int:
    name = "the policy" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        policy = parse(text, name)
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}\n")
        return 1
    except PolicyError as error:
        sys.stderr.write(f"{error}\n\nThe policy cannot be used: with it, Tether would write nothing.\n")
        return 1
    sys.stdout.write(told(policy, name))
    return 0


def told(policy: Policy, name: str) -> str:
    """The whole report, as text."""
    parts = [f"{name} can be used. What it means:\n", *_table(meaning(policy))]
    if looks := list(doubts(policy)):
        parts += ["\nLook at this before you deploy it:\n", *(_wrapped("  - ", look) for look in looks)]
    return "\n".join(parts) + "\n"


def _table(lines: Iterable[Line]) -> Iterator[str]:
    before = None
    for label, sentence in lines:
        yield _wrapped(f"  {'' if label == before else label:<{_INDENT - 2}}", sentence)
        before = label


def _wrapped(start: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
