"""What can be known before anything runs: who asks, the clock, the policy, rights, and the way to the DNS servers.

Reads, and writes nothing.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.reads import RESOURCES_API, SUBSCRIPTIONS_API
from functions.dns.ask import Asker, Over, Server, shown
from functions.dns.zone_rules import server_address
from functions.fleet.scope import Scopes
from functions.policy import Mode, Policy
from functions.policy_doubts import doubts
from smoke import rights
from smoke.report import Report
from smoke.rights import Need, RightsUnknownError
from smoke.wire import Wire

TAG = "tether-smoke"
"""The tag of every resource group that a smoke test makes; its value is the run's own."""

_MOST_SUBSCRIPTIONS = 10  # whose rights are looked at: some eight reads each
_OVERS: tuple[Over, ...] = ("udp", "tcp")

# TSIG allows 300 s (RFC 8945, section 5.2.3, as BIND has it), and tokens about as much.
_MOST_SKEW, _MUCH_SKEW = 300.0, 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Reached:
    """A DNS server, asked one question over one transport."""

    server: Server
    over: Over
    reached: bool
    said: str


async def sign_in(wire: Wire, report: Report, subscription: str) -> bool:
    """Whether there is a token that ARM takes, and how our clock stands against ARM's. Nothing goes on without."""
    try:
        asked = wire.now()
        told = await wire.send("GET", f"/subscriptions/{subscription}", SUBSCRIPTIONS_API)
    except NoTokenError:
        report.bad("sign-in", "neither az nor azd gave a token", "sign in with  az login  (or  azd auth login)")
        return False
    except NoAnswerError as error:
        report.bad("sign-in", f"{wire.session.cloud.arm} does not answer: {error}", "see proxies and firewalls")
        return False
    if not told.ok:
        report.bad("sign-in", f"ARM does not show the subscription: {told.said}", "is it the right tenant, and Reader?")
        return False
    report.well("sign-in", f"ARM knows you and shows subscription {subscription}")
    _judge_clock(report, told.headers.get("date", ""), (asked + told.at) / 2)
    return True


def _judge_clock(report: Report, date: str, ours: float) -> None:
    """Compare with ARM's `Date`, which has whole seconds."""
    try:
        skew = parsedate_to_datetime(date).timestamp() + 0.5 - ours
    except ValueError:
        report.note("clock", "ARM's answer has no date to compare with")
        return
    said = f"this machine's clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'before'} ARM's"
    if abs(skew) > _MOST_SKEW:
        report.bad("clock", said, "set it: signed DNS updates and tokens are refused beyond five minutes")
    elif abs(skew) > _MUCH_SKEW:
        report.note("clock", said)
    else:
        report.well("clock", "this machine's clock and ARM's agree")


def judge_policy(report: Report, policy: Policy) -> None:
    """What a valid policy means for this test."""
    mode = "writes" if policy.mode is Mode.ENFORCE else "plans and writes nothing (mode observe)"
    report.well("policy", f"valid; owner {policy.owner}, {mode}")
    for doubt in doubts(policy):
        report.note("policy", doubt)


async def look_at_rights(wire: Wire, report: Report, policy: Policy, app: str, second: str) -> None:
    """What you, and the deployed apps' identities where they are given, may do of what the policy needs."""
    needs = rights.needs(policy, await _subscriptions(wire, report, policy))
    for scope in dict.fromkeys(need.scope for need in needs):
        here = [need for need in needs if need.scope == scope]
        await _look(report, "your rights", here, rights.own(wire, scope), yours=True)
        if app:
            plain = [need for need in here if not (need.second and second)]
            await _look(report, "the app's rights", plain, rights.of_another(wire, app, scope))
        if second and (close := [need for need in here if need.second or need.role == "read-fleet"]):
            await _look(report, "the second app's", close, rights.of_another(wire, second, scope))
    if not app:
        report.note("the app's rights", "not looked at", "give its identity's object id:  --app-principal GUID")


