"""Run Command: taking a command, running it in the cluster, and telling the result when asked."""

import base64
import binascii
import inspect
from typing import override

from localazure.aks.blueprint import Blueprint
from localazure.aks.cluster_operations import TYPE
from localazure.aks.command import Command
from localazure.aks.errors import command_refused, stopped
from localazure.aks.reachable import cannot_connect
from localazure.answers import Answer, bare_error
from localazure.azure import LocalAzure
from localazure.operations import Fate, OperationFailed, fate_of_request
from localazure.resources.provider import ArmRequest, ResourceType, told
from localazure.store import Json, Resource, part


def start_command(azure: LocalAzure, cluster: Resource, request: ArmRequest) -> Answer:
    """202 with nothing but the address of the result. Recorded: aks/run-command-202-then-result [0].

    Refuses what can be known at once; that no node takes the pod is seen in the result, 60 s later.
    """
    text = str(request.sent.get("command") or "")
    context = _check(cluster, request.sent, text)
    fate = fate_of_request.get()
    command = Command(azure.guid().replace("-", ""), cluster.id, text, forgotten=fate.forgotten)
    azure.commands[command.id] = command
    azure.spawn(_run(azure, cluster, command, context, fate))
    return Answer(202, None, {"location": _address(azure, request, command)})


class CommandResults(ResourceType):
    """The results of run commands, each at the address that its POST gave."""

    type = f"{TYPE}/commandResults"

    @override
    async def get(self, request: ArmRequest) -> Answer:
        """202 while it runs, then 200. Recorded: aks/run-command-202-then-result [1]; the 202 in azure-facts, AKS."""
        command = self.azure.commands.get(request.name)
        if command is None or command.forgotten or command.cluster.casefold() != request.parent.casefold():
            raise bare_error(404, "NotFound", f"There is no result {request.name}.", details=None, subcode="")
        if not command.ended:
            return Answer(202, None, {"location": _address(self.azure, request, command)})
        return Answer(200, command.result(lambda at: self.azure.clock.iso(at)[:19] + "Z"))


async def _run(azure: LocalAzure, cluster: Resource, command: Command, context: bytes, fate: Fate) -> None:
    if fate.stuck:
        await azure.forever()
    durations = azure.durations
    with told(azure, "Action", cluster.id, f"{TYPE}/runCommand/action"):
        plan = Blueprint.of(cluster)
        reason = cannot_connect(azure, plan) if plan.nodes else "there are no nodes"
        if reason:
            await azure.clock.sleep(durations.command_unscheduled)
            command.fail(f"no node took the pod of the command within {durations.command_unscheduled:.0f} s: {reason}")
            raise OperationFailed("CommandNotScheduled", command.reason)
        await azure.clock.sleep(durations.command_schedule)
        command.started = azure.clock.now()
        if fate.error is not None:
            command.fail(str(fate.error.get("message", "")))
            raise OperationFailed(**fate.error)
        said = azure.run_command(cluster.id, command.text, context)
        exit_code, output = await said if inspect.isawaitable(said) else said
        await azure.clock.sleep(durations.command_run)
        command.finished = azure.clock.now()
        command.finish(exit_code, output)


def _check(cluster: Resource, sent: Json, text: str) -> bytes:
    """The files that came with the command, or a refusal."""
    properties = cluster.properties
    if part(properties, "apiServerAccessProfile").get("disableRunCommand"):
        raise command_refused("Run Command is disabled for this cluster.")
    if part(properties, "powerState").get("code") == "Stopped":
        raise stopped(cluster.name)
    if not text:
        raise command_refused("A command is required.")
    if properties.get("aadProfile") and not sent.get("clusterToken"):
        raise command_refused("A cluster with Microsoft Entra integration needs a clusterToken.")
    try:
        return base64.b64decode(sent.get("context") or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise command_refused(f"The context is no base64: {error}") from None


def _address(azure: LocalAzure, request: ArmRequest, command: Command) -> str:
    """Recorded with `managedclusters` in lower case, whatever the request had."""
    group = f"/subscriptions/{request.subscription}/resourceGroups/{request.resource_group}"
    name = command.cluster.rpartition("/")[2]
    path = f"{group}/providers/Microsoft.ContainerService/managedclusters/{name}/commandResults/{command.id}"
    return f"{azure.arm}{path}?api-version={request.api_version}"
