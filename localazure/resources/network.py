"""What the types of Microsoft.Network have in common: ETags, operations, references, and the lock of a running one."""

from collections.abc import Awaitable, Callable
from typing import Any

from localazure.answers import Refused, arm_error
from localazure.azure import LocalAzure
from localazure.operations import Kind, Operation
from localazure.resources.provider import ArmRequest
from localazure.store import Json, Resource

RUNNING = "localazure/running"
"""Key of a body that is never printed: the address of the operation that holds the resource."""


def new_etag(azure: LocalAzure) -> str:
    """Recorded: network/route-table-and-routes-full-flow-2025-03-01 [3]."""
    return f'W/"{azure.guid()}"'


def printed(body: Json) -> Json:
    """A body without what is never printed."""
    return {key: value for key, value in body.items() if not key.startswith("localazure/")}


def normal_location(location: str) -> str:
    """`CentralUSEuap` and `West Europe` come back as `centraluseuap` and `westeurope`."""
    return location.replace(" ", "").lower()


def reference(given: Any) -> Json:
    """Of an embedded resource only the id is kept. Recorded: network/subnet-attach-route-table-then-delegation."""
    return {"id": given["id"]}


def start_network(
    azure: LocalAzure,
    request: ArmRequest,
    location: str,
    work: Callable[[Operation], Awaitable[None]],
    *,
    holds: Resource | None = None,
    pause: float | None = None,
) -> Operation:
    """Start an operation of Microsoft.Network, which holds a resource until it ends: see `refuse_if_held`.

    `pause` is for types whose Retry-After (seconds) is another than a VNet's.
    """

    async def held(operation: Operation) -> None:
        try:
            await work(operation)
        finally:
            if holds is not None:
                holds.body.pop(RUNNING, None)

    operation = azure.operations.start(
        Kind.NETWORK,
        held,
        subscription=request.subscription,
        api_version=request.api_version,
        location=location,
        pause=pause,
    )
    if holds is not None:
        holds.body[RUNNING] = operation.status_address
    return operation


def refuse_if_held(resource: Resource) -> None:
    """409 while another operation holds the resource; no Retry-After, the address is in the message.

    Recorded: errors/409-another-operation-in-progress-subnet-put.
    """
    if address := resource.body.get(RUNNING):
        raise arm_error(
            409,
            "AnotherOperationInProgress",
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use "
            f"uri: {address}.",
            cause="",
            details=[],
        )


def retry_if_held(resource: Resource) -> None:
    """429 while another operation holds the resource, as route tables say it.

    Recorded: network/route-table-and-routes-full-flow-2025-03-01 [17].
    """
    if resource.body.get(RUNNING):
        raise arm_error(
            429,
            "RetryableError",
            "A retryable error occurred.",
            cause="service",
            headers={"retry-after": "12"},
            details=[
                {
                    "code": "RetryableErrorDueToAnotherOperation",
                    "message": f"Another operation is changing {resource.id}. Try again in 12 seconds.",
                }
            ],
        )


def bad_reference(wanted: str, by: str) -> Refused:
    """400 for what a body names and Azure cannot find."""
    return arm_error(
        400,
        "InvalidResourceReference",
        f"Resource {wanted} referenced by resource {by} was not found. Please make sure that the referenced resource "
        "exists, and that both resources are in the same region.",
        cause="",
        details=[],
    )


def child_not_found(resource_id: str) -> Refused:
    """404 of a child that Microsoft.Network itself misses. Recorded: network/route-table-and-routes-full-flow [22]."""
    return arm_error(404, "NotFound", f"Resource {resource_id} not found.", cause="", details=[])


def not_provisioned(wanted: str) -> Refused:
    """429 without Retry-After for what a body names while it is still being written.

    Recorded: errors/429-retryable-error-no-retry-after-network-interface-put.
    """
    detail = {
        "code": "ReferencedResourceNotProvisioned",
        "message": f"{wanted} is being written; what refers to it must wait until it is Succeeded.",
    }
    return arm_error(429, "RetryableError", "A retryable error occurred.", cause="service", details=[detail])
