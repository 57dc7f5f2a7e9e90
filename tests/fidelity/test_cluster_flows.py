"""Every recorded cluster, as Tether reads it and would put it again."""

import re
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from functions.arm import clusters, reads
from functions.arm.clusters import ChangedMeanwhileError, secrets_needed, writable
from functions.arm.resource_id import ResourceId
from functions.fleet.creation import making
from functions.fleet.model import ManagedCluster, decode_hook
from functions.handlers.failed_cluster_causes import Cause, causes
from functions.ledger.making import Making
from functions.ledger.state import Observed
from tests.fidelity.places import differences, paths
from tests.fidelity.recorded_arm import RecordedArm, ask, shows
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import document, recording, recordings, skip_if_absent
from tests.unit.worlds import AT, seen

type Json = dict[str, Any]

CLUSTERS = printed("managedClusters")
TRAFFIC = [name for name in CLUSTERS if not name.startswith("spec-examples")]
CUSTOM_ZONE = "aks/private-custom-zone-fqdn-subdomain-full-flow"
ON_THEN_OFF = "aks/private-zone-system-public-fqdn-on-then-off"
OTHER_SPELLING = "aks/network-isolated-byo-acr-kubenet-byo-subnet-create[1]"

# All that a PUT of ours leaves out of any recorded cluster. `*` is an item of a list, or a value of an object.
LEFT_OUT = {
    "id",
    "name",
    "type",
    "systemData",
    "eTag",
    "etag",
    "identity.principalId",
    "identity.tenantId",
    "identity.userAssignedIdentities.*.principalId",
    "identity.userAssignedIdentities.*.clientId",
    "properties.provisioningState",
    "properties.powerState",
    "properties.maxAgentPools",
    "properties.currentKubernetesVersion",
    "properties.fqdn",
    "properties.privateFQDN",
    "properties.azurePortalFQDN",
    "properties.resourceUID",
    "properties.agentPoolProfiles.*.eTag",
    "properties.agentPoolProfiles.*.currentOrchestratorVersion",
    "properties.agentPoolProfiles.*.provisioningState",
    "properties.addonProfiles.azureKeyvaultSecretsProvider.identity",
    "properties.addonProfiles.azurepolicy.identity",
    "properties.ingressProfile.webAppRouting.identity",
    "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
    "properties.networkProfile.natGatewayProfile.effectiveOutboundIPs",
    "properties.oidcIssuerProfile.issuerURL",
    "properties.privateLinkResources.*.privateLinkServiceID",
}

# Where the PUT that made a recorded cluster says something else than ours would, each with its reason.
SAID_OTHERWISE = {
    "properties.kubernetesVersion": "AKS chose the version",
    "properties.agentPoolProfiles.*.orchestratorVersion": "AKS chose the version",
    "properties.agentPoolProfiles.*.osDiskSizeGB": "0 is AKS's default, which it fills in",
    "properties.agentPoolProfiles.*.scaleSetPriority": "AKS leaves the default out",
    "properties.agentPoolProfiles.*.scaleSetEvictionPolicy": "AKS leaves the default out",
    "properties.agentPoolProfiles.*.spotMaxPrice": "AKS leaves the default out",
    "properties.agentPoolProfiles.*.nodeTaints": "AKS leaves an empty one out",
    "properties.agentPoolProfiles.*.nodeInitializationTaints": "AKS leaves an empty one out",
    "properties.agentPoolProfiles.*.securityProfile.sshAccess": "AKS writes its own capitals",
    "properties.agentPoolProfiles.*.nodeLabels": "AKS leaves an empty one out",
    "properties.agentPoolProfiles.*.tags": "AKS leaves an empty one out",
    "properties.agentPoolProfiles.*.vmSize": "empty is AKS's choice, which it fills in",
    "properties.addonProfiles": "AKS leaves an empty one out",
    "properties.httpProxyConfig.noProxy": "AKS adds the cluster's own names",
    "properties.networkProfile.loadBalancerSku": "AKS writes its own capitals",
    "properties.apiServerAccessProfile.authorizedIPRanges": "AKS leaves an empty one out",
    "properties.networkProfile.loadBalancerProfile.managedOutboundIPs.countIPv6": "AKS leaves 0 out",
    "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs": "the old SDK sent what AKS alone writes",
    "properties.privateLinkResources.*.id": "AKS leaves it out while it updates",
}

