"""Removes the records that former clusters of a row left behind: their removal failed, or was never seen."""

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record
from functions.dns.target import TargetError
from functions.fleet.seen import LeftSeen, Seen
from functions.handlers import api_server_findings as findings
from functions.handlers.api_server_records import left_pause, removal
from functions.handlers.record_memory import is_clean
from functions.handlers.verdict import Verdict, joined
from functions.handlers.zone_link_removal import GONE_AFTER
from functions.policy import Policy

# How soon to ask ARM again whether a name is free, where it did not say.
_UNKNOWN_WAIT = 900.0  # seconds


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Which records that former clusters left are to be removed now? No I/O, no clock. Needs `left`.

    the name                        the target                   verdict
    taken by a newer cluster        any                          nothing: the record is that cluster's
    not known whether it is free    any with a record            finding, look again
    free for less than 10 minutes   any with a record of ours    look again when they are over
    free                            not read                     finding, look again
    free                            a record of ours             change: delete
    any                             no record of ours            nothing
    """
    return joined([_of_name(seen, one, policy) for one in seen.left])


def _of_name(seen: Seen, one: LeftSeen, policy: Policy) -> Verdict:
    if one.taken:
        return Verdict()
    owner = Owner(policy.owner, ResourceId(one.left.cluster))
    troubles = [record for record in one.records if isinstance(record.held, TargetError)]
    said = tuple(findings.left_behind(one.left, record, policy.owner) for record in troubles)
    again = left_pause(seen) if troubles else None
    ours = [
        record
        for record in one.records
        if isinstance(record.held, Record) and not is_clean(record, one.left, policy.owner)
    ]
    if ours and not one.gone:
        told = findings.left_unread(one.left, "ARM does not show whether its name is free")
        return Verdict(findings=(*said, told), look_again=_UNKNOWN_WAIT)
    if ours and seen.at - one.left.since < GONE_AFTER:
        return Verdict(findings=said, look_again=max(1.0, one.left.since + GONE_AFTER - seen.at))
    why = f"the cluster {owner.cluster.name} that had this name is gone"
    changes = tuple(
        removal(one.left.name, record.place, record.held, owner, why)
        for record in ours
        if isinstance(record.held, Record)
    )
    return Verdict(changes, said, again)
