"""When it is proven that a cluster's creation failed, and nothing later."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp, Operation, Progress
from functions.fleet.creation import creation_failed, making
from functions.fleet.model import AgentPool, ManagedCluster, SystemData
from functions.fleet.seen import Seen
from functions.ledger.making import Making
from functions.ledger.state import Observed
from tests.unit.worlds import AT, CLUSTER_ID, a_cluster, seen

HOUR = 3600.0
CREATED = Making(first=AT - 1200, last=AT - 60, uid="uid-1")
FAILED = Making(first=AT - 1200, last=AT - 900, uid="uid-1", failed=AT - 900, etag="e1")
PUT = msgspec.structs.replace(FAILED, failed=0.0, etag="", last=AT - 60, puts=1, put_at=AT - 300)


def looking_at(
    state: str = "Failed",
    held: Making | None = CREATED,
    operations: tuple[LookedUp, ...] = (),
    remembered: tuple[Operation, ...] = (),
    **said: Any,
) -> Seen:
    return seen(
        cluster=a_cluster_in(state, **said),
        remembered=Observed(at=AT - 60, making=held, operations=remembered),
        operations=operations,
    )


def a_cluster_in(
    state: str, etag: str | None = "e1", created_at: str = "", uid: str | None = "uid-1", **said: Any
) -> ManagedCluster:
    cluster = a_cluster(state=state, resource_uid=uid, **said)
    system = SystemData(created_at=created_at) if created_at else None
    return msgspec.structs.replace(cluster, e_tag=etag, system_data=system)


def our_put(progress: Progress, code: str = "", since: float = AT - 300, command: str = "") -> LookedUp:
    error = ArmError(200, code, "it says why") if code else None
    return LookedUp(Operation(CLUSTER_ID, "https://a", since, AT, command), progress, error)


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.parametrize(
    ("state", "held", "proven"),
    [
        pytest.param("Failed", CREATED, True, id="it was Creating a minute ago"),
        pytest.param("Failed", FAILED, True, id="it is Failed as it was"),
        pytest.param("Failed", None, False, id="nobody saw it Creating"),
        pytest.param("Creating", CREATED, False, id="it is still Creating"),
        pytest.param("Succeeded", CREATED, False, id="it came up"),
        pytest.param("Upgrading", FAILED, False, id="somebody upgrades it"),
        pytest.param("Canceled", CREATED, False, id="somebody stopped its creation"),
        pytest.param("Failed", Making(first=AT - 24 * HOUR, last=AT - 60, uid="uid-1"), False, id="that was a day ago"),
        pytest.param(
            "Failed", Making(first=AT - 2000, last=AT - 901, uid="uid-1"), False, id="nobody looked for a while"
        ),
        pytest.param(
            "Failed", Making(first=AT - 1200, last=AT - 60, uid="uid-0"), False, id="another cluster had its name"
        ),
        pytest.param("Failed", Making(first=AT - 1200, last=AT - 60), True, id="AKS tells no id of its own"),
    ],
)
def test_only_a_creation_that_the_ledger_saw_and_nothing_later_is_proof(
    state: str, held: Making | None, proven: bool
) -> None:
    assert creation_failed(looking_at(state, held)) is proven


@pytest.mark.parametrize(
    ("created_at", "proven"),
    [
        pytest.param("", True, id="ARM does not say"),
        pytest.param(iso(AT - 1210), True, id="just before it was seen"),
        pytest.param("2027-01-15T07:39:50.1234567+00:00", True, id="as ARM writes it"),
        pytest.param(iso(AT - 25 * HOUR), False, id="days before"),
        pytest.param(iso(AT - 800), False, id="after it was seen Creating"),
        pytest.param("2027-01-15T07:39:50", False, id="without a zone"),
        pytest.param("lately", False, id="no instant"),
    ],
)
def test_what_arm_says_of_the_creation_must_fit(created_at: str, proven: bool) -> None:
    assert creation_failed(looking_at(created_at=created_at)) is proven


@pytest.mark.parametrize(
    ("wanted", "current", "proven"),
    [
        pytest.param("1.33", "1.33.5", True, id="a patch was left to AKS"),
        pytest.param("1.33.5", "1.33.5", True, id="a patch was named"),
        pytest.param("1.34", "1.33.5", False, id="another version is wanted"),
        pytest.param("1.3", "1.33.5", False, id="a number is no prefix of another"),
        pytest.param("1.33", None, True, id="AKS does not say what runs"),
    ],
)
def test_a_cluster_that_is_to_run_another_version_may_be_in_an_upgrade(
    wanted: str, current: str | None, proven: bool
) -> None:
    whole = looking_at(kubernetes_version=wanted, current_kubernetes_version=current)
    assert creation_failed(whole) is proven
    pools = (AgentPool(name="a", orchestrator_version=wanted, current_orchestrator_version=current),)
    cluster = a_cluster_in("Failed")
    cluster = msgspec.structs.replace(
        cluster, properties=msgspec.structs.replace(cluster.properties, agent_pool_profiles=pools)
    )
    assert creation_failed(seen(cluster=cluster, remembered=Observed(making=CREATED))) is proven


def test_a_cluster_that_somebody_wrote_after_it_failed_is_not_looked_upon_as_a_failed_creation() -> None:
    assert creation_failed(looking_at(held=FAILED, etag="e1"))
    assert not creation_failed(looking_at(held=FAILED, etag="e2"))
    assert making(looking_at(held=FAILED, etag="e2")) is None


@pytest.mark.parametrize(
    ("asked", "shown", "proven"),
    [
        pytest.param((("a", 2), ("b", 1)), (("a", 2), ("b", 1)), True, id="what the creation asked for"),
        pytest.param((("a", 2), ("b", 1)), (("b", 1), ("a", 2)), True, id="the same in another order"),
        pytest.param((("a", 2),), (("a", 5),), False, id="more machines: it came up and was scaled"),
        pytest.param((("a", 2),), (("a", 2), ("b", 1)), False, id="another pool"),
        pytest.param((("a", 2), ("b", 1)), (("a", 2),), False, id="a pool less"),
        pytest.param((("a", None),), (("a", 5),), True, id="what it asked for was not shown"),
        pytest.param((("a", 2),), (("a", None),), True, id="what it asks for is not shown"),
    ],
)
def test_a_cluster_that_asks_for_other_machines_than_its_creation_did_was_up_and_scaled(
    asked: tuple[tuple[str, int | None], ...], shown: tuple[tuple[str, int | None], ...], proven: bool
) -> None:
    """Nobody may have looked between its coming up and the scaling's end."""
    held = making(with_pools(looking_at("Creating", None), asked))
    failed = with_pools(looking_at("Failed", held), shown)
    assert creation_failed(failed) is proven
    assert (making(failed) is not None) is proven


