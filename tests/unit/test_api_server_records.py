"""The truth table of api_server_records.decide, row by row, and what must hold for any world."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record, addresses_in, owner_of
from functions.dns.target import TargetError, Trouble
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import UNKNOWN, RecordSeen, Seen
from functions.handlers.api_server_records import decide, explain
from functions.handlers.verdict import Action, Outcome, Recording, Result, Verdict
from functions.ledger.state import Observed
from functions.policy import RecordTarget, Tsig
from tests.unit.worlds import AT, CLUSTER_ID, ZONE, a_cluster, a_policy, an_id, seen

NAME = a_cluster().properties.private_fqdn or ""
TSIG = Tsig(name="tether.", secret="@env:TSIG_SECRET")
TARGET = RecordTarget(zone=NAME.partition(".")[2], servers=("10.0.0.4:53",), tsig=TSIG)
ADOPTING = RecordTarget(zone=TARGET.zone, servers=TARGET.servers, tsig=TSIG, adopt=True)
PLACE = "the zone on 10.0.0.4:53"
HERE, OLD = addresses_in(["10.1.0.5"]), addresses_in(["10.1.0.4"])
OURS = Owner("platform-test", CLUSTER_ID).text
OTHER_CLUSTERS = Owner("platform-test", an_id("Microsoft.ContainerService/managedClusters", "other", "apps")).text
OTHER_DEPLOYMENTS = Owner("somebody", CLUSTER_ID).text
EXTERNAL_DNS = "heritage=external-dns,external-dns/owner=default"

UP = a_cluster(state="Succeeded")


def held(addresses: frozenset[object] = HERE, *owners: str, ttl: int = 60, in_the_way: tuple[str, ...] = ()) -> Record:
    return Record(addresses, ttl if addresses else 0, owners, in_the_way)  # type: ignore[arg-type]


def looking_at(
    record: Record | TargetError,
    *,
    cluster: ManagedCluster | None = UP,
    target: RecordTarget = TARGET,
    server: ApiServer | None = None,
    **facts: object,
) -> Seen:
    given: dict[str, object] = {
        "api_server": server or ApiServer(HERE),
        "records": (RecordSeen(target, PLACE, record),),
        **facts,
    }
    return replace(seen(cluster=cluster or UP, **given), cluster=cluster)


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [change.action.value for change in verdict.changes]
    return " ".join(words) or ("nothing" if verdict.look_again is None else "look again")


@pytest.mark.parametrize(
    ("record", "target", "expected"),
    [
        pytest.param(Record(), TARGET, "create", id="nothing there"),
        pytest.param(held(HERE, OURS), TARGET, "nothing", id="ours, and right"),
        pytest.param(held(OLD, OURS), TARGET, "update", id="ours, with the old address"),
        pytest.param(held(OLD | HERE, OURS), TARGET, "update", id="ours, with an address too many"),
        pytest.param(held(HERE, OURS, ttl=300), TARGET, "update", id="ours, with another TTL"),
        pytest.param(held(frozenset(), OURS), TARGET, "update", id="ours, and the address is gone"),
        pytest.param(held(OLD), TARGET, "record-not-ours", id="nobody's"),
        pytest.param(held(HERE), TARGET, "record-not-ours", id="nobody's, right today"),
        pytest.param(held(OLD), ADOPTING, "update", id="nobody's, adopted"),
        pytest.param(held(HERE), ADOPTING, "update", id="nobody's and right, adopted to follow the next move"),
        pytest.param(held(OLD, OTHER_DEPLOYMENTS), TARGET, "record-not-ours", id="another deployment's"),
        pytest.param(held(OLD, OTHER_DEPLOYMENTS), ADOPTING, "record-not-ours", id="another's is never adopted"),
        pytest.param(held(OLD, EXTERNAL_DNS), ADOPTING, "record-not-ours", id="another tool's is never adopted"),
        pytest.param(held(OLD, OURS, EXTERNAL_DNS), TARGET, "record-not-ours", id="claimed by two"),
        pytest.param(held(frozenset(), EXTERNAL_DNS), TARGET, "record-not-ours", id="an owner without an address"),
        pytest.param(held(OLD, OTHER_CLUSTERS), TARGET, "name-claimed-twice", id="another cluster's"),
        pytest.param(held(frozenset(), in_the_way=("CNAME",)), TARGET, "record-in-the-way", id="an alias"),
    ],
)
def test_what_a_record_calls_for(record: Record, target: RecordTarget, expected: str) -> None:
    assert said(decide(looking_at(record, target=target), a_policy())) == expected


@pytest.mark.parametrize(
    ("doubt", "busy", "expected"),
    [
        pytest.param(Doubt.NOT_YET, True, "look again", id="AKS has not got so far"),
        pytest.param(Doubt.STOPPED, False, "nothing", id="stopped"),
        pytest.param(Doubt.MISSING, False, "api-server-endpoint-missing", id="gone, and the cluster at rest"),
        pytest.param(Doubt.MISSING, True, "look again", id="gone, and AKS at work"),
        pytest.param(Doubt.NOT_APPROVED, False, "api-server-endpoint-not-approved", id="not approved"),
        pytest.param(Doubt.ANOTHERS, False, "api-server-endpoint-not-proven", id="another cluster's endpoint"),
        pytest.param(Doubt.SEVERAL, False, "api-server-addresses-several", id="several"),
        pytest.param(Doubt.DISAGREE, False, "api-server-addresses-disagree", id="the pieces disagree"),
        pytest.param(Doubt.DISAGREE, True, "look again", id="the pieces disagree while AKS is at work"),
    ],
)
def test_an_address_in_doubt_changes_no_record(doubt: Doubt, busy: bool, expected: str) -> None:
    cluster = a_cluster() if busy else UP
    world = looking_at(held(OLD, OURS), cluster=cluster, server=ApiServer(doubt=doubt, said="so"))
    assert said(decide(world, a_policy())) == expected


@pytest.mark.parametrize("trouble", [trouble for trouble in Trouble if trouble is not Trouble.RACE_LOST])
def test_a_target_in_trouble_is_told_and_looked_at_again_and_keeps_no_other_waiting(trouble: Trouble) -> None:
    facts = {"records": (RecordSeen(TARGET, PLACE, TargetError(trouble, "no")), RecordSeen(TARGET, "other", Record()))}
    verdict = decide(looking_at(Record(), **facts), a_policy())
    assert [change.place for change in verdict.changes] == ["other"]
    assert len(verdict.findings) == 1
    assert verdict.look_again == 60.0


def test_a_target_that_names_a_pause_is_left_alone_so_long() -> None:
    verdict = decide(looking_at(TargetError(Trouble.BUSY, "later", pause=300.0)), a_policy())
    assert verdict.look_again == 300.0


ENDING = a_cluster(state="Deleting")


@pytest.mark.parametrize(
    ("cluster", "remembered", "record", "expected"),
    [
        pytest.param(ENDING, Observed(), held(HERE, OURS), "delete", id="Deleting"),
        pytest.param(ENDING, Observed(), held(HERE), "nothing", id="Deleting, and the record is nobody's"),
        pytest.param(ENDING, Observed(), held(HERE, OTHER_CLUSTERS), "nothing", id="Deleting, and it is another's"),
        pytest.param(a_cluster(state="Failed"), Observed(deleting=True), held(HERE, OURS), "delete", id="failed to go"),
        pytest.param(
            a_cluster(state="Failed"), Observed(), held(HERE, OURS), "nothing", id="failed, for other reasons"
        ),
        pytest.param(None, Observed(), held(HERE, OURS), "look again", id="gone, for the first time"),
        pytest.param(None, Observed(gone_since=AT - 599), held(HERE, OURS), "look again", id="gone, not for long"),
        pytest.param(None, Observed(gone_since=AT - 600), held(HERE, OURS), "delete", id="gone for ten minutes"),
        pytest.param(None, Observed(gone_since=AT - 600), held(HERE), "nothing", id="gone, and it is nobody's"),
        pytest.param(None, Observed(gone_since=AT - 600), Record(), "nothing", id="gone with its record"),
    ],
)
def test_a_record_goes_with_its_cluster_and_no_sooner(
    cluster: ManagedCluster | None, remembered: Observed, record: Record, expected: str
) -> None:
    known = msgspec.structs.replace(remembered, cluster=str(CLUSTER_ID), zone=str(ZONE), private_fqdn=NAME)
    world = looking_at(record, cluster=cluster, remembered=known, cluster_is_gone=cluster is None)
    assert said(decide(world, a_policy())) == expected


def test_a_removal_keeps_nothing_and_says_of_whom_it_is() -> None:
    (change,) = decide(looking_at(held(OLD, OURS), cluster=ENDING), a_policy()).changes
    assert (change.action, change.target, change.after) == (Action.DELETE, CLUSTER_ID, "no record")
    assert isinstance(change.wants, Recording)
    assert change.wants.before == held(OLD, OURS)


def test_a_change_tells_from_where_to_where() -> None:
    (change,) = decide(looking_at(held(OLD, OURS)), a_policy()).changes
    assert (change.before, change.after) == ("10.1.0.4", "10.1.0.5 (TTL 60 s)")
    assert NAME in change.reason


def test_what_is_right_is_remembered_with_its_address_so_that_a_move_is_no_tug_of_war() -> None:
    verdict = decide(looking_at(held(HERE, OURS)), a_policy())
    (moved,) = decide(looking_at(held(HERE, OURS), server=ApiServer(OLD)), a_policy()).changes
    assert verdict.recorded == (f"{PLACE} 10.1.0.5",)
    assert moved.kept not in verdict.recorded


def test_akss_own_record_lagging_is_told_and_keeps_ours_from_nothing() -> None:
    verdict = decide(looking_at(held(OLD, OURS), server=ApiServer(HERE, published=OLD)), a_policy())
    assert said(verdict) == "a-record-differs update"
    assert verdict.look_again is not None


def test_without_records_or_address_nothing_is_wanted() -> None:
    assert decide(looking_at(Record(), records=UNKNOWN), a_policy()) == Verdict()
    assert decide(replace(looking_at(Record()), api_server=UNKNOWN), a_policy()) == Verdict()


@pytest.mark.parametrize("trouble", list(Trouble))
def test_only_a_lost_race_needs_nobody(trouble: Trouble) -> None:
    (change,) = decide(looking_at(held(OLD, OURS)), a_policy()).changes
    finding = explain(Outcome(change, Result.RETRY, trouble=TargetError(trouble, "no")))
    assert (finding is None) is (trouble is Trouble.RACE_LOST)


OWNERS = st.lists(st.sampled_from([OURS, OTHER_CLUSTERS, OTHER_DEPLOYMENTS, EXTERNAL_DNS]), max_size=2, unique=True)
ADDRESSES = st.frozensets(st.sampled_from(sorted(HERE | OLD)), max_size=2)


@given(
    OWNERS, ADDRESSES, st.booleans(), st.sampled_from(["Creating", "Succeeded", "Deleting", "Failed"]), st.booleans()
)
def test_no_record_of_anothers_is_ever_changed(
    owners: list[str], addresses: frozenset[object], adopt: bool, state: str, gone: bool
) -> None:
    known = Observed(cluster=str(CLUSTER_ID), private_fqdn=NAME, gone_since=AT - 3600)
    world = looking_at(
        held(addresses, *owners),
        cluster=None if gone else a_cluster(state=state),
        target=ADOPTING if adopt else TARGET,
        cluster_is_gone=gone,
        remembered=known,
    )
    for change in decide(world, a_policy()).changes:
        assert owners == [OURS] or (not owners and (adopt or not addresses))
        if change.action is Action.DELETE:
            assert owners == [OURS]
            assert gone or state == "Deleting"


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        pytest.param(OURS, Owner("platform-test", CLUSTER_ID), id="ours"),
        pytest.param(EXTERNAL_DNS, None, id="another tool's"),
        pytest.param("heritage=tether,owner=a", None, id="cut short"),
        pytest.param("heritage=tether,owner=a,cluster=/nowhere", None, id="no cluster's id"),
        pytest.param("heritage=tether,cluster=/x,owner=a", None, id="in another order"),
        pytest.param("", None, id="empty"),
    ],
)
def test_an_owner_text_says_whose_it_is(text: str, owner: Owner | None) -> None:
    assert owner_of(text) == owner


def test_an_owner_compares_clusters_as_azure_does() -> None:
    upper = Owner("platform-test", ResourceId(str(CLUSTER_ID).upper()))
    assert owner_of(upper.text.replace("HERITAGE", "heritage")) == Owner("platform-test", CLUSTER_ID)
