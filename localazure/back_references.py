"""What points to a subnet or a route table: Azure gathers it at every read and takes none of it from a caller."""

from localazure.network_rules import ARM, NetworkRules
from localazure.store import Json, Resource, Store, part

NICS = "Microsoft.Network/networkInterfaces"
BALANCERS = "Microsoft.Network/loadBalancers"
SCALE_SETS = "Microsoft.Compute/virtualMachineScaleSets"
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
ENDPOINTS = "Microsoft.Network/privateEndpoints"
_HOLDERS = ((NICS, "ipConfigurations"), (BALANCERS, "frontendIPConfigurations"), (SCALE_SETS, "ipConfigurations"))
"""Who holds addresses in subnets, and under which key."""


def of_subnet(store: Store, subnet_id: str, rules: NetworkRules, by: str = ARM) -> Json:
    """`ipConfigurations` and `privateEndpoints` of a subnet, each only where there are some.

    `by` is who shows it: both leave long lists of addresses out, if the rules say so.
    """
    found: Json = {}
    configurations = configurations_in(store, subnet_id)
    if configurations and rules.shows(by, subnet_id, len(configurations)):
        found["ipConfigurations"] = [{"id": upper_cased(configuration["id"])} for configuration in configurations]
    if endpoints := _endpoints_in(store, subnet_id):
        found["privateEndpoints"] = [{"id": upper_cased(endpoint.id)} for endpoint in endpoints]
    return found


def of_route_table(store: Store, table_id: str) -> Json:
    """`subnets` of a route table where there are some, spelt as they are.

    Recorded: network/route-table-list-subscription-with-subnets.
    """

    def by_table() -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for subnet in store.of_type(SUBNETS):
            if table := part(subnet.properties, "routeTable").get("id"):
                found.setdefault(str(table).casefold(), []).append({"id": subnet.id})
        return found

    subnets = store.indexed("subnets by route table", by_table, SUBNETS).get(table_id.casefold(), [])
    return {"subnets": subnets} if subnets else {}


def configurations_in(store: Store, subnet_id: str) -> list[Json]:
    """Every IP configuration in a subnet: of network interfaces, internal load balancers and kubenet's nodes."""

    def by_subnet() -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for kind, key in _HOLDERS:
            for holder in store.of_type(kind):
                for configuration in holder.properties[key]:
                    if subnet := part(configuration["properties"], "subnet").get("id"):
                        found.setdefault(subnet.casefold(), []).append(configuration)
        return found

    return store.indexed("IP configurations by subnet", by_subnet, *(kind for kind, _ in _HOLDERS)).get(
        subnet_id.casefold(), []
    )


def upper_cased(resource_id: str) -> str:
    """A back reference: names are upper-cased from the resource group on, the words between them are not.

    Recorded: network/subnet-get-with-private-endpoint-back-references.
    """
    parts = resource_id.strip("/").split("/")
    fixed = {0, 1, 2, 4, 5}  # subscriptions, its id, resourceGroups, providers, the namespace
    named = [
        part.upper() if index not in fixed and (index == 3 or index % 2 == 1) else part
        for index, part in enumerate(parts)
    ]
    return "/" + "/".join(named)


def _endpoints_in(store: Store, subnet_id: str) -> list[Resource]:
    def by_subnet() -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for endpoint in store.of_type(ENDPOINTS):
            found.setdefault(endpoint.properties["subnet"]["id"].casefold(), []).append(endpoint)
        return found

    return store.indexed("private endpoints by subnet", by_subnet, ENDPOINTS).get(subnet_id.casefold(), [])
