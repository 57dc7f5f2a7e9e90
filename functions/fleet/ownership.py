"""Proof that a private zone is what it seems to be, before anything is linked to a hub (rule 8).

Whoever may create a zone or a resource group in a spoke could otherwise have any name answered in the hub.
"""

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.fleet.model import ManagedCluster, ResourceGroup
from functions.fleet.zone_name import labels, system_zone


class NotProvenError(Exception):
    """The zone is not shown to be the system zone of a managed cluster. The text says which clause fails."""


def claimed_manager(group: ResourceGroup) -> ResourceId:
    """The managed cluster that a resource group names as its manager. A claim only: anyone may set `managedBy`."""
    try:
        manager = ResourceId(group.managed_by or "")
    except InvalidResourceIdError:
        raise NotProvenError(f"no managed cluster manages the resource group {group.id.group}") from None
    if manager.type != "microsoft.containerservice/managedclusters":
        raise NotProvenError(f"the resource group {group.id.group} is managed by a {manager.type}")
    return manager


def prove(zone: ResourceId, cluster: ManagedCluster, suffixes: tuple[str, ...]) -> None:
    """Show that `zone` is the zone that AKS made for `cluster`. Raises NotProvenError with the clause that fails.

    The cluster was read from ARM under the id that the group claims. The claim holds only if the cluster, in turn,
    names this very group of this very subscription, lets AKS make its zone, and has its private name in this zone.
    """
    group, name = cluster.properties.node_resource_group or "", cluster.properties.private_fqdn or ""
    if cluster.id.subscription.casefold() != zone.subscription.casefold():
        raise NotProvenError("the cluster that the resource group names lies in another subscription")
    if group.casefold() != zone.group.casefold():
        raise NotProvenError("the cluster that the resource group names has another node resource group")
    access = cluster.properties.api_server_access_profile
    if access is None or not access.enable_private_cluster:
        raise NotProvenError("the cluster is not private")
    if cluster.zone_mode.casefold() != "system":
        raise NotProvenError(f"the cluster's zone mode is {cluster.zone_mode}, so AKS made no zone for it")
    _prove_name(zone, name, cluster.location, suffixes)


def _prove_name(zone: ResourceId, private_fqdn: str, location: str, suffixes: tuple[str, ...]) -> None:
    if labels(private_fqdn)[1:] != labels(zone.name):
        raise NotProvenError("the cluster's private name does not lie in this zone")
    form = system_zone(zone.name, suffixes)
    if form is None:
        raise NotProvenError("the zone's name is not of the form that AKS gives")
    if form.region != normal_location(location):
        raise NotProvenError(f"the zone's name is for {form.region}, the cluster is in {location}")


def prove_public_name(cluster: ManagedCluster, suffixes: tuple[str, ...]) -> None:
    """Show that a cluster without a zone has its private name where AKS puts it: `<label>.hcp.<region>.<suffix>`.

    Source: recorded aks/private-zone-none-create (trap 16). Raises NotProvenError.
    """
    host, *rest = labels(cluster.properties.private_fqdn or "")
    region = normal_location(cluster.location)
    if not host or not any(tuple(rest) == ("hcp", region, *labels(suffix)) for suffix in suffixes):
        raise NotProvenError("the cluster's private name is not of the form that AKS gives without a private zone")


def normal_location(location: str) -> str:
    """A region's name as ARM's own: `West Europe` is `westeurope`."""
    return location.replace(" ", "").casefold()
