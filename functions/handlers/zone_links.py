"""Links a cluster's private DNS zone to the hubs whose resolvers must answer for it."""

from dataclasses import replace
from typing import assert_never

from functions.arm import writes
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import LOST, Operation, Progress
from functions.arm.resource_id import ResourceId
from functions.fleet.resolvers import resolvers
from functions.fleet.seen import NOT_SHOWN, UNKNOWN, Seen, Unknown
from functions.handlers import zone_link_findings as findings
from functions.handlers import zone_link_leaving, zone_link_removal
from functions.handlers.link_names import HANDLER, link_id
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Finding, Linking, Outcome, Result, Verdict, joined, soonest
from functions.handlers.zone_link_standing import TOO_LONG, Standing, stand
from functions.handlers.zone_link_wanted import wanted
from functions.policy import OWNER_TAG, Policy

# How long to wait for something of Azure's that gives no date: a link that is being made, a read that lags a write.
_USUAL_WAIT = 30.0

# AKS makes the zone within half a minute of the cluster's PUT.
_ZONE_WAIT = 10.0

# How long to wait for a link that takes too long.
_SLOW_WAIT = 300.0


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Which hubs should be linked to the zone and are not? No I/O, no clock.

    A cluster without a zone has none, and a pass that is not about links asks for none. One that ends is
    zone_link_removal's; a zone that is not there yet is waited for while AKS is at work.
    Needs `spokes` to discover hubs, and looks again at once when they were not read, and in half a minute while AKS has
    not made their VNet yet; `links` may be unknown.

    the hub's link       its operation            verdict
    Completed            any                      nothing, whatever the link's name
    Failed               any                      finding
    other state          any                      look again
    not known            running                  look again
    not known            succeeded                nothing: the end of the operation is the end of the link's making
    listed, not there    succeeded lately         look again: a read lags behind a write for a while
    listed, not there    succeeded long ago       change: create
    not known            failed: precondition     ours was there and is gone, or another VNet's: look again, or finding
    listed, not there    failed: Conflict         finding
    listed, unwanted     any                      ours: see zone_link_leaving; others': nothing
    any                  failed: other refusal    finding
    any                  failed: worth a retry    change: create
    not known, but
    remembered           none, or worth a retry   look again at once, with a complete list: not listed is not removed
    not known            none                     change: create (the precondition tells whether it was needed)
    listed, not there    none, or unknown         change: create
    """
    if not seen.links.asked:
        return Verdict()
    if seen.ends:
        return zone_link_removal.decide(seen, policy)
    if not seen.links.zone_is_there:
        return Verdict(look_again=_ZONE_WAIT if seen.busy else None)
    found = None if isinstance(seen.spokes, Unknown) else resolvers(seen.spokes)
    hubs = wanted(seen, policy, found)
    said: list[Finding] = findings.about_cluster(seen)
    strays = found is not None and (not hubs or zone_link_leaving.strays_keep_links(seen, policy, hubs, found))
    said += findings.about_hubs(seen, policy, hubs, found, strays_matter=strays)
    if hubs and seen.cluster is not None and seen.cluster.locked_down and seen.in_node_group:
        return Verdict(findings=(*said, findings.locked_down(seen.place)))
    each = [_of_hub(seen, policy, hub, why) for hub, why in hubs.items()]
    each.append(zone_link_leaving.decide(seen, policy, hubs))
    whole = _with_ended(joined(each), seen, policy)
    look_again = soonest(_until_discovery(seen, policy), whole.look_again)
    return replace(whole, findings=(*said, *whole.findings), look_again=look_again)


def _of_hub(seen: Seen, policy: Policy, hub: ResourceId, why: str) -> Verdict:
    """What one hub calls for."""
    match stand(seen, policy, hub):
        case Standing.LINKED:
            return Verdict(linked=(hub,))
        case Standing.WAIT:
            awaited = _awaited(seen, link_id(seen.place, hub, policy.owner))
            waited = seen.at - awaited.since
            said = (findings.too_long(awaited.target, hub, waited),) if waited > TOO_LONG else ()
            return Verdict((), said, awaited.due - seen.at, (awaited,))
        case Standing.REMEMBERED:
            return Verdict(look_again=0.0)
        case Standing.ABSENT:
            return Verdict((_create(seen.place, hub, why, policy),))
        case Finding() as finding:
            return Verdict(findings=(finding,))


def _with_ended(whole: Verdict, seen: Seen, policy: Policy) -> Verdict:
    """While one link is being made, the operations of those that are made are looked up too.

    So the end of each stays known until the last has ended, also to a pass that cannot read the ledger.
    """
    if not whole.operations and not whole.changes:
        return whole
    ended = (seen.operation_on(link_id(seen.place, hub, policy.owner)) for hub in whole.linked)
    due = min((operation.due for operation in whole.operations), default=seen.at + _USUAL_WAIT)
    kept = (
        Operation(looked.operation.target, looked.operation.address, looked.operation.since, due)
        for looked in ended
        if looked is not None and looked.progress is Progress.SUCCEEDED
    )
    return replace(whole, operations=(*whole.operations, *kept))


async def apply(change: Change, means: Means, at: float) -> Outcome:
    """Ask for the link, or for its removal. Writes nothing else, once, and says what became of it."""
    wants = change.wants
    assert isinstance(wants, Linking)  # ours are
    try:
        if change.action is Action.DELETE:
            accepted = await writes.delete_link(means.session, change.target, wants.etag)
        else:
            accepted = await writes.create_link(means.session, change.target, wants.vnet, dict(wants.tags))
    except ArmError as error:
        return _refused(change, error, at)
    except NoTokenError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "NoToken", str(error)))
    except NoAnswerError:
        return Outcome(change, Result.UNKNOWN, operation=Operation(change.target, LOST, at, at))
    if accepted is None:
        return Outcome(change, Result.ALREADY)
    operation = Operation(change.target, accepted.address or LOST, at, at + accepted.pause)
    return Outcome(change, Result.STARTED, operation=operation, pause=accepted.pause)


def explain(outcome: Outcome) -> Finding | None:
    """The finding that an outcome calls for, None when it needs nobody."""
    if outcome.result is not Result.REFUSED or outcome.error is None:
        return None
    wants = outcome.change.wants
    assert isinstance(wants, Linking)  # ours are
    return findings.refused(outcome.change.target, wants.vnet, outcome.error)


# The zone, or its group, is not there (any more).
_NO_ZONE = frozenset({"ParentResourceNotFound", "ResourceGroupNotFound"})


def _refused(change: Change, error: ArmError, at: float) -> Outcome:
    match classify(error):
        case Kind.RETRY:
            later = Operation(change.target, LOST, at, at)
            return Outcome(change, Result.RETRY, operation=later, error=error, pause=error.retry_after)
        case Kind.CONFLICT:
            # Something is there: the next pass lists the links before anything is written again.
            return Outcome(change, Result.UNKNOWN, operation=Operation(change.target, LOST, at, at), error=error)
        case Kind.GONE if change.action is Action.DELETE or error.code in _NO_ZONE:
            return Outcome(change, Result.GONE, error=error)
        case Kind.GONE | Kind.DENIED | Kind.INVALID:
            return Outcome(change, Result.REFUSED, error=error)
        case _ as never:
            assert_never(never)


def _create(zone: ResourceId, hub: ResourceId, why: str, policy: Policy) -> Change:
    return Change(
        handler=HANDLER,
        target=link_id(zone, hub, policy.owner),
        action=Action.CREATE,
        wants=Linking(hub, tuple(sorted({**policy.link_tags, OWNER_TAG: policy.owner}.items()))),
        reason=f"resolvers in {hub.name} cannot see the zone {zone.name}: {why}",
        after=f"link to {hub}",
    )


def _awaited(seen: Seen, target: ResourceId) -> Operation:
    """What the next pass looks up to see how a link came along.

    An operation that failed or that ARM does not know tells nothing more: the links are listed then.
    """
    looked = seen.operation_on(target)
    since = seen.at if looked is None else looked.operation.since
    pause = _USUAL_WAIT if looked is None or looked.pause is None else looked.pause
    due = seen.at + (max(pause, _SLOW_WAIT) if seen.at - since > TOO_LONG else pause)
    if looked is not None and looked.progress in {Progress.RUNNING, Progress.SUCCEEDED}:
        return Operation(target, looked.operation.address, since, due)
    return Operation(target, LOST, since, due)


def _until_discovery(seen: Seen, policy: Policy) -> float | None:
    """Seconds until the spokes are read again: at once when they were not read, later while AKS makes their VNet."""
    if not policy.discover_resolvers or seen.cluster is None:
        return None
    if seen.spokes is UNKNOWN:
        return 0.0
    return _USUAL_WAIT if seen.spokes is NOT_SHOWN and seen.busy else None
