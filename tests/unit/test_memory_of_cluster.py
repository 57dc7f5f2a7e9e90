"""Whose memory a row's is, what a pass may change of it, and what counts as left to remove."""

from dataclasses import replace

import msgspec
import pytest

from functions.arm.errors import ArmError
from functions.fleet.memory import left_behind, of_cluster, place_of
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import Links
from functions.handlers.verdict import Finding, Severity, Verdict
from functions.ledger.left import Left
from functions.ledger.making import Making
from functions.ledger.state import GONE, Observed
from functions.passed import remember
from functions.restraint import Restrained
from functions.unproven import blind, in_another_row, unproven
from functions.work import Work
from tests.unit.worlds import AT, CLUSTER_ID, HUB, NODE_GROUP, ZONE, a_cluster, a_policy, an_id, seen

NAME = (a_cluster().properties.private_fqdn or "").casefold()
OTHER_NAME = NAME.replace("prod-", "anew-")
OTHER_ID = an_id("Microsoft.ContainerService/managedClusters", "other", "apps")
RECORD = "zone on 10.0.0.4:53 10.1.0.4"
HELD = Observed(
    at=AT - 60,
    cluster=str(CLUSTER_ID),
    zone=str(ZONE),
    state="Succeeded",
    private_fqdn=NAME,
    uid="uid-1",
    hubs=(str(HUB),),
    records=(RECORD,),
    address="10.1.0.4",
    making=Making(first=1.0, last=2.0, uid="uid-1"),
)
OWN = left_behind(HELD, AT)
WORK = Work(target=ZONE, why="e", cause="e", since=AT)


def a_finding(code: str) -> Finding:
    return Finding("zone_links", Severity.WARNING, code, ZONE, "", "")


@pytest.mark.parametrize(
    ("cluster", "same"),
    [
        pytest.param(None, True, id="no cluster: gone, or a custom zone"),
        pytest.param(a_cluster(resource_uid="uid-1"), True, id="this very cluster"),
        pytest.param(a_cluster(), True, id="AKS says no UID"),
        pytest.param(a_cluster(private_fqdn=""), True, id="AKS says no private name"),
        pytest.param(a_cluster(private_fqdn=NAME.upper()), True, id="another spelling"),
        pytest.param(a_cluster(resource_uid="uid-2"), False, id="created again under the same name"),
        pytest.param(a_cluster(private_fqdn=OTHER_NAME, resource_uid="uid-1"), False, id="another private name"),
        pytest.param(a_cluster(id=OTHER_ID), False, id="another id in the same group"),
    ],
)
def test_memory_counts_for_the_cluster_that_it_was_made_of(cluster: ManagedCluster | None, same: bool) -> None:
    held = of_cluster(HELD, cluster, AT)
    if same:
        assert held == HELD
    else:
        assert (held.hubs, held.records, held.address, held.cluster) == ((), (), "", "")


@pytest.mark.parametrize(
    ("cluster", "left"),
    [
        pytest.param(a_cluster(private_fqdn=OTHER_NAME, resource_uid="uid-2"), (OWN,), id="another name"),
        pytest.param(a_cluster(resource_uid="uid-2"), (), id="the same name: the record is the new cluster's"),
        pytest.param(a_cluster(id=OTHER_ID), (OWN,), id="the same name, and another id in the owner text"),
        pytest.param(a_cluster(private_fqdn="", resource_uid="uid-2"), (OWN,), id="no name yet"),
    ],
)
def test_the_name_of_a_former_cluster_is_left_to_remove(cluster: ManagedCluster, left: tuple[Left, ...]) -> None:
    assert of_cluster(HELD, cluster, AT).left == left


def test_what_was_left_before_stays_until_its_name_is_a_living_clusters_again() -> None:
    earlier = Left(cluster=str(CLUSTER_ID), name=OTHER_NAME, since=3.0)
    held = msgspec.structs.replace(HELD, left=(earlier,))
    assert of_cluster(held, a_cluster(resource_uid="uid-1"), AT).left == (earlier,)
    assert of_cluster(held, a_cluster(private_fqdn=OTHER_NAME, resource_uid="uid-2"), AT).left == (OWN,)


@pytest.mark.parametrize(
    ("kept", "place"),
    [
        ("zone on 10.0.0.4:53 10.1.0.4", "zone on 10.0.0.4:53"),
        ("zone on 10.0.0.4, 10.0.0.5 10.1.0.4 fd00::4", "zone on 10.0.0.4, 10.0.0.5"),
        ("zone on 10.0.0.4 ", "zone on 10.0.0.4"),
        ("zone in /subscriptions/s/resourceGroups/g 10.1.0.4", "zone in /subscriptions/s/resourceGroups/g"),
        ("odd", "odd"),
    ],
)
def test_what_is_kept_of_a_record_names_its_place(kept: str, place: str) -> None:
    assert place_of(kept) == place


