"""ARM's front door: what it refuses before any resource type is asked, and what every answer carries."""

from typing import Any

import pytest
from azure.core.rest import HttpRequest

from localazure.resources.groups import ResourceGroups
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, NETWORK, SUBSCRIPTION, ZONE, LocalArm

BASIC = {"authorization": "Basic x"}
TOKEN = {"authorization": "Bearer a.b.c"}
VERSION = "?api-version=2024-06-01"
THING = f"{NETWORK}/things/x"
NIC = f"{NETWORK}/networkInterfaces/x"
ELSEWHERE = ZONE.replace("/rg/", "/no/")
EVIL = f"{GROUP}/providers/Microsoft.Evil/things/x"


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "code"),
    [
        pytest.param("GET", GROUP + VERSION, {}, None, 401, "AuthenticationFailed", id="no token"),
        pytest.param(
            "GET", GROUP + VERSION, BASIC, None, 401, "AuthenticationFailedInvalidHeader", id="no bearer"
        ),
        pytest.param("GET", GROUP, TOKEN, None, 400, "MissingApiVersionParameter", id="no version"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, "{", 400, "InvalidRequestContent", id="broken JSON"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, "[]", 400, "InvalidRequestContent", id="no object"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, None, 400, "InvalidRequestContent", id="no body"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, '{"location": 1}', 400, "InvalidRequestContent", id="a wrong type"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, "{}", 400, "LocationNotAvailableForResourceType", id="no place"),
        pytest.param("PUT", ZONE + VERSION, TOKEN, " " * 5_000_000, 413, "RequestContentTooLarge", id="too much"),
        pytest.param("GET", EVIL + VERSION, TOKEN, None, 404, "InvalidResourceNamespace", id="unknown namespace"),
        pytest.param("GET", THING + VERSION, TOKEN, None, 404, "InvalidResourceType", id="unknown type"),
        pytest.param("GET", GROUP + "/../x" + VERSION, TOKEN, None, 404, "InvalidResourcePath", id="path trick"),
        pytest.param("GET", "/" + VERSION, TOKEN, None, 404, "InvalidResourcePath", id="no path"),
        pytest.param("PATCH", NIC + VERSION, TOKEN, "{}", 405, "MethodNotAllowed", id="no method"),
        pytest.param("GET", ELSEWHERE + VERSION, TOKEN, None, 404, "ResourceGroupNotFound", id="no group"),
        pytest.param("GET", ZONE + VERSION, TOKEN, None, 404, "ResourceNotFound", id="no resource"),
    ],
)  # fmt: skip
def test_what_arm_refuses(
    method: str, path: str, headers: dict[str, str], content: str | None, status: int, code: str
) -> None:
    async def story() -> Any:
        local = LocalArm()
        local.group()
        request = HttpRequest(method, local.azure.arm + path, headers=headers, content=content)
        return await local.transport.send(request)

    said = run(story())
    assert (said.status_code, said.json()["error"]["code"]) == (status, code)
    assert said.headers["x-ms-request-id"]


def test_paths_compare_without_case_and_come_back_as_arm_spells_them() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        shouted = (
            f"/SUBSCRIPTIONS/{SUBSCRIPTION}/resourcegroups/RG/providers/microsoft.network/PRIVATEDNSZONES/zone.example"
        )
        await local.write(shouted, {"location": "global"})
        assert (await local.call("GET", ZONE)).json()["id"] == ZONE

    run(story())


def test_a_locked_down_group_takes_writes_from_inside_only() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        await local.zone()
        ResourceGroups(local.azure).lock(GROUP)
        said = await local.call("PUT", f"{ZONE}/A/api", {"properties": {"ttl": 60}})
        assert (said.status_code, said.json()["error"]["code"]) == (403, "DenyAssignmentAuthorizationFailed")
        assert (await local.call("GET", ZONE)).status_code == 200
        assert "denied" not in (await local.call("GET", GROUP)).text()

    run(story())


def test_a_deleted_group_takes_everything_with_it() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        await local.zone()
        local.events.clear()
        said = await local.call("DELETE", GROUP)
        assert (said.status_code, said.headers["retry-after"]) == (202, "15")
        assert (await local.call("GET", said.headers["location"])).status_code == 202
        await local.azure.clock.sleep(60)
        assert (await local.call("GET", said.headers["location"])).status_code == 200
        assert (await local.call("GET", ZONE)).json()["error"]["code"] == "ResourceGroupNotFound"
        assert ("Microsoft.Network/privateDnsZones/delete", "ResourceDeleteSuccess") in local.events
        assert local.events[-1][0] == "Microsoft.Resources/subscriptions/resourceGroups/delete"

    run(story())


def test_a_group_keeps_who_manages_it() -> None:
    async def story() -> None:
        local = LocalArm()
        made = await local.call("PUT", GROUP, {"location": "West Europe", "managedBy": "/subscriptions/x"})
        again = await local.call("PUT", GROUP, {"location": "westeurope", "tags": {"a": "b"}})
        assert [made.status_code, again.status_code] == [201, 200]
        assert (again.json()["managedBy"], again.json()["location"]) == ("/subscriptions/x", "westeurope")
        assert (await local.call("HEAD", GROUP)).status_code == 204

    run(story())
