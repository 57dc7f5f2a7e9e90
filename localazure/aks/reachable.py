"""Where a cluster's API server is, and whether its nodes get there."""

from localazure.aks.blueprint import Blueprint
from localazure.azure import LocalAzure
from localazure.store import Json, Resource, items, part


def addresses_of(azure: LocalAzure, plan: Blueprint) -> tuple[str, ...]:
    """The API server's private addresses, IPv4 first; none where nothing holds one (yet)."""
    if plan.balancer:
        holder, key = azure.store.get(plan.balancer_id), "frontendIPConfigurations"
    else:
        holder, key = _interface(azure, azure.store.get(plan.endpoint_id)), "ipConfigurations"
    held = [part(found, "properties") for found in (items(holder.properties, key) if holder else [])]
    return tuple(str(found["privateIPAddress"]) for found in held if found.get("privateIPAddress"))


def cannot_connect(azure: LocalAzure, plan: Blueprint) -> str:
    """Why a node cannot reach its API server at this moment; empty when it can.

    An endpoint that is gone or not Approved leads nowhere (azure-facts, Private DNS), and an old address neither.
    """
    if plan.mode == "public" and not plan.balancer:
        return ""
    addresses = addresses_of(azure, plan)
    if not addresses:
        return "the API server has no private address"
    if not plan.endpoint:
        return ""
    endpoint = azure.store.get(plan.endpoint_id)
    if (status := _approval(endpoint)) != "Approved":
        return f"the private endpoint is {status}"
    if not plan.nodes_use_dns:
        return ""
    answer = azure.resolvers.lookup(plan.vnets[0], plan.private_fqdn)
    if not answer.addresses:
        return f"{plan.private_fqdn} does not resolve: {answer.reason}"
    if not set(answer.addresses) & set(addresses):
        return f"{plan.private_fqdn} is {', '.join(answer.addresses)}, an address of the past"
    return ""


def _approval(endpoint: Resource | None) -> str:
    connections = items(endpoint.properties, "privateLinkServiceConnections") if endpoint else []
    states = [_state(connection) for connection in connections]
    return next((state for state in states if state != "Approved"), "Approved" if states else "missing")


def _state(connection: Json) -> str:
    return str(part(part(connection, "properties"), "privateLinkServiceConnectionState").get("status", ""))


def _interface(azure: LocalAzure, endpoint: Resource | None) -> Resource | None:
    named = items(endpoint.properties, "networkInterfaces") if endpoint else []
    return azure.store.get(named[0]["id"]) if named else None
