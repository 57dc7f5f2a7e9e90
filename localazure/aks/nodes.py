"""Nodes that boot: each asks for the API server's name until it resolves or its patience ends."""

from localazure.aks.errors import nodes_gave_up
from localazure.azure import LocalAzure

PAUSE = 15
"""Seconds between two questions (AgentBaker cse_main.sh: `retrycmd_nslookup 1 15 600`)."""


async def resolve_api_server(azure: LocalAzure, vnet_id: str, name: str, scale_set: str) -> None:
    """Wait, as the first node does, until `name` resolves through the VNet's DNS servers.

    Asks at once and then every 15 s. Raises OperationFailed (VMExtensionProvisioningError, exit status 52) after
    `name_lookup_deadline`, 600 s of Azure's clock.
    """
    deadline = azure.clock.now() + azure.durations.name_lookup_deadline
    while not azure.resolvers.lookup(vnet_id, name).addresses:
        if azure.clock.now() + PAUSE > deadline:
            raise nodes_gave_up(scale_set, name, azure.durations.name_lookup_deadline)
        await azure.clock.sleep(PAUSE)
