"""The OpenAPI document: committed as it is served, and kept to by the app in Microsoft's runtime, behind real sockets."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import load_all_checks
from schemathesis.config import GenerationConfig

from functions.http.openapi import document
from functions.http.routes import OPERATIONS
from functions.triggers import http
from localazure.azurite import PROGRAM
from localazure.running import running
from localazure.up import policy_for
from localazure.world import cluster_request, hub_and_spoke

ROOT = Path(__file__).parents[2]


def test_the_committed_document_is_the_one_that_is_served() -> None:
    assert (ROOT / "docs" / "openapi.json").read_bytes() == document(), "run `make openapi`"


def test_every_route_of_the_table_has_a_function_and_no_other() -> None:
    source = Path(http.__file__).read_text()
    assert set(re.findall(r'@bp\.route\(route="([^"]+)"', source)) == {operation.route for operation in OPERATIONS}
    assert sorted(re.findall(r'_answer\("([^"]+)"', source)) == sorted(re.findall(r'route="([^"]+)"', source))


def test_every_code_of_a_problem_is_explained() -> None:
    folder = ROOT / "functions" / "http"
    made = {
        code
        for path in folder.glob("*.py")
        for code in re.findall(r'Problem\(\s*\d{3},\s*"([a-z-]+)"', path.read_text())
        + re.findall(r'_converted\([^)]*"([a-z-]+)"\)', path.read_text())
    } | {"principal-refused"}
    told = set(re.findall(r"^\| `([a-z-]+)` \| \d{3}", (ROOT / "docs" / "http.md").read_text(), re.MULTILINE))
    assert told == made
