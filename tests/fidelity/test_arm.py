"""The local ARM against recorded traffic: network, private DNS and resource groups. AKS: test_aks.py.

To add a type: register it in localazure.resource_types and take its row out of UNSUPPORTED (not_modelled.py).
"""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from localazure import fault_effects
from localazure.azure import LocalAzure
from localazure.resource_types import TYPES
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.resources.route_tables import RouteTables, route
from localazure.resources.subnets import Subnets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.virtual_time import run
from tests.fidelity.not_modelled import NOT_REPLAYED, UNSUPPORTED
from tests.fidelity.recorded_traffic import recording, recordings, skip_if_absent, type_of
from tests.fidelity.replay import Replay

CLUSTERS = "microsoft.containerservice/managedclusters"
AKS = frozenset(
    {CLUSTERS, *(f"{CLUSTERS}/{word}" for word in ("stop", "start", "abort", "runcommand", "commandresults"))}
)

SUPPORTED = frozenset(make(LocalAzure()).type.casefold() for make in TYPES) - UNSUPPORTED.keys()

# What recordings have and the local Azure does not model, each with its reason: in every recording, and in some.
LEFT_OUT_EVERYWHERE = {"ipamPoolPrefixAllocations": "printed since address pools came, empty without one"}
LEFT_OUT: dict[str, dict[str, str]] = {
    "network/vnet-peering-both-sides-initiated-connected": {
        "remoteGateways": "VPN gateways are no concern of Tether",
        "ipConfigurations": "of a VPN gateway in a recorded subnet",
    },
    "network/vnet-peering-sync-remote-address-space": {
        "remoteGateways": "VPN gateways are no concern of Tether",
        "ipConfigurations": "of the VPN gateway",
    },
    "network/private-endpoint-list-subscription": {
        "provisioningState": "some of the recorder's endpoints hung in Updating",
        "customDnsConfigs": "most of them lead to services that are gone",
        "networkInterfaces": "Azure cuts names that are very long",
    },
}

# Exchanges that show something done by a service that the local Azure does not have.
SKIPPED: dict[str, dict[int, str]] = {
    "network/subnet-attach-route-table-then-delegation": {22: "SQL Managed Instance changed the subnet meanwhile"},
    "network/route-table-and-routes-full-flow-2025-03-01": {17: "recorded before the deletion that it lost to, [18]"},
}

ROOT = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups"


async def an_endpoint_in_the_subnet(replay: Replay) -> None:
    """Recorded errors/400-in-use-subnet-cannot-be-deleted."""
    group = f"{ROOT}/cli_test_delete_dependent_resources000001/providers/Microsoft.Network"
    vnet = f"{group}/virtualNetworks/cli-test-vm000002VNET"
    VirtualNetworks(replay.azure).place(vnet, "westus", ["10.0.0.0/16"], subnets={"cli-test": "10.0.0.0/24"})
    endpoints = PrivateEndpoints(replay.azure)
    await endpoints.create(f"{group}/privateEndpoints/pe", "westus", f"{vnet}/subnets/cli-test", target="x", member="y")


async def an_endpoint_with_its_back_reference(replay: Replay) -> None:
    """Recorded network/subnet-get-with-private-endpoint-back-references."""
    group = f"{ROOT}/asotest-rg-liptjf/providers/Microsoft.Network"
    vnet = f"{group}/virtualNetworks/asotest-vn-ipmime"
    subnets = {"asotest-subnet-adxqgx": "10.0.0.0/24"}
    VirtualNetworks(replay.azure).place(vnet, "westus", ["10.0.0.0/16"], subnets=subnets)
    await PrivateEndpoints(replay.azure).create(
        f"{group}/privateEndpoints/asotest-privateendpoint-svefts",
        "westus",
        f"{vnet}/subnets/asotest-subnet-adxqgx",
        target="x",
        member="y",
    )


async def a_subnet_write_that_never_ends(replay: Replay) -> None:
    """Recorded errors/409-another-operation-in-progress-subnet-put."""
    vnet = f"{ROOT}/asotest-rg-nsmdfx/providers/Microsoft.Network/virtualNetworks/asotest-vn-lzvddq"
    VirtualNetworks(replay.azure).place(vnet, "westus2", ["10.0.0.0/8"])
    replay.faults.add(fault_effects.stuck(), times=1)
    url = f"{replay.azure.arm}{vnet}/subnets/other?api-version=2020-11-01"
    await replay.send("PUT", url, body={"properties": {"addressPrefix": "10.1.0.0/24"}})


async def an_interface_that_must_wait(replay: Replay) -> None:
    """Recorded errors/429-retryable-error-no-retry-after-network-interface-put."""
    replay.faults.add(fault_effects.throttled(), method="PUT")


async def a_route_that_is_being_deleted(replay: Replay) -> None:
    """Recorded errors/429-retryable-error-retry-after-route-delete."""
    table = f"{ROOT}/asotest-rg-gszfgs/providers/Microsoft.Network/routeTables/asotest-routetable-nrgwla"
    routes = [route("asotest-ipv4route-wgvwlv", "10.1.0.0/16", "10.0.0.4"), route("other", "10.2.0.0/16", "10.0.0.4")]
    RouteTables(replay.azure).place(table, "westus2", routes)
    replay.faults.add(fault_effects.stuck(), times=1)
    await replay.send("DELETE", f"{replay.azure.arm}{table}/routes/other?api-version=2024-03-01")


