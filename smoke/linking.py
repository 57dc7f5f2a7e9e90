"""Tether's own loop, run here with your sign-in: a link is made, seen Completed, left alone, and removed."""

from dataclasses import dataclass

from bench.storm_memory import Documents, Ledger
from functions.arm import reads
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.handlers import zone_links
from functions.handlers.link_names import HANDLER
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Linking, Result
from functions.ledger.reports import Reports
from functions.passed import Pass
from functions.policy import Hub, Mode, Policy, RouteTables, Scope
from functions.reconcile import reconcile
from functions.work import Work
from smoke.ground import Ground
from smoke.report import Report

_WITHIN = 600.0  # seconds: what nodes would wait
_LEAST = 1.0  # second between two passes


@dataclass(slots=True)
class Linked:
    """Seconds from the first pass until the link was accepted, and until it was seen Completed."""

    accepted: float
    completed: float
    passes: int


def policy_for(ground: Ground) -> Policy:
    """A policy that names the throw-away zone and hub, and nothing else in the world."""
    return Policy(
        owner=ground.name,
        mode=Mode.ENFORCE,
        scope=Scope(subscriptions=(ground.subscription,)),
        custom_zones=(ground.zone,),
        hubs=(Hub(vnet=ground.hub),),
        discover_resolvers=False,
        route_tables=RouteTables(attach=False),
    )


async def link(ground: Ground, report: Report) -> None:
    """The whole story, step by step. A step that goes wrong is told, and those that need it are left out."""
    wire = ground.wire
    around = Around(wire.session, policy_for(ground), Scopes(), wire.now, Ledger(), Reports(Documents()))
    linked = await _until_completed(ground, around, report)
    if linked is None:
        return
    report.well("link made", f"asked for after {linked.accepted:.0f} s, Completed after {linked.completed:.0f} s")
    again = await reconcile(_work(ground, "again", wire.now()), around)
    if again.outcomes or again.follow_up:
        report.bad("second pass", f"should find nothing to do, and came to {_in_words(again)}")
    else:
        report.well("second pass", f"{again.ended}: nothing to do")
    await _remove(ground, around, report)


async def _until_completed(ground: Ground, around: Around, report: Report) -> Linked | None:
    """Passes as the queue would have them, until none follows."""
    wire = ground.wire
    began, accepted, number = wire.now(), 0.0, 0
    work: Work | None = _work(ground, "made", began)
    while work is not None and wire.now() < began + _WITHIN:
        done = await reconcile(work, around)
        number += 1
        if any(outcome.result is Result.STARTED for outcome in done.outcomes):
            accepted = wire.now() - began
        refused = [outcome for outcome in done.outcomes if outcome.result is Result.REFUSED]
        if refused or done.findings or not (done.follow_up or accepted):
            report.bad("link made", _in_words(done), *(finding.advice for finding in done.findings[:1]))
            return None
        work = done.follow_up
        if work is not None:
            await wire.sleep(max(_LEAST, done.delay))
    links = await reads.links(wire.session, ground.zone)
    ours = [each for each in links if each.id == zone_links.link_id(ground.zone, ground.hub, ground.name)]
    if not ours or not ours[0].completed:
        report.bad("link made", f"after {wire.now() - began:.0f} s ARM does not show it Completed")
        return None
    return Linked(accepted, wire.now() - began, number)


async def _remove(ground: Ground, around: Around, report: Report) -> None:
    """As Tether removes a link whose cluster goes: the same handler, the same precondition.

    No pass comes to that here, since a custom zone has no cluster whose end would be its own.
    """
    wire = ground.wire
    links = await reads.links(wire.session, ground.zone)
    ours = next(each for each in links if each.id == zone_links.link_id(ground.zone, ground.hub, ground.name))
    wants = Linking(ground.hub, etag=ours.etag)
    change = Change(HANDLER, ours.id, Action.DELETE, wants, "the smoke test is over")
    outcome = await zone_links.apply(change, Means(around.session, around.targets), wire.now())
    until = wire.now() + _WITHIN
    while outcome.result is Result.STARTED and wire.now() < until:
        if await reads.link(wire.session, ours.id) is None:
            report.well("link removed", "ARM does not show it any more")
            return
        await wire.sleep(5)
    report.bad("link removed", str(outcome.error or outcome.result.value))


def _work(ground: Ground, cause: str, at: float) -> Work:
    return Work(target=ground.zone, why="smoke", cause=f"{ground.name}-{cause}", since=at)


def _in_words(done: Pass) -> str:
    told = [f"{finding.code}: {finding.seen}" for finding in done.findings]
    told += [f"{outcome.change.target.name} {outcome.result.value} {outcome.error or ''}" for outcome in done.outcomes]
    return "; ".join([done.ended, *told, *([done.error] if done.error else [])])
