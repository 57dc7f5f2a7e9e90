"""The truth table of pod_restarts.decide: when a move calls for a restart, and what its commands come to."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp, Operation, Progress, Ran
from functions.dns.ask import Answer
from functions.dns.record import Record, addresses_in
from functions.dns.target import TargetError, Trouble
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.model import AccessProfile, ManagedCluster, PowerState
from functions.fleet.moved import moved
from functions.fleet.seen import UNKNOWN, RecordSeen, Seen
from functions.handlers import pod_restarts
from functions.handlers.pod_restarts import decide
from functions.handlers.verdict import Action, Outcome, Restarting, Result, Verdict
from functions.ledger.move import Move
from functions.ledger.state import Observed, Row
from functions.plan import takes
from functions.policy import PodRestarts, Policy, PolicyError, RecordTarget, load
from tests.unit.worlds import AT, CLUSTER_ID, a_cluster, a_policy, an_id, seen

OLD, NEW = "10.1.0.4", "10.1.0.5"
UP = a_cluster(state="Succeeded")
SERVER = ApiServer(addresses_in([NEW]))
TARGET = RecordTarget(private_zone=an_id("Microsoft.Network/privateDnsZones", "prod.hcp.westeurope.azmk8s.io", "dns"))
DAY = 24 * 3600.0
MOVE = Move(id="0a1b2c3d4e5f6071", at=AT - 900, old=OLD, new=NEW, ttl=300, served_at=AT - 300)
ENABLED = a_policy(pod_restarts=PodRestarts(enabled=True, namespaces=("apps", "web")))
LISTING = a_policy(pod_restarts=PodRestarts(list=True, namespaces=("apps",)))
OFF = a_policy()


def record(*addresses: str, ttl: int = 60) -> RecordSeen:
    return RecordSeen(TARGET, "here", Record(addresses_in(list(addresses)), ttl))


def looking_at(move: Move | None = MOVE, **facts: Any) -> Seen:
    cluster = facts.pop("cluster", UP)
    remembered = facts.pop("remembered", Observed(address=NEW, move=move))
    given = {"api_server": SERVER, "records": (record(NEW),), "remembered": remembered, **facts}
    return replace(seen(cluster=cluster, **given), cluster=cluster)


def but(move: Move = MOVE, **changed: Any) -> Move:
    return msgspec.structs.replace(move, **changed)


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [change.action.value for change in verdict.changes]
    if verdict.look_again is not None:
        words.append(f"look again in {verdict.look_again:.0f} s")
    return ", ".join(words) or "nothing"


AFTER_A_DAY = but(at=AT - 2 * DAY, served_at=AT - 300 - DAY)


@pytest.mark.parametrize(
    ("move", "policy", "expected"),
    [
        pytest.param(None, ENABLED, "nothing", id="it never moved"),
        pytest.param(MOVE, ENABLED, "update", id="its time is over"),
        pytest.param(but(served_at=AT - 299), ENABLED, "look again in 1 s", id="the old answer may still be held"),
        pytest.param(but(served_at=AT - 300, ttl=3600), ENABLED, "look again in 3300 s", id="its TTL was long"),
        pytest.param(MOVE, OFF, "pods-may-hold-old-address", id="restarts are not enabled"),
        pytest.param(AFTER_A_DAY, OFF, "nothing", id="told for a day"),
        pytest.param(AFTER_A_DAY, ENABLED, "update", id="enabled a day later"),
        pytest.param(MOVE, LISTING, "continue", id="to be listed"),
        pytest.param(
            but(listed=True, names=("Pod a/b",), left=1), LISTING, "pods-may-hold-old-address", id="listed for people"
        ),
        pytest.param(but(listed=True), ENABLED, "update", id="listed before it was enabled"),
        pytest.param(but(commands=1, left=3), ENABLED, "continue", id="some are left"),
        pytest.param(but(commands=2, ended=True), ENABLED, "nothing", id="none is left"),
        pytest.param(
            but(ended=True, by_hand=1, by_hand_names=("Pod a/b",)), ENABLED, "pods-to-restart-by-hand", id="by hand"
        ),
        pytest.param(
            but(commands=1, trouble="restart-failed", troubles=1, again_at=AT + 60),
            ENABLED,
            "restart-failed, look again in 60 s",
            id="it failed just now",
        ),
        pytest.param(
            but(commands=1, trouble="restart-failed", troubles=1, again_at=AT),
            ENABLED,
            "restart-failed, continue",
            id="it failed a while ago",
        ),
        pytest.param(but(commands=30, trouble="restart-failed", troubles=30), ENABLED, "restart-failed", id="given up"),
        pytest.param(
            but(commands=1, trouble="restart-not-ready", troubles=1), ENABLED, "continue", id="a rollout takes its time"
        ),
        pytest.param(
            but(commands=2, trouble="restart-not-ready", troubles=2, names=("Pod a/b",), left=1),
            ENABLED,
            "restart-not-ready, continue",
            id="a rollout that does not end",
        ),
    ],
)
def test_what_a_move_calls_for(move: Move | None, policy: Policy, expected: str) -> None:
    assert said(decide(looking_at(move), policy)) == expected


def with_access(**access: Any) -> ManagedCluster:
    profile = AccessProfile(enable_private_cluster=True, **access)
    properties = msgspec.structs.replace(UP.properties, api_server_access_profile=profile)
    return msgspec.structs.replace(UP, properties=properties)


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        pytest.param(with_access(disable_run_command=True), "run-command-disabled", id="Run Command disabled"),
        pytest.param(
            a_cluster(state="Succeeded", power_state=PowerState(code="Stopped")),
            "restart-cluster-stopped",
            id="stopped",
        ),
        pytest.param(a_cluster(state="Updating"), "look again in 60 s", id="AKS is at work"),
        pytest.param(a_cluster(state="Deleting"), "nothing", id="it is being deleted"),
    ],
)
def test_nothing_is_begun_in_a_cluster_that_cannot_run_it(cluster: ManagedCluster, expected: str) -> None:
    assert said(decide(looking_at(cluster=cluster), ENABLED)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({}, True, id="all is right"),
        pytest.param({"records": UNKNOWN}, True, id="there are no targets"),
        pytest.param({"records": (record(NEW), record(OLD))}, False, id="one record is old"),
        pytest.param({"records": (record(),)}, False, id="one record is missing"),
        pytest.param(
            {"records": (RecordSeen(TARGET, "x", TargetError(Trouble.BUSY, "no")),)}, False, id="one does not answer"
        ),
        pytest.param({"api_server": replace(SERVER, published=addresses_in([NEW]))}, True, id="AKS's own is right"),
        pytest.param({"api_server": replace(SERVER, published=addresses_in([OLD]))}, False, id="AKS's own lags"),
        pytest.param({"answers": (Answer(("10.0.0.4", 53), "udp", addresses_in([NEW])),)}, True, id="a right answer"),
        pytest.param({"answers": (Answer(("10.0.0.4", 53), "udp", addresses_in([OLD])),)}, False, id="a wrong answer"),
        pytest.param({"api_server": ApiServer(doubt=Doubt.MISSING)}, False, id="the address is in doubt"),
    ],
)
def test_when_the_new_address_is_served(facts: dict[str, Any], expected: bool) -> None:
    found = moved(looking_at(but(served_at=0.0), **facts))
    assert found is not None
    assert (found.served_at == AT) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"records": (record(OLD),)}, 0.0, id="a wrong record begins the wait anew"),
        pytest.param(
            {"records": (RecordSeen(TARGET, "x", TargetError(Trouble.BUSY, "no")),)},
            AT - 300,
            id="one that does not answer for once does not",
        ),
        pytest.param({"api_server": UNKNOWN, "records": UNKNOWN}, AT - 300, id="nor does a pass that did not ask"),
    ],
)
def test_what_was_served_stays_so_until_it_is_seen_otherwise(facts: dict[str, Any], expected: float) -> None:
    found = moved(looking_at(**facts))
    assert found is not None
    assert found.served_at == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param("", NEW, False, id="the first address ever"),
        pytest.param(NEW, NEW, False, id="the same"),
        pytest.param(OLD, NEW, True, id="another"),
        pytest.param(f"{NEW} fd00::4", NEW, True, id="one fewer"),
        pytest.param(NEW, f"{NEW} fd00::4", False, id="one more, beside what it had"),
    ],
)
def test_a_move_takes_an_address_away(before: str, now: str, expected: bool) -> None:
    server = ApiServer(addresses_in(now.split()))
    world = looking_at(
        api_server=server, remembered=Observed(address=before), records=(record(*(before or now).split(), ttl=900),)
    )
    found = moved(world)
    assert (found is not None) is expected
    if found:
        assert (found.old, found.new, found.at, found.ttl, found.served_at) == (before, now, AT, 900, 0.0)


@pytest.mark.parametrize(
    ("akss", "expected"),
    [
        pytest.param(0, 300, id="not known: as AKS makes it"),
        pytest.param(60, 300, id="never less"),
        pytest.param(3600, 3600, id="made longer"),
    ],
)
def test_who_asks_akss_own_zone_may_hold_the_old_answer_as_long_as_its_record_says(akss: int, expected: int) -> None:
    server = ApiServer(addresses_in([NEW]), ttl=akss)
    found = moved(looking_at(api_server=server, remembered=Observed(address=OLD)))
    assert found is not None
    assert found.ttl == expected


def test_another_move_has_another_id_and_forgets_what_was_done_for_the_one_before() -> None:
    found = moved(looking_at(remembered=Observed(address=OLD, move=but(commands=3, ended=True))))
    assert found is not None
    assert found.id != MOVE.id
    assert (found.commands, found.ended, found.ttl) == (0, False, 300)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, "look again in 10 s"),
        (60, "look again in 60 s"),
        (7200, "look again in 900 s"),
        (DAY, "nothing"),
    ],
)
def test_the_new_address_is_waited_for_ever_more_patiently(age: float, expected: str) -> None:
    world = looking_at(but(at=AT - age, served_at=0.0), records=(record(OLD),))
    assert said(decide(world, ENABLED)) == expected


def command(progress: Progress, *, move: str = MOVE.id, since: float = AT - 60, **said: Any) -> tuple[LookedUp, ...]:
    return (LookedUp(Operation(CLUSTER_ID, "https://there", since, AT, move), progress, **said),)


def output(*, listing: bool = False, move: str = MOVE.id, **counts: int) -> str:
    numbers = {"restarted": 0, "waiting": 0, "refused": 0, "left": 0, "byHand": 0, **counts}
    end = {"tether": 1, "state": "end", "move": move, "mode": "list" if listing else "restart", **numbers}
    named = {"tether": 1, "kind": "Deployment", "namespace": "apps", "name": "proxy"}
    lines = [{**named, "state": "waiting"}, {**named, "state": "by-hand"}, end]
    return "\n".join(["a warning of kubectl's", *(msgspec.json.encode(line).decode() for line in lines)])


def ran(code: int, text: str) -> tuple[LookedUp, ...]:
    return command(Progress.SUCCEEDED, ran=Ran(code, text))


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param(command(Progress.RUNNING, pause=15.0), "look again in 15 s", id="it runs"),
        pytest.param(ran(0, output(restarted=5)), "nothing", id="nothing is left"),
        pytest.param(ran(0, output(restarted=5, left=2)), "continue", id="some are left"),
        pytest.param(ran(0, output(restarted=5, refused=1)), "continue", id="one was refused, others went well"),
        pytest.param(
            ran(0, output(refused=1)), "restart-refused-by-cluster, look again in 60 s", id="nothing but refusals"
        ),
        pytest.param(ran(0, output(waiting=1, left=2)), "look again in 60 s", id="one is not up again"),
        pytest.param(ran(0, output(restarted=1, byHand=2)), "pods-to-restart-by-hand", id="some are left to people"),
        pytest.param(ran(1, ""), "restart-failed, look again in 60 s", id="kubectl failed"),
        pytest.param(ran(4, ""), "restart-not-permitted, look again in 60 s", id="the cluster permits nothing"),
        pytest.param(ran(0, "much else"), "restart-output-cut, look again in 60 s", id="the last line is missing"),
        pytest.param(
            ran(0, output(move="ffff")), "restart-output-cut, look again in 60 s", id="a line about another move"
        ),
        pytest.param(
            ran(0, output(restarted=1)[:-3]), "restart-output-cut, look again in 60 s", id="cut in the last line"
        ),
        pytest.param(
            command(Progress.FAILED, error=ArmError(200, "CommandNotRun", "no node")),
            "restart-command-not-run, look again in 60 s",
            id="no node took it",
        ),
        pytest.param(command(Progress.UNKNOWN), "restart-result-lost, look again in 60 s", id="Azure forgot it"),
        pytest.param(command(Progress.RUNNING, move="ffff"), "update", id="one of another move"),
        pytest.param(
            command(Progress.RUNNING, since=AT - 1800), "restart-result-lost, look again in 60 s", id="it never ends"
        ),
    ],
)
def test_what_a_command_comes_to(operations: tuple[LookedUp, ...], expected: str) -> None:
    assert said(decide(looking_at(operations=operations), ENABLED)) == expected


def test_a_running_command_is_looked_up_by_the_next_pass_and_no_second_one_is_begun() -> None:
    running = command(Progress.RUNNING, pause=15.0)
    (held,) = decide(looking_at(operations=running), ENABLED).operations
    assert (held.command, held.since, held.due) == (MOVE.id, AT - 60, AT + 15)
    remembered = Observed(address=NEW, move=MOVE, operations=(held,))
    verdict = decide(looking_at(remembered=remembered), ENABLED)
    assert (verdict.changes, verdict.operations[0].address) == ((), held.address)


def test_a_result_that_comes_twice_counts_once() -> None:
    looked = ran(1, "")
    once = moved(looking_at(operations=looked))
    assert once is not None
    assert moved(looking_at(once, operations=looked)) == once


@pytest.mark.parametrize(
    ("left_before", "expected"),
    [
        pytest.param(0, "continue", id="the first report"),
        pytest.param(7, "continue", id="fewer than before"),
        pytest.param(2, "restart-undone", id="no fewer"),
    ],
)
def test_what_somebody_undoes_is_not_restarted_for_ever(left_before: int, expected: str) -> None:
    world = looking_at(but(commands=1, left=left_before), operations=ran(0, output(restarted=5, left=2)))
    assert said(decide(world, ENABLED)) == expected


def test_each_command_that_gets_nowhere_doubles_the_pause_up_to_an_hour_and_success_ends_it() -> None:
    pauses: list[float] = []
    move = MOVE
    for number in range(8):
        after = Operation(CLUSTER_ID, "", AT + number, AT, MOVE.id)
        found = moved(looking_at(move, operations=(LookedUp(after, Progress.UNKNOWN),)))
        assert found is not None
        move = found
        pauses.append(move.again_at - AT)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    last = LookedUp(Operation(CLUSTER_ID, "", AT + 9, AT, MOVE.id), Progress.SUCCEEDED, ran=Ran(0, output(restarted=1)))
    found = moved(looking_at(move, operations=(last,)))
    assert found is not None
    assert (found.trouble, found.troubles, found.again_at, found.ended) == ("", 0, 0.0, True)


def test_what_others_write_into_the_output_is_not_believed_beyond_its_form() -> None:
    long = '{"tether":1,"state":"left","kind":"' + "x" * 9000 + '","namespace":"a","name":"b"}'
    world = looking_at(operations=ran(0, "\n".join([*[long] * 50, "}{", "\x00", output(left=1)])))
    found = moved(world)
    assert found is not None
    assert found.names == ("Deployment apps/proxy",)


def test_only_the_first_command_of_a_move_counts_for_the_limit() -> None:
    (first,) = decide(looking_at(), ENABLED).changes
    (later,) = decide(looking_at(but(commands=1, left=1)), ENABLED).changes
    (listing,) = decide(looking_at(), LISTING).changes
    assert [takes(change) for change in (first, later, listing)] == [True, False, False]
    assert (first.action, later.action) == (Action.UPDATE, Action.CONTINUE)


def test_the_command_line_holds_what_the_policy_names_and_nothing_of_the_clusters() -> None:
    (change,) = decide(looking_at(), ENABLED).changes
    assert isinstance(change.wants, Restarting)
    assert pod_restarts.command_of(change.wants) == f"sh restart_pods.sh restart {MOVE.id} 5 120 apps web"
    sly = replace(change.wants, namespaces=("a; id",))
    assert pod_restarts.command_of(sly).endswith("'a; id'")


@pytest.mark.parametrize(
    ("error", "entra", "expected"),
    [
        (ArmError(403, "AuthorizationFailed", "no"), False, "run-command-not-authorised"),
        (ArmError(400, "BadRequest", "a clusterToken is needed"), True, "run-command-needs-entra"),
        (ArmError(0, "NoToken", "no token"), True, "run-command-needs-entra"),
        (ArmError(400, "BadRequest", "Run Command is disabled"), False, "run-command-refused"),
        (ArmError(409, "OperationNotAllowed", "busy"), False, None),
    ],
)
def test_what_a_refusal_needs_a_person_for(error: ArmError, entra: bool, expected: str | None) -> None:
    (change,) = decide(looking_at(), ENABLED).changes
    assert isinstance(change.wants, Restarting)
    change = replace(change, wants=replace(change.wants, entra=entra))
    result = Result.RETRY if error.status in {0, 409} else Result.REFUSED
    finding = pod_restarts.explain(Outcome(change, result, error=error))
    assert (finding.code if finding else None) == expected


def a_row(name: str, *, since: float = AT - 60, move: str = "ab") -> Row:
    cluster = an_id("Microsoft.ContainerService/managedClusters", name, "apps")
    return Row(cluster.group_id, observed=Observed(operations=(Operation(cluster, "", since, AT, move),)))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param((a_row("a"), a_row("b")), False, id="two others"),
        pytest.param((a_row("a"), a_row("b"), a_row("c")), True, id="three others"),
        pytest.param((a_row("a"), a_row("b"), a_row("prod")), False, id="two others and itself"),
        pytest.param((a_row("a"), a_row("b"), a_row("c", since=AT - 1801)), False, id="one of long ago"),
        pytest.param((a_row("a"), a_row("b"), a_row("c", move="")), False, id="an operation that is no command"),
    ],
)
def test_few_clusters_run_commands_at_a_time(rows: tuple[Row, ...], expected: bool) -> None:
    (change,) = decide(looking_at(), ENABLED).changes
    assert pod_restarts.is_crowded(rows, change, AT) is expected


@pytest.mark.parametrize(
    ("restarts", "told"),
    [
        pytest.param({"enabled": True}, "needs namespaces", id="no namespace"),
        pytest.param({"list": True}, "needs namespaces", id="nor for a list"),
        pytest.param({"enabled": True, "namespaces": ["a;id"]}, "podRestarts.namespaces[0]", id="no name"),
        pytest.param({"enabled": True, "namespaces": ["apps\n"]}, "podRestarts.namespaces[0]", id="with a line's end"),
        pytest.param({"enabled": True, "namespaces": ["-apps"]}, "podRestarts.namespaces[0]", id="like an option"),
        pytest.param({"namespaces": ["x"] * 51}, "podRestarts.namespaces", id="too many"),
    ],
)
def test_a_policy_for_restarts_that_cannot_be_is_refused(restarts: dict[str, Any], told: str) -> None:
    document = {"owner": "o", "scope": {"managementGroups": ["m"]}, "podRestarts": restarts}
    with pytest.raises(PolicyError, match=re.escape(told)):
        load(msgspec.json.encode(document).decode())