def with_pools(sight: Seen, pools: tuple[tuple[str, int | None], ...]) -> Seen:
    assert sight.cluster is not None
    profiles = tuple(AgentPool(name=name, count=count) for name, count in pools)
    properties = msgspec.structs.replace(sight.cluster.properties, agent_pool_profiles=profiles)
    return replace(sight, cluster=msgspec.structs.replace(sight.cluster, properties=properties))


def test_a_row_of_resource_graph_shows_no_etag_and_changes_nothing() -> None:
    assert creation_failed(looking_at(held=FAILED, etag=None))


@pytest.mark.parametrize(
    ("state", "looked", "proven", "goes_on"),
    [
        pytest.param("Updating", our_put(Progress.RUNNING), False, True, id="our PUT runs"),
        pytest.param("Updating", our_put(Progress.FAILED, "X"), False, True, id="it failed, and the cluster lags"),
        pytest.param("Failed", our_put(Progress.FAILED, "X"), True, True, id="our PUT failed"),
        pytest.param("Failed", our_put(Progress.RUNNING), False, True, id="AKS has not said so yet"),
        pytest.param("Updating", None, False, False, id="an update of others"),
        pytest.param("Failed", None, False, False, id="what became of our PUT is not known"),
        pytest.param("Failed", our_put(Progress.UNKNOWN), False, False, id="ARM does not know our PUT"),
        pytest.param("Failed", our_put(Progress.SUCCEEDED), False, False, id="it came up and failed again"),
        pytest.param("Failed", our_put(Progress.FAILED, "AKSOperationPreempted"), False, False, id="it was taken over"),
        pytest.param("Failed", our_put(Progress.FAILED, "X", since=AT - 999), False, False, id="another operation"),
        pytest.param("Failed", our_put(Progress.FAILED, "X", command="move"), False, False, id="a command of ours"),
        pytest.param("Upgrading", our_put(Progress.RUNNING), False, False, id="an upgrade of others"),
        pytest.param("Succeeded", our_put(Progress.SUCCEEDED), False, False, id="it came up"),
    ],
)
def test_our_own_put_takes_nothing_from_the_proof_while_its_end_is_known(
    state: str, looked: LookedUp | None, proven: bool, goes_on: bool
) -> None:
    sight = looking_at(state, PUT, (looked,) if looked else (), etag="e2")
    assert creation_failed(sight) is proven
    assert (making(sight) is not None) is goes_on


def test_a_pass_that_did_not_look_our_put_up_takes_it_to_be_running() -> None:
    kept = our_put(Progress.RUNNING).operation
    sight = looking_at("Failed", PUT, remembered=(kept,))
    assert making(sight) == msgspec.structs.replace(PUT, last=AT)
    assert not creation_failed(sight)


def test_the_ledger_remembers_when_a_cluster_was_first_seen_creating() -> None:
    first = making(looking_at("Creating", None))
    assert first == Making(first=AT, last=AT, uid="uid-1")
    assert making(looking_at("Creating", CREATED)) == msgspec.structs.replace(CREATED, last=AT)
    again = making(looking_at("Creating", FAILED))
    assert again is not None
    assert (again.failed, again.etag) == (0.0, ""), "it is being made again: nothing of the failure before counts"
    assert making(looking_at("Failed", CREATED)) == msgspec.structs.replace(CREATED, last=AT, failed=AT, etag="e1")


STATES = ("Creating", "Failed", "Updating", "Succeeded", "Upgrading", "Scaling", "Canceled", "Stopping", "NewOne")


@given(st.lists(st.tuples(st.sampled_from(STATES), st.floats(1, 2000)), min_size=1, max_size=12))
def test_no_cluster_that_was_ever_seen_in_another_state_is_a_failed_creation(
    story: list[tuple[str, float]],
) -> None:
    held, at, creating = None, AT, False
    for state, pause in story:
        at += pause
        sight = at_instant(at, state, held)
        held = making(sight)
        creating = state == "Creating" or (creating and state == "Failed")
        assert creating or not creation_failed(sight)


def at_instant(at: float, state: str, held: Making | None) -> Seen:
    return Seen(
        zone=seen().zone, location="westeurope", at=at, cluster=a_cluster_in(state), remembered=Observed(making=held)
    )


def test_a_pass_is_looking_a_day_back_at_most() -> None:
    young = Making(first=AT - 24 * HOUR + 1, last=AT - 60, uid="uid-1")
    assert creation_failed(looking_at(held=young))
