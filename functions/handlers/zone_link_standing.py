"""How one hub stands, by its link, by the operation that makes it and by what the ledger remembers. Pure."""

from enum import Enum
from typing import assert_never

from functions.arm.errors import ArmError, Kind, classify
from functions.arm.operations import LookedUp, Progress
from functions.arm.resource_id import ResourceId
from functions.fleet.network_model import Link
from functions.fleet.seen import Seen
from functions.handlers import zone_link_findings as findings
from functions.handlers.link_names import link_id
from functions.handlers.verdict import Finding
from functions.policy import Policy

TOO_LONG = 900.0
"""Seconds after which a link is reported that Azure is still making. A link takes about a minute (azure-facts, Private
DNS). A list that lacks the link is believed by then: it does not lag behind a write for so long."""


class Standing(Enum):
    """How one hub stands."""

    LINKED = "linked"
    WAIT = "wait"
    REMEMBERED = "remembered"  # linked when the links were last listed, and they were not listed now
    ABSENT = "absent"


def stand(seen: Seen, policy: Policy, hub: ResourceId) -> Standing | Finding:
    """One row of zone_links.decide's table. A remembered hub is absent only on a complete list."""
    found = _found(seen, policy, hub)
    if found is Standing.ABSENT and not seen.links.complete and is_remembered(seen, hub):
        return Standing.REMEMBERED
    return found


def is_remembered(seen: Seen, hub: ResourceId) -> bool:
    """Whether the ledger remembers a link to the hub."""
    return str(hub).casefold() in {held.casefold() for held in seen.remembered.hubs}


def _found(seen: Seen, policy: Policy, hub: ResourceId) -> Standing | Finding:
    target = link_id(seen.place, hub, policy.owner)
    link, looked = seen.links.to(hub), seen.operation_on(target)
    if link is not None:
        return _of_link(link, target, hub)
    if looked is None:
        return Standing.ABSENT
    match looked.progress:
        case Progress.RUNNING:
            return Standing.WAIT
        case Progress.SUCCEEDED if not seen.links.complete:
            return Standing.LINKED
        case Progress.SUCCEEDED:
            return Standing.WAIT if seen.at - looked.operation.since <= TOO_LONG else Standing.ABSENT
        case Progress.UNKNOWN:
            return Standing.ABSENT
        case Progress.FAILED:
            return _of_failure(seen, looked, target, hub)
        case _ as never:
            assert_never(never)


def _of_link(link: Link, target: ResourceId, hub: ResourceId) -> Standing | Finding:
    if link.completed:
        return Standing.LINKED
    if link.properties.provisioning_state.casefold() == "failed":
        return findings.link_failed(target, link, hub)
    return Standing.WAIT


def _of_failure(seen: Seen, looked: LookedUp, target: ResourceId, hub: ResourceId) -> Standing | Finding:
    error = looked.error or ArmError(200, "", "the operation failed without a reason")
    match classify(error):
        case Kind.RETRY:
            return Standing.ABSENT
        case Kind.CONFLICT if error.code == "PreconditionFailed":
            other = seen.links.named(target)
            return Standing.WAIT if other is None else findings.name_taken(target, other, hub)
        case _:
            return findings.refused(target, hub, error)
