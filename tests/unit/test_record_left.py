"""What is remembered of records after a pass, and how what former clusters left is removed: the truth tables."""

from dataclasses import replace

import pytest

from functions.dns.record import Owner, Record, addresses_in
from functions.dns.target import TargetError, Trouble
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import UNKNOWN, LeftSeen, RecordSeen, Seen
from functions.handlers import api_server_records, record_left, record_memory
from functions.handlers.api_server_findings import left_behind as left_behind_finding
from functions.handlers.api_server_records import removal
from functions.handlers.verdict import Action, Outcome, Result, Verdict
from functions.ledger.left import Left
from functions.ledger.state import Observed
from functions.policy import RecordTarget, Tsig
from tests.unit.worlds import AT, CLUSTER_ID, a_cluster, a_policy, an_id, seen

OWNER = Owner("platform-test", CLUSTER_ID)
NAME = (a_cluster().properties.private_fqdn or "").casefold()
OLD_NAME = NAME.replace("prod-", "old-")
TSIG = Tsig(name="tether.", secret="@env:TSIG_SECRET")
TARGET = RecordTarget(zone=NAME.partition(".")[2], servers=("10.0.0.4:53",), tsig=TSIG)
HERE = addresses_in(["10.1.0.5"])
OURS = Record(HERE, 60, (OWNER.text,))
OTHERS = Record(HERE, 60, (Owner("somebody", CLUSTER_ID).text,))
DOWN = TargetError(Trouble.UNREACHABLE, "no answer")
KEPT = f"{TARGET.place} 10.1.0.5"
LIVES, ENDS = a_cluster(state="Succeeded"), a_cluster(state="Deleting")
MEMORY = Observed(cluster=str(CLUSTER_ID), private_fqdn=NAME, records=(KEPT,), gone_since=AT - 3600)


def looking_at(held: Record | TargetError, cluster: ManagedCluster | None, **facts: object) -> Seen:
    given: dict[str, object] = {
        "api_server": ApiServer(HERE),
        "records": (RecordSeen(TARGET, TARGET.place, held),),
        "remembered": MEMORY,
        **facts,
    }
    return replace(seen(**given), cluster=cluster, cluster_is_gone=cluster is None)


def removed(name: str, result: Result) -> Outcome:
    return Outcome(removal(name, TARGET.place, OURS, OWNER, "because"), result)


@pytest.mark.parametrize(
    ("world", "outcomes", "kept"),
    [
        pytest.param(looking_at(DOWN, LIVES), (), True, id="not read"),
        pytest.param(looking_at(OURS, LIVES, records=UNKNOWN), (), True, id="not asked for"),
        pytest.param(looking_at(OURS, LIVES, api_server=UNKNOWN), (), True, id="the address was not read"),
        pytest.param(looking_at(OURS, LIVES, api_server=ApiServer(HERE, Doubt.DISAGREE)), (), True, id="in doubt"),
        pytest.param(looking_at(Record(), LIVES), (), False, id="read, and it is gone"),
        pytest.param(looking_at(OTHERS, LIVES), (), False, id="read, and it is another's"),
        pytest.param(looking_at(DOWN, ENDS), (), True, id="Deleting, not read"),
        pytest.param(looking_at(OURS, ENDS), (), True, id="Deleting, still there"),
        pytest.param(looking_at(OURS, ENDS), (removed(NAME, Result.RETRY),), True, id="Deleting, not removed"),
        pytest.param(looking_at(OURS, ENDS), (removed(NAME, Result.UNKNOWN),), True, id="Deleting, no answer"),
        pytest.param(looking_at(OURS, ENDS), (removed(NAME, Result.APPLIED),), False, id="Deleting, removed"),
        pytest.param(looking_at(OURS, ENDS), (removed(OLD_NAME, Result.APPLIED),), True, id="another name removed"),
        pytest.param(looking_at(Record(), None), (), False, id="gone, and a read shows none"),
        pytest.param(looking_at(DOWN, None), (), True, id="gone, not read"),
    ],
)
def test_the_memory_of_a_record_ends_by_an_act_or_a_read(
    world: Seen, outcomes: tuple[Outcome, ...], kept: bool
) -> None:
    assert record_memory.kept(world, (), outcomes, (), "platform-test") == ((KEPT,) if kept else ())


def test_a_record_that_was_found_right_is_remembered_once() -> None:
    assert record_memory.kept(looking_at(OURS, LIVES), (KEPT,), (), (), "platform-test") == (KEPT,)


@pytest.mark.parametrize(
    ("world", "outcomes", "left"),
    [
        pytest.param(looking_at(DOWN, LIVES), (), False, id="it lives"),
        pytest.param(looking_at(DOWN, ENDS), (), False, id="it is being deleted"),
        pytest.param(looking_at(DOWN, None), (), True, id="gone, not read"),
        pytest.param(looking_at(OURS, None), (), True, id="gone, still there"),
        pytest.param(looking_at(OURS, None), (removed(NAME, Result.UNKNOWN),), True, id="gone, no answer"),
        pytest.param(looking_at(OURS, None), (removed(NAME, Result.APPLIED),), False, id="gone, removed"),
        pytest.param(looking_at(Record(), None), (), False, id="gone, and a read shows none"),
        pytest.param(looking_at(OTHERS, None), (), False, id="gone, and the record is another's"),
        pytest.param(looking_at(OURS, None, records=UNKNOWN), (), True, id="gone, not asked for"),
        pytest.param(looking_at(OURS, None, records=()), (), True, id="gone, and the target left the policy"),
        pytest.param(looking_at(DOWN, None, name_is_taken=True), (), False, id="a newer cluster has the name"),
    ],
)
def test_a_gone_clusters_record_is_left_until_it_is_shown_gone(
    world: Seen, outcomes: tuple[Outcome, ...], left: bool
) -> None:
    found = record_memory.left(world, outcomes, "platform-test")
    assert [(entry.name, entry.since, entry.places) for entry in found] == (
        [(NAME, AT - 3600, (TARGET.place,))] if left else []
    )


