"""Every recorded operation on a network resource or a cluster, from the PUT that starts it to its end."""

import asyncio
from collections import defaultdict
from functools import cache
from typing import Any

import pytest

from functions.arm.operations import LookedUp, Operation, Progress, is_arms, look_up
from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Outcome, Result
from tests.fidelity.recorded_arm import RecordedArm, path_of
from tests.fidelity.recorded_traffic import recording, recordings, skip_if_absent
from tests.fidelity.recorded_writes import AT, attach, put_again

type Json = dict[str, Any]

RUNNING, SUCCEEDED, FAILED = Progress.RUNNING, Progress.SUCCEEDED, Progress.FAILED

# The end states of an operation. Any other text means that it runs: AKS writes free text there (traps 10 and 11).
ENDED = {"Succeeded": SUCCEEDED, "Failed": FAILED, "Canceled": FAILED}

TARGET = ResourceId("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg")


@cache
def operations() -> dict[str, list[Json]]:
    """The recorded exchanges of each operation's address, in order, under the file and the address."""
    found: dict[str, list[Json]] = defaultdict(list)
    for file in recordings():
        for exchange in file.exchanges:
            path = path_of(exchange["request"]["url"]) if exchange["request"] else ""
            if "/operations/" in path and ("microsoft.network/" in path or "microsoft.containerservice/" in path):
                found[f"{file.name} {path.rpartition('/')[2]}"].append(exchange)
    return dict(found)


def looked_up(arm: RecordedArm, operation: Operation) -> LookedUp:
    return asyncio.run(look_up(arm.session(), operation))


def test_the_recordings_hold_operations() -> None:
    skip_if_absent()
    assert len(operations()) >= 80
    answers = [exchange["response"] for polls in operations().values() for exchange in polls]
    statuses = {answer["body"]["status"] for answer in answers if answer["status"] == 200}
    assert {"InProgress", "Succeeded", "Failed"} <= statuses
    assert any(" " in status for status in statuses), "free text of AKS's own"


@pytest.mark.parametrize("name", operations())
def test_an_operation_runs_until_its_status_says_an_end(name: str) -> None:
    """At the very address that was recorded: a text of AKS's own is no end, and an `error` beside is no failure."""
    for exchange in operations()[name]:
        answer = exchange["response"]
        looked = looked_up(RecordedArm({"GET": [answer]}), Operation(TARGET, exchange["request"]["url"], AT, AT))
        expected = ENDED.get(answer["body"]["status"], RUNNING) if answer["status"] == 200 else RUNNING
        assert looked.progress is expected
        assert (looked.error is not None) is (expected is FAILED)


ENDS = [name for name in operations() if name.startswith(("aks/", "network/", "acr/"))]


@pytest.mark.parametrize("name", ENDS)
def test_an_operation_of_a_flow_succeeds_at_its_last_look_alone(name: str) -> None:
    polls = operations()[name]
    arm = RecordedArm({"GET": [exchange["response"] for exchange in polls]})
    operation = Operation(TARGET, polls[0]["request"]["url"], AT, AT)
    assert [looked_up(arm, operation).progress for _ in polls] == [RUNNING] * (len(polls) - 1) + [SUCCEEDED]


# Recorded PUTs with the looks at their operations that follow.
WRITES = {
    "subnets": [
        ("network/subnet-set-then-unset-network-security-group", 7, [8]),
        ("network/subnet-set-then-unset-network-security-group", 11, [12]),
        ("network/subnet-set-then-unset-network-security-group", 15, [16]),
        ("network/subnet-attach-route-table-then-delegation", 19, [20]),
        ("network/private-endpoint-with-dns-zone-group-full-flow", 4, [5]),
        ("network/vnet-put-resends-subnets-2025-03-01", 5, [6]),
    ],
    "managedClusters": [("aks/private-custom-zone-fqdn-subdomain-full-flow", 6, list(range(7, 24)))],
}


def written(collection: str, put: Json) -> Outcome:
    outcome, _ = attach(put=put) if collection == "subnets" else put_again(put=put)
    return outcome


@pytest.mark.parametrize(
    ("collection", "name", "nth", "polls"),
    [(collection, *flow) for collection, flows in WRITES.items() for flow in flows],
)
def test_our_write_answered_as_recorded_is_started_and_followed_to_its_end(
    collection: str, name: str, nth: int, polls: list[int]
) -> None:
    exchanges = recording(name).exchanges
    taken = exchanges[nth]["response"]
    outcome = written(collection, taken)
    assert outcome.result is Result.STARTED
    assert outcome.operation is not None
    assert outcome.operation.address == taken["headers"]["azure-asyncoperation"]
    pause = float(taken["headers"].get("retry-after", 0))
    assert outcome.pause == (pause or (10 if collection == "subnets" else 60))
    address = path_of(outcome.operation.address)
    assert {path_of(exchanges[poll]["request"]["url"]) for poll in polls} == {address}
    arm = RecordedArm({f"GET {address}": [exchanges[poll]["response"] for poll in polls]})
    ends = [looked_up(arm, outcome.operation).progress for _ in polls]
    assert ends == [RUNNING] * (len(polls) - 1) + [SUCCEEDED]


@pytest.mark.parametrize(
    ("name", "nth"),
    [
        ("aks/kubenet-byo-subnet-create", 0),
        ("aks/network-isolated-byo-acr-kubenet-byo-subnet-create", 0),
        ("aks/network-isolated-outbound-none-update", 0),
        ("aks/private-zone-none-create", 0),
        ("aks/private-zone-system-public-fqdn-on-then-off", 2),
        ("aks/vnet-integration-private-create", 0),
    ],
)
def test_every_recorded_answer_to_a_put_of_a_cluster_starts_an_operation(name: str, nth: int) -> None:
    taken = recording(name).exchanges[nth]["response"]
    outcome, arm = put_again(put=taken)
    assert outcome.result is Result.STARTED
    assert outcome.operation is not None
    assert outcome.operation.address == taken["headers"]["azure-asyncoperation"]
    assert is_arms(arm.session(), outcome.operation.address)
    assert len(arm.hears) == 1
