"""Asks whether the private name leads its clients to the API server. Reads only: nothing is ever changed for it."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import assert_never

import msgspec

from functions.dns.record import Address
from functions.fleet.observe_resolution import expected
from functions.fleet.seen import Seen, Unknown
from functions.handlers import resolution_findings as findings
from functions.handlers.resolution_standing import Heard, Standing, heard_of
from functions.handlers.verdict import Finding, Linking, Outcome, Recording, Result, Verdict, joined
from functions.ledger.state import Observed
from functions.policy import Policy

# How often to look for AKS's own record while the cluster is being made; its event usually comes sooner.
_RECORD_WAIT = 30.0  # seconds

# After a record was written: servers answer with it at once, and those that take it over from others soon.
_AFTER_WRITE = 5.0  # seconds

# For so long an answer from before may have been kept when nobody saw how old it was: Windows DNS keeps "no such name"
# for 15 minutes (azure-facts, Private DNS), and records of AKS's and of Tether's have smaller TTLs.
_LONGEST_KEPT = 900.0  # seconds


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Does the name resolve to where the API server is? No I/O, no clock; never a change.

    Needs `answers`; while they are not known, it waits for the record that would make asking worth while.

    the server says                  may be from before     verdict
    the API server's addresses       any                    nothing
    no such name, or no address      yes                    finding: cached, until when; look again then
    no such name, or no address      no                     finding: does not resolve
    another address                  yes                    look again when its TTL is over
    another address                  no                     finding: wrong address
    SERVFAIL, or nothing readable    any                    finding
    REFUSED                          any                    finding
    something over UDP, not TCP      any                    finding besides: TCP blocked
    something over TCP, not UDP      any                    finding besides: UDP blocked, or TCP needed
    nothing over either              any                    nothing: the sweep tells it once for the deployment
    not asked, for lack of time      any                    finding: not all were asked

    An answer may be from before for as long as its TTL, counted from when it was first seen so. One that is still the
    same after that is today's truth, and so is one that comes long after everything was found right.
    """
    if not policy.resolution.enabled:
        return Verdict()
    if isinstance(seen.answers, Unknown):
        return Verdict(look_again=_RECORD_WAIT if _is_to_come(seen) else None)
    wanted = expected(seen)
    servers = heard_of(seen.answers, wanted)
    return joined([*_of_standings(seen, servers, wanted), Verdict(findings=tuple(_of_transports(seen, servers)))])


def is_due(seen: Seen, policy: Policy, others: Verdict) -> bool:
    """Whether the name should resolve by now, `others` being what all other concerns want.

    Never sooner: a resolver that is asked too early keeps "no such name" for minutes, and that is what nodes wait for.
    So nothing is left to link or to write, and AKS's own record says what the network says. A pass that does not look
    at links goes by what was found before.
    """
    if not policy.resolution.enabled or seen.cluster is None or seen.cluster_ends or seen.cluster.stopped:
        return False
    if _is_under_way(others) or not seen.private_fqdn or not expected(seen):
        return False
    if not seen.links.asked and seen.zone is not None and not _was_in_place(seen.remembered):
        return False
    if isinstance(seen.api_server, Unknown):
        return not seen.busy
    return seen.zone is None or seen.api_server.published == seen.api_server.addresses


def _is_under_way(others: Verdict) -> bool:
    """Whether something is still to be linked or written. What is done inside the cluster makes no name resolve."""
    changes = any(isinstance(change.wants, Linking | Recording) for change in others.changes)
    return changes or any(operation.of_zone for operation in others.operations)


def _was_in_place(held: Observed) -> bool:
    return bool(held.hubs or held.records) and not any(operation.of_zone for operation in held.operations)


def _is_to_come(seen: Seen) -> bool:
    """Whether AKS is about to write its record."""
    if isinstance(seen.api_server, Unknown) or seen.zone is None or seen.cluster_ends or not seen.busy:
        return False
    return seen.api_server.published != seen.api_server.addresses


