"""The names that AKS gives, by zone mode."""

import re
from random import Random

import pytest

from localazure.aks.names import api_server_names, node_resource_group, own_link, zone_mode
from localazure.store import Json

GUID = "11111111-2222-4333-8444-555555555555"
CUSTOM = "/subscriptions/s/resourceGroups/dns/providers/Microsoft.Network/privateDnsZones/privatelink.westus2.azmk8s.io"


def a_request(access: Json | None, **more: object) -> Json:
    return {"location": "westus2", "properties": {"dnsPrefix": "team", "apiServerAccessProfile": access, **more}}


@pytest.mark.parametrize(
    ("access", "more", "private_fqdn", "record"),
    [
        pytest.param(
            {"enablePrivateCluster": True},
            {},
            rf"team-[a-z0-9]{{8}}\.{GUID}\.privatelink\.westus2\.azmk8s\.io",
            r"team-[a-z0-9]{8}",
            id="system is the default of a private cluster",
        ),
        pytest.param(
            {"enablePrivateCluster": True, "enableVnetIntegration": True},
            {},
            rf"team-[a-z0-9]{{8}}\.{GUID}\.private\.westus2\.azmk8s\.io",
            r"team-[a-z0-9]{8}",
            id="VNet integration lies under private, not privatelink",
        ),
        pytest.param(
            {"enablePrivateCluster": True, "privateDNSZone": CUSTOM},
            {"fqdnSubdomain": "api"},
            r"api\.privatelink\.westus2\.azmk8s\.io",
            "api",
            id="a custom zone takes the subdomain as it is",
        ),
        pytest.param(
            {"enablePrivateCluster": True, "privateDNSZone": CUSTOM},
            {},
            r"team-[a-z0-9]{8}\.privatelink\.westus2\.azmk8s\.io",
            r"team-[a-z0-9]{8}",
            id="a custom zone without subdomain",
        ),
    ],
)
def test_a_private_name_lies_in_the_zone(access: Json, more: Json, private_fqdn: str, record: str) -> None:
    names = api_server_names(a_request(access, **more), Random(1), GUID)
    assert re.fullmatch(private_fqdn, names.private_fqdn)
    assert re.fullmatch(record, names.record)
    assert names.private_fqdn == f"{names.record}.{names.zone}"
    assert names.fqdn.split(".")[0] != names.private_fqdn.split(".")[0]
    assert names.fqdn.endswith(".hcp.westus2.azmk8s.io")


def test_without_a_zone_the_private_name_is_the_public_one() -> None:
    names = api_server_names(a_request({"enablePrivateCluster": True, "privateDNSZone": "none"}), Random(1), GUID)
    assert names.private_fqdn == names.fqdn
    assert names.zone == ""


@pytest.mark.parametrize("access", [None, {}, {"enablePrivateCluster": False}])
def test_a_public_cluster_has_no_private_name(access: Json | None) -> None:
    assert api_server_names(a_request(access), Random(1), GUID).private_fqdn == ""


@pytest.mark.parametrize(
    ("zone", "mode"), [("System", "system"), ("NONE", "none"), (CUSTOM, "custom"), ("", "system"), (None, "system")]
)
def test_the_zone_mode_is_read_without_case(zone: str | None, mode: str) -> None:
    assert zone_mode({"enablePrivateCluster": True, "privateDNSZone": zone}) == mode


@pytest.mark.parametrize(
    ("given", "name"),
    [
        pytest.param(None, "MC_apps_team_westus2", id="made from group, cluster and region"),
        pytest.param("nodes", "nodes", id="or as the caller says"),
    ],
)
def test_the_node_resource_group_is_named(given: str | None, name: str) -> None:
    assert node_resource_group(a_request(None, nodeResourceGroup=given), "apps", "team") == name


def test_a_node_resource_group_has_at_most_80_characters() -> None:
    assert len(node_resource_group(a_request(None), "g" * 60, "c" * 60)) == 80


def test_each_vnet_of_a_cluster_gets_a_link_of_its_own() -> None:
    assert [own_link("team-x.zone", nth) for nth in range(3)] == ["team-x", "team-x-1", "team-x-2"]
