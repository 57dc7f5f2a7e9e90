"""The resource types that the local ARM knows, in one table."""

from collections.abc import Callable
from functools import partial

from localazure.aks.run_command import CommandResults
from localazure.azure import LocalAzure
from localazure.resources.authorization import Permissions, RoleAssignments, RoleDefinitions
from localazure.resources.groups import ResourceGroups
from localazure.resources.load_balancers import LoadBalancers
from localazure.resources.managed_clusters import ManagedClusters
from localazure.resources.network_interfaces import NetworkInterfaces
from localazure.resources.peerings import Peerings
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.resources.private_zones import PrivateZones
from localazure.resources.provider import Provider
from localazure.resources.record_sets import AllRecordSets, RecordSets
from localazure.resources.resource_graph import ResourceGraph
from localazure.resources.route_tables import RouteTables
from localazure.resources.routes import Routes
from localazure.resources.subnets import Subnets
from localazure.resources.subscriptions import Subscriptions, Tenants
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.resources.zone_links import ZoneLinks

TYPES: tuple[Callable[[LocalAzure], Provider], ...] = (
    Subscriptions,
    Tenants,
    Permissions,
    RoleAssignments,
    RoleDefinitions,
    ResourceGroups,
    VirtualNetworks,
    Subnets,
    Peerings,
    RouteTables,
    Routes,
    PrivateEndpoints,
    NetworkInterfaces,
    LoadBalancers,
    PrivateZones,
    ZoneLinks,
    partial(RecordSets, kind="A"),
    partial(RecordSets, kind="AAAA"),
    partial(RecordSets, kind="CNAME"),
    partial(RecordSets, kind="TXT"),
    partial(RecordSets, kind="SOA"),
    AllRecordSets,
    ManagedClusters,
    CommandResults,
    ResourceGraph,
)


def providers(azure: LocalAzure) -> dict[str, Provider]:
    """Every type's provider by its name in lower case."""
    made = [make(azure) for make in TYPES]
    return {provider.type.casefold(): provider for provider in made}
