"""Every concern of Tether's. The loop and the sweep decide with the same ones."""

from functions.fleet.seen import Seen
from functions.handlers import (
    api_server_records,
    not_understood_findings,
    privileged,
    record_left,
    resolution,
    route_tables,
    zone_links,
)
from functions.handlers.verdict import Verdict, joined
from functions.policy import Policy
from functions.role import Role

_PLAIN = (zone_links, api_server_records, route_tables)

HANDLERS = {handler.HANDLER: handler for handler in (*_PLAIN, *privileged.HANDLERS)}


def decide(seen: Seen, policy: Policy, role: Role = Role.ALONE) -> Verdict:
    """What all concerns of an app's together want. Pure, as each of them is."""
    first = [] if role is Role.PRIVILEGED else [handler.decide(seen, policy) for handler in _PLAIN]
    unread = Verdict(findings=not_understood_findings.about(seen))
    told = [record_left.decide(seen, policy), resolution.decide(seen, policy), unread]
    last = [] if role is Role.PRIVILEGED else told
    if role in {Role.ALONE, Role.PRIVILEGED}:
        return joined([*first, *(handler.decide(seen, policy) for handler in privileged.HANDLERS), *last])
    return joined([*first, privileged.left(seen, policy, role), *last])
