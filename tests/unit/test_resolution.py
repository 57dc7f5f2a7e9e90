"""The truth table of resolution.decide, row by row, and when a name is asked for at all."""

import asyncio
import json
from dataclasses import replace

import dns.message
import dns.rrset
import pytest

from functions.arm.operations import Operation
from functions.dns.ask import Answer, Asker, Over, Server
from functions.dns.record import addresses_in
from functions.dns.target import Trouble
from functions.dns.wire import Question
from functions.fleet import observe_resolution
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.observe_resolution import expected, kinds_of, servers_of
from functions.fleet.seen import NOT_ASKED, UNKNOWN, Seen
from functions.handlers import concerns
from functions.handlers.resolution import after, decide, is_due, noted, resolves
from functions.handlers.verdict import Action, Change, Linking, Outcome, Result, Severity, Verdict
from functions.ledger.state import Observed
from functions.policy import PolicyError, Resolution, load
from tests.unit.worlds import AT, CLUSTER_ID, HUB, ZONE, a_cluster, a_policy, a_spoke, seen

SERVER, OTHER = ("10.0.0.4", 53), ("10.0.0.5", 53)
HERE, OLD, HERE_TOO = addresses_in(["10.1.0.5"]), addresses_in(["10.1.0.4"]), addresses_in(["fd00::5"])
POLICY = a_policy(HUB, resolution=Resolution(enabled=True))
UP = a_cluster(state="Succeeded")
LONG_AGO = Observed(at=AT - 86_400, address="10.1.0.5", hubs=(str(HUB),))
STILL_LINKING = Observed(hubs=(str(HUB),), operations=(Operation(ZONE, "x", AT, AT),))
SINCE_LONG = Observed(at=AT - 30, address="10.1.0.5", answers_until=AT - 10)


def says(*addresses: str, ttl: int = 300, over: Over = "udp", server: tuple[str, int] = SERVER) -> Answer:
    return Answer(server, over, addresses_in(list(addresses)), ttl, rcode="NOERROR")


def denies(negative_ttl: int | None = 120, zone: str = "azmk8s.io", over: Over = "udp") -> Answer:
    return Answer(SERVER, over, negative_ttl=negative_ttl, zone=zone, rcode="NXDOMAIN")


def fails(trouble: Trouble, over: Over = "udp") -> Answer:
    return Answer(SERVER, over, trouble=trouble, said="so")


CUT = Answer(SERVER, "udp", cut=True)
SILENT = fails(Trouble.UNREACHABLE)
SILENT_TCP = fails(Trouble.UNREACHABLE, "tcp")

SILENT_OTHER = Answer(OTHER, "udp", trouble=Trouble.UNREACHABLE, said="so")


def hearing(*answers: Answer, remembered: Observed = Observed(), **facts: object) -> Seen:  # noqa: B008 - frozen
    given: dict[str, object] = {"api_server": ApiServer(HERE, published=HERE), **facts}
    return seen(cluster=UP, answers=answers, remembered=remembered, **given)


def said(verdict: Verdict) -> str:
    return " ".join(finding.code for finding in verdict.findings) or (
        "nothing" if verdict.look_again is None else "look again"
    )


@pytest.mark.parametrize(
    ("answers", "remembered", "expected", "again"),
    [
        pytest.param([says("10.1.0.5")], None, "nothing", None, id="the right address"),
        pytest.param([denies()], None, "negative-answer-cached", 121, id="a no that is new to us"),
        pytest.param([denies(2)], None, "negative-answer-cached", 31, id="a no without much of a TTL"),
        pytest.param([denies(None)], None, "negative-answer-cached", 31, id="a no that does not say for how long"),
        pytest.param([denies()], SINCE_LONG, "does-not-resolve", None, id="a no that should have passed"),
        pytest.param([denies()], LONG_AGO, "does-not-resolve", None, id="a no long after all was right"),
        pytest.param([says("10.1.0.4")], None, "look again", 301, id="an address that may be the old one"),
        pytest.param([says("10.1.0.4")], SINCE_LONG, "wrong-address", None, id="an address that is no leftover"),
        pytest.param([says("10.1.0.4", "10.1.0.5")], SINCE_LONG, "wrong-address", None, id="an address too many"),
        pytest.param([fails(Trouble.BUSY)], None, "resolver-fails", None, id="SERVFAIL"),
        pytest.param([fails(Trouble.UNTRUSTED)], None, "resolver-fails", None, id="nonsense"),
        pytest.param([fails(Trouble.DENIED)], None, "resolver-refuses", None, id="REFUSED"),
        pytest.param([SILENT, SILENT_TCP], None, "nothing", None, id="nobody there"),
        pytest.param([says("10.1.0.5"), SILENT_TCP], None, "dns-tcp-blocked", None, id="not over TCP"),
        pytest.param([CUT, SILENT_TCP], None, "dns-tcp-blocked", None, id="not over TCP, where it is needed"),
        pytest.param([CUT, says("10.1.0.5", over="tcp")], None, "nothing", None, id="over TCP, where it is needed"),
        pytest.param([SILENT, says("10.1.0.5", over="tcp")], None, "dns-udp-blocked", None, id="not over UDP"),
        pytest.param(
            [says("10.1.0.5"), denies(over="tcp")],
            None,
            "negative-answer-cached",
            121,
            id="two minds behind one address",
        ),
        pytest.param(
            [denies(), says("10.1.0.5", server=OTHER)], None, "negative-answer-cached", 121, id="one server of two"
        ),
    ],
)
def test_what_the_servers_say_calls_for(
    answers: list[Answer], remembered: Observed | None, expected: str, again: float | None
) -> None:
    verdict = decide(hearing(*answers, remembered=remembered or Observed()), POLICY)
    assert (said(verdict), verdict.look_again) == (expected, again)
    assert verdict.changes == ()


