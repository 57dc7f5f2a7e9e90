"""Nodes that boot: each asks for the API server's name until it resolves or its patience ends."""

from localazure.aks.errors import nodes_gave_up
from localazure.azure import LocalAzure
from localazure.resolver import Lookup

PAUSE = 1
UNANSWERED = 15
"""Seconds: between two questions, and until a question that nobody answers is given up.

AgentBaker cse_main.sh and cse_helpers.sh, `retrycmd_nslookup 1 15 600`: the last question is asked when the 600 s are
over.
"""
CACHED = 15
"""Seconds that we skip between two questions to a cache that cannot have changed its mind, to save work."""


async def resolve_api_server(azure: LocalAzure, vnet_id: str, name: str, scale_set: str) -> None:
    """Wait, as the first node does, until `name` resolves through the VNet's DNS servers.

    Raises OperationFailed (VMExtensionProvisioningError, exit status 52) after `name_lookup_deadline`, 600 s of
    Azure's clock.
    """
    deadline = azure.clock.now() + azure.durations.name_lookup_deadline
    while not (told := azure.resolvers.lookup(vnet_id, name)).addresses:
        now = azure.clock.now()
        if now >= deadline:
            raise nodes_gave_up(scale_set, name, azure.durations.name_lookup_deadline)
        await azure.clock.sleep(min(_pause(told, now), max(PAUSE, deadline - now)))


def _pause(told: Lookup, now: float) -> float:
    if not told.answered:
        return UNANSWERED + PAUSE
    if told.cached and told.until is not None:
        return max(PAUSE, min(CACHED, told.until - now))
    return PAUSE
