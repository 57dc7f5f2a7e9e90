"""What a peering reaches of the other VNet, and whether both sides know each other's address space as it is now.

Each side keeps a copy, `remoteAddressSpace`, which a growth of the other VNet does not change until a PUT with
`syncRemoteAddressSpace` (recorded network/vnet-peering-sync-levels-after-address-space-change).
"""

from ipaddress import ip_address, ip_network
from typing import Any

from localazure.store import Json, Resource, Store, items, part

TYPE = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"


def remote_space(store: Store, properties: Json) -> Json:
    """What of the remote VNet belongs to a peering now: all of it, or the named subnets of a subnet peering.

    Recorded network/vnet-peering-subnet-peering [7].
    """
    whole = properties.get("peerCompleteVnets", True)
    names = None if whole else items(properties, "remoteSubnetNames")
    return space_of(store, str(part(properties, "remoteVirtualNetwork").get("id", "")), names)


def space_of(store: Store, vnet_id: str, subnets: list[str] | None) -> Json:
    """A VNet's address space, or the prefixes of some of its subnets; nothing of a VNet that is gone."""
    vnet = store.get(vnet_id)
    if vnet is None:
        return {"addressPrefixes": []}
    if subnets is None:
        return {"addressPrefixes": list(items(part(vnet.properties, "addressSpace"), "addressPrefixes"))}
    held = (store.get(f"{vnet_id}/subnets/{name}") for name in subnets)
    return {"addressPrefixes": [prefix for subnet in held if subnet is not None for prefix in _prefixes(subnet)]}


def reached(store: Store, peering: Resource, address: str) -> Resource | None:
    """The remote VNet, where it holds an address that the peering leads to: it is Connected and in the copy's range."""
    held = peering.properties
    vnet = store.get(str(part(held, "remoteVirtualNetwork").get("id", "")))
    if vnet is None or held.get("peeringState") != "Connected":
        return None
    spaces = (part(vnet.properties, "addressSpace"), held.get("remoteAddressSpace") or remote_space(store, held))
    return vnet if all(within(items(space, "addressPrefixes"), address) for space in spaces) else None


def within(prefixes: list[Any], address: str) -> bool:
    """Whether some prefix holds an address. None holds a text that is no address."""
    try:
        wanted = ip_address(address)
    except ValueError:
        return False
    return any(wanted in ip_network(str(prefix)) for prefix in prefixes)


def counterpart(store: Store, peering: Resource) -> Resource | None:
    """The peering of the other side, if there is one."""
    here, there = _ends(peering)
    return store.indexed("peerings by their ends", lambda: _by_ends(store), TYPE).get((there, here))


def _by_ends(store: Store) -> dict[tuple[str, str], Resource]:
    return {_ends(peering): peering for peering in store.of_type(TYPE)}


def _ends(peering: Resource) -> tuple[str, str]:
    """The VNet that has it, and the one that it leads to."""
    remote = str(part(peering.properties, "remoteVirtualNetwork").get("id", ""))
    return peering.id.rsplit("/", 2)[0].casefold(), remote.rstrip("/").casefold()


def sync_level(store: Store, peering: Resource) -> str:
    """Which side's copy of the other's address space is out of date.

    Recorded as above: the VNet that grew says RemoteNotInSync, the other side LocalNotInSync.
    LocalAndRemoteNotInSync is of the API's type VirtualNetworkPeeringLevel.
    """
    if peering.properties["peeringState"] != "Connected":
        return "RemoteNotInSync"
    other, local = counterpart(store, peering), _is_behind(store, peering)
    if other is not None and _is_behind(store, other):
        return "LocalAndRemoteNotInSync" if local else "RemoteNotInSync"
    return "LocalNotInSync" if local else "FullyInSync"


def _is_behind(store: Store, peering: Resource) -> bool:
    held = peering.properties
    return "remoteAddressSpace" in held and bool(held["remoteAddressSpace"] != remote_space(store, held))


def _prefixes(subnet: Resource) -> list[str]:
    """A subnet's prefixes, in whichever of the two forms it has them."""
    held = subnet.properties
    return [str(prefix) for prefix in held.get("addressPrefixes") or [held.get("addressPrefix")] if prefix]