async def tables_that_subnets_use(replay: Replay) -> None:
    """Recorded network/route-table-list-subscription-with-subnets."""
    for table in replay.answers()[0]["value"]:
        RouteTables(replay.azure).place(table["id"], table["location"], table["properties"]["routes"])
        for named in table["properties"]["subnets"]:
            vnet = named["id"].rpartition("/subnets/")[0]
            VirtualNetworks(replay.azure).place(vnet, table["location"], ["10.0.0.0/8"])
            properties = {"addressPrefix": "10.240.0.0/16", "routeTable": {"id": table["id"]}}
            Subnets(replay.azure).place(named["id"], properties)


async def a_remote_vnet_with_encryption(replay: Replay) -> None:
    """Recorded network/vnet-encryption: two VNets of its calls are not shown."""
    group = f"{ROOT}/cli_vnet_with_encryption000001/providers/Microsoft.Network/virtualNetworks"
    vnet = VirtualNetworks(replay.azure).place(f"{group}/MyVnet2", "westus", ["10.1.0.0/16"])
    vnet.properties["encryption"] = {"enabled": True, "enforcement": "DropUnencrypted"}


PEERED = f"{ROOT}/ps8292/providers/Microsoft.Network/virtualNetworks"


async def two_vnets_to_peer(replay: Replay) -> None:
    """Recorded network/vnet-peering-sync-levels-after-address-space-change."""
    VirtualNetworks(replay.azure).place(f"{PEERED}/ps2312", "eastus2euap", ["10.1.0.0/16"])
    VirtualNetworks(replay.azure).place(f"{PEERED}/ps5333", "eastus2euap", ["10.2.0.0/16"])


async def the_first_of_them_grows(replay: Replay) -> None:
    """The call that the recording does not show."""
    body = (await replay.send("GET", f"{replay.azure.arm}{PEERED}/ps2312?api-version=2021-02-01")).json()
    body["properties"]["addressSpace"]["addressPrefixes"].append("10.99.0.0/16")
    said = await replay.send("PUT", f"{replay.azure.arm}{PEERED}/ps2312?api-version=2021-02-01", body=body)
    assert said.status_code == 200
    await replay.settle()


PREPARED: dict[str, Callable[[Replay], Awaitable[None]]] = {
    "errors/400-in-use-subnet-cannot-be-deleted": an_endpoint_in_the_subnet,
    "network/subnet-get-with-private-endpoint-back-references": an_endpoint_with_its_back_reference,
    "errors/409-another-operation-in-progress-subnet-put": a_subnet_write_that_never_ends,
    "errors/429-retryable-error-no-retry-after-network-interface-put": an_interface_that_must_wait,
    "errors/429-retryable-error-retry-after-route-delete": a_route_that_is_being_deleted,
    "network/route-table-list-subscription-with-subnets": tables_that_subnets_use,
    "network/vnet-encryption": a_remote_vnet_with_encryption,
    "network/vnet-peering-sync-levels-after-address-space-change": two_vnets_to_peer,
}

# What others did in the middle of a recording, before the exchange of that number.
MEANWHILE: dict[str, dict[int, Callable[[Replay], Awaitable[None]]]] = {
    "network/vnet-peering-sync-levels-after-address-space-change": {8: the_first_of_them_grows},
}


def types_in(name: str) -> Counter[str]:
    urls = (exchange["request"]["url"] for exchange in recording(name).exchanges if exchange["request"])
    return Counter(type_of(url).casefold() for url in urls)


def names() -> list[str]:
    """The recordings that hold a request of a supported type other than AKS's."""
    every = [found.name for found in recordings() if found.name not in NOT_REPLAYED]
    return [name for name in every if (SUPPORTED - AKS) & types_in(name).keys()] or ["absent"]


async def replayed(name: str) -> Replay:
    """A recording, told to a local Azure."""
    left_out = frozenset({**LEFT_OUT_EVERYWHERE, **LEFT_OUT.get(name, {})})
    replay = Replay(recording(name), SUPPORTED - AKS, left_out, frozenset(SKIPPED.get(name, {})))
    replay.begin()
    if name in PREPARED:
        await PREPARED[name](replay)
    await replay.tell(MEANWHILE.get(name, {}))
    return replay


async def differences(name: str) -> list[str]:
    """Where the local Azure answers otherwise than recorded, or that nothing could be compared."""
    replay = await replayed(name)
    return replay.differences if replay.compared else ["nothing was compared"]


@pytest.mark.parametrize("name", names())
def test_the_local_arm_answers_as_recorded(name: str) -> None:
    skip_if_absent()
    found = run(differences(name))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("kind", "reason"), UNSUPPORTED.items())
def test_what_is_not_supported_is_seen(kind: str, reason: str) -> None:
    skip_if_absent()
    assert kind not in SUPPORTED, f"{kind} has been registered: take its row out of UNSUPPORTED"
    count = sum(types_in(found.name)[kind] for found in recordings())
    assert count, f"no recording holds {kind} any more"
    pytest.skip(f"{count} recorded exchanges of {kind}: {reason}")


def test_every_recorded_type_is_supported_or_named_as_not() -> None:
    skip_if_absent()
    every = {kind for found in recordings() for kind in types_in(found.name)}
    assert every - SUPPORTED - AKS - UNSUPPORTED.keys() - {"operation"} == set()


@pytest.mark.parametrize("kind", ["virtualnetworks", "virtualnetworks/subnets", "routetables", "routetables/routes"])
def test_every_recorded_exchange_with_subnets_and_route_tables_is_replayed(kind: str) -> None:
    """But for SKIPPED and NOT_REPLAYED, which have their reasons: no recording of theirs is passed over by its type."""
    skip_if_absent()
    kind = f"microsoft.network/{kind}"
    holding = [found.name for found in recordings() if types_in(found.name)[kind]]
    assert kind in SUPPORTED
    assert holding
    assert set(holding) - NOT_REPLAYED <= set(names())
