"""The smoke test from beginning to end, and what it came to."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.dns.ask import Asker
from functions.policy import Policy
from smoke import deployed, preflight
from smoke.ground import Ground, NotMadeError, Removal
from smoke.linking import link
from smoke.network_questions import OF_NETWORKS, UNASKED
from smoke.questions import OF_ZONES, Question
from smoke.report import Answer, Report
from smoke.wire import StillRunningError, Wire

_WHOLE_QUESTIONS = 2400.0  # seconds: beyond that what is left is not asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at. Without `url` the deployed app is left out, without `policy` what needs one.

    `principal` and `second` are the object ids of the identities of the app and of the second one.
    """

    subscription: str
    location: str
    policy: Policy | None = None
    principal: str = ""
    second: str = ""
    url: str = ""
    key: str = ""
    cluster: str = ""
    writes: bool = False


type Consent = Callable[[Ground], Awaitable[bool]]
"""Shows what is going to be made, and asks."""


async def smoke(wanted: Wanted, wire: Wire, report: Report, consent: Consent, asker: Asker | None = None) -> None:
    """Look at everything that was asked for. What goes wrong is told in the report, and the rest goes on."""
    report.unasked = [dict(each) for each in UNASKED]
    report.head("Before anything runs")
    signed_in = await preflight.sign_in(wire, report, wanted.subscription)
    if wanted.policy is not None:
        preflight.judge_policy(report, wanted.policy)
        await preflight.look_at_servers(report, wanted.policy, asker or Asker())
    else:
        report.note("policy", "not looked at", "give it:  --policy FILE, or TETHER_POLICY")
    if signed_in and wanted.policy is not None:
        await _guarded(
            report, "rights", preflight.look_at_rights(wire, report, wanted.policy, wanted.principal, wanted.second)
        )
    report.head("The app as it is deployed")
    await _app(wanted, report)
    report.head("Tether's code here, in a resource group of its own")
    if not wanted.writes:
        report.line("  Left out: nothing is written without  --write.")
    elif signed_in:
        await _guarded(report, "writing", _writing(wanted, wire, report, consent))


async def _app(wanted: Wanted, report: Report) -> None:
    if not wanted.url:
        report.note("the app", "not looked at", "give its address:  --url https://….azurewebsites.net")
        return
    try:
        async with aiohttp.ClientSession() as client:
            app = deployed.App(wanted.url, wanted.key, client)
            await deployed.look_at_app(app, report, wanted.cluster)
    except deployed.NotThereError as error:
        report.bad("the app", str(error))


async def _writing(wanted: Wanted, wire: Wire, report: Report, consent: Consent) -> None:
    await preflight.leftovers(wire, report, wanted.subscription)
    if not await preflight.may_write(wire, report, wanted.subscription):
        return
    ground = Ground(wire, wanted.subscription, wanted.location)
    if not await consent(ground):
        report.note("consent", "not given: nothing was written")
        return
    try:
        with report.doing(f"making {ground.name}"):
            await ground.make()
        report.well("ground", f"{ground.name}: two VNets and the zone {ground.zone.name}")
        with report.doing("a link is made, seen Completed, left alone and removed (about three minutes)"):
            await link(ground, report)
        await _ask(ground, report)
        with report.doing("leaving a link on the zone, for the group's removal to meet"):
            await ground.leave_link()
    except NotMadeError as error:
        report.bad("ground", str(error))
    finally:
        if ground.begun:
            await _removed(ground, report)


async def _ask(ground: Ground, report: Report) -> None:
    """Ask everything, in order. A question that goes wrong is one without an answer."""
    until = ground.wire.now() + _WHOLE_QUESTIONS
    for question in (*OF_ZONES, *OF_NETWORKS):
        if ground.wire.now() > until:
            report.note("questions", f"{question.__name__} and those after it are not asked: it took too long")
            return
        with report.doing(f"asking: {question.__name__.replace('_', ' ')}"):
            report.answer(await _asked(question, ground))


async def _asked(question: Question, ground: Ground) -> Answer:
    try:
        return await question(ground)
    except (NoAnswerError, NoTokenError, StillRunningError) as error:
        return Answer(question.__name__.replace("_", " "), "", f"no answer: {error}", None)


async def _removed(ground: Ground, report: Report) -> None:
    """Remove the group. Shielded: one Ctrl-C ends the test, and only a second one ends this too."""
    report.line(f"  Removing {ground.name} (a second Ctrl-C leaves it there)")
    report.left.append(ground.name)
    with report.doing(f"removing {ground.name}"):
        removal = await asyncio.shield(asyncio.ensure_future(_gone(ground, report)))
    if removal.gone:
        report.left.remove(ground.name)
        report.well("removed", f"{ground.name} is gone, after {removal.seconds:.0f} s")
    else:
        command = f"az group delete --yes --name {ground.name} --subscription {ground.subscription}"
        report.bad("removed", f"{ground.name} is still there: {removal.said}", command)


async def _gone(ground: Ground, report: Report) -> Removal:
    """How the group went. With the link that was left on its zone, and without where that keeps it from going."""
    removal = await ground.remove()
    if not ground.link_left:
        return removal
    said = f"it is gone after {removal.seconds:.0f} s" if removal.gone else f"it stays: {removal.said}"
    report.answer(Answer("group and link", "Does a group go whose zone has a link?", said, None))
    if removal.gone:
        return removal
    with contextlib.suppress(NoAnswerError, NoTokenError, StillRunningError):  # the group's own removal tells
        await ground.take_link()
    return await ground.remove()


async def _guarded(report: Report, name: str, work: Awaitable[None]) -> None:
    """Let the rest go on when ARM does not answer, or refuses what it should not."""
    try:
        await work
    except (ArmError, NoAnswerError, NoTokenError, StillRunningError) as error:
        report.bad(name, str(error))