async def _subscriptions(wire: Wire, report: Report, policy: Policy) -> tuple[str, ...]:
    """Those of the scope, below management groups too; of many, some."""
    try:
        found = await Scopes().subscriptions(wire.session, policy, wire.now())
    except (ArmError, NoAnswerError, NoTokenError) as error:
        report.note("scope", f"the subscriptions below the management groups are not known: {error}")
        found = policy.scope.subscriptions
    if len(found) > _MOST_SUBSCRIPTIONS:
        report.note("scope", f"rights are looked at in {_MOST_SUBSCRIPTIONS} of its {len(found)} subscriptions")
    return found[:_MOST_SUBSCRIPTIONS]


async def _look(
    report: Report, name: str, needs: Sequence[Need], asked: Awaitable[rights.Permissions], *, yours: bool = False
) -> None:
    """Compare what is held at one scope with all that is needed there."""
    try:
        held = await asked
    except RightsUnknownError as error:
        report.note(name, f"{needs[0].place}: ARM does not tell ({error})")
        return
    for need in needs:
        where, lack = f"{need.role} at {need.place}", rights.lacking(need.actions, held)
        if not lack:
            report.well(name, where)
        elif yours:
            advice = "Tether needs it, not you: unless you run its code yourself"
            report.note(name, f"{where} lacks {', '.join(lack)}", advice)
        elif need.later:
            report.note(name, f"{where} lacks {', '.join(lack)}", "needed as soon as the mode is enforce")
        else:
            report.bad(name, f"{where} lacks {', '.join(lack)}", "assign the role (infra/), then wait a few minutes")


async def may_write(wire: Wire, report: Report, subscription: str) -> bool:
    """Whether you may do what the writing part does. What ARM does not tell is tried."""
    need = Need("a group of its own", f"/subscriptions/{subscription}", rights.GROUND)
    try:
        lack = rights.lacking(need.actions, await rights.own(wire, need.scope))
    except RightsUnknownError as error:
        report.note("your rights", f"ARM does not tell what you may write ({error}): it is tried")
        return True
    if lack:
        report.bad(
            "your rights", f"the writing part lacks {', '.join(lack)}", "Contributor on the subscription has them"
        )
        return False
    report.well("your rights", "a resource group, VNets and a private zone may be made and removed")
    return True


async def leftovers(wire: Wire, report: Report, subscription: str) -> None:
    """Groups that earlier runs could not remove. They are not touched: another run may be at work in one."""
    told = await wire.send("GET", f"/subscriptions/{subscription}/resourcegroups", RESOURCES_API)
    groups = told.body.get("value", []) if told.ok else []
    for group in groups:
        if TAG in (group.get("tags") or {}):
            name = group["name"]
            report.note("left over", f"{name} was made by another run", f"az group delete --yes --name {name}")


async def reach(policy: Policy, asker: Asker) -> list[Reached]:
    """Every DNS server that the policy names, asked over UDP and TCP. Any answer will do, also a refusal."""
    asked = [(server_address(text), record.zone_name) for record in policy.records for text in record.servers]
    asked += [(server_address(text), "management.azure.com") for text in policy.resolution.servers]
    pairs: list[tuple[Server, str, Over]]
    pairs = [(server, name, over) for server, name in dict(asked).items() for over in _OVERS]
    answers = await asyncio.gather(*(asker.ask(server, name, over) for server, name, over in pairs))
    return [
        Reached(server, over, answer.is_reached, answer.said or answer.rcode)
        for (server, _, over), answer in zip(pairs, answers, strict=True)
    ]


async def look_at_servers(report: Report, policy: Policy, asker: Asker) -> None:
    """Tell which DNS servers answer. From here, which need not be where the app is."""
    found = await reach(policy, asker)
    for each in found:
        where = f"{shown(each.server)} over {each.over.upper()}"
        if each.reached:
            report.well("DNS server", f"{where} answers from here")
        else:
            advice = "that matters only if the app's way is the same: this is asked from here, not from its VNet"
            report.note("DNS server", f"{where} does not answer from here: {each.said}", advice)
    if not found:
        report.line("  The policy names no DNS servers of yours.")
