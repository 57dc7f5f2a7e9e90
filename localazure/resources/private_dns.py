"""What zones and links have in common: how private DNS starts an operation."""

from collections.abc import Awaitable, Callable

from localazure.azure import LocalAzure
from localazure.operations import Kind, Operation
from localazure.resources.provider import ArmRequest


def start_dns(
    azure: LocalAzure, request: ArmRequest, name: str, work: Callable[[Operation], Awaitable[None]]
) -> Operation:
    """Start an operation of private DNS; `name` goes into its addresses, e.g. `UpsertVirtualNetworkLink`."""
    return azure.operations.start(
        Kind.PRIVATE_DNS,
        work,
        subscription=request.subscription,
        resource_group=request.resource_group,
        api_version=request.api_version,
        name=name,
    )
