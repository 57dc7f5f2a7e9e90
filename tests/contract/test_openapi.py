"""The OpenAPI document: committed as it is served, and kept to by the app in Microsoft's runtime."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from functions.arm.resource_id import ResourceId
from functions.http.openapi import document
from functions.http.routes import OPERATIONS
from functions.triggers import http
from localazure.azurite import PROGRAM
from localazure.running import running
from localazure.up import policy_for
from localazure.world import cluster_request, hub_and_spoke

ROOT = Path(__file__).parents[2]

# Cases of each kind for each operation: enough to try every parameter, and few enough for every run of the tests.
_CASES = 12


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


def test_an_event_never_pays_for_http() -> None:
    code = "import sys, function_app; print(any(name.startswith('functions.http') for name in sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


@pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")
async def test_the_app_keeps_to_its_document_whatever_is_asked() -> None:
    """Schemathesis makes requests that fit the document and requests that do not, and judges every answer."""
    async with running(speed=120.0) as local:
        world = hub_and_spoke(local.azure)
        cluster = f"{world.group}/providers/Microsoft.ContainerService/managedClusters/team"
        policy = {**policy_for(world), "http": {"keysMayWrite": True}}
        async with local.app(ROOT, policy=policy) as host:
            await create(local.http, cluster, cluster_request(world.node_subnet, world.location))
            there = {"subscription": world.subscription, "group": ResourceId(cluster).group, "name": "team"}
            asked = await asyncio.to_thread(try_everything, f"{host.url}/api", host.keys.function, there)
            assert asked > len(OPERATIONS) * _CASES
        assert local.azure.failures == []


async def create(arm: str, cluster: str, body: Any) -> None:
    url = f"{arm}{cluster}?api-version=2026-08-01"
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person,
        person.put(url, json=body) as answer,
    ):
        assert answer.status == 201


def try_everything(url: str, key: str, there: dict[str, str]) -> int:
    """Ask every operation for what fits and for what does not. Gives how many requests that made."""
    # Without its keys, for which schemathesis would make up others: the platform refuses those before Tether is asked.
    described = schemathesis.openapi.from_dict({**msgspec.json.decode(document()), "security": []})
    asked = 0

    def tried(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        # A token that nobody gave is refused, though it has the form of one: no schema can tell them apart.
        excluded = [positive_data_acceptance] if "continuation" in (case.query or {}) else []
        case.call_and_validate(base_url=url, headers={"x-functions-key": key}, excluded_checks=excluded)

    for result in described.get_all_operations():
        operation = result.ok()
        takes_anything = operation.path_parameters or operation.query or operation.body
        for mode in GenerationMode if takes_anything else [GenerationMode.POSITIVE]:
            known = there if "{" in operation.path and mode is GenerationMode.POSITIVE else None
            cases = operation.as_strategy(generation_mode=mode, path_parameters=known)
            seeded(11)(
                settings(
                    max_examples=_CASES,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )(given(cases)(tried))
            )()
    return asked
