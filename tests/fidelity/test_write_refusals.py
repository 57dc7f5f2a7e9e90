"""Each recorded refusal as an answer to Tether's write of a subnet or a cluster: what the write comes to."""

import re
from typing import Any

import pytest

from functions.handlers import failed_clusters, route_tables
from functions.handlers.verdict import Outcome, Result
from tests.fidelity.recorded_arm import shows
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import recording
from tests.fidelity.recorded_writes import a_failed_cluster, a_subnet, attach, put_again

type Json = dict[str, Any]
type Expected = tuple[Result, float | None, str]

RETRY, REFUSED, GONE = Result.RETRY, Result.REFUSED, Result.GONE

# The recorded refusals that a write of either may meet. Those of a deletion, and of other types alone, are no part.
# file, and the exchange in it: (what the write of a subnet comes to, its pause, the code of the finding)
SUBNETS: dict[tuple[str, int], Expected] = {
    ("errors/400-subnet-missing-required-delegation", 0): (REFUSED, None, "route-table-refused"),
    ("errors/400-subnet-range-outside-vnet", 0): (REFUSED, None, "route-table-refused"),
    ("errors/403-authorization-failed-role-assignment-write", 0): (REFUSED, None, "route-table-not-authorised"),
    ("errors/403-linked-authorization-failed-subnet", 0): (REFUSED, None, "route-table-not-authorised"),
    ("errors/404-resource-group-not-found", 0): (GONE, None, ""),
    ("errors/404-vnet-resource-not-found", 0): (GONE, None, ""),
    ("network/route-table-and-routes-full-flow-2025-03-01", 22): (GONE, None, ""),
    ("errors/409-another-operation-in-progress-subnet-put", 0): (RETRY, None, ""),
    ("errors/409-scope-locked-write", 0): (REFUSED, None, "subnet-locked"),
    ("errors/429-numeric-code-identity-put", 0): (RETRY, 2, ""),
    ("errors/429-retryable-error-no-retry-after-network-interface-put", 0): (RETRY, None, ""),
    ("errors/429-retryable-error-retry-after-route-delete", 0): (RETRY, 11, ""),
    ("network/route-table-and-routes-full-flow-2025-03-01", 17): (RETRY, 12, ""),
    ("privatedns/a-record-put-if-none-match-412", -1): (RETRY, None, ""),
    ("errors/500-internal-server-error", 0): (RETRY, None, ""),
    ("errors/503-server-timeout", 0): (RETRY, None, ""),
    ("errors/503-html-body-operation-poll", 0): (RETRY, None, ""),
}

# The same for a cluster, whose bucket of PUTs fills by one a minute.
CLUSTERS: dict[tuple[str, int], Expected] = {
    ("errors/400-aks-dns-zone-not-found", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/400-aks-existing-route-table-not-associated", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/400-aks-insufficient-subnet-size", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/400-aks-subnet-is-delegated", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/403-authorization-failed-role-assignment-write", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/403-linked-authorization-failed-subnet", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/404-resource-group-not-found", 0): (GONE, None, ""),
    ("errors/409-scope-locked-write", 0): (REFUSED, None, "cluster-put-refused"),
    ("errors/429-numeric-code-identity-put", 0): (RETRY, 60, ""),
    ("errors/429-retryable-error-no-retry-after-network-interface-put", 0): (RETRY, 60, ""),
    ("privatedns/a-record-put-if-none-match-412", -1): (RETRY, 60, ""),
    ("errors/500-aks-get-vnet-error", 0): (RETRY, 60, ""),
    ("errors/500-internal-server-error", 0): (RETRY, 60, ""),
    ("errors/502-bad-gateway-connection-aks-poll", 0): (RETRY, 60, ""),
    ("errors/503-server-timeout", 0): (RETRY, 60, ""),
    ("errors/503-html-body-operation-poll", 0): (RETRY, 60, ""),
}


def answer_of(file: tuple[str, int]) -> Json:
    name, nth = file
    return recording(name).exchanges[nth]["response"]


def of_subnet(outcome: Outcome) -> Expected:
    finding = route_tables.explain(outcome)
    return outcome.result, outcome.pause, finding.code if finding else ""


