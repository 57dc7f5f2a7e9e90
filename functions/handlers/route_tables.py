"""Gives the subnet of a kubenet cluster the route table that AKS made for it, where the cluster failed for want of it.

Learn, "Create a private AKS cluster": with kubenet, a subnet of one's own and custom DNS the creation fails, and the
table of the node resource group has to be associated with the subnet afterwards.
"""

from functions.arm import subnets
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import LOST, Operation, Progress
from functions.arm.resource_id import ResourceId
from functions.arm.subnets import AnotherWriterError, ChangedMeanwhileError
from functions.fleet.creation import creation_failed
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import Seen, Unknown
from functions.fleet.subnet_model import MOST_ROUTES, RouteTable, Subnet, SubnetSeen
from functions.handlers import route_memory
from functions.handlers import route_table_findings as findings
from functions.handlers.means import Means
from functions.handlers.route_table_proof import carries_pods, doubts_of_company, doubts_of_table
from functions.handlers.verdict import Action, Change, Finding, Outcome, Result, Routing, Verdict, joined
from functions.policy import Policy

HANDLER = "route_tables"

# On a running cluster a missing table may be an operator in the middle of a swap (azure-facts, AKS).
GRACE = 900.0  # seconds

# Between two looks at a subnet that Azure is at work on: it takes seconds, but may be stuck.
_SOON, _LATER = 15.0, 900.0  # seconds
_STEPS = 8  # looks in a row, before the time between them doubles

