"""Stories that together need every right that Tether has. Each gives whether Tether did what it is about."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.http.routes import CLUSTER
from functions.policy import FailedClusters, Mode, PodRestarts, Resolution, Scope
from functions.role import Role
from functions.sweep import sweep
from functions.work import Work
from localazure.aks import maintenance
from localazure.fault_effects import not_authorised
from localazure.resources.subnets import Subnets
from localazure.store import Json, Resource
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, cluster_request
from tests.scenarios.record_stories import HUB_ZONE, in_azure, placed_hub_zone
from tests.scenarios.rights_told import RightsStory
from tests.scenarios.story import ZONES, Story
from tests.scenarios.test_api_server_records import dual_stack, integrated
from tests.scenarios.test_pod_restarts import Pods
from tests.scenarios.test_resolution import listening
from tests.unit.http.desks import TEAM, Caller

FLEET = f"/subscriptions/{SUBSCRIPTION}"
ABOVE = "/providers/Microsoft.Management/managementGroups/landing-zones"
APPS = f"{FLEET}/resourceGroups/apps/providers"
TEAM_ID = f"{APPS}/Microsoft.ContainerService/managedClusters/team"
HUB = f"{HUB_ZONE.partition('/privateDnsZones/')[0]}/virtualNetworks/hub-westeurope"

READ = "read-fleet"
LINK = "link-zones"
JOIN = "join-hub"
RECORD = "write-records"
ROUTE = "attach-route-tables"
PUT = "put-clusters"
RUN = "run-commands"
READ_RECORDS = "read-records"
ROLES = (READ, LINK, JOIN, READ_RECORDS, RECORD, ROUTE, PUT, RUN)
"""The roles of Tether's own identities, as infra/roles/rights.json names them."""


async def a_zone_is_linked(here: Story) -> bool:
    await here.create()
    await here.passes(500, watching=True)
    return linked(here)


async def a_link_goes_with_its_cluster(here: Story) -> bool:
    made = await a_zone_is_linked(here)
    await here.ask("DELETE", TEAM_ID, "2026-08-01")
    await here.passes(1800, watching=True)
    return made and not linked(here)


async def a_link_goes_with_its_hub(here: Story) -> bool:
    made = await a_zone_is_linked(here)
    around = around_of(here)
    policy = msgspec.structs.replace(around.policy, hubs=(), prune=True)
    here.live = replace(here.live, around=replace(around, policy=policy))
    await here.queue.send(Work(target=here.zone, why="sweep", cause="s", since=0.0, always=True), 0)
    await here.passes(900)
    return made and not linked(here)


async def a_custom_zone_in_the_hub_is_linked(here: Story) -> bool:
    placed_hub_zone(here)
    await here.create(private_dns_zone=HUB_ZONE)
    await here.passes(900, watching=True)
    return await swept(here) and linked(here)


async def records_follow_in_an_azure_zone_and_go(here: Story) -> bool:
    placed_hub_zone(here)
    cluster = await dual_stack(here)
    await here.passes(900, watching=True)
    await maintenance.maintenance(here.azure, cluster)
    await here.passes(300, watching=True)
    seen = await swept(here) and len(record_sets(here)) == len(("A", "AAAA"))
    await here.ask("DELETE", cluster, "2026-08-01")
    await here.passes(1800, watching=True)
    return seen and not record_sets(here)


async def a_record_goes_with_a_cluster_of_which_nobody_told(here: Story) -> bool:
    placed_hub_zone(here)
    cluster = await here.create()
    await here.passes(900, watching=True)
    written = bool(record_sets(here))
    group = here.zone.group_id
    here.azure.store.remove(cluster)
    here.azure.store.remove(str(group))
    await here.passes(3600, watching=True)
    return written and not record_sets(here)


