"""The truth table of failed_clusters.decide, and what its writes come to."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions.arm import clusters
from functions.arm.clusters import ChangedMeanwhileError, SecretNeededError
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.operations import LookedUp, Operation, Progress
from functions.dns.ask import Answer
from functions.dns.record import addresses_in
from functions.fleet.address import ApiServer
from functions.fleet.model import ClusterStatus, NetworkProfile, PowerState, ProvisioningError, SubResource
from functions.fleet.seen import UNKNOWN, Links, Seen
from functions.fleet.subnet_model import RouteTable, Subnet, SubnetProperties, SubnetSeen
from functions.handlers import failed_clusters
from functions.handlers.failed_cluster_causes import Cause, causes
from functions.handlers.failed_clusters import decide, explain, noted, spent
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Outcome, Reputting, Result, Verdict
from functions.ledger.making import Making
from functions.ledger.state import Entry, Observed
from functions.policy import FailedClusters, Policy, Resolution
from tests.unit.worlds import (
    AT,
    CLUSTER_ID,
    HUB,
    NODE_GROUP,
    OTHER_HUB,
    SPOKE,
    ZONE,
    a_cluster,
    a_link,
    a_policy,
    an_id,
    seen,
)

ON = a_policy(HUB, failed_clusters=FailedClusters(reconcile=True))
OFF = a_policy(HUB)
ASKING = a_policy(HUB, failed_clusters=FailedClusters(reconcile=True), resolution=Resolution(enabled=True))
NO_NAME = ProvisioningError(code="VMExtensionProvisioningError", message="vmssCSE: exit status=52")
NO_ROUTES = ProvisioningError(code="ExistingRouteTableNotAssociatedWithSubnet", message="see to it")
QUOTA = ProvisioningError(code="QuotaExceeded", message="too many cores")
MADE = Making(first=AT - 3000, last=AT - 2000, failed=AT - 2000, etag="e1", linked=AT - 900)
LINKED = Links((a_link(HUB),), complete=True)
TABLE = an_id("Microsoft.Network/routeTables", "aks-agentpool-1-routetable", NODE_GROUP)
SUBNET = SPOKE.child("subnets", "nodes")


REFUSED_LINK = Operation(ZONE.child("virtualNetworkLinks", "tether-x"), "https://a", AT - 9, AT)
TWO_HUBS = a_policy(HUB, OTHER_HUB, failed_clusters=FailedClusters(reconcile=True))


def looking_at(
    made: Making | None = MADE,
    error: ProvisioningError = NO_NAME,
    state: str = "Failed",
    stopped: bool = False,
    kubenet: bool = False,
    **facts: Any,
) -> Seen:
    cluster = a_cluster(
        state=state,
        status=ClusterStatus(provisioning_error=error),
        power_state=PowerState(code="Stopped" if stopped else "Running"),
        network_profile=NetworkProfile(network_plugin="kubenet" if kubenet else "azure"),
    )
    cluster = msgspec.structs.replace(cluster, e_tag="e1")
    given = {"links": LINKED, "remembered": Observed(making=made), **facts}
    return seen(cluster=cluster, **given)


def but(**changed: Any) -> Making:
    return msgspec.structs.replace(MADE, **changed)


def routed(table: Any, state: str = "Succeeded") -> dict[str, Any]:
    attached = SubResource(id=table) if table else None
    held = Subnet(id=SUBNET, properties=SubnetProperties(provisioning_state=state, route_table=attached))
    return {"subnets": (SubnetSeen(SUBNET, held),), "node_tables": (RouteTable(id=TABLE),)}


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [change.action.value for change in verdict.changes]
    if verdict.look_again is not None:
        words.append(f"look again in {verdict.look_again:.0f} s")
    return ", ".join(words) or "nothing"


PUT = Operation(CLUSTER_ID, "https://a", AT - 300, AT)
PUTTING = but(failed=0.0, etag="", last=AT - 60, puts=1, put_at=AT - 300)


@pytest.mark.parametrize(
    ("sight", "policy", "expected"),
    [
        pytest.param(looking_at(), ON, "update", id="all holds"),
        pytest.param(looking_at(but(puts=1, put_at=AT - 60)), ON, "continue", id="a second time"),
        pytest.param(looking_at(but(puts=2, put_at=AT - 60)), ON, "continue", id="a third time"),
        pytest.param(looking_at(but(puts=3, put_at=AT - 60)), ON, "creation-fails-again", id="never a fourth"),
        pytest.param(looking_at(but(puts=1, put_at=AT - 50)), ON, "look again in 10 s", id="one a minute"),
        pytest.param(looking_at(), OFF, "cluster-creation-failed", id="off"),
        pytest.param(looking_at(None), ON, "cluster-failed", id="not proven"),
        pytest.param(looking_at(None), OFF, "cluster-failed", id="not proven, and off"),
        pytest.param(looking_at(but(etag="e0")), ON, "cluster-failed", id="somebody wrote it"),
        pytest.param(looking_at(state="Succeeded"), ON, "nothing", id="it is up"),
        pytest.param(looking_at(state="Updating"), ON, "nothing", id="an operation runs"),
        pytest.param(looking_at(state="Canceled"), ON, "nothing", id="somebody stopped it"),
        pytest.param(looking_at(state="Deleting"), ON, "nothing", id="it goes"),
        pytest.param(looking_at(stopped=True), ON, "cluster-creation-failed", id="it is stopped"),
        pytest.param(looking_at(error=QUOTA), ON, "cluster-creation-failed", id="an error that is not listed"),
        pytest.param(looking_at(links=Links(complete=True)), ON, "cluster-creation-failed", id="the link is not there"),
        pytest.param(
            looking_at(links=Links((a_link(HUB, state="InProgress"),), complete=True)),
            ON,
            "cluster-creation-failed",
            id="the link is on its way",
        ),
        pytest.param(looking_at(links=Links(asked=False)), ON, "nothing", id="a pass that is not about links"),
        pytest.param(
            looking_at(but(linked=AT - 800)),
            ON,
            "cluster-creation-failed, look again in 100 s",
            id="an old answer may be held",
        ),
        pytest.param(
            looking_at(but(linked=0.0)), ON, "cluster-creation-failed, look again in 900 s", id="linked just now"
        ),
        pytest.param(looking_at(), ASKING, "cluster-creation-failed", id="nobody asked the DNS servers"),
        pytest.param(looking_at(error=NO_ROUTES), ON, "cluster-creation-failed", id="routes, and no kubenet"),
        pytest.param(
            looking_at(error=NO_ROUTES, kubenet=True), ON, "cluster-creation-failed", id="the subnets are not known"
        ),
        pytest.param(
            looking_at(error=NO_ROUTES, kubenet=True, **routed(None)), ON, "cluster-creation-failed", id="no table"
        ),
        pytest.param(
            looking_at(error=NO_ROUTES, kubenet=True, **routed(an_id("Microsoft.Network/routeTables", "fw"))),
            ON,
            "cluster-creation-failed",
            id="another table",
        ),
        pytest.param(looking_at(error=NO_ROUTES, kubenet=True, **routed(TABLE)), ON, "update", id="AKS's table"),
        pytest.param(
            looking_at(error=NO_ROUTES, kubenet=True, **routed(TABLE, "Updating")),
            ON,
            "cluster-creation-failed",
            id="AKS's table, on a subnet that is still being written",
        ),
        pytest.param(
            looking_at(kubenet=True, **routed(TABLE), links=Links(complete=True)),
            ON,
            "cluster-creation-failed",
            id="the table, and not the link",
        ),
        pytest.param(
            looking_at(kubenet=True, **routed(None)), ON, "cluster-creation-failed", id="the link, and not the table"
        ),
        pytest.param(looking_at(kubenet=True, **routed(TABLE)), ON, "update", id="the table and the link"),
        pytest.param(looking_at(), TWO_HUBS, "cluster-creation-failed", id="one link of two"),
        pytest.param(
            looking_at(operations=(LookedUp(REFUSED_LINK, Progress.FAILED, ArmError(200, "ScopeLocked", "no")),)),
            TWO_HUBS,
            "cluster-creation-failed",
            id="one link of two, and the other was refused",
        ),
        pytest.param(
            looking_at(PUTTING, state="Updating", operations=(LookedUp(PUT, Progress.RUNNING, pause=20.0),)),
            ON,
            "look again in 20 s",
            id="our PUT runs",
        ),
        pytest.param(
            looking_at(PUTTING, state="Updating", operations=(LookedUp(PUT, Progress.RUNNING),)),
            OFF,
            "look again in 60 s",
            id="our PUT runs, switched off since",
        ),
        pytest.param(
            looking_at(PUTTING, operations=(LookedUp(PUT, Progress.FAILED, ArmError(200, "X", "no")),)),
            ON,
            "continue",
            id="our PUT failed",
        ),
        pytest.param(
            looking_at(PUTTING, state="Succeeded", operations=(LookedUp(PUT, Progress.SUCCEEDED),)),
            ON,
            "nothing",
            id="our PUT brought it up",
        ),
    ],
)
def test_what_a_failed_cluster_calls_for(sight: Seen, policy: Policy, expected: str) -> None:
    assert said(decide(sight, policy)) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("10.1.0.4", "update", id="the API server's"),
        pytest.param("10.1.0.9", "cluster-creation-failed", id="another"),
        pytest.param("", "cluster-creation-failed", id="no such name"),
    ],
)
def test_where_dns_servers_can_be_asked_nothing_else_counts(address: str, expected: str) -> None:
    given = addresses_in([address] if address else [])
    answers = (Answer(("10.0.0.4", 53), "udp", given, ttl=60),)
    api_server = ApiServer(addresses_in(["10.1.0.4"]))
    sight = looking_at(but(linked=AT), answers=answers, api_server=api_server)
    assert said(decide(sight, ASKING)) == expected


@pytest.mark.parametrize(
    ("message", "kubenet", "expected"),
    [
        pytest.param("exit status=52", False, {Cause.NAME}, id="52"),
        pytest.param("exit status=52", True, {Cause.NAME, Cause.ROUTES}, id="52 with kubenet"),
        pytest.param("exit status 50", True, {Cause.ROUTES}, id="50 with kubenet"),
        pytest.param("exit status=51", False, set(), id="51 without"),
        pytest.param('{ \\"ExitCode\\": \\"52\\" }', False, {Cause.NAME}, id="as JSON in a text"),
        pytest.param("VMExtensionError_K8SAPIServerDNSLookupFail", False, {Cause.NAME}, id="by its name"),
        pytest.param("VMExtensionError_OutboundConnFail, exit status=50", True, {Cause.ROUTES}, id="both ways"),
        pytest.param("exit status=52, exit status=124", False, set(), id="another one besides"),
        pytest.param("VMExtensionError_Whatever, exit status=52", False, set(), id="another name besides"),
        pytest.param("exit status=520", False, set(), id="a longer number"),
        pytest.param("something failed", False, set(), id="none"),
    ],
)
def test_only_listed_errors_have_a_cause(message: str, kubenet: bool, expected: set[Cause]) -> None:
    error = ProvisioningError(code="VMExtensionProvisioningError", message=message)
    assert causes(error, kubenet=kubenet) == expected
    assert causes(ProvisioningError(code="Other", message=message), kubenet=kubenet) == set()
    assert causes(None, kubenet=kubenet) == set()


def the_change() -> Change:
    (change,) = decide(looking_at(), ON).changes
    return change


def test_the_change_is_of_the_cluster_as_it_was_seen() -> None:
    change = the_change()
    assert change.target == CLUSTER_ID
    assert change.action is Action.UPDATE
    assert change.wants == Reputting("e1", MADE.first, 1)


STARTED = Operation(CLUSTER_ID, "https://a", AT + 1, AT + 60)
REFUSED = ArmError(400, "QuotaExceeded", "no")
DENIED = ArmError(403, "AuthorizationFailed", "no")


@pytest.mark.parametrize(
    ("result", "operation", "error", "puts", "code"),
    [
        pytest.param(Result.STARTED, STARTED, None, 1, None, id="AKS took it"),
        pytest.param(Result.UNKNOWN, None, None, 1, None, id="no answer came"),
        pytest.param(Result.REFUSED, None, REFUSED, 1, "cluster-put-refused", id="AKS refused it"),
        pytest.param(Result.REFUSED, None, DENIED, 0, "cluster-put-refused", id="a right is missing"),
        pytest.param(
            Result.REFUSED, None, ArmError(0, "SecretNeeded", "x"), 0, "cluster-creation-failed", id="a secret is"
        ),
        pytest.param(Result.RETRY, None, ArmError(409, "OperationNotAllowed", "busy"), 0, None, id="AKS was busy"),
        pytest.param(Result.PLANNED, None, None, 0, None, id="mode observe"),
    ],
)
def test_what_is_remembered_of_a_try(
    result: Result, operation: Operation | None, error: ArmError | None, puts: int, code: str | None
) -> None:
    outcome = Outcome(the_change(), result, operation, error)
    brief = noted(Observed(making=MADE), looking_at(), ON, (outcome,))
    assert brief.making is not None
    assert brief.making.puts == puts
    assert bool(brief.making.failed) is (result is not Result.STARTED)
    told = explain(outcome)
    assert (told.code if told else None) == code


@pytest.mark.parametrize(
    ("error", "result", "pause"),
    [
        pytest.param(ArmError(429, "TooManyRequests", "no", retry_after=7.0), Result.RETRY, 60.0, id="a short pause"),
        pytest.param(ArmError(429, "TooManyRequests", "no", retry_after=90.0), Result.RETRY, 90.0, id="a long one"),
        pytest.param(ArmError(500, "InternalServerError", "no"), Result.RETRY, 60.0, id="none"),
        pytest.param(ArmError(409, "OperationNotAllowed", "no"), Result.RETRY, 60.0, id="busy"),
        pytest.param(ChangedMeanwhileError("no"), Result.RETRY, None, id="changed meanwhile"),
        pytest.param(NoTokenError("no"), Result.RETRY, 60.0, id="no token"),
        pytest.param(NoAnswerError("no"), Result.UNKNOWN, 60.0, id="no answer: it may be put"),
        pytest.param(SecretNeededError("x"), Result.REFUSED, None, id="a secret is missing"),
        pytest.param(ArmError(404, "NotFound", "no"), Result.GONE, None, id="gone"),
    ],
)
def test_how_a_put_ends(error: Exception, result: Result, pause: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: Any) -> dict[str, Any]:
        return {}

    async def put_again(*_: Any) -> None:
        raise error

    monkeypatch.setattr(clusters, "read", read)
    monkeypatch.setattr(clusters, "put_again", put_again)
    nothing: Any = None
    outcome = asyncio.run(failed_clusters.apply(the_change(), Means(nothing, ()), AT))
    assert (outcome.result, outcome.pause) == (result, pause)


def test_since_when_the_links_are_right_is_remembered_until_they_are_not() -> None:
    right = noted(Observed(making=but(linked=0.0)), looking_at(), ON, ())
    assert right.making == but(linked=AT)
    assert noted(right, looking_at(), ON, ()).making == but(linked=AT)
    broken = noted(right, looking_at(links=Links(complete=True)), ON, ())
    assert broken.making == but(linked=0.0)
    unasked = noted(right, looking_at(links=Links(asked=False)), ON, ())
    assert unasked.making == but(linked=AT)


def an_entry(at: float, result: str = "", handler: str = failed_clusters.HANDLER) -> Entry:
    return Entry(
        subject=CLUSTER_ID, id=str(at), at=at, cause="c", handler=handler, action="update", target=str(CLUSTER_ID),
        reason="r", result=result,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([an_entry(AT - 100), an_entry(AT - 200, "started")], None, id="two"),
        pytest.param([an_entry(AT - 20)], "look again in 40 s", id="one just now"),
        pytest.param([an_entry(AT - n * 100) for n in (1, 2, 3)], "creation-fails-again", id="three"),
        pytest.param([an_entry(AT - n * 100, "retry") for n in (1, 2, 3)], None, id="three that took nothing"),
        pytest.param([an_entry(AT - n * 100, handler="zone_links") for n in (1, 2, 3)], None, id="of another concern"),
        pytest.param([an_entry(AT - 4000 - n) for n in (1, 2, 3)], None, id="of a cluster before this one"),
    ],
)
def test_the_journal_knows_of_tries_that_the_row_does_not(entries: list[Entry], expected: str | None) -> None:
    held = spent(entries, the_change(), AT)
    assert (said(held) if held else None) == expected


def test_unread_facts_change_nothing() -> None:
    sight = replace(looking_at(kubenet=True), subnets=UNKNOWN, node_tables=UNKNOWN)
    assert not decide(sight, ON).changes
