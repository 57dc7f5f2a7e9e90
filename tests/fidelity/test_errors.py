"""Every recorded error, as Tether reads it: what it means, and what is said of it."""

import json
from typing import Any

import msgspec
import pytest

from functions.arm import errors
from functions.arm.clouds import PUBLIC
from functions.arm.errors import ArmError, Body, Kind, classify
from functions.arm.operations import LookedUp, Operation, Progress, look_up
from functions.arm.resource_id import ResourceId
from tests.fidelity.recorded_traffic import document, names, skip_if_absent

RETRY, CONFLICT, DENIED, GONE, INVALID = Kind.RETRY, Kind.CONFLICT, Kind.DENIED, Kind.GONE, Kind.INVALID

# What each recorded refusal means. A file that is new in the folder fails the test below until it stands here.
REFUSALS: dict[str, tuple[Kind, str, float | None]] = {
    "400-aks-dns-zone-not-found": (INVALID, "WebAppRoutingDNSZoneNotFound", None),
    "400-aks-existing-route-table-not-associated": (INVALID, "ExistingRouteTableNotAssociatedWithSubnet", None),
    "400-aks-insufficient-subnet-size": (INVALID, "InsufficientSubnetSize", None),
    "400-aks-localdns-mode-invalid": (INVALID, "InvalidParameter", None),
    "400-aks-subnet-is-delegated": (INVALID, "SubnetIsDelegated", None),
    "400-in-use-subnet-cannot-be-deleted": (INVALID, "InUseSubnetCannotBeDeleted", None),
    "400-in-use-subnet-kube-apiserver-nic": (INVALID, "InUseSubnetCannotBeDeleted", None),
    "400-principal-not-found": (RETRY, "PrincipalNotFound", None),
    "400-private-link-service-no-frontend": (
        INVALID,
        "EitherOneLoadBalancerFrontendIpConfigurationOrDestinationIPAddressRequiredOnPrivateLinkService",
        None,
    ),
    "400-subnet-missing-required-delegation": (INVALID, "SubnetMissingRequiredDelegation", None),
    "400-subnet-range-outside-vnet": (INVALID, "NetcfgSubnetRangeOutsideVnet", None),
    "400-vnet-peering-overlap-with-peered-vnet": (INVALID, "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", None),
    "400-vnet-peering-remote-is-disconnected": (INVALID, "RemotePeeringIsDisconnected", None),
    "403-authorization-failed-role-assignment-write": (DENIED, "AuthorizationFailed", None),
    "403-linked-authorization-failed-subnet": (DENIED, "LinkedAuthorizationFailed", None),
    "404-resource-group-not-found": (GONE, "ResourceGroupNotFound", None),
    "404-vnet-resource-not-found": (GONE, "ResourceNotFound", None),
    "409-another-operation-in-progress-subnet-put": (RETRY, "AnotherOperationInProgress", None),
    "409-role-assignment-exists": (CONFLICT, "RoleAssignmentExists", None),
    "409-scope-locked-write": (DENIED, "ScopeLocked", None),
    "429-numeric-code-identity-put": (RETRY, "429", 2),
    "429-resource-graph-rate-limiting": (RETRY, "RateLimiting", None),
    "429-retryable-error-no-retry-after-network-interface-put": (RETRY, "RetryableError", None),
    "429-retryable-error-retry-after-route-delete": (RETRY, "RetryableError", 11),
    "500-aks-get-vnet-error": (RETRY, "GetVnetError", None),
    "500-internal-server-error": (RETRY, "InternalServerError", None),
    "502-bad-gateway-connection-aks-poll": (RETRY, "BadGatewayConnection", None),
    "503-html-body-operation-poll": (RETRY, "", None),
    "503-server-timeout": (RETRY, "ServerTimeout", None),
}

# What each recorded look-up of an operation means, poll by poll.
POLLS: dict[str, list[tuple[Progress, Kind | None]]] = {
    "poll-200-canceled": [(Progress.FAILED, RETRY)],
    "poll-200-failed-network": [(Progress.FAILED, DENIED)],
    "poll-200-failed-privatedns-precondition": [(Progress.FAILED, CONFLICT)],
    "poll-aks-in-progress-with-authorization-failed": [(Progress.RUNNING, None)],
    "poll-aks-not-latest-operation": [(Progress.RUNNING, None), (Progress.SUCCEEDED, None)],
    "poll-aks-reconcile-portal-dns-error": [(Progress.RUNNING, None), (Progress.SUCCEEDED, None)],
}

# Errors whose body alone is known: an operation's, or a cluster's.
BODIES = {
    "aks-api-server-dns-lookup-fail": RETRY,
    "aks-api-server-dns-lookup-fail-nested-2021": RETRY,
    "aks-create-or-update-virtual-network-link-failed": INVALID,
    "aks-custom-private-dns-zone-missing-permission": DENIED,
    "poll-link-overlapping-namespaces": INVALID,
}

TARGET = ResourceId("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg")


def answer_of(name: str, index: int = 0) -> dict[str, Any]:
    return document(f"errors/{name}")["exchanges"][index]["response"]


def body_of(answer: dict[str, Any]) -> bytes:
    body = answer["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def test_every_recorded_error_stands_in_a_table() -> None:
    skip_if_absent()
    assert {name.partition("/")[2] for name in names("errors")} == {*REFUSALS, *POLLS, *BODIES}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_means_what_it_should(name: str) -> None:
    kind, code, pause = REFUSALS[name]
    answer = answer_of(name)
    error = errors.from_answer(answer["status"], answer["headers"], body_of(answer))
    assert (classify(error), error.code, error.retry_after) == (kind, code, pause)


@pytest.mark.parametrize(
    ("name", "index"), [(name, index) for name, polls in POLLS.items() for index in range(len(polls))]
)
async def test_a_look_up_means_what_it_should(name: str, index: int) -> None:
    progress, kind = POLLS[name][index]
    looked = await looked_up(answer_of(name, index))
    assert looked.progress is progress
    assert (classify(looked.error) if looked.error else None) is kind


@pytest.mark.parametrize("name", BODIES)
def test_an_error_without_its_answer_means_what_it_should(name: str) -> None:
    error = errors.from_body(200, msgspec.convert(document(f"errors/{name}")["body"], Body))
    assert classify(error) is BODIES[name]


async def looked_up(answer: dict[str, Any]) -> LookedUp:
    """How Tether's own look-up reads a recorded poll."""

    class Answer:
        status_code = answer["status"]
        headers = answer["headers"]
        content = body_of(answer)

    class Session:
        cloud = PUBLIC

        async def get_answer(self, url: str, api_version: str | None = None) -> Answer:
            if answer["status"] >= 400:
                raise errors.from_answer(answer["status"], answer["headers"], Answer.content)
            return Answer()

    operation = Operation(TARGET, f"{PUBLIC.arm}/subscriptions/x/operations/1", 0, 0)
    return await look_up(Session(), operation)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["502-bad-gateway-connection-aks-poll", "503-html-body-operation-poll"])
async def test_a_poll_that_azure_cannot_answer_leaves_the_operation_running(name: str) -> None:
    assert (await looked_up(answer_of(name))).progress is Progress.RUNNING


def test_a_recorded_refusal_is_told_without_who_was_refused() -> None:
    answer = answer_of("403-authorization-failed-role-assignment-write")
    error: ArmError = errors.from_answer(403, {}, body_of(answer))
    assert "e3e7ef9f" not in str(error)
    assert "roleAssignments/write" in str(error)
