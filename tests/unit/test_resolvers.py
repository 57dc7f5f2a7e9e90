"""Which VNet holds a DNS server, by what the spoke's peerings show of the VNets on their other side."""

import msgspec
import pytest

from functions.fleet.model import decode_hook
from functions.fleet.network_model import Peering
from functions.fleet.resolvers import OutOfSync, resolvers
from functions.handlers.peering_findings import out_of_sync, stray
from tests.fidelity.recorded_traffic import recording
from tests.unit.worlds import HUB, OTHER_HUB, SPOKE, a_spoke

type Json = dict[str, object]

SYNC_LEVELS = "network/vnet-peering-sync-levels-after-address-space-change"
SUBNET_PEERING = "network/vnet-peering-subnet-peering"


def a_peering(synced: list[str] | None, current: list[str] | None, **more: object) -> Peering:
    """A peering with the hub. `synced` is the spoke's copy of its address space, `current` what it is now."""
    properties: Json = {"peeringState": "Connected", "remoteVirtualNetwork": {"id": str(HUB)}, **more}
    for key, prefixes in (("remoteAddressSpace", synced), ("remoteVirtualNetworkAddressSpace", current)):
        if prefixes is not None:
            properties[key] = {"addressPrefixes": prefixes}
    return decoded({"name": "to-hub", "properties": properties})


def decoded(body: object) -> Peering:
    return msgspec.convert(body, Peering, dec_hook=decode_hook)


OLD, NEW = ["10.0.0.0/16"], ["10.0.0.0/16", "10.9.0.0/16"]


@pytest.mark.parametrize(
    ("synced", "current", "server", "holds"),
    [
        pytest.param(OLD, NEW, "10.9.0.4", True, id="only the newer space holds it"),
        pytest.param(NEW, OLD, "10.9.0.4", True, id="only the copy holds it: whether it moved is not known"),
        pytest.param(OLD, OLD, "10.0.0.4", True, id="both hold it"),
        pytest.param(OLD, None, "10.0.0.4", True, id="an older API shows the copy alone"),
        pytest.param(None, NEW, "10.9.0.4", True, id="the copy cannot be read"),
        pytest.param(OLD, NEW, "10.8.0.4", False, id="neither holds it"),
        pytest.param(None, None, "10.0.0.4", False, id="neither is shown"),
        pytest.param(["odd", *OLD], ["10.9.0.0/99"], "10.0.0.4", True, id="beside prefixes that cannot be read"),
        pytest.param(["odd"], [], "10.0.0.4", False, id="no prefix can be read"),
    ],
)
def test_a_server_is_in_the_hub_by_either_address_space(
    synced: list[str] | None, current: list[str] | None, server: str, holds: bool
) -> None:
    found = resolvers([a_spoke(server, peerings=(a_peering(synced, current),))])
    assert (found.hubs, found.stray) == (((HUB,), ()) if holds else ((), (server,)))


@pytest.mark.parametrize(
    ("synced", "current", "waits"),
    [
        pytest.param(OLD, NEW, True, id="the copy is behind"),
        pytest.param(NEW, NEW, False, id="in sync"),
        pytest.param(NEW, OLD, False, id="the copy holds it"),
        pytest.param(None, NEW, False, id="the copy is not shown"),
    ],
)
def test_a_server_that_waits_for_a_sync_of_the_peering_is_named(
    synced: list[str] | None, current: list[str], waits: bool
) -> None:
    found = resolvers([a_spoke("10.9.0.4", peerings=(a_peering(synced, current),))])
    assert found.out_of_sync == ((OutOfSync("10.9.0.4", SPOKE, "to-hub", HUB),) if waits else ())


def test_one_finding_a_peering_names_every_server_and_a_command_that_can_be_pasted() -> None:
    spoke = a_spoke("10.9.0.4", "10.9.0.5", "10.0.0.4", peerings=(a_peering(OLD, NEW),))
    (finding,) = out_of_sync(SPOKE, resolvers([spoke]))
    assert "10.9.0.4, 10.9.0.5 in" in finding.seen
    assert (
        f"az network vnet peering sync --subscription {SPOKE.subscription} --resource-group {SPOKE.group} "
        f"--vnet-name {SPOKE.name} --name to-hub" in finding.advice
    )