async def a_record_is_planned(here: Story) -> bool:
    """In mode observe: what is there is read, and what there should be is told."""
    placed_hub_zone(here)
    await here.create()
    await here.passes(900, watching=True)
    report = await sweep(around_of(here), here.queue, here.live.ledger, here.live.reports)
    return report.changes == len(("link", "record")) and not report.unreadable and not report.findings


async def an_api_server_in_a_subnet_is_followed(here: Story) -> bool:
    """Its name lies in another zone then, so that AKS's own record is all there is; the sweep looks at that."""
    placed_hub_zone(here)
    cluster = await here.create()
    await here.passes(900, watching=True)
    written = bool(record_sets(here))
    await integrated(here, cluster)
    await here.passes(300, watching=True)
    (row,) = [row for row in await here.ledger.rows() if row.observed.cluster]
    return written and row.observed.address == " ".join(maintenance.addresses(here.azure, cluster))


async def a_person_is_shown_a_cluster(here: Story) -> bool:
    placed_hub_zone(here)
    await a_zone_is_linked(here)
    told = await Caller(here.live, here.queue, documents=here.documents).ask(CLUSTER, **TEAM)
    return told.status == 200 and not told.body["unread"]


async def a_route_table_is_attached(here: Story) -> bool:
    """The subnet names something of every kind that its PUT joins."""
    Subnets(here.azure).change(
        here.world.node_subnet,
        networkSecurityGroup={"id": f"{APPS}/Microsoft.Network/networkSecurityGroups/nodes"},
        natGateway={"id": f"{APPS}/Microsoft.Network/natGateways/out"},
        serviceEndpointPolicies=[{"id": f"{APPS}/Microsoft.Network/serviceEndpointPolicies/storage"}],
    )
    await here.create(kubenet=True)
    await here.passes(1800, watching=True)
    subnet = here.azure.store.get(here.world.node_subnet)
    return subnet is not None and "routeTable" in subnet.properties


