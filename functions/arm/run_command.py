"""Commands that AKS runs in a pod inside a cluster: begun here, looked up by a later pass.

Learn, "Access a private Azure Kubernetes Service (AKS) cluster using the command invoke or Run command feature": the
pod takes up to a minute to be scheduled, and the output is cut at 512 kB.
"""

import base64
import io

import msgspec

from functions.arm import errors
from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import LookedUp, Operation, Progress, Ran, is_arms
from functions.arm.resource_id import ResourceId
from functions.arm.session import CLUSTER_WRITE_TIMEOUT, Session
from functions.arm.writes import Accepted, accepted, begin

API = "2026-08-01"

# AKS's own app, for whose tokens the API server of a cluster with Entra integration asks (Learn, as above).
_AKS_APP = "6dae42f8-4368-4678-94ff-3960e28e3630"

# Azure names no pause. A command takes seconds to minutes, a minute of them to be scheduled.
_USUAL_PAUSE = 15.0  # seconds

# What is read of an output: a little more than Azure leaves of it.
_MOST_OUTPUT = 600 * 1024

# The oldest moment that a zip can tell, so that the same files make the same zip.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class _Result(msgspec.Struct, rename="camel"):
    """`exit_code` of another type than a whole number is none yet; a field of another type hides none of the others."""

    provisioning_state: object = ""
    exit_code: object = None
    logs: object = None
    reason: object = None


class _Answer(msgspec.Struct):
    properties: _Result = msgspec.field(default_factory=_Result)


_answer = msgspec.json.Decoder(_Answer)


async def start(
    session: Session, cluster: ResourceId, command: str, files: dict[str, bytes], *, entra: bool
) -> Accepted:
    """Have AKS run a command beside some files. With `entra` as Tether's identity, else as the cluster's admin.

    Recorded: aks/run-command-202-then-result [0], 202 with nothing but a Location. Not idempotent: what is run has to
    be. Raises ArmError, NoTokenError, or NoAnswerError when it is not known whether the command was begun.
    """
    client = session.container_service(cluster.subscription)
    from azure.mgmt.containerservice.models import RunCommandRequest

    token = await session.token_for(f"{_AKS_APP}/.default") if entra else None
    body = RunCommandRequest(command=command, context=_zipped(files), cluster_token=token)
    headers = await begin(
        lambda options: client.managed_clusters.begin_run_command(cluster.group, cluster.name, body, **options),
        "POST",
        CLUSTER_WRITE_TIMEOUT,
    )
    return accepted(headers, _USUAL_PAUSE, address="location")


async def look_up(session: Session, operation: Operation) -> LookedUp:
    """Ask once what came of a command: 202 while it runs, then its result (recorded as above [1]).

    As for other operations, a look-up that cannot be answered now leaves it running, and one that ARM does not know
    makes it unknown. A result that says neither Succeeded nor Failed is still to come.
    """
    if not is_arms(session, operation.address):
        return LookedUp(operation, Progress.UNKNOWN)
    try:
        answer = await session.get_answer(operation.address)
    except ArmError as error:
        lost = classify(error) is not Kind.RETRY
        return LookedUp(operation, Progress.UNKNOWN if lost else Progress.RUNNING, pause=error.retry_after)
    except NoAnswerError:
        return LookedUp(operation, Progress.RUNNING)
    pause = errors.retry_after(answer.headers) or _USUAL_PAUSE
    if answer.status_code == 202:
        return LookedUp(operation, Progress.RUNNING, pause=pause)
    try:
        result = _answer.decode(answer.content).properties
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return LookedUp(operation, Progress.RUNNING, pause=pause)
    return _judged(operation, result, pause)


def _judged(operation: Operation, result: _Result, pause: float) -> LookedUp:
    match str(result.provisioning_state).casefold():
        case "succeeded" if isinstance(result.exit_code, int):
            logs = result.logs if isinstance(result.logs, str) else ""
            return LookedUp(operation, Progress.SUCCEEDED, ran=Ran(result.exit_code, logs[:_MOST_OUTPUT]))
        case "failed" | "canceled":
            body = errors.Body(code="CommandNotRun", message=result.reason or "Azure names no reason")
            return LookedUp(operation, Progress.FAILED, error=errors.from_body(200, body))
        case _:
            return LookedUp(operation, Progress.RUNNING, pause=pause)


def _zipped(files: dict[str, bytes]) -> str:
    """Files as Run Command takes them: a zip in base64."""
    import zipfile  # brings bz2 and lzma along: not for the sake of a zone's birth

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), content)
    return base64.b64encode(packed.getvalue()).decode()