def test_a_cached_no_is_told_with_the_instant_when_it_passes() -> None:
    (finding,) = decide(hearing(denies(120)), POLICY).findings
    assert finding.severity is Severity.WARNING  # it needs nobody
    assert "until 2027-01-15 08:02:00Z" in finding.seen


def test_a_no_that_was_seen_before_is_waited_for_no_longer_than_was_said_then() -> None:
    world = hearing(denies(300), remembered=Observed(at=AT - 60, address="10.1.0.5", answers_until=AT + 60))
    assert decide(world, POLICY).look_again == 61


def test_after_another_move_the_waiting_begins_anew() -> None:
    world = hearing(says("10.1.0.4"), remembered=Observed(at=AT - 60, address="10.1.0.9", answers_until=AT - 10))
    assert said(decide(world, POLICY)) == "look again"


@pytest.mark.parametrize(
    ("zone", "advice"),
    [
        pytest.param("azmk8s.io", "168.63.129.16", id="public DNS says no"),
        pytest.param(ZONE.name, "AKS's record", id="the cluster's own zone says no"),
    ],
)
def test_who_says_no_tells_what_to_do(zone: str, advice: str) -> None:
    (finding,) = decide(hearing(denies(zone=zone), remembered=SINCE_LONG), POLICY).findings
    assert zone in finding.seen
    assert advice in finding.advice


def test_of_a_cluster_without_a_zone_the_advice_is_about_public_dns() -> None:
    world = replace(hearing(denies(), remembered=SINCE_LONG), zone=None)
    (finding,) = decide(world, POLICY).findings
    assert "rebinding" in finding.advice


def test_an_api_server_of_both_ip_versions_is_asked_for_and_wanted_by_both() -> None:
    world = hearing(says("10.1.0.5"), api_server=ApiServer(HERE | HERE_TOO), remembered=SINCE_LONG)
    world = replace(world, remembered=replace_address(SINCE_LONG, "10.1.0.5 fd00::5"))
    assert kinds_of(world) == ("A", "AAAA")
    assert said(decide(world, POLICY)) == "does-not-resolve"


def replace_address(observed: Observed, address: str) -> Observed:
    return Observed(at=observed.at, address=address, answers_until=observed.answers_until)


def test_nobody_is_asked_and_nothing_said_while_it_is_off() -> None:
    off = a_policy(HUB)
    assert decide(hearing(denies()), off) == Verdict()
    assert not is_due(hearing(), off, Verdict())


RUNNING = Operation(CLUSTER_ID, "x", AT, AT, command="a move")
CHANGE = Change("zone_links", ZONE, Action.CREATE, Linking(HUB), "because")