async def a_cluster_is_put_again(here: Story) -> bool:
    """It has what a body usually names of others, and fails since its link comes too late."""
    body = cluster_request(here.world.node_subnet, here.world.location)
    identity = f"{APPS}/Microsoft.ManagedIdentity/userAssignedIdentities/team"
    body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
    properties: Json = body["properties"]
    properties["diskEncryptionSetID"] = f"{APPS}/Microsoft.Compute/diskEncryptionSets/keys"
    logs = {"logAnalyticsWorkspaceResourceID": f"{APPS}/Microsoft.OperationalInsights/workspaces/logs"}
    properties["addonProfiles"] = {"omsagent": {"enabled": True, "config": logs}}
    properties["networkProfile"]["loadBalancerProfile"] = {
        "outboundIPs": {"publicIPs": [{"id": f"{APPS}/Microsoft.Network/publicIPAddresses/out"}]},
        "outboundIPPrefixes": {"publicIPPrefixes": [{"id": f"{APPS}/Microsoft.Network/publicIPPrefixes/out"}]},
    }
    assert (await here.ask("PUT", TEAM_ID, "2026-08-01", body)).status_code == 201
    here.faults.add(not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
    await here.passes(900, watching=True)
    here.faults.clear()
    if around_of(here).policy.mode is Mode.OBSERVE or around_of(here).role is Role.PRIVILEGED:
        link = {"location": "global", "properties": {"virtualNetwork": {"id": here.world.hub}}}
        await here.ask("PUT", f"{here.zone}/virtualNetworkLinks/by-hand", body=link)
    await here.passes(3600, watching=True)
    return here.state(TEAM_ID) == "Succeeded"


async def workloads_are_restarted(here: Story) -> bool:
    placed_hub_zone(here)
    cluster = await here.create()
    await here.passes(900, watching=True)
    pods = Pods(here, ["proxy"])
    here.azure.run_command = pods.run
    await maintenance.maintenance(here.azure, cluster)
    await here.passes(3600, watching=True)
    return bool(pods.marks) and here.queue.waiting() == 0


async def a_sweep_finds_it(here: Story) -> bool:
    listening(here)
    await here.create()
    await here.passes(300)
    seen = await swept(here)
    await here.passes(300)
    return seen and linked(here)


async def a_fleet_below_a_management_group_is_linked(here: Story) -> bool:
    here.azure.management_groups[SUBSCRIPTION] = ("landing-zones", "root")
    done = await a_zone_is_linked(here)
    return await swept(here) and done


async def swept(here: Story) -> bool:
    """Whether a sweep saw all clusters that there are, and has nothing to say of any."""
    report = await sweep(around_of(here), here.queue, here.live.ledger, here.live.reports)
    await here.passes(60)
    there = len(here.azure.store.of_type("Microsoft.ContainerService/ManagedClusters"))
    return not report.unreadable and not report.findings and not report.changes and report.clusters == there


def around_of(here: Story) -> Around:
    assert isinstance(here.live.around, Around)
    return here.live.around


def linked(here: Story) -> bool:
    return here.links().get("hub-westeurope") == "ours"


def record_sets(here: Story) -> list[Resource]:
    """The address records in the hub's Azure zone."""
    return [held for kind in ("A", "AAAA") for held in here.azure.store.of_type(f"{ZONES}/{kind}", HUB_ZONE)]


LINKING = ((READ, FLEET), (LINK, FLEET), (JOIN, HUB))
RECORDING = (*LINKING, (RECORD, HUB_ZONE))
RECORDS: Mapping[str, Any] = {"records": (in_azure(),)}
RESTARTS: Mapping[str, Any] = {**RECORDS, "pod_restarts": PodRestarts(enabled=True, namespaces=("apps",))}
CUSTOM: Mapping[str, Any] = {"custom_zones": (ResourceId(HUB_ZONE),)}
PUTTING: Mapping[str, Any] = {"failed_clusters": FailedClusters(reconcile=True)}
ASKING: Mapping[str, Any] = {"resolution": Resolution(enabled=True)}
GROUPS: Mapping[str, Any] = {
    "scope": Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
}
FAILING: Mapping[str, Any] = {}
"""A world in which a cluster fails unless its hub is linked."""

TOLD = (
    RightsStory(a_zone_is_linked, LINKING),
    RightsStory(a_zone_is_linked, LINKING, names_hub=False),
    RightsStory(a_link_goes_with_its_cluster, LINKING),
    RightsStory(a_link_goes_with_its_hub, LINKING, {"discover_resolvers": False}),
    RightsStory(a_custom_zone_in_the_hub_is_linked, (*LINKING, (READ, HUB_ZONE), (LINK, HUB_ZONE)), CUSTOM),
    RightsStory(records_follow_in_an_azure_zone_and_go, RECORDING, RECORDS),
    RightsStory(a_record_goes_with_a_cluster_of_which_nobody_told, RECORDING, RECORDS),
    RightsStory(a_record_is_planned, ((READ, FLEET), (READ_RECORDS, HUB_ZONE)), RECORDS, mode=Mode.OBSERVE),
    RightsStory(an_api_server_in_a_subnet_is_followed, RECORDING, RECORDS),
    RightsStory(a_person_is_shown_a_cluster, RECORDING, RECORDS),
    RightsStory(a_route_table_is_attached, (*LINKING, (ROUTE, FLEET)), observing=FAILING),
    RightsStory(a_cluster_is_put_again, (*LINKING, (PUT, FLEET)), PUTTING, observing=FAILING),
    RightsStory(a_cluster_is_put_again, ((READ, FLEET), (PUT, FLEET)), PUTTING, observing=FAILING, app=Role.PRIVILEGED),
    RightsStory(workloads_are_restarted, (*RECORDING, (RUN, FLEET)), RESTARTS),
    RightsStory(a_sweep_finds_it, LINKING, ASKING, names_hub=False),
    RightsStory(a_fleet_below_a_management_group_is_linked, ((READ, ABOVE), (LINK, ABOVE), (JOIN, HUB)), GROUPS),
)
