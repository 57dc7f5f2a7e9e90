"""Every recorded body of a type that Tether reads is read, and says in Tether's struct what Azure printed."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from azure.mgmt.containerservice import models as container
from azure.mgmt.network import models as network
from azure.mgmt.privatedns import models as private_dns

from functions.fleet.endpoint import LoadBalancer, NetworkInterface, PrivateEndpoint, RecordSet
from functions.fleet.model import ManagedCluster, decode_hook, encode_hook
from functions.fleet.network_model import Link, Peering, VirtualNetwork
from functions.fleet.subnet_model import RouteTable, Subnet
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import skip_if_absent

type Json = dict[str, Any]

# Each type that Tether reads, by the last segment of its collection, and how many recorded bodies of it are known.
TYPES: dict[str, tuple[Any, int]] = {
    "managedClusters": (ManagedCluster, 50),
    "virtualNetworks": (VirtualNetwork, 70),
    "virtualNetworkPeerings": (Peering, 35),
    "virtualNetworkLinks": (Link, 30),
    "subnets": (Subnet, 80),
    "routeTables": (RouteTable, 14),
    "privateEndpoints": (PrivateEndpoint, 25),
    "networkInterfaces": (NetworkInterface, 3),
    "loadBalancers": (LoadBalancer, 4),
    "A": (RecordSet, 30),
}

EVERY = [(kind, name) for kind in TYPES for name in printed(kind)]


def read(kind: str, body: Json) -> Any:
    struct, _ = TYPES[kind]
    return msgspec.convert(body, struct, dec_hook=decode_hook)


@pytest.mark.parametrize("kind", TYPES)
def test_the_recordings_hold_bodies(kind: str) -> None:
    skip_if_absent()
    assert len(printed(kind)) >= TYPES[kind][1]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_recorded_body_is_read_as_azure_printed_it(kind: str, name: str) -> None:
    """A field that the struct spells otherwise than Azure would be lost without a word."""
    body = printed(kind)[name]
    ours = msgspec.to_builtins(read(kind, body), enc_hook=encode_hook)
    assert not list(contradictions(body, ours))


def contradictions(printed_value: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where the struct says something of a field that Azure printed and does not say the same."""
    if isinstance(printed_value, dict) and isinstance(ours, dict):
        for key in printed_value.keys() & ours.keys():
            yield from contradictions(printed_value[key], ours[key], f"{path}.{key}")
    elif isinstance(printed_value, list) and isinstance(ours, list | tuple):
        if len(printed_value) != len(ours):
            yield f"{path}: {len(ours)} of {len(printed_value)}"
        for one, other in zip(printed_value, ours, strict=False):
            yield from contradictions(one, other, f"{path}[]")
    elif printed_value != ours and not (path.endswith("id") and str(printed_value).casefold() == str(ours).casefold()):
        yield f"{path}: {ours!r} instead of {printed_value!r}"


# Fields of Tether's structs that no recorded body prints, each with the model of Microsoft's SDK that has it.
NOT_RECORDED: dict[str, dict[str, Any]] = {
    "managedClusters": {
        "systemData": container.ManagedCluster,
        "systemData.createdAt": container.SystemData,
        "properties.apiServerAccessProfile.disableRunCommand": container.ManagedClusterAPIServerAccessProfile,
        "properties.hostedSystemProfile.nodeSubnetID": container.ManagedClusterHostedSystemProfile,
        "properties.hostedSystemProfile.systemNodeSubnetID": container.ManagedClusterHostedSystemProfile,
        "properties.status": container.ManagedClusterProperties,
        "properties.status.provisioningError": container.ManagedClusterStatus,
        "properties.status.provisioningError.code": container.ErrorDetail,
        "properties.status.provisioningError.message": container.ErrorDetail,
    },
    "subnets": {
        "properties.addressPrefixes": network.SubnetPropertiesFormat,
        "properties.applicationGatewayIPConfigurations": network.SubnetPropertiesFormat,
        "properties.applicationGatewayIPConfigurations.id": network.ApplicationGatewayIPConfiguration,
        "properties.resourceNavigationLinks": network.SubnetPropertiesFormat,
        "properties.resourceNavigationLinks.name": network.ResourceNavigationLink,
    },
    "A": {
        "properties.aaaaRecords": private_dns.RecordSetProperties,
        "properties.aaaaRecords.ipv6Address": private_dns.AaaaRecord,
    },
}


@pytest.mark.parametrize("kind", TYPES)
def test_every_field_of_a_struct_is_printed_by_some_recorded_body_or_named_by_the_sdk(kind: str) -> None:
    """A field that is spelt otherwise than Azure spells it reads nothing for ever."""
    skip_if_absent()
    struct, _ = TYPES[kind]
    recorded = {path for body in printed(kind).values() for path in places(body)}
    named = NOT_RECORDED.get(kind, {})
    assert set(fields_of(struct)) - recorded == named.keys()
    for path, model in named.items():
        model()  # fills in the fields
        assert path.rpartition(".")[2] in {field._rest_name for field in model._attr_to_rest_field.values()}


def places(body: Any, above: str = "") -> Iterator[str]:
    """Every field in a body, a list's items under the list's own path."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield f"{above}{key}"
            yield from places(value, f"{above}{key}.")
    elif isinstance(body, list):
        for value in body:
            yield from places(value, above)


def fields_of(struct: Any, above: str = "") -> Iterator[str]:
    """Every field that a struct reads, those of the structs inside it included."""
    for field in msgspec.structs.fields(struct):
        yield f"{above}{field.encode_name}"
        for inner in structs_in(field.type):
            yield from fields_of(inner, f"{above}{field.encode_name}.")


def structs_in(kind: Any) -> Iterator[Any]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in getattr(kind, "__args__", ()):
        yield from structs_in(part)
