"""What an urgent pass could not know when it began is not forgotten by what it remembers."""

from dataclasses import replace

import msgspec
import pytest

from functions.fleet.address import ApiServer
from functions.fleet.seen import Seen
from functions.handlers.verdict import Verdict
from functions.ledger.making import Making
from functions.ledger.move import Move
from functions.ledger.state import GONE, Observed
from functions.passed import Pass, remember
from functions.restraint import Restrained
from functions.settle import recalled
from functions.unproven import unproven
from functions.work import URGENT, Work
from tests.unit.worlds import AT, CLUSTER_ID, HUB, ZONE, a_cluster, a_policy, seen

NAME = a_cluster().properties.private_fqdn or ""
NEW, OLD = "10.1.0.5", "10.1.0.4"
MEMORY = Observed(
    at=1.0,
    cluster=str(CLUSTER_ID),
    zone=str(ZONE),
    private_fqdn=NAME,
    hubs=(str(HUB),),
    records=("zone on 10.0.0.4:53 10.1.0.4",),
    address=OLD,
    deleting=True,
    gone_since=2.0,
    reversals=(AT - 3.0,),
    born=4.0,
    resolved=5.0,
    move=Move(id="m", at=AT - 900, old="10.1.0.3", new=OLD, ttl=300),
)
GONE_WORLD = replace(seen(), cluster=None, cluster_is_gone=True)


def a_pass(world: Seen) -> Pass:
    """A pass that saw this, and began without the row's memory."""
    work = Work(target=ZONE, why=URGENT, cause="e", since=AT)
    return remember(work, world, Verdict(), (), Restrained(()), a_policy(HUB), AT)


def kept(world: Seen, memory: Observed = MEMORY) -> Observed:
    observed = recalled(a_pass(world), memory).observed
    assert observed is not None
    return observed


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(seen(a_cluster(state="Failed")), (True, 0.0), id="a failed deletion is still one"),
        pytest.param(GONE_WORLD, (True, 2.0), id="a cluster is gone since it was first missing"),
        pytest.param(seen(a_cluster(state="Succeeded")), (False, 0.0), id="a cluster that lives is not deleted"),
    ],
)
def test_a_pass_without_memory_keeps_what_the_row_knew(world: Seen, expected: tuple[bool, float]) -> None:
    observed = kept(world)
    assert (observed.deleting, observed.gone_since) == expected
    assert (observed.reversals, observed.hubs, observed.records) == (MEMORY.reversals, MEMORY.hubs, MEMORY.records)


@pytest.mark.parametrize("world", [seen(a_cluster(state="Succeeded")), GONE_WORLD], ids=["it lives", "it is missing"])
def test_one_look_forgets_no_move_and_not_when_the_name_first_resolved(world: Seen) -> None:
    observed = kept(world)
    assert (observed.move, observed.address, observed.born, observed.resolved) == (MEMORY.move, OLD, 4.0, 5.0)


def test_a_pass_that_began_without_its_memory_sees_that_the_api_server_moved() -> None:
    from functions.dns.record import addresses_in

    observed = kept(replace(seen(a_cluster(state="Succeeded")), api_server=ApiServer(addresses_in([NEW]))))
    assert observed.move is not None
    assert (observed.move.old, observed.move.new, observed.address) == (OLD, NEW, NEW)


@pytest.mark.parametrize("state", ["Succeeded", "Creating", "Deleting"])
def test_a_pass_that_did_not_know_which_cluster_is_missing_calls_none_gone(state: str) -> None:
    """Anyone may name a manager that does not exist. A pass that knows the row's cluster asks for that one."""
    held = msgspec.structs.replace(MEMORY, state=state, gone_since=0.0)
    assert kept(GONE_WORLD, held) == held


def test_a_pass_that_knew_its_cluster_calls_it_gone() -> None:
    held = msgspec.structs.replace(MEMORY, state="Succeeded", gone_since=0.0)
    observed = kept(replace(GONE_WORLD, remembered=held), held)
    assert (observed.cluster, observed.state, observed.gone_since) == (str(CLUSTER_ID), GONE, AT)


CREATED = Making(first=AT - 300, last=AT - 60, uid="uid-1")
FAILED = Making(first=AT - 900, last=AT - 60, uid="uid-1", failed=AT - 60)


@pytest.mark.parametrize(
    ("state", "uid", "memory", "expected"),
    [
        pytest.param("Failed", "uid-1", FAILED, FAILED, id="only the ledger knows the creation"),
        pytest.param("Creating", "uid-1", None, AT, id="nobody knew it"),
        pytest.param("Succeeded", "uid-1", FAILED, None, id="it came up"),
        pytest.param("Creating", "uid-1", CREATED, AT - 300, id="both saw it Creating"),
        pytest.param("Creating", "uid-2", CREATED, AT, id="another cluster"),
    ],
)
def test_a_pass_without_its_memory_forgets_no_creation(
    state: str, uid: str, memory: Making | None, expected: Making | float | None
) -> None:
    held = Observed(cluster=str(CLUSTER_ID), zone=str(ZONE), private_fqdn=NAME, making=memory)
    making = kept(seen(a_cluster(state=state, resource_uid=uid)), held).making
    assert (making.first if isinstance(expected, float) and making else making) == expected


def test_a_pass_that_proved_nothing_leaves_the_row_alone() -> None:
    done = unproven("not-ours", (), AT, None)
    assert done.observed is None
    assert recalled(done, MEMORY).observed is None


def test_a_pass_that_could_not_see_leaves_the_row_alone() -> None:
    assert recalled(Pass("not-seen"), MEMORY).observed is None