@pytest.mark.parametrize("state", ["", GONE])
@pytest.mark.parametrize("ended", ["not-ours", "nothing-to-mend", "not-a-clusters-group", "out-of-scope", "gone"])
def test_a_pass_that_proves_nothing_adds_its_finding_and_changes_nothing_else(ended: str, state: str) -> None:
    done = unproven(ended, (a_finding("ownership-not-proven"),), AT, HELD, state)
    assert done.keeps_looks
    assert done.observed == msgspec.structs.replace(HELD, findings=("ownership-not-proven",))
    again = unproven(ended, (a_finding("ownership-not-proven"),), AT, done.observed, state)
    assert again.observed is None


def test_a_row_in_which_nothing_was_proven_keeps_what_was_found() -> None:
    done = unproven("not-ours", (a_finding("ownership-not-proven"),), AT, Observed())
    assert done.observed == Observed(at=AT, findings=("ownership-not-proven",))
    assert not done.keeps_looks


@pytest.mark.parametrize("status", [404, 403])
def test_a_pass_that_saw_nothing_for_long_leaves_a_proven_row_as_it_was(status: int) -> None:
    late = msgspec.structs.replace(WORK, attempt=9, since=AT - 48 * 3600)
    done = blind(late, ArmError(status, "", "no"), AT, HELD)
    assert done.follow_up is None
    assert (done.observed or HELD).state == "Succeeded"
    assert msgspec.structs.replace(done.observed or HELD, findings=()) == HELD


def test_of_a_row_that_nothing_is_known_of_a_404_is_kept_as_gone() -> None:
    late = msgspec.structs.replace(WORK, attempt=9, since=AT - 48 * 3600)
    done = blind(late, ArmError(404, "", "no"), AT, Observed())
    assert done.ended == "gone"
    assert done.observed == Observed(at=AT, state=GONE)


def test_a_cluster_that_a_tag_excludes_keeps_its_memory_and_its_state_is_kept_up_to_date() -> None:
    world = replace(
        seen(a_cluster(state="Updating", tags={"tether": "off"}), links=Links((), complete=True)), remembered=HELD
    )
    done = remember(WORK, world, Verdict(), (), Restrained(()), a_policy(HUB), AT)
    assert done.observed == msgspec.structs.replace(HELD, at=AT, state="Updating")


def test_a_cluster_that_was_always_excluded_is_not_remembered() -> None:
    world = seen(a_cluster(tags={"tether": "off"}))
    done = remember(WORK, world, Verdict(), (), Restrained(()), a_policy(HUB), AT)
    assert done.observed == Observed(at=AT)


@pytest.mark.parametrize(
    ("name", "left", "records"),
    [
        pytest.param(OTHER_NAME, (OWN,), (RECORD,), id="another name: the old record is left to remove"),
        pytest.param(NAME, (), (), id="the same name: the record is the new cluster's"),
    ],
)
def test_a_cluster_that_was_created_again_in_another_group_leaves_its_duties_to_the_old_row(
    name: str, left: tuple[Left, ...], records: tuple[str, ...]
) -> None:
    anew = seen(a_cluster(private_fqdn=name, node_group=f"{NODE_GROUP}-anew", resource_uid="uid-2"))
    work = msgspec.structs.replace(WORK, target=CLUSTER_ID, subject=ZONE.group_id)
    done = in_another_row(work, anew, AT, HELD)
    assert done.observed is not None
    assert (done.observed.state, done.observed.left, done.observed.records) == (GONE, left, records)
    assert (done.follow_up is not None) == bool(left)
    assert done.follow_up is None or done.follow_up.target == ZONE.group_id


@pytest.mark.parametrize(
    ("held", "owes"),
    [
        pytest.param(Observed(), False, id="nothing"),
        pytest.param(Observed(at=AT, state=GONE), False, id="never proven"),
        pytest.param(HELD, True, id="a living cluster"),
        pytest.param(msgspec.structs.replace(HELD, state=GONE), True, id="gone, and its record is remembered"),
        pytest.param(msgspec.structs.replace(HELD, state=GONE, records=()), False, id="gone, and nothing is left"),
        pytest.param(Observed(state=GONE, left=(OWN,)), True, id="something is left"),
    ],
)
def test_a_row_owes_while_something_of_tethers_may_be_there(held: Observed, owes: bool) -> None:
    assert held.owes is owes