def _of_standings(seen: Seen, servers: list[Heard], wanted: frozenset[Address]) -> list[Verdict]:
    """One verdict for all servers that stand alike."""
    until = _from_before_until(seen, servers)
    waits = until > seen.at
    verdicts: list[Verdict] = []
    for standing, alike in groupby(sorted(servers, key=lambda one: one.standing.value), key=attrgetter("standing")):
        group = list(alike)
        words = [one.word for one in group]
        again = min(until - seen.at, *(one.kept for one in group)) + 1 if waits else None
        match standing:
            case Standing.NEGATIVE if waits:
                said = findings.cached(seen, words, min(until, seen.at + max(one.kept for one in group)))
                verdicts.append(Verdict(findings=(said,), look_again=again))
            case Standing.NEGATIVE:
                verdicts.append(Verdict(findings=(findings.unresolved(seen, words),)))
            case Standing.WRONG if waits:
                verdicts.append(Verdict(look_again=again))
            case Standing.WRONG:
                verdicts.append(Verdict(findings=(findings.wrong(seen, words, wanted),)))
            case Standing.FAILS:
                failed = [word for word in words if not word.cut]  # those are told with the transport that is missing
                verdicts.append(Verdict(findings=(findings.fails(seen, failed),) if failed else ()))
            case Standing.REFUSES:
                verdicts.append(Verdict(findings=(findings.refuses(seen, words),)))
            case Standing.RIGHT | Standing.SILENT:
                continue
            case _ as never:
                assert_never(never)
    return verdicts


def _of_transports(seen: Seen, servers: list[Heard]) -> list[Finding]:
    """Servers that are reached over one transport and not over the other."""
    reached = [one for one in servers if one.standing is not Standing.SILENT]
    lost = [answer for one in reached for answer in one.answers if not answer.is_reached and not answer.unasked]
    cut = {answer.server for one in reached for answer in one.answers if answer.cut}
    said: list[Finding] = []
    if udp := [answer for answer in lost if answer.over == "udp"]:
        said.append(findings.udp_blocked(seen.place, udp))
    if tcp := [answer for answer in lost if answer.over == "tcp"]:
        said.append(findings.tcp_blocked(seen.place, tcp, needed=any(answer.server in cut for answer in tcp)))
    unasked = [answer for one in servers for answer in one.answers if answer.unasked]
    if unasked:
        said.append(findings.not_asked(seen, unasked, len(servers)))
    return said


def _from_before_until(seen: Seen, servers: Sequence[Heard]) -> float:
    """Until when answers that are not right may be those of before, 0 where all are right."""
    amiss = [one for one in servers if one.standing in {Standing.NEGATIVE, Standing.WRONG}]
    if not amiss:
        return 0.0
    held = seen.remembered
    as_before = bool(held.address) and held.address == _address(seen)
    if held.answers_until and as_before:
        return held.answers_until
    kept = max(one.kept for one in amiss)
    if as_before and _was_in_place(held) and held.at + max(kept, _LONGEST_KEPT) <= seen.at:
        return seen.at
    return seen.at + kept


def _address(seen: Seen) -> str:
    """The address as the ledger keeps it."""
    return seen.remembered.address if isinstance(seen.api_server, Unknown) else seen.api_server.text


def resolves(seen: Seen) -> bool:
    """Whether every server that speaks answers with the API server's addresses, and one at least does."""
    if isinstance(seen.answers, Unknown):
        return False
    standings = {one.standing for one in heard_of(seen.answers, expected(seen))} - {Standing.SILENT}
    return standings == {Standing.RIGHT}


def noted(brief: Observed, seen: Seen, since: float) -> Observed:
    """What the ledger keeps of it, `since` being when the event was that the pass is for.

    A pass that asked nobody keeps what was known, until the cluster ends.
    """
    held = seen.remembered
    if seen.cluster_is_gone:  # once is not enough, and a cluster that is back goes on where it was
        kept = {"born": held.born, "resolved": held.resolved, "answers_until": held.answers_until}
        return msgspec.structs.replace(brief, **kept)
    if seen.cluster_ends:
        return brief
    creating = seen.cluster is not None and seen.cluster.properties.provisioning_state.casefold() == "creating"
    if isinstance(seen.answers, Unknown):
        until = held.answers_until
    else:
        until = _from_before_until(seen, heard_of(seen.answers, expected(seen)))
    return msgspec.structs.replace(
        brief,
        born=held.born or (since if creating else 0.0),
        resolved=held.resolved or (seen.at if resolves(seen) else 0.0),
        answers_until=until,
    )


def after(outcomes: Sequence[Outcome], policy: Policy) -> float | None:
    """In how many seconds to ask what a pass's changes came to, None where nobody is asked or nothing was written."""
    written = any(outcome.result is Result.APPLIED for outcome in outcomes)
    return _AFTER_WRITE if written and policy.resolution.enabled else None
