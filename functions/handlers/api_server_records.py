"""Keeps the API server's address true in DNS that Azure's private zones do not reach."""

from dataclasses import replace
from typing import assert_never

from functions.dns.record import NO_RECORD, Owner, Record, in_order
from functions.dns.target import TargetError, Trouble
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.memory import left_behind
from functions.fleet.seen import RecordSeen, Seen, Unknown
from functions.handlers import api_server_findings as findings
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Finding, Outcome, Recording, Result, Verdict, joined, soonest
from functions.handlers.zone_link_removal import GONE_AFTER, gone_for_long
from functions.policy import Policy

HANDLER = "api_server_records"

# AKS writes its endpoint, its NIC and its record within seconds of one another.
_SOON = 10.0  # seconds

# Between two looks at a target that does not answer, or at pieces that do not agree.
_PATIENT = 60.0  # seconds

# The longest pause between two tries to remove a record whose cluster is gone.
_LONGEST = 900.0  # seconds


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Which records should say something else? No I/O, no clock.

    Needs `records`, and `api_server` while the cluster lives; without them it wants nothing.

    the cluster         the address       verdict
    ends                any               ours is removed, once the cluster is Deleting or gone for ten minutes;
                                          a target that cannot be read is tried until it can be
    lives               known             each record by the table of _of_record
    lives               in doubt          finding, or look again while AKS is at work; a record is never removed
    """
    if isinstance(seen.records, Unknown) or seen.cluster_id is None:
        return Verdict()
    owner = Owner(policy.owner, seen.cluster_id)
    if seen.cluster_ends:
        return _of_the_end(seen, seen.records, owner)
    if isinstance(seen.api_server, Unknown):
        return Verdict()
    server = seen.api_server
    if server.doubt is not None:
        return _in_doubt(seen, server, server.doubt)
    each = [_of_record(seen, record, server, owner) for record in seen.records]
    lag = findings.lags(seen, server) if server.lags and seen.records else None
    whole = joined(each)
    again = _PATIENT if lag else None
    said = (lag,) if lag and not seen.busy else ()
    return replace(whole, findings=(*said, *whole.findings), look_again=soonest(whole.look_again, again))


def _of_record(seen: Seen, record: RecordSeen, server: ApiServer, owner: Owner) -> Verdict:
    """What one target calls for.

    the target holds                        verdict
    no answer                               finding, and look again: that target alone waits
    something that leaves no room (CNAME)   finding
    nothing                                 change: create
    ours, as it should be                   nothing
    ours, another address or TTL            change: update
    an address of nobody's, with `adopt`    change: update
    an address of nobody's                  finding
    another cluster's, of our deployment    finding: claimed twice
    another deployment's, or several        finding
    """
    held = record.held
    if isinstance(held, TargetError):
        return _of_trouble(seen, record, held)
    if held.in_the_way:
        return Verdict(findings=(findings.in_the_way(seen, record, held),))
    wanted = Recording(record.place, seen.private_fqdn, held, server.addresses, record.target.ttl, owner)
    match _whose(held, owner):
        case "nobody's" if not held.addresses:
            return Verdict((_change(wanted, Action.CREATE, "the name has no record there"),))
        case "nobody's" if record.target.adopt:
            reason = "the record there is nobody's, and the policy says adopt"
            return Verdict((_change(wanted, Action.UPDATE, reason),))
        case "ours" if held.addresses == server.addresses and held.ttl == record.target.ttl:
            return Verdict(recorded=(wanted.kept,))
        case "ours":
            reason = "the record there does not say where the API server is now"
            if held.addresses == server.addresses:
                reason = f"the record's TTL is {held.ttl} s, and the policy wants {record.target.ttl} s"
            return Verdict((_change(wanted, Action.UPDATE, reason),))
        case "another cluster's":
            return Verdict(findings=(findings.claimed_twice(seen, record, held),))
        case _:
            return Verdict(findings=(findings.not_ours(seen, record, held, server),))


def _whose(held: Record, owner: Owner) -> str:
    if not held.owners:
        return "nobody's"
    if held.owner is None or held.owner.deployment != owner.deployment:
        return "another's"
    return "ours" if held.owner == owner else "another cluster's"


def _of_trouble(seen: Seen, record: RecordSeen, error: TargetError) -> Verdict:
    again = max(error.pause or 0.0, _SOON if seen.busy else _PATIENT)
    return Verdict(findings=(findings.target_trouble(seen, record.place, error),), look_again=again)


def _in_doubt(seen: Seen, server: ApiServer, doubt: Doubt) -> Verdict:
    """Nothing is written while the address is in doubt, nor removed: a missing address is not a gone cluster."""
    match doubt:
        case Doubt.NOT_YET:
            return Verdict(look_again=_SOON)
        case Doubt.STOPPED:
            return Verdict()
        case Doubt.DISAGREE | Doubt.MISSING if seen.busy:
            return Verdict(look_again=_SOON)
        case Doubt.DISAGREE:
            return Verdict(findings=(findings.in_doubt(seen, server, doubt),), look_again=_PATIENT)
        case Doubt.MISSING | Doubt.NOT_APPROVED | Doubt.ANOTHERS | Doubt.SEVERAL:
            return Verdict(findings=(findings.in_doubt(seen, server, doubt),))
        case _ as never:
            assert_never(never)


def _of_the_end(seen: Seen, records: tuple[RecordSeen, ...], owner: Owner) -> Verdict:
    """An orphan goes as the links do: at once while the cluster is Deleting, after ten minutes where it is gone.

    A name that a newer cluster has, under the same id, is that cluster's.
    """
    if seen.name_is_taken:
        return Verdict()
    held = [(record, record.held) for record in records]
    troubles = [_of_unread_end(seen, record, said, owner) for record, said in held if isinstance(said, TargetError)]
    ours = [(record, said) for record, said in held if isinstance(said, Record) and _whose(said, owner) == "ours"]
    if ours and seen.cluster_is_gone and not gone_for_long(seen):
        since = seen.remembered.gone_since or seen.at
        return joined([*troubles, Verdict(look_again=max(1.0, since + GONE_AFTER - seen.at))])
    why = f"the cluster {owner.cluster.name} {'is gone' if seen.cluster_is_gone else 'is being deleted'}"
    changes = tuple(removal(seen.private_fqdn, record.place, said, owner, why) for record, said in ours)
    return joined([*troubles, Verdict(changes)])


def _of_unread_end(seen: Seen, record: RecordSeen, error: TargetError, owner: Owner) -> Verdict:
    """A target that may still hold the record of a cluster that ends: it is tried until a read shows it gone."""
    verdict = _of_trouble(seen, record, error)
    if not seen.cluster_is_gone:
        return verdict
    said = findings.left_behind(left_behind(seen.remembered, seen.at), record, owner.deployment)
    return replace(verdict, findings=(*verdict.findings, said), look_again=max(error.pause or 0.0, left_pause(seen)))


def left_pause(seen: Seen) -> float:
    """Seconds until the next try to remove a record that is left: a minute, doubled with each try, 15 at most."""
    return min(_LONGEST, _PATIENT * 2 ** min(seen.remembered.attempt, 4))


def removal(name: str, place: str, held: Record, owner: Owner, why: str) -> Change:
    """The removal of a record of ours, if it still is what was read."""
    return _change(Recording(place, name, held, NO_RECORD.addresses, 0, owner), Action.DELETE, why)


def _change(wants: Recording, action: Action, reason: str) -> Change:
    after = " ".join(map(str, in_order(wants.addresses)))
    return Change(
        handler=HANDLER,
        target=wants.owner.cluster,
        action=action,
        reason=f"{wants.name} on {wants.place}: {reason}",
        before=str(wants.before),
        after=f"{after} (TTL {wants.ttl} s)" if after else "no record",
        wants=wants,
    )


async def apply(change: Change, means: Means, at: float) -> Outcome:
    """Write one record, or remove it, if it still is what was read. Needs no second look: DNS answers at once."""
    wants = change.wants
    assert isinstance(wants, Recording)
    store = means.targets.store(wants.place)
    try:
        if change.action is Action.DELETE:
            await store.remove(wants.name, wants.before)
        else:
            await store.swap(wants.name, wants.before, wants.addresses, wants.ttl, wants.owner)
    except TargetError as error:
        return _failed(change, error)
    return Outcome(change, Result.APPLIED)


def _failed(change: Change, error: TargetError) -> Outcome:
    match error.trouble:
        case Trouble.RACE_LOST:
            return Outcome(change, Result.UNKNOWN, trouble=error)
        case Trouble.UNREACHABLE | Trouble.BUSY:
            return Outcome(change, Result.UNKNOWN if error.unsure else Result.RETRY, trouble=error, pause=error.pause)
        case Trouble.DENIED | Trouble.WRONG_ZONE | Trouble.UNTRUSTED:
            return Outcome(change, Result.REFUSED, trouble=error)
        case _ as never:
            assert_never(never)


def explain(outcome: Outcome) -> Finding | None:
    """The finding that an outcome calls for, None when it needs nobody."""
    wants = outcome.change.wants
    if outcome.trouble is None or not isinstance(wants, Recording) or outcome.trouble.trouble is Trouble.RACE_LOST:
        return None
    return findings.write_trouble(outcome.change.target, wants.place, outcome.trouble)
