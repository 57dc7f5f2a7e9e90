"""Every concern of Tether's. The loop and the sweep decide with the same ones."""

from functions.fleet.seen import Seen
from functions.handlers import api_server_records, failed_clusters, pod_restarts, resolution, route_tables, zone_links
from functions.handlers.verdict import Verdict, joined
from functions.policy import Policy

HANDLERS = {
    handler.HANDLER: handler
    for handler in (zone_links, api_server_records, route_tables, pod_restarts, failed_clusters)
}


def decide(seen: Seen, policy: Policy) -> Verdict:
    """What all concerns together want. Pure, as each of them is."""
    return joined([*(handler.decide(seen, policy) for handler in HANDLERS.values()), resolution.decide(seen, policy)])