def of_cluster(outcome: Outcome) -> Expected:
    finding = failed_clusters.explain(outcome)
    return outcome.result, outcome.pause, finding.code if finding else ""


@pytest.mark.parametrize("file", SUBNETS)
def test_a_refusal_of_a_subnet_s_put_comes_to_what_it_should(file: tuple[str, int]) -> None:
    outcome, arm = attach(put=answer_of(file))
    assert of_subnet(outcome) == SUBNETS[file]
    assert len(arm.hears) == 1, "it was sent once, and not again"


@pytest.mark.parametrize("file", SUBNETS)
def test_a_refusal_to_show_the_subnet_comes_to_the_same_and_nothing_is_written(file: tuple[str, int]) -> None:
    outcome, arm = attach(get=answer_of(file), put=shows(a_subnet()))
    assert of_subnet(outcome) == SUBNETS[file]
    assert arm.hears == []


@pytest.mark.parametrize("file", CLUSTERS)
def test_a_refusal_of_a_cluster_s_put_comes_to_what_it_should(file: tuple[str, int]) -> None:
    outcome, arm = put_again(put=answer_of(file))
    assert of_cluster(outcome) == CLUSTERS[file]
    assert len(arm.hears) == 1, "it was sent once, and not again"


@pytest.mark.parametrize("file", CLUSTERS)
def test_a_refusal_to_show_the_cluster_comes_to_the_same_and_nothing_is_put(file: tuple[str, int]) -> None:
    outcome, arm = put_again(get=answer_of(file), put=shows(a_failed_cluster()))
    assert of_cluster(outcome) == CLUSTERS[file]
    assert arm.hears == []


@pytest.mark.parametrize("file", [file for file in SUBNETS if SUBNETS[file][2]])
def test_what_is_told_of_a_refused_subnet_names_the_reason_and_nobody(file: tuple[str, int]) -> None:
    outcome, _ = attach(put=answer_of(file))
    finding = route_tables.explain(outcome)
    assert finding is not None
    assert answer_of(file)["body"]["error"]["code"] in finding.seen
    assert not names_in(answer_of(file)) & words(finding.seen)
    assert finding.advice


def test_the_action_that_is_missing_on_what_the_subnet_uses_is_told() -> None:
    outcome, _ = attach(put=answer_of(("errors/403-linked-authorization-failed-subnet", 0)))
    finding = route_tables.explain(outcome)
    assert finding is not None
    assert "does not have permission to perform action 'write' on the linked scope" in finding.seen


@pytest.mark.parametrize("file", [file for file in CLUSTERS if CLUSTERS[file][2]])
def test_what_is_told_of_a_refused_cluster_names_the_reason_and_nobody(file: tuple[str, int]) -> None:
    outcome, _ = put_again(put=answer_of(file))
    finding = failed_clusters.explain(outcome)
    assert finding is not None
    body = answer_of(file)["body"]
    assert body.get("error", body)["code"] in finding.seen
    assert not names_in(answer_of(file)) & words(finding.seen)
    assert finding.advice


def names_in(answer: Json) -> set[str]:
    """The object ids of those who asked, which a message holds in `client '…' with object id '…'`."""
    told = re.findall(r"(?:client|object id) '([^']{8,})'", str(answer["body"]))
    return set(told)


def words(text: str) -> set[str]:
    return set(re.split(r"[\s'\"]+", text))


def test_an_error_that_names_somebody_is_among_them() -> None:
    assert names_in(answer_of(("errors/403-authorization-failed-role-assignment-write", 0)))


# What the clusters of the recordings come to when they are read just before the PUT: none of them is Failed any more.
@pytest.mark.parametrize("name", [name for name in printed("managedClusters") if name.startswith("aks/kubenet")])
def test_a_cluster_that_came_up_meanwhile_is_not_put(name: str) -> None:
    body = printed("managedClusters")[name]
    outcome, arm = put_again(get=shows(body), put=shows(body))
    assert (outcome.result, arm.hears) == (RETRY, [])
    assert outcome.error is not None
    assert outcome.error.code == "ChangedMeanwhile"