_NEAR = 0.8  # of the routes that a table may have


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Should a subnet get its route table? No I/O, no clock.

    Needs `subnets` and `node_tables`. Nothing is written while AKS is at work: it attaches its own table then.

    the subnet has       the cluster                          verdict
    AKS's own table      any                                  nothing; finding near the limit of routes
    another table        Failed, or without routes for pods,
                         or AKS made a table as well          finding, never a change
    another table        any other                            nothing: a table of one's own that AKS uses
    no table             its creation failed                  change: create, if nothing of _obstacle stands against it
    no table             any other, without reattach          finding
    no table             any other, reattach, in the grace    look again when it is over
    no table             any other, reattach, not stopped     change, as above
    cannot be read       any                                  finding
    """
    cluster = seen.cluster
    if cluster is None or seen.cluster_ends or not cluster.kubenet or not policy.route_tables.attach:
        return Verdict()
    if isinstance(seen.subnets, Unknown) or isinstance(seen.node_tables, Unknown):
        return Verdict()
    lost = route_memory.doubts(seen)
    told = Verdict(findings=tuple(findings.possible_lost_update(subnet, parts) for subnet, parts in lost))
    if not cluster.settled:
        return told
    if isinstance(seen.node_tables, ArmError):
        return joined([told, Verdict(findings=(findings.not_readable(cluster.id, seen.node_tables),))])
    each = [_of_subnet(seen, cluster, policy, one, seen.node_tables) for one in seen.subnets]
    return joined([told, *each])


def _of_subnet(
    seen: Seen, cluster: ManagedCluster, policy: Policy, one: SubnetSeen, tables: tuple[RouteTable, ...]
) -> Verdict:
    if isinstance(one.held, ArmError):
        return Verdict(findings=(findings.not_readable(one.id, one.held),))
    looked = seen.operation_on(one.id)
    if looked is not None and looked.progress is Progress.RUNNING:
        pause = _SOON if looked.pause is None else looked.pause
        due = Operation(one.id, looked.operation.address, looked.operation.since, seen.at + pause)
        return Verdict(look_again=pause, operations=(due,))
    if not one.held.settled:
        return Verdict(look_again=min(_LATER, _SOON * 2 ** (min(seen.remembered.attempt, 64) // _STEPS)))
    if one.table is not None:
        return _with_table(cluster, one, one.table, tables)
    if looked is not None and looked.progress is Progress.FAILED and looked.error is not None:
        return Verdict(findings=(findings.refused(one.id, looked.error),))
    return _bare(seen, cluster, policy, one, one.held, tables)


def _with_table(cluster: ManagedCluster, one: SubnetSeen, table: ResourceId, tables: tuple[RouteTable, ...]) -> Verdict:
    own = next((held for held in tables if held.id == table), None)
    if own is not None:
        near = len(own.routes) >= MOST_ROUTES * _NEAR
        return Verdict(findings=(findings.nearly_full(own),) if near else ())
    held = one.foreign
    if held is None:
        return Verdict()
    carries = isinstance(held, RouteTable) and carries_pods(held, cluster.pod_prefixes)
    unread = isinstance(held, ArmError)
    if cluster.failed or any(held.of_aks for held in tables) or not (carries or unread or cluster.stopped):
        return Verdict(findings=(findings.another(cluster, one.id, table, held),))
    return Verdict()


def _bare(
    seen: Seen,
    cluster: ManagedCluster,
    policy: Policy,
    one: SubnetSeen,
    subnet: Subnet,
    tables: tuple[RouteTable, ...],
) -> Verdict:
    ours = tuple(table for table in tables if table.of_aks)
    reason = "the cluster could not be made without it"
    if not creation_failed(seen):
        if not policy.route_tables.reattach or cluster.stopped:
            return Verdict(findings=(findings.missing(cluster, one.id, ours[0].id if len(ours) == 1 else None),))
        over = (route_memory.bare_since(seen) or seen.at) + GRACE
        if seen.at < over:
            return Verdict(look_again=over - seen.at)
        reason = "it was there, or should be, and is missing; the policy says reattach"
    obstacle = _obstacle(seen, cluster, policy, one, subnet, ours)
    if obstacle is not None:
        return Verdict(findings=(obstacle,))
    (table,) = ours
    return Verdict((_change(cluster, one, table.id, reason),))


def _obstacle(
    seen: Seen,
    cluster: ManagedCluster,
    policy: Policy,
    one: SubnetSeen,
    subnet: Subnet,
    ours: tuple[RouteTable, ...],
) -> Finding | None:
    """What stands against attaching a table.

    the node resource group is locked down                            finding
    the subnet lies outside the scope, or is delegated                finding
    the group has several tables of AKS's, or none                    finding
    the table may do more than carry pods' traffic                    finding
    the subnet holds something that is not in that group, or another
    cluster names it, or whether one does is not known                finding
    the subnet lists no address of that group: the list may be
    left out, and then proves nothing about others                    finding
    another subnet of the cluster's has another table                 finding: all need one and the same
    """
    group = cluster.node_group
    assert group is not None  # its tables were read there
    if cluster.locked_down:
        return findings.locked_down(one.id, group)
    own_subscription = one.id.subscription.casefold() == cluster.id.subscription.casefold()
    if not own_subscription and not policy.covers(one.id.subscription):
        return findings.outside_scope(one.id)
    if subnet.given_away:
        return findings.given_away(one.id, subnet.given_away)
    if len(ours) != 1:
        return findings.not_one(one.id, group, ours)
    (table,) = ours
    if doubts := doubts_of_table(table, cluster.pod_prefixes, subnet):
        return findings.not_proven(one.id, table.id, doubts)
    known = one.neighbours if isinstance(one.neighbours, tuple) else ()
    if company := doubts_of_company(subnet, group, known):
        return findings.shared(one.id, company)
    if not isinstance(one.neighbours, tuple):
        error = one.neighbours or ArmError(0, "", "the clusters beside it were not listed")
        return findings.company_unknown(one.id, error)
    if not subnet.lists(group):
        return findings.company_unlisted(one.id, group, table.id)
    return _sibling_with_another(seen, cluster, table)


def _sibling_with_another(seen: Seen, cluster: ManagedCluster, table: RouteTable) -> Finding | None:
    """AKS wants one table for all subnets of a cluster (Learn, "Use kubenet networking", bring your own table)."""
    for one in () if isinstance(seen.subnets, Unknown) else seen.subnets:
        if one.table is not None and one.table != table.id and one.foreign is not None:
            return findings.another(cluster, one.id, one.table, one.foreign)
    return None


def _change(cluster: ManagedCluster, one: SubnetSeen, table: ResourceId, why: str) -> Change:
    return Change(
        handler=HANDLER,
        target=one.id,
        action=Action.CREATE,
        wants=Routing(one.id, table, one.body),
        reason=f"{cluster.id.name} is kubenet and its subnet has no route table: {why}",
        before=subnets.restorable(one.body) if one.body else "",
        after=f"route table {table}",
    )


async def apply(change: Change, means: Means, at: float) -> Outcome:
    """Write the subnet, if it still is what was judged. Refusals that pass by themselves the queue waits out."""
    wants = change.wants
    assert isinstance(wants, Routing)  # ours are
    overlap: tuple[str, ...] = ()
    try:
        accepted = await subnets.attach(means.session, wants.subnet, wants.body, wants.table)
    except AnotherWriterError as error:
        accepted, overlap = error.accepted, error.parts
    except ChangedMeanwhileError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "ChangedMeanwhile", str(error)))
    except ArmError as error:
        return _refused(change, error, at)
    except NoTokenError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "NoToken", str(error)))
    except NoAnswerError:
        return Outcome(change, Result.UNKNOWN)
    operation = Operation(change.target, accepted.address, at, at + accepted.pause)
    return Outcome(change, Result.STARTED, operation=operation, pause=accepted.pause, overlap=overlap)


def _refused(change: Change, error: ArmError, at: float) -> Outcome:
    """412 is a lost race, 409 and 429 are locks (azure-facts, Networking writes): look again, then write again.

    The pause, ARM's or the loop's own, holds for passes that look sooner for another reason too.
    """
    match classify(error):
        case Kind.RETRY | Kind.CONFLICT:
            later = Operation(change.target, LOST, at, at)
            return Outcome(change, Result.RETRY, operation=later, error=error, pause=error.retry_after)
        case Kind.GONE:
            return Outcome(change, Result.GONE, error=error)
        case Kind.DENIED | Kind.INVALID:
            return Outcome(change, Result.REFUSED, error=error)


def explain(outcome: Outcome) -> Finding | None:
    """The finding that an outcome calls for, None when it needs nobody."""
    if outcome.overlap:
        return findings.possible_lost_update(outcome.change.target, outcome.overlap)
    if outcome.result is Result.REFUSED and outcome.error is not None:
        return findings.refused(outcome.change.target, outcome.error)
    return None