# What the CLI, whose old model does not know it, dropped from the body that it had read. We keep it.
UNKNOWN_TO_THE_CLI = {
    "properties.agentPoolProfiles.*.nodeImageVersion",
    "properties.storageProfile.diskCSIDriver",
    "properties.storageProfile.fileCSIDriver",
    "properties.storageProfile.snapshotController",
    "properties.controlPlanePluginProfiles",
}

NEEDED = {
    "spec-examples/aks/managed-clusters-create-private-cluster-fqdn-subdomain[200]": (
        "servicePrincipalProfile.secret",
    ),
    "spec-examples/aks/managed-clusters-create-private-cluster-fqdn-subdomain[201]": (
        "servicePrincipalProfile.secret",
    ),
    "spec-examples/aks/managed-clusters-get[200]": ("servicePrincipalProfile.secret",),
    "spec-examples/aks/managed-clusters-list[200].value.0": ("servicePrincipalProfile.secret",),
}
"""The recorded clusters that cannot be put without a secret: those whose principal is an app. None of the traffic."""


def decoded(body: Json) -> ManagedCluster:
    return msgspec.convert(body, ManagedCluster, dec_hook=decode_hook)


def etag_of(body: Json) -> str:
    return body.get("eTag") or body.get("etag") or ""


def failed(body: Json) -> Json:
    """A recorded cluster as it would be had its creation failed."""
    return {**body, "properties": {**body["properties"], "provisioningState": "Failed"}}


def test_the_recordings_hold_clusters() -> None:
    skip_if_absent()
    assert len(TRAFFIC) >= 20
    assert {name for name in CLUSTERS if etag_of(CLUSTERS[name])} >= {OTHER_SPELLING}


@pytest.mark.parametrize("name", CLUSTERS)
def test_all_that_was_read_is_put_but_what_aks_alone_writes(name: str) -> None:
    body = CLUSTERS[name]
    before = deepcopy(body)
    ours = writable(body)
    assert body == before
    assert set(differences(body, ours)) == LEFT_OUT & set(paths(body))
    assert not list(differences(ours, body))


@pytest.mark.parametrize("name", CLUSTERS)
def test_nothing_that_is_put_is_a_secret(name: str) -> None:
    assert not [path for path in paths(writable(CLUSTERS[name])) if re.search(r"(?i)(secret|password|token)$", path)]


@pytest.mark.parametrize("name", CLUSTERS)
def test_whether_a_cluster_can_be_put_without_a_secret(name: str) -> None:
    assert secrets_needed(CLUSTERS[name]) == NEEDED.get(name, ())


def made() -> list[tuple[str, int]]:
    """Each recorded PUT of a cluster that AKS took."""
    return [
        (found.name, nth)
        for found in recordings()
        for nth, exchange in enumerate(found.exchanges)
        if f"{found.name}[{nth}]" in CLUSTERS and exchange["request"]["method"] == "PUT"
    ]


@pytest.mark.parametrize(("name", "nth"), made())
def test_what_the_recorded_put_said_ours_would_say_again(name: str, nth: int) -> None:
    """Of every body that AKS printed of the cluster until somebody else wrote it."""
    exchanges = recording(name).exchanges
    said = without_nulls(exchanges[nth]["request"]["body"])
    for later, exchange in enumerate(exchanges[nth:], nth):
        if later > nth and exchange["request"]["method"] == "PUT":
            break
        if f"{name}[{later}]" in CLUSTERS:
            ours = writable(CLUSTERS[f"{name}[{later}]"])
            assert set(differences(said, {**said, **ours})) <= SAID_OTHERWISE.keys()
            stated = {key for key, value in said.items() if value != {}}
            assert stated - set(ours) <= {"id", "name", "type"}


def without_nulls(held: Any) -> Any:
    """What a body states: some recorders send null for each field that they leave to AKS."""
    if isinstance(held, dict):
        return {key: without_nulls(value) for key, value in held.items() if value is not None}
    return [without_nulls(value) for value in held] if isinstance(held, list) else held


def test_the_cli_puts_what_it_read_as_we_do() -> None:
    """`az aks update --disable-public-fqdn`: a GET, and a PUT of what it gave."""
    exchanges = recording(ON_THEN_OFF).exchanges
    ours, theirs = writable(exchanges[1]["response"]["body"]), exchanges[2]["request"]["body"]
    wanted = "properties.apiServerAccessProfile.enablePrivateClusterPublicFQDN"
    old = "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs"
    assert set(differences(theirs, ours)) == {wanted, old}
    assert set(differences(ours, theirs)) == {wanted} | UNKNOWN_TO_THE_CLI


