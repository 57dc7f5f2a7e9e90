"""Links: why private DNS refuses one, which shows only when the operation is looked up; and what ends as an event."""

from collections.abc import Awaitable, Callable

import pytest

from localazure.resources.groups import ResourceGroups
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, HUB, LINK, NETWORK, ZONE, LocalArm

type Before = Callable[[LocalArm], Awaitable[object]]
MISSING = f"{NETWORK}/virtualNetworks/missing"
OTHER_ZONE = f"{GROUP.replace('/rg', '/other')}/providers/Microsoft.Network/privateDnsZones/zone.example"


async def nothing(_: LocalArm) -> None:
    """The zone and the hub are there, and no link."""


async def linked(local: LocalArm) -> None:
    await local.link("link", HUB)


async def linked_under_another_name(local: LocalArm) -> None:
    await local.link("another", HUB)


async def hub_made_anew(local: LocalArm) -> None:
    await local.link("old", HUB)
    local.azure.store.remove(HUB)
    local.vnet()


async def zone_of_same_name_linked(local: LocalArm) -> None:
    ResourceGroups(local.azure).create(GROUP.replace("/rg", "/other"), "westeurope")
    await local.write(OTHER_ZONE, {"location": "global"})
    await local.link("link", HUB, OTHER_ZONE)


async def child_zone_linked(local: LocalArm) -> None:
    await local.link("link", HUB, await local.zone("child.zone.example"))


@pytest.mark.parametrize(
    ("before", "vnet", "headers", "end"),
    [
        pytest.param(nothing, HUB, {"if_none_match": "*"}, "Succeeded", id="a first link is made"),
        pytest.param(linked, HUB, {"if_none_match": "*"}, "PreconditionFailed", id="a link that exists is not made"),
        pytest.param(linked, HUB, {}, "Succeeded", id="a link may be written again"),
        pytest.param(linked, HUB, {"if_match": '"old"'}, "PreconditionFailed", id="a changed link is not written"),
        pytest.param(linked, HUB, {"if_match": "*"}, "Succeeded", id="any link is written when any will do"),
        pytest.param(nothing, HUB, {"if_match": "*"}, "PreconditionFailed", id="no link is made when one must exist"),
        pytest.param(nothing, MISSING, {}, "BadRequest", id="a missing VNet is not linked"),
        pytest.param(linked_under_another_name, HUB, {"if_none_match": "*"}, "Conflict", id="a VNet is linked once"),
        pytest.param(hub_made_anew, HUB, {}, "Conflict", id="a VNet made anew is another VNet"),
        pytest.param(zone_of_same_name_linked, HUB, {}, "BadRequest", id="zones of the same name overlap"),
        pytest.param(child_zone_linked, HUB, {}, "Succeeded", id="parent and child zones do not overlap"),
    ],
)
def test_a_link_ends_as_private_dns_would_end_it(before: Before, vnet: str, headers: dict[str, str], end: str) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        await before(local)
        local.events.clear()
        body = await local.link("link", vnet, **headers)
        event = "ResourceWriteSuccess" if end == "Succeeded" else "ResourceWriteFailure"
        assert (body["error"]["code"] if "error" in body else body["status"]) == end
        assert local.events == [("Microsoft.Network/privateDnsZones/virtualNetworkLinks/write", event)]

    run(story())


def test_of_two_writers_who_ask_for_a_new_link_one_loses() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        body = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}}}
        both = [await local.call("PUT", LINK, body, if_none_match="*") for _ in range(2)]
        assert [said.status_code for said in both] == [202, 202]
        assert [(await local.end_of(said))["status"] for said in both] == ["Succeeded", "Failed"]

    run(story())


def test_a_link_is_in_progress_for_a_minute() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        await local.call("PUT", LINK, {"location": "global", "properties": {"virtualNetwork": {"id": HUB}}})
        states = []
        for _ in range(2):
            states.append((await local.call("GET", LINK)).json()["properties"]["virtualNetworkLinkState"])
            await local.azure.clock.sleep(61)
        assert states == ["InProgress", "Completed"]

    run(story())


def test_a_link_below_no_zone_is_refused_at_once() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        said = await local.call("PUT", LINK, {"properties": {"virtualNetwork": {"id": HUB}}})
        assert (said.status_code, said.json()["error"]["code"]) == (404, "ParentResourceNotFound")

    run(story())


def test_a_zone_counts_its_links_and_records() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        await local.link("link", HUB)
        await local.write(f"{ZONE}/A/api", {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.0.0.4"}]}})
        zone = (await local.call("GET", ZONE)).json()["properties"]
        assert (zone["numberOfRecordSets"], zone["numberOfVirtualNetworkLinks"]) == (2, 1)

    run(story())