@pytest.mark.parametrize(
    ("world", "others", "due"),
    [
        pytest.param(hearing(), Verdict(), True, id="all is done"),
        pytest.param(hearing(), Verdict((CHANGE,)), False, id="something is still to do"),
        pytest.param(hearing(), Verdict(operations=(Operation(ZONE, "x", AT, AT),)), False, id="a link is being made"),
        pytest.param(hearing(), Verdict(operations=(RUNNING,)), True, id="a command runs in the cluster"),
        pytest.param(
            hearing(api_server=ApiServer(HERE, published=frozenset())), Verdict(), False, id="AKS's record is to come"
        ),
        pytest.param(hearing(api_server=ApiServer(HERE, published=OLD)), Verdict(), False, id="AKS's record lags"),
        pytest.param(hearing(api_server=ApiServer(doubt=Doubt.NOT_YET)), Verdict(), False, id="no address yet"),
        pytest.param(hearing(api_server=UNKNOWN), Verdict(), False, id="an address that nobody ever saw"),
        pytest.param(hearing(api_server=UNKNOWN, remembered=LONG_AGO), Verdict(), True, id="an address of before"),
        pytest.param(replace(hearing(api_server=ApiServer(HERE)), zone=None), Verdict(), True, id="no zone at all"),
        pytest.param(hearing(links=NOT_ASKED), Verdict(), False, id="nobody looked at the links, ever"),
        pytest.param(hearing(links=NOT_ASKED, remembered=LONG_AGO), Verdict(), True, id="the links were right before"),
        pytest.param(
            hearing(links=NOT_ASKED, remembered=STILL_LINKING), Verdict(), False, id="a link was being made before"
        ),
        pytest.param(replace(hearing(), cluster=a_cluster(state="Deleting")), Verdict(), False, id="it ends"),
        pytest.param(replace(hearing(), cluster=None), Verdict(), False, id="a custom zone by itself"),
        pytest.param(replace(hearing(), cluster=a_cluster(private_fqdn="")), Verdict(), False, id="no name"),
        pytest.param(
            replace(hearing(api_server=UNKNOWN, remembered=LONG_AGO), cluster=a_cluster()), Verdict(), False, id="busy"
        ),
    ],
)
def test_a_name_is_asked_for_no_sooner_than_it_should_resolve(world: Seen, others: Verdict, *, due: bool) -> None:
    assert is_due(world, POLICY, others) is due


def test_while_a_cluster_is_made_its_record_is_waited_for() -> None:
    world = replace(hearing(api_server=ApiServer(HERE, published=frozenset())), cluster=a_cluster(), answers=UNKNOWN)
    assert decide(world, POLICY).look_again == 30
    assert decide(replace(world, cluster=UP), POLICY).look_again is None


def test_the_servers_of_all_spokes_and_of_the_policy_are_asked_once_each_and_azures_own_is_not() -> None:
    policy = a_policy(HUB, resolution=Resolution(enabled=True, servers=("10.0.0.5", "[fd00::4]:5353")))
    spokes = (a_spoke("10.0.0.4", "168.63.129.16", "not an address"), a_spoke("10.0.0.5"))
    assert servers_of(hearing(spokes=spokes), policy) == [OTHER, ("fd00::4", 5353), SERVER]
    assert servers_of(hearing(), policy) == [OTHER, ("fd00::4", 5353)]


async def test_many_slow_servers_of_a_spoke_take_few_places_and_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: the pass's time is over as soon as everything that can be on its way is."""
    policy = a_policy(HUB, resolution=Resolution(enabled=True, servers=("10.9.0.1",)))
    spokes = tuple(a_spoke(*(f"10.0.{net}.{host}" for host in range(1, 21))) for net in range(10))
    asked, never = list[Server](), asyncio.Event()

    async def exchange(server: Server, question: Question, over: Over, _: float) -> bytes:
        asked.append(server)
        if server[0] == "10.9.0.1":
            reply = dns.message.make_response(dns.message.from_wire(question.message(1)))
            reply.answer.append(dns.rrset.from_text(seen().private_fqdn + ".", 60, "IN", "A", "10.1.0.5"))
            return reply.to_wire()
        await never.wait()
        return b""

    monkeypatch.setattr(observe_resolution, "_WITHIN", 0.2)
    world = hearing(spokes=spokes)
    answers = await observe_resolution.observe_resolution(world, policy, Asker(exchange))
    assert len(answers) == 2 * 201
    assert len(asked) == 2 + 16, "the policy's server over both, and then no more than have a place"
    assert [answer.speaks for answer in answers[:2]] == [True, True], "the policy's servers are asked first"
    assert all(answer.unasked and not answer.speaks for answer in answers[2:])
    assert asyncio.all_tasks() == {asyncio.current_task()}, "none is left behind"


