"""Rule 8: each clause of the proof, with an attacker who tries to get around it."""

import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster
from functions.fleet.ownership import NotProvenError, claimed_manager, prove
from tests.unit.worlds import CLUSTER_ID, GUID, HUB_SUBSCRIPTION, NODE_GROUP, ZONE, a_cluster, a_group, an_id

ZONES = "Microsoft.Network/privateDnsZones"
OTHER_GUID = "99999999-0000-4000-8000-00000000000f"


def a_zone(name: str, group: str = NODE_GROUP) -> ResourceId:
    return an_id(ZONES, name, group)


def test_the_zone_that_aks_made_is_proven() -> None:
    prove(ZONE, a_cluster(), PUBLIC.suffixes)


def test_case_and_spelling_of_azures_own_do_not_matter() -> None:
    shouted = ResourceId(str(ZONE).upper())
    prove(
        shouted, a_cluster(location="West Europe", zone_mode="System", node_group=NODE_GROUP.lower()), PUBLIC.suffixes
    )


def test_vnet_integration_has_its_zone_under_private() -> None:
    zone = a_zone(f"{GUID}.private.westeurope.azmk8s.io")
    prove(zone, a_cluster(private_fqdn=f"prod-1.{GUID}.private.westeurope.azmk8s.io"), PUBLIC.suffixes)


@pytest.mark.parametrize(
    ("zone", "cluster", "clause"),
    [
        pytest.param(
            a_zone("privatelink.westeurope.azmk8s.io"), a_cluster(), "private name", id="a parent of the cluster's zone"
        ),
        pytest.param(
            a_zone(f"{OTHER_GUID}.privatelink.westeurope.azmk8s.io"),
            a_cluster(),
            "private name",
            id="a sibling: another cluster's zone in one's own node resource group",
        ),
        pytest.param(
            a_zone(f"{GUID}.privatelink.northeurope.azmk8s.io"), a_cluster(), "private name", id="another region's"
        ),
        pytest.param(
            a_zone("privatelink.azurecr.io"), a_cluster(), "private name", id="another service's name in a node group"
        ),
        pytest.param(a_zone(f"x.{ZONE.name}"), a_cluster(), "private name", id="a child of the cluster's zone"),
        pytest.param(
            a_zone("privatelink.azurecr.io"),
            a_cluster(private_fqdn="registry.privatelink.azurecr.io"),
            "form",
            id="a cluster that seems to have another service's name",
        ),
        pytest.param(
            a_zone(f"{GUID}.privatelink.northeurope.azmk8s.io"),
            a_cluster(private_fqdn=f"prod-1.{GUID}.privatelink.northeurope.azmk8s.io"),
            "westeurope",
            id="a name of a region in which the cluster is not",
        ),
        pytest.param(ZONE, a_cluster(node_group="MC_other"), "node resource group", id="managedBy forged on a group"),
        pytest.param(
            ZONE,
            a_cluster(id=ResourceId(str(CLUSTER_ID).replace(ZONE.subscription, HUB_SUBSCRIPTION))),
            "subscription",
            id="a group of the same name in another subscription",
        ),
        pytest.param(ZONE, a_cluster(zone_mode="none"), "zone mode", id="a cluster for which AKS makes no zone"),
        pytest.param(
            ZONE, a_cluster(zone_mode=str(a_zone("x.io", "dns"))), "zone mode", id="a cluster with a custom zone"
        ),
        pytest.param(ZONE, a_cluster(private=False), "not private", id="a public cluster"),
        pytest.param(ZONE, a_cluster(private_fqdn=""), "private name", id="a cluster without a private name"),
    ],
)
def test_what_aks_did_not_make_is_not_proven(zone: ResourceId, cluster: ManagedCluster, clause: str) -> None:
    with pytest.raises(NotProvenError, match=clause):
        prove(zone, cluster, PUBLIC.suffixes)


@pytest.mark.parametrize(
    "managed_by",
    [
        pytest.param(None, id="no cluster manages the group"),
        pytest.param("", id="an empty managedBy"),
        pytest.param("/some/../where", id="no id"),
        pytest.param(str(ZONE), id="a zone is no manager"),
        pytest.param(str(CLUSTER_ID) + "/agentPools/nodes", id="a part of a cluster is no manager"),
    ],
)
def test_a_group_that_no_cluster_claims_proves_nothing(managed_by: str | None) -> None:
    with pytest.raises(NotProvenError):
        claimed_manager(a_group(managed_by))


def test_the_claim_of_a_group_is_the_clusters_id() -> None:
    assert claimed_manager(a_group()) == CLUSTER_ID