@pytest.mark.parametrize("name", CLUSTERS)
def test_tether_reads_a_cluster_as_aks_meant_it(name: str) -> None:
    body = CLUSTERS[name]
    properties, cluster = body["properties"], decoded(body)
    pools = properties.get("agentPoolProfiles", [])
    assert cluster.settled is (properties["provisioningState"] in ("Succeeded", "Failed", "Canceled"))
    assert not cluster.failed
    assert (cluster.any_etag or "") == etag_of(body)
    assert cluster.kubenet is (properties["networkProfile"]["networkPlugin"] == "kubenet")
    assert {str(subnet) for subnet in cluster.node_subnets} == {
        pool["vnetSubnetID"] for pool in pools if pool.get("vnetSubnetID")
    }
    assert not cluster.changes_version, "none was recorded in an upgrade"


@pytest.mark.parametrize("name", TRAFFIC)
def test_a_cluster_that_did_not_fail_is_never_put(name: str) -> None:
    arm = RecordedArm({"PUT": []})
    with pytest.raises(ChangedMeanwhileError):
        ask(arm, lambda session: clusters.put_again(session, decoded(CLUSTERS[name]).id, CLUSTERS[name], None))
    assert arm.hears == []


@pytest.mark.parametrize("name", [name for name in TRAFFIC if etag_of(CLUSTERS[name])])
def test_a_cluster_that_failed_is_put_under_the_etag_that_it_has_however_that_is_spelt(name: str) -> None:
    """The If-Match of a bare GUID is that in quotes (RFC 9110, entity-tag)."""
    taken = recording(ON_THEN_OFF).exchanges[2]["response"]
    arm, body = RecordedArm({"GET": [shows(failed(CLUSTERS[name]))], "PUT": [taken]}), failed(CLUSTERS[name])
    cluster = decoded(body)
    read = ask(arm, lambda session: clusters.read(session, cluster.id))
    accepted = ask(arm, lambda session: clusters.put_again(session, cluster.id, read, cluster.any_etag))
    assert arm.hears == [(f'"{etag_of(body)}"', writable(body))]
    assert accepted.address == taken["headers"]["azure-asyncoperation"]


@pytest.mark.parametrize(("now", "stands"), [("e1", True), ("e2", False)])
def test_a_write_of_others_since_the_failure_is_seen_however_the_etag_is_spelt(now: str, stands: bool) -> None:
    skip_if_absent()
    body = deepcopy(CLUSTERS[OTHER_SPELLING])
    body["etag"] = now
    memory = Observed(at=AT - 60, making=Making(first=AT - 1200, last=AT - 60, failed=AT - 30, etag="e1"))
    assert (making(seen(cluster=decoded(failed(body)), remembered=memory)) is not None) is stands


def test_a_list_of_clusters_is_read_whole() -> None:
    answer = recording("aks/list-in-resource-group-one-cluster").exchanges[0]["response"]
    subscription = ResourceId(answer["body"]["value"][0]["id"]).subscription
    listed = ask(RecordedArm({"GET": [answer]}), lambda session: reads.managed_clusters(session, subscription))
    assert listed.items == (decoded(answer["body"]["value"][0]),)
    assert listed.complete


@pytest.mark.parametrize(
    ("file", "kubenet", "why"),
    [
        pytest.param("400-aks-existing-route-table-not-associated", True, {Cause.ROUTES}, id="no table on the subnet"),
        pytest.param("400-aks-existing-route-table-not-associated", False, set(), id="and no kubenet"),
        pytest.param("aks-create-or-update-virtual-network-link-failed", True, set(), id="AKS's own link"),
        pytest.param("400-aks-dns-zone-not-found", True, set(), id="a zone that is not there"),
    ],
)
def test_a_recorded_error_in_a_cluster_is_read_as_the_reason_of_its_failure(
    file: str, kubenet: bool, why: set[Cause]
) -> None:
    content = document(f"errors/{file}")
    error = content["body"] if "body" in content else content["exchanges"][0]["response"]["body"]
    body = deepcopy(CLUSTERS["aks/kubenet-byo-subnet-create[2]"])
    body["properties"]["status"] = {"provisioningError": error}
    cluster = decoded(failed(body))
    assert cluster.failed
    assert cluster.provisioning_error is not None
    assert (cluster.provisioning_error.code, cluster.provisioning_error.message) == (error["code"], error["message"])
    assert causes(cluster.provisioning_error, kubenet=kubenet) == why
    put = writable(failed(body))["properties"]
    assert put["status"] == {}
