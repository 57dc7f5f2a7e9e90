"""What the documents list is what the code has."""

import re
from pathlib import Path

import msgspec

from functions.policy import Policy

ROOT = Path(__file__).parents[2]


def listed(document: str) -> set[str]:
    """The codes in the first column of a document's tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / document).read_text(), re.MULTILINE))


def test_every_finding_is_explained_to_the_operator_and_no_other() -> None:
    code = "".join(file.read_text() for file in (ROOT / "functions" / "handlers").glob("*_findings.py"))
    code += (ROOT / "functions" / "restraint.py").read_text()
    made = (
        set(re.findall(r'Severity\.[A-Z]+,\s*"([a-z-]+)"', code))
        | set(re.findall(r'_finding\(\s*"([a-z-]+)"', code))
        | set(re.findall(r'return "([a-z-]+)", \(?', code))
        | set(re.findall(r'(?:Doubt|Trouble)\.[A-Z_]+: \(\s*"([a-z-]+)"', code))
        | set(re.findall(r'^    "([a-z]+(?:-[a-z]+)+)": ', code, re.MULTILINE))
    )
    assert listed("findings.md") == made


def test_every_field_of_the_policy_is_explained() -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    names = {field.encode_name for field in msgspec.structs.fields(Policy)}
    assert {name for name in names if f"`{name}" not in text} == set()


def test_every_test_that_the_threat_model_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in tests} == set()
