"""What AKS fills in because of what a cluster is."""

from random import Random
from typing import Any

import pytest

from localazure.aks import body
from localazure.aks.names import api_server_names
from localazure.aks.presets import with_preset
from localazure.store import Json

PRIVATE: Json = {"enablePrivateCluster": True}


def made(request: Json | None = None, **properties: Any) -> Json:
    """A new private cluster's properties. `request` is more of the PUT."""
    pools = {"agentPoolProfiles": [{"name": "np"}]}
    said = {"dnsPrefix": "team", "apiServerAccessProfile": PRIVATE, **pools, **properties}
    sent = with_preset({"location": "westeurope", "properties": said, **(request or {})})
    cluster = body.new_cluster(sent, api_server_names(sent, Random(1), "guid"), "apps", "team", "uid")
    found: Json = cluster["properties"]
    return found


@pytest.mark.parametrize(
    ("network", "windows", "pods"),
    [
        pytest.param({"networkPlugin": "azure"}, True, None, id="Azure CNI"),
        pytest.param({"networkPlugin": "azure", "networkPluginMode": "overlay"}, False, 1, id="overlay"),
        pytest.param({"networkPlugin": "kubenet"}, False, 1, id="kubenet"),
        pytest.param({"networkPlugin": "none"}, False, 1, id="no plugin"),
        pytest.param({"networkPlugin": "kubenet", "ipFamilies": ["IPv4", "IPv6"]}, False, 2, id="dual stack"),
    ],
)
def test_what_the_network_plugin_adds(network: Json, windows: bool, pods: int | None) -> None:
    properties = made(networkProfile=network)
    assert ("windowsProfile" in properties) == windows
    ranges = properties["networkProfile"].get("podCidrs")
    assert (ranges and len(ranges)) == pods


def test_a_service_principals_secret_is_never_printed() -> None:
    properties = made(servicePrincipalProfile={"clientId": "0a1b", "secret": "s"})
    assert properties["servicePrincipalProfile"] == {"clientId": "0a1b"}


def test_an_automatic_cluster_is_locked_and_has_vnet_integration() -> None:
    properties = made({"sku": {"name": "Automatic"}})
    assert properties["nodeResourceGroupProfile"] == {"restrictionLevel": "ReadOnly"}
    assert properties["apiServerAccessProfile"]["enableVnetIntegration"] is True
    assert properties["apiServerAccessProfile"]["enablePrivateCluster"] is True, "what the caller says stays"
    assert ".private." in properties["privateFQDN"]


@pytest.mark.parametrize(
    ("pools", "hosted", "listed"),
    [([], True, False), (None, True, False), ([{"name": "np"}], True, True), ([], False, True)],
)
def test_with_hosted_system_pools_alone_no_pools_are_listed(pools: Any, hosted: bool, listed: bool) -> None:
    properties = made(agentPoolProfiles=pools, hostedSystemProfile={"enabled": hosted})
    assert ("agentPoolProfiles" in properties) == listed
