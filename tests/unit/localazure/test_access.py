"""Locks, missing permissions and unreadable subscriptions: what ARM then says, and what still goes."""

from collections.abc import Callable
from typing import Any

import pytest

from localazure.access import Access
from localazure.linked_access import JOIN_VNET
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, HUB, LINK, NETWORK, SUBSCRIPTION, ZONE, LocalArm

LINK_BODY = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}, "registrationEnabled": False}}
RECORD = f"{ZONE}/A/api"
LINK_WRITE = "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write"


async def world() -> LocalArm:
    local = LocalArm()
    local.group()
    local.vnet()
    await local.zone()
    return local


@pytest.mark.parametrize(
    ("setting", "method", "path", "status", "code"),
    [
        pytest.param(lambda a: a.lock(ZONE), "DELETE", ZONE, 409, "ScopeLocked", id="a locked zone stays"),
        pytest.param(lambda a: a.lock(ZONE), "PUT", LINK, 202, "", id="but can be written"),
        pytest.param(lambda a: a.lock(ZONE.upper()), "DELETE", LINK, 409, "ScopeLocked", id="and keeps its links"),
        pytest.param(lambda a: a.lock(ZONE), "DELETE", GROUP, 409, "ScopeLocked", id="and its group"),
        pytest.param(lambda a: a.lock(f"{NETWORK}/x"), "DELETE", GROUP, 409, "ScopeLocked", id="a lock inside"),
        pytest.param(lambda a: a.lock(ZONE, "ReadOnly"), "PUT", LINK, 409, "ScopeLocked", id="read-only"),
        pytest.param(lambda a: a.lock(ZONE, "ReadOnly"), "GET", ZONE, 200, "", id="read-only can be read"),
        pytest.param(lambda a: a.lock(f"{ZONE}2", "ReadOnly"), "PUT", LINK, 202, "", id="another zone's lock"),
        pytest.param(lambda a: a.deny(LINK_WRITE), "PUT", LINK, 403, "AuthorizationFailed", id="no link write"),
        pytest.param(lambda a: a.deny("*/read", scope=ZONE), "GET", ZONE, 403, "AuthorizationFailed", id="no read"),
        pytest.param(lambda a: a.deny("*/write", scope=HUB), "PUT", LINK, 202, "", id="denied elsewhere"),
        pytest.param(lambda a: a.deny("*", principal="x"), "PUT", LINK, 202, "", id="denied to someone else"),
        pytest.param(lambda a: a.deny("*", principal="a.b.c"), "GET", HUB, 403, "AuthorizationFailed", id="to me"),
        pytest.param(
            lambda a: a.deny(JOIN_VNET, scope=HUB), "PUT", LINK, 403, "LinkedAuthorizationFailed", id="no join"
        ),
        pytest.param(lambda a: a.deny(JOIN_VNET, scope=f"{HUB}2"), "PUT", LINK, 202, "", id="no join elsewhere"),
        pytest.param(
            lambda a: a.unreadable.add(SUBSCRIPTION.upper()), "GET", GROUP, 403, "AuthorizationFailed", id="unreadable"
        ),
    ],
)  # fmt: skip
def test_what_is_allowed(setting: Callable[[Access], Any], method: str, path: str, status: int, code: str) -> None:
    async def story() -> None:
        local = await world()
        setting(local.azure.access)
        said = await local.call(method, path, LINK_BODY if method == "PUT" else None)
        assert said.status_code == status, said.text()
        if code:
            assert said.json()["error"]["code"] == code

    run(story())


def test_an_unreadable_subscription_hides_even_operations_and_rows() -> None:
    async def story() -> None:
        local = await world()
        started = await local.call("PUT", LINK, LINK_BODY)
        local.azure.access.unreadable.add(SUBSCRIPTION)
        assert (await local.call("GET", started.headers["azure-asyncoperation"])).status_code == 403
        graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
        assert (await local.call("POST", graph, {"query": "resources | count"})).json()["data"] == [{"Count": 0}]

    run(story())


def test_a_refused_write_leaves_nothing_behind_and_no_event() -> None:
    async def story() -> None:
        local = await world()
        local.events.clear()
        local.azure.access.deny("Microsoft.Network/privateDnsZones/A/write")
        assert (await local.call("PUT", RECORD, {"properties": {"ttl": 60}})).status_code == 403
        assert (await local.call("GET", RECORD)).status_code == 404
        assert local.events == []

    run(story())