@pytest.mark.parametrize("whole", [True, False])
def test_a_stray_server_names_the_vnets_that_may_hold_it_all_the_same(whole: bool) -> None:
    peering = a_peering(["10.0.1.0/24"], None, peerCompleteVnets=whole)
    said = stray(SPOKE, resolvers([a_spoke("10.0.2.4", peerings=(peering,))]))
    assert (f"of {HUB} only some subnets are peered" in said.seen) is not whole


def test_prefixes_of_the_spoke_that_cannot_be_read_hide_nothing() -> None:
    found = resolvers([a_spoke("10.0.0.4", prefix="odd", peerings=(a_peering(OLD, OLD),))])
    assert (found.hubs, found.inside, found.stray) == ((HUB,), (), ())


@pytest.mark.parametrize("state", ["Initiated", "Disconnected", "", "SomethingNew"])
def test_a_server_behind_a_peering_that_is_not_connected_is_nowhere_known(state: str) -> None:
    found = resolvers([a_spoke("10.0.0.4", peerings=(a_peering(OLD, OLD, peeringState=state),))])
    assert (found.hubs, found.stray) == ((), ("10.0.0.4",))


@pytest.mark.parametrize(
    ("server", "hubs", "stray", "partly"),
    [
        pytest.param("10.0.1.4", (HUB,), (), (), id="in a peered subnet"),
        pytest.param("10.0.2.4", (), ("10.0.2.4",), (HUB,), id="in another subnet, or elsewhere"),
    ],
)
def test_of_a_subnet_peering_only_the_peered_subnets_are_known(
    server: str, hubs: tuple[object, ...], stray: tuple[str, ...], partly: tuple[object, ...]
) -> None:
    peering = a_peering(["10.0.1.0/24"], ["10.0.1.0/24"], peerCompleteVnets=False)
    found = resolvers([a_spoke(server, peerings=(peering,))])
    assert (found.hubs, found.stray, found.partly) == (hubs, stray, partly)


def test_a_server_that_is_found_makes_no_vnet_a_place_where_it_may_be() -> None:
    elsewhere = a_peering(["10.0.1.0/24"], None, peerCompleteVnets=False, remoteVirtualNetwork={"id": str(OTHER_HUB)})
    found = resolvers([a_spoke("10.0.0.4", peerings=(a_peering(OLD, OLD), elsewhere))])
    assert (found.hubs, found.partly) == ((HUB,), ())


@pytest.mark.parametrize(("nth", "server"), [(9, "10.99.0.4"), (9, "10.1.0.4"), (12, "10.99.0.4"), (8, "10.2.0.4")])
def test_a_recorded_peering_leads_to_every_server_of_the_other_vnet_in_sync_or_not(nth: int, server: str) -> None:
    peering = decoded(recording(SYNC_LEVELS).exchanges[nth]["response"]["body"])
    assert peering.properties.remote_virtual_network is not None
    found = resolvers([a_spoke(server, prefix="10.200.0.0/16", peerings=(peering,))])
    assert found.hubs == (peering.properties.remote_virtual_network.id,)


def test_a_recorded_subnet_peering_tells_nothing_of_the_rest_of_the_other_vnet() -> None:
    """Recorded [0]: the remote VNet also has 10.0.1.0/27, which is in none of the peering's four address spaces."""
    body = recording(SUBNET_PEERING).exchanges[7]["response"]["body"]
    peering = decoded({**body, "properties": {**body["properties"], "peeringState": "Connected"}})
    found = resolvers([a_spoke("10.0.0.4", "10.0.1.4", peerings=(peering,))])
    assert peering.properties.remote_virtual_network is not None
    remote = peering.properties.remote_virtual_network.id
    assert (found.hubs, found.stray, found.partly) == ((remote,), ("10.0.1.4",), (remote,))