FORMER = Left(cluster=str(CLUSTER_ID), name=OLD_NAME, since=AT - 3600, places=(TARGET.place,))


def beside(held: Record | TargetError, *, gone: bool = True, taken: bool = False, since: float = AT - 3600) -> Seen:
    """A living cluster whose row remembers a former one."""
    entry = Left(cluster=FORMER.cluster, name=FORMER.name, since=since, places=FORMER.places)
    one = LeftSeen(entry, gone, taken, (RecordSeen(TARGET, TARGET.place, held),))
    return replace(seen(LIVES, remembered=Observed(left=(entry,))), left=(one,))


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [change.action.value for change in verdict.changes]
    return " ".join([*words, *(["look again"] if verdict.look_again is not None else [])]) or "nothing"


@pytest.mark.parametrize(
    ("world", "expected", "stays"),
    [
        pytest.param(beside(OURS, gone=False, taken=True), "nothing", False, id="a newer cluster has the name"),
        pytest.param(beside(OURS, gone=False), "record-left-behind look again", True, id="not known to be free"),
        pytest.param(beside(OURS, since=AT - 599), "look again", True, id="free for less than ten minutes"),
        pytest.param(beside(OURS, since=AT - 600), "delete", True, id="free for ten minutes"),
        pytest.param(beside(DOWN), "record-left-behind look again", True, id="not read"),
        pytest.param(beside(Record()), "nothing", False, id="a read shows none"),
        pytest.param(beside(OTHERS), "nothing", False, id="a read shows another's"),
        pytest.param(beside(Record(), gone=False), "nothing", False, id="shown gone, whoever removed it"),
    ],
)
def test_what_a_former_cluster_left_is_removed_when_its_name_is_free(world: Seen, expected: str, stays: bool) -> None:
    assert said(record_left.decide(world, a_policy())) == expected
    assert bool(record_memory.left(world, (), "platform-test")) is stays


def test_a_removal_of_what_was_left_ends_the_duty_and_names_only_the_former_cluster() -> None:
    (change,) = record_left.decide(beside(OURS), a_policy()).changes
    assert (change.action, change.target, change.handler) == (Action.DELETE, CLUSTER_ID, api_server_records.HANDLER)
    outcome = Outcome(change, Result.APPLIED)
    assert record_memory.left(beside(OURS), (outcome,), "platform-test") == ()


def test_what_this_pass_did_not_read_of_former_clusters_stays_left() -> None:
    world = replace(beside(Record()), left=())
    assert record_memory.left(world, (), "platform-test") == world.remembered.left


def test_a_target_that_moved_to_other_servers_answers_for_the_place_before() -> None:
    entry = Left(cluster=FORMER.cluster, name=OLD_NAME, since=AT - 3600, places=(f"{TARGET.zone_name} on 10.9.9.9",))
    one = LeftSeen(entry, True, False, (RecordSeen(TARGET, TARGET.place, Record()),))
    world = replace(seen(LIVES, remembered=Observed(left=(entry,))), left=(one,))
    assert record_memory.left(world, (), "platform-test") == ()


@pytest.mark.parametrize(("days", "stays"), [(89, True), (91, False)])
def test_a_target_that_left_the_policy_is_reported_for_90_days(days: float, stays: bool) -> None:
    entry = Left(cluster=FORMER.cluster, name=OLD_NAME, since=AT - days * 86400, places=FORMER.places)
    world = replace(seen(LIVES, remembered=Observed(left=(entry,))), left=(LeftSeen(entry, True, False, ()),))
    assert bool(record_memory.left(world, (), "platform-test")) is stays


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(
            RecordTarget(zone=TARGET.zone, servers=("[fd00::4]:5353",), tsig=TSIG),
            f"printf '%s\\n' 'server fd00::4 5353' 'update delete {OLD_NAME}. A' 'update delete {OLD_NAME}. AAAA' "
            f"'update delete {OLD_NAME}. TXT \"{OWNER.text}\"' send | nsupdate -k tether.key",
            id="servers",
        ),
        pytest.param(
            RecordTarget(private_zone=an_id("Microsoft.Network/privateDnsZones", OLD_NAME.partition(".")[2], "dns")),
            "az network private-dns record-set a delete --subscription 22222222-2222-2222-2222-222222222222 -g dns "
            f"-z {OLD_NAME.partition('.')[2]} -n {OLD_NAME.partition('.')[0]} --yes",
            id="Azure",
        ),
    ],
)
def test_the_command_to_remove_it_by_hand_can_be_pasted(target: RecordTarget, expected: str) -> None:
    finding = left_behind_finding(FORMER, RecordSeen(target, target.place, DOWN), "platform-test")
    assert expected in finding.advice


@pytest.mark.parametrize(("attempt", "pause"), [(0, 60.0), (2, 240.0), (9, 900.0)])
def test_an_orphan_on_a_server_that_is_down_is_tried_with_growing_pauses(attempt: int, pause: float) -> None:
    remembered = Observed(cluster=str(CLUSTER_ID), private_fqdn=NAME, attempt=attempt)
    verdict = api_server_records.decide(looking_at(DOWN, None, remembered=remembered), a_policy())
    assert verdict.look_again == pause
    assert {finding.code for finding in verdict.findings} == {"record-target-unreachable", "record-left-behind"}
