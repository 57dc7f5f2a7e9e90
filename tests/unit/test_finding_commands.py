"""Commands in findings can be pasted into a shell, whatever a resource group is called, and az knows them."""

import re
from pathlib import Path

import pytest

from functions.arm.resource_id import ResourceId
from functions.arm.understood import Odd
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.seen import NOT_SHOWN
from functions.handlers.api_server_findings import in_doubt
from functions.handlers.not_understood_findings import not_understood
from functions.handlers.pod_restart_findings import may_hold
from functions.handlers.route_table_findings import company_unlisted
from functions.handlers.verdict import Finding
from functions.handlers.zone_link_findings import about_hubs
from functions.ledger.move import Move
from functions.policy import PodRestarts
from tests.unit.worlds import a_cluster, a_policy, seen

ROOT = Path(__file__).parents[2]
GROUP = ResourceId("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/apps(weu)")
CLUSTER = ResourceId(f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/prod")
SUBNET = ResourceId(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/spoke/subnets/nodes")
TABLE = ResourceId(f"{GROUP}/providers/Microsoft.Network/routeTables/aks")
MOVE = Move(id="m1", at=0.0, old="10.0.0.4", new="10.0.0.5", ttl=300)
SEEN = seen(a_cluster(id=CLUSTER, state="Succeeded", subnet=None, node_group=""), spokes=NOT_SHOWN)


(NO_VNET,) = about_hubs(SEEN, a_policy(discover_resolvers=True), {}, None, strays_matter=False)

FINDINGS = {
    "an odd cluster": not_understood(Odd(CLUSTER, "ManagedCluster", "$.id", "so"), CLUSTER),
    "a subnet whose company is unknown": company_unlisted(SUBNET, GROUP, TABLE),
    "pods with an old address": may_hold(CLUSTER, MOVE, PodRestarts(namespaces=("apps",))),
    "an endpoint that is not approved": in_doubt(SEEN, ApiServer(said="so"), Doubt.NOT_APPROVED),
    "a VNet that is not found": NO_VNET,
}


@pytest.mark.parametrize("finding", FINDINGS.values(), ids=FINDINGS)
def test_a_name_with_parentheses_is_quoted(finding: Finding) -> None:
    """Resource groups may have parentheses in their names, which a shell takes for a subshell."""
    prose = re.sub(r"\w's\b", "", finding.advice)
    assert GROUP.group in prose
    assert GROUP.group not in re.sub(r"'[^']*'", "", prose)


# azure-cli 2.91.0 answers "the following arguments are required: --resource-group/-g, --name/-n", and does not list
# Microsoft.ContainerService among the types whose endpoint connections it approves.
@pytest.mark.parametrize("unknown", [r"az aks [^`\n]*--ids", "az network private-endpoint-connection"])
def test_no_text_names_a_command_that_az_refuses(unknown: str) -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "functions").rglob("*_findings.py")]
    assert [
        file.name for file in files if re.search(unknown, re.sub(r'""".*?"""', "", file.read_text(), flags=re.DOTALL))
    ] == []


def test_a_cluster_is_asked_for_its_group_by_names() -> None:
    assert (
        "az aks show --subscription 22222222-2222-2222-2222-222222222222 --resource-group 'apps(weu)' --name prod "
        "--query nodeResourceGroup"
    ) in NO_VNET.advice


def test_a_connection_is_approved_by_akss_own_api() -> None:
    advice = FINDINGS["an endpoint that is not approved"].advice
    assert f"--url '{CLUSTER}/privateEndpointConnections/NAME?api-version=" in advice
    assert """--body '{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}'""" in advice
