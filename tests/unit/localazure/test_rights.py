"""Roles and their assignments in the local ARM: what they allow where, what it refuses and how, and what it hides."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from localazure.linked_access import CLUSTERS, SUBNETS, TABLE, linked
from localazure.needs import Need, Needs
from localazure.resources.groups import ResourceGroups
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.rights import Role
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, HUB, LINK, NETWORK, SUBSCRIPTION, ZONE, LocalArm

ME = "a.b.c"
ZONES = "Microsoft.Network/privateDnsZones"
LINK_BODY = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}, "registrationEnabled": False}}
WHOLE = f"/subscriptions/{SUBSCRIPTION}"
OTHER_GROUP = f"{WHOLE}/resourceGroups/other"


@pytest.mark.parametrize(
    ("actions", "not_actions", "action", "granted"),
    [
        pytest.param((f"{ZONES}/read",), (), f"{ZONES}/read", True, id="its own name"),
        pytest.param((f"{ZONES}/read",), (), f"{ZONES}/READ".lower(), True, id="in any case"),
        pytest.param((f"{ZONES}/read",), (), f"{ZONES}/A/read", False, id="not what is below"),
        pytest.param(("*/read",), (), f"{ZONES}/A/read", True, id="a wildcard in front"),
        pytest.param((f"{ZONES}/*",), (), f"{ZONES}/A/write", True, id="a wildcard at the end"),
        pytest.param((f"{ZONES}/*/read",), (), f"{ZONES}/A/read", True, id="a wildcard inside"),
        pytest.param((f"{ZONES}/*",), (f"{ZONES}/A/*",), f"{ZONES}/A/write", False, id="taken away again"),
        pytest.param(("*",), (f"{ZONES}/*/delete",), f"{ZONES}/A/write", True, id="something else taken away"),
        pytest.param((), (), f"{ZONES}/read", False, id="nothing"),
    ],
)
def test_what_a_role_grants(actions: tuple[str, ...], not_actions: tuple[str, ...], action: str, granted: bool) -> None:
    assert Role("some", actions, not_actions).grants(action) is granted


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        pytest.param("/", 200, id="the tenant"),
        pytest.param("/providers/Microsoft.Management/managementGroups/Landing-Zones", 200, id="a management group"),
        pytest.param("/providers/Microsoft.Management/managementGroups/others", 403, id="another management group"),
        pytest.param(WHOLE.upper(), 200, id="the subscription"),
        pytest.param(f"{WHOLE}0", 403, id="another subscription"),
        pytest.param(GROUP, 200, id="the group"),
        pytest.param(OTHER_GROUP, 403, id="another group"),
        pytest.param(ZONE, 200, id="the zone"),
        pytest.param(f"{ZONE}2", 403, id="another zone"),
        pytest.param(LINK, 403, id="something below it"),
    ],
)
def test_an_assignment_counts_at_its_scope_and_below(scope: str, status: int) -> None:
    async def story(local: LocalArm) -> None:
        local.azure.management_groups[SUBSCRIPTION] = ("landing-zones", "root")
        local.azure.access.rights.assign(ME, Role("reader", ("*/read",)), scope)
        assert (await local.call("GET", ZONE)).status_code == status

    told(story)


def test_who_was_assigned_nothing_may_do_everything_until_limited() -> None:
    async def story(local: LocalArm) -> None:
        local.azure.access.rights.assign("somebody", Role("reader", ("*/read",)), "/")
        assert (await local.call("PUT", LINK, LINK_BODY)).status_code == 202
        local.azure.access.rights.limit(ME)
        assert (await local.call("GET", LINK)).status_code == 403

    told(story)


def test_two_assignments_add_up_and_one_that_is_revoked_does_not_count() -> None:
    async def story(local: LocalArm) -> None:
        rights = local.azure.access.rights
        rights.assign(ME, Role("linker", (f"{ZONES}/virtualNetworkLinks/write",), ("*/read",)), WHOLE)
        joining = rights.assign(ME, Role("joiner", ("Microsoft.Network/virtualNetworks/join/action",)), HUB)
        assert (await local.call("PUT", LINK, LINK_BODY)).status_code == 202
        rights.revoke(joining)
        refused = await local.call("PUT", f"{LINK}2", LINK_BODY)
        assert refused.json()["error"]["code"] == "LinkedAuthorizationFailed"

    told(story)


def test_a_refusal_names_client_action_and_scope() -> None:
    async def story(local: LocalArm) -> None:
        local.azure.access.rights.limit(ME)
        refused = await local.call("GET", f"{NETWORK}/privateDnsZones")
        message = refused.json()["error"]["message"]
        assert refused.json()["error"]["code"] == "AuthorizationFailed"
        assert f"client '{ME}'" in message
        assert f"action '{ZONES}/read' over scope '{NETWORK}'" in message, "of a list: down to the namespace"

    told(story)


def test_a_linked_refusal_names_every_action_that_is_missing_with_its_scope() -> None:
    async def story(local: LocalArm) -> None:
        rights, nets = local.azure.access.rights, "Microsoft.Network"
        rights.assign(ME, Role("writer", (f"{nets}/virtualNetworks/subnets/write",)), WHOLE)
        named = {"networkSecurityGroup": f"{NETWORK}/networkSecurityGroups/n", "natGateway": f"{NETWORK}/natGateways/g"}
        body = {"properties": {"addressPrefix": "10.0.9.0/24", **{key: {"id": each} for key, each in named.items()}}}
        refused = (await local.call("PUT", f"{HUB}/subnets/more", body)).json()["error"]
        assert refused["code"] == "LinkedAuthorizationFailed"
        wanted = f"'{nets}/networkSecurityGroups/join/action, {nets}/natGateways/join/action'"
        assert f"permission to perform action(s) {wanted}" in refused["message"]
        assert f"linked scope(s) '{', '.join(named.values())}' (respectively)" in refused["message"]

    told(story)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        pytest.param(f"{ZONES}/*", 403, id="rights on zones do not hold for operations"),
        pytest.param("Microsoft.Network/privateDnsOperationStatuses/read", 202, id="their own does"),
    ],
)
def test_looking_up_an_operation_needs_a_right_of_its_own(action: str, status: int) -> None:
    async def story(local: LocalArm) -> None:
        started = await local.call("PUT", LINK, LINK_BODY)
        local.azure.access.rights.assign(ME, Role("some", (action,)), GROUP)
        assert (await local.call("GET", started.headers["azure-asyncoperation"])).status_code == status

    told(story)


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        pytest.param(WHOLE, ["hub", "other"], id="all"),
        pytest.param(OTHER_GROUP, ["other"], id="those of one group"),
    ],
)
def test_a_list_hides_what_may_not_be_read(scope: str, names: list[str]) -> None:
    async def story(local: LocalArm) -> None:
        ResourceGroups(local.azure).create(OTHER_GROUP, "westeurope")
        other = f"{OTHER_GROUP}/providers/Microsoft.Network/virtualNetworks/other"
        VirtualNetworks(local.azure).place(other, "westeurope", ["10.1.0.0/16"])
        local.azure.access.rights.assign(ME, Role("reader", ("*/read",)), scope)
        listed = await local.call("GET", f"{WHOLE}/providers/Microsoft.Network/virtualNetworks")
        assert sorted(one["name"] for one in listed.json()["value"]) == names
        graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
        query = {"query": "resources | where type =~ 'microsoft.network/virtualnetworks' | project id, name"}
        rows = (await local.call("POST", graph, query)).json()["data"]
        assert sorted(row["name"] for row in rows) == names

    told(story)


def test_subscriptions_are_listed_for_those_who_may_read_them() -> None:
    async def story(local: LocalArm) -> None:
        local.azure.access.rights.limit(ME)
        assert (await local.call("GET", "/subscriptions")).json()["value"] == []
        local.azure.access.rights.assign(ME, Role("reader", ("Microsoft.Resources/subscriptions/read",)), WHOLE)
        assert len((await local.call("GET", "/subscriptions")).json()["value"]) == 1

    told(story)


def test_what_calls_need_is_recorded_whether_it_is_granted_or_not() -> None:
    async def story(local: LocalArm) -> None:
        access = local.azure.access
        access.needs = Needs()
        access.rights.assign(ME, Role("linker", (f"{ZONES}/virtualNetworkLinks/write",)), WHOLE)
        await local.call("PUT", LINK, LINK_BODY)
        write = Need(ME, f"{ZONES}/virtualNetworkLinks/write".lower(), LINK.lower())
        join = Need(ME, "microsoft.network/virtualnetworks/join/action", HUB.lower(), linked=True)
        assert access.needs.asked == {write, join}
        assert access.needs.refused == {join}

    told(story)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.type.rpartition('/')[2]} {row.path}")
def test_every_linked_check_is_found_in_a_body_and_has_its_source(row: Any) -> None:
    named = "/subscriptions/0/resourceGroups/g/providers/Some.Where/things/one"
    body: Any = named
    for part in reversed(row.path.split(".")):
        body = {"*": [body], "<": {named: {}}}.get(part) or {part: body}
    assert list(linked(row.type.upper(), body)) == [(row.action, named)]
    assert row.source


def test_what_is_named_twice_is_asked_for_once_and_what_is_no_id_never() -> None:
    subnet = f"{HUB}/subnets/nodes"
    pools = [{"vnetSubnetID": subnet}, {"vnetSubnetID": subnet}, {"vnetSubnetID": None}, {"vnetSubnetID": ""}]
    body = {"properties": {"agentPoolProfiles": pools, "apiServerAccessProfile": {"subnetId": ""}}}
    assert list(linked(CLUSTERS, body)) == [("Microsoft.Network/virtualNetworks/subnets/join/action", subnet)]
    assert list(linked(SUBNETS, {"properties": {"routeTable": None, "natGateway": {}}})) == []


def told(story: Callable[[LocalArm], Awaitable[None]]) -> None:
    """A group with a hub and a zone."""

    async def within() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        await story(local)

    run(within())
