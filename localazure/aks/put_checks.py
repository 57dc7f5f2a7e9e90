"""What AKS refuses at once when a cluster is written."""

from localazure.aks.blueprint import Blueprint
from localazure.aks.cluster_operations import refuse_when_busy
from localazure.aks.errors import invalid, precondition_failed, route_table_refused, stopped, zone_not_found
from localazure.aks.kubenet import unrouted_subnet
from localazure.aks.names import zone_mode
from localazure.azure import LocalAzure
from localazure.resources.provider import ArmRequest
from localazure.store import Json, Resource, items, part


def check_put(azure: LocalAzure, request: ArmRequest, cluster: Resource | None) -> None:
    """Raise Refused: 409 while it is busy or stopped, 412 for a broken precondition, 400 for what cannot be.

    That a table must be attached is judged for clusters that are there: their creation has made the table.
    """
    if cluster is not None:
        refuse_when_busy(azure, cluster)
        if part(cluster.properties, "powerState").get("code") == "Stopped":
            raise stopped(cluster.name)
    _check_condition(request, cluster)
    if not request.sent.get("location"):
        raise invalid("location", "A managed cluster needs a location.")
    properties = part(request.sent, "properties")
    _check_access(azure, part(properties, "apiServerAccessProfile"), cluster)
    _check_pools(azure, properties)
    if cluster is not None and (subnet := unrouted_subnet(azure, Blueprint.of(cluster))):
        raise route_table_refused(subnet)


def _check_condition(request: ArmRequest, cluster: Resource | None) -> None:
    if request.headers.get("if-none-match") == "*" and cluster is not None:
        raise precondition_failed()
    wanted = request.headers.get("if-match", "").strip('"')  # the SDK quotes what has no quotes of its own
    if wanted and (cluster is None or wanted not in ("*", cluster.body.get("eTag"))):
        raise precondition_failed()


def _check_access(azure: LocalAzure, access: Json, cluster: Resource | None) -> None:
    zone = str(access.get("privateDNSZone") or "")
    if zone_mode(access) == "custom" and azure.store.get(zone) is None:
        raise zone_not_found(zone)
    had = part(cluster.properties, "apiServerAccessProfile") if cluster else {}
    if had.get("enableVnetIntegration") and not access.get("enableVnetIntegration"):
        raise invalid("apiServerAccessProfile", "API Server VNet Integration cannot be switched off.")
    if (subnet := access.get("subnetId")) and azure.store.get(str(subnet)) is None:
        raise invalid("apiServerAccessProfile.subnetId", f"There is no subnet {subnet}.")


def _check_pools(azure: LocalAzure, properties: Json) -> None:
    for pool in items(properties, "agentPoolProfiles"):
        if not isinstance(pool, dict):
            raise invalid("agentPoolProfiles", "A node pool must be an object.")
        subnet = part({"pool": pool}, "pool").get("vnetSubnetID")
        if subnet and azure.store.get(str(subnet)) is None:
            raise invalid("agentPoolProfiles.vnetSubnetID", f"There is no subnet {subnet}.")
