"""Nodes that boot: each asks for the API server's name, then connects, until that works or its patience ends."""

from localazure.aks.blueprint import Blueprint
from localazure.aks.errors import CONNECT_FAIL, DNS_FAIL, nodes_gave_up
from localazure.aks.reachable import cannot_connect
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
CONNECTING = 11
"""Seconds that a try to connect takes when nobody answers, with the pause after it."""


async def join_api_server(azure: LocalAzure, plan: Blueprint) -> None:
    """Wait, as the first node does, until the API server's name resolves and its address answers.

    Raises OperationFailed (VMExtensionProvisioningError): exit status 52 when the name had no address for
    `name_lookup_deadline`, exit status 51 when what it had led nowhere for `connect_deadline`, in seconds of Azure's
    clock.
    """
    if plan.nodes_use_dns:
        await resolve_api_server(azure, plan.vnets[0], plan.private_fqdn, plan.scale_set)
    began = azure.clock.now()
    while reason := cannot_connect(azure, plan):
        if azure.clock.now() - began >= azure.durations.connect_deadline:
            raise nodes_gave_up(plan.scale_set, CONNECT_FAIL, f"cannot connect to the API server: {reason}")
        await azure.clock.sleep(CONNECTING)


async def resolve_api_server(azure: LocalAzure, vnet_id: str, name: str, scale_set: str) -> None:
    """Wait until `name` resolves through the VNet's DNS servers."""
    seconds = azure.durations.name_lookup_deadline
    deadline = azure.clock.now() + seconds
    while not (told := azure.resolvers.lookup(vnet_id, name)).addresses:
        now = azure.clock.now()
        if now >= deadline:
            raise nodes_gave_up(scale_set, DNS_FAIL, f"nslookup of {name} found no address within {seconds:.0f} s")
        await azure.clock.sleep(min(_pause(told, now), max(PAUSE, deadline - now)))


def _pause(told: Lookup, now: float) -> float:
    if not told.answered:
        return UNANSWERED + PAUSE
    if told.cached and told.until is not None:
        return max(PAUSE, min(CACHED, told.until - now))
    return PAUSE