def unasked(over: Over = "udp", server: Server = SERVER) -> Answer:
    return Answer(server, over, trouble=Trouble.UNREACHABLE, said="no time", unasked=True)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        pytest.param(
            [says("10.1.0.5"), unasked("tcp")], "resolvers-not-asked", id="TCP is not blocked for all we know"
        ),
        pytest.param([says("10.1.0.5", over="tcp"), unasked()], "resolvers-not-asked", id="nor is UDP"),
        pytest.param([unasked(), unasked("tcp")], "resolvers-not-asked", id="one that was not asked at all"),
        pytest.param(
            [says("10.1.0.4", ttl=0), unasked(server=OTHER)], "wrong-address resolvers-not-asked", id="another"
        ),
    ],
)
def test_a_server_that_was_not_asked_says_nothing(answers: list[Answer], found: str) -> None:
    assert said(decide(hearing(*answers, remembered=SINCE_LONG), POLICY)) == found
    assert not resolves(hearing(unasked()))


def test_an_address_in_doubt_is_not_expected_though_one_is_remembered() -> None:
    assert expected(hearing(api_server=ApiServer(doubt=Doubt.MISSING), remembered=LONG_AGO)) == frozenset()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([says("10.1.0.5")], True, id="one that is right"),
        pytest.param([says("10.1.0.5"), SILENT_TCP], True, id="one that is silent counts for nothing"),
        pytest.param([says("10.1.0.5"), SILENT_OTHER], True, id="a server that is silent counts for nothing either"),
        pytest.param([says("10.1.0.5"), fails(Trouble.BUSY, "tcp")], True, id="a server counts once"),
        pytest.param([denies(), says("10.1.0.5", server=OTHER)], False, id="one of two"),
        pytest.param([SILENT], False, id="nobody there"),
    ],
)
def test_a_name_resolves_when_every_server_that_speaks_says_so(answers: list[Answer], *, expected: bool) -> None:
    assert resolves(hearing(*answers)) is expected


def test_the_ledger_keeps_when_it_first_resolved_and_until_when_wrong_answers_may_be_old() -> None:
    assert noted(Observed(), hearing(denies(120)), AT).answers_until == AT + 120
    right = noted(Observed(), hearing(says("10.1.0.5"), remembered=SINCE_LONG), AT)
    assert (right.resolved, right.answers_until) == (AT, 0.0)


def test_a_pass_that_asks_nobody_keeps_both() -> None:
    held = Observed(resolved=AT - 5, answers_until=AT + 5)
    kept = noted(Observed(), replace(hearing(remembered=held), answers=UNKNOWN), AT)
    assert (kept.resolved, kept.answers_until) == (AT - 5, AT + 5)


def test_once_a_cluster_ends_nothing_of_it_is_kept_for_the_next_of_its_name() -> None:
    held = Observed(resolved=AT - 5, answers_until=AT + 5)
    ending = replace(hearing(remembered=held), cluster=a_cluster(state="Deleting"))
    assert noted(Observed(), ending, AT) == Observed()


@pytest.mark.parametrize(
    ("result", "again"), [(Result.APPLIED, 5), (Result.STARTED, None), (Result.REFUSED, None), (Result.PLANNED, None)]
)
def test_soon_after_a_write_the_servers_are_asked(result: Result, again: float | None) -> None:
    assert after([Outcome(CHANGE, result)], POLICY) == again
    assert after([Outcome(CHANGE, result)], a_policy(HUB)) is None


def test_the_loop_and_the_sweep_hear_of_it() -> None:
    world = hearing(denies(), remembered=SINCE_LONG, spokes=(a_spoke("10.0.0.4"),))
    assert "does-not-resolve" in said(concerns.decide(world, POLICY))
    assert world.cluster is not None
    assert world.cluster.id == CLUSTER_ID


def test_a_birth_is_known_of_a_cluster_that_was_seen_in_the_making() -> None:
    assert noted(Observed(), replace(hearing(), cluster=a_cluster()), AT - 20).born == AT - 20
    assert noted(Observed(), replace(hearing(remembered=Observed(born=5.0)), cluster=a_cluster()), AT).born == 5.0
    assert noted(Observed(), hearing(), AT - 20).born == 0.0


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("dns.corp.example", id="a name"),
        pytest.param("10.0.0.4:dns", id="a port that is no number"),
        pytest.param("fd00::4:53:", id="neither"),
        pytest.param("0.0.0.0", id="no one server's"),
    ],
)
def test_a_server_that_is_no_address_is_a_policy_error_that_names_the_field(server: str) -> None:
    document = {
        "owner": "o",
        "scope": {"subscriptions": [CLUSTER_ID.subscription]},
        "resolution": {"servers": [server]},
    }
    with pytest.raises(PolicyError, match=r"servers: .*resolution"):
        load(json.dumps(document))
