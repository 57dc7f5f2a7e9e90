"""The truth table of route_tables.decide row by row, with an attacker for each clause, and what a pass remembers."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions import pace
from functions.arm import subnets
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.operations import LookedUp, Operation, Progress
from functions.arm.subnets import AnotherWriterError, ChangedMeanwhileError
from functions.arm.writes import Accepted
from functions.fleet.model import ManagedCluster, NodeResourceGroupProfile, PowerState
from functions.fleet.seen import UNKNOWN, Seen
from functions.fleet.subnet_model import RouteTable, SubnetSeen
from functions.handlers import route_memory
from functions.handlers.means import Means
from functions.handlers.route_tables import GRACE, HANDLER, apply, decide, explain
from functions.handlers.verdict import Action, Change, Outcome, Result, Routing, Verdict
from functions.ledger.routed import Routed, Wrote
from functions.ledger.state import Observed
from functions.policy import Policy, RouteTables
from functions.restraint import tug_of_war
from tests.unit.subnets import (
    ATTACHES,
    DEFAULT_ROUTE,
    FIREWALLS,
    MAKING,
    NODE_ROUTE,
    NODES_NIC,
    REATTACHES,
    STRANGERS_NIC,
    SUBNET,
    TABLE,
    a_subnet,
    a_table,
    kubenet,
    named,
    world,
)
from tests.unit.worlds import (
    AT,
    CLUSTER_ID,
    HUB_SUBSCRIPTION,
    NODE_GROUP,
    SPOKE,
    a_cluster,
    a_policy,
    a_vnet_id,
    an_id,
)

OTHER_CLUSTER = an_id("Microsoft.ContainerService/managedClusters", "other", "apps")
NOT_ALLOWED = ArmError(403, "AuthorizationFailed", "no")
OWN_ENDPOINT = str(an_id("Microsoft.Network/privateEndpoints", "kube-apiserver", NODE_GROUP))
OWN_ENDPOINTS_NIC = str(
    an_id("Microsoft.Network/networkInterfaces", "kube-apiserver.nic.1", NODE_GROUP).child("ipConfigurations", "c-1")
)
OWN_PROFILE = str(an_id("Microsoft.Network/networkProfiles", "p", NODE_GROUP))


def without_machines() -> ManagedCluster:
    """Its creation failed before AKS made the first machine."""
    cluster = kubenet()
    (pool,) = cluster.properties.agent_pool_profiles or ()
    properties = msgspec.structs.replace(
        cluster.properties, agent_pool_profiles=(msgspec.structs.replace(pool, count=0),)
    )
    return msgspec.structs.replace(cluster, properties=properties)


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [change.action.value for change in verdict.changes]
    return " ".join(words) or ("nothing" if verdict.look_again is None else "look again")


def test_a_failed_creation_gets_aks_own_table_and_says_what_was_there() -> None:
    (change,) = decide(world(), ATTACHES).changes
    assert (change.handler, change.target, change.action) == (HANDLER, SUBNET, Action.CREATE)
    assert change.after == f"route table {TABLE}"
    assert '"addressPrefix":"10.1.0.0/24"' in change.before
    assert isinstance(change.wants, Routing)
    assert change.wants.table == TABLE


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param("Creating", "nothing", id="AKS attaches its own while it makes the cluster"),
        pytest.param("Updating", "nothing", id="AKS is at work"),
        pytest.param("SomethingNew", "nothing", id="a state that nobody knows counts as work"),
        pytest.param("Failed", "create", id="the creation failed"),
        pytest.param("Succeeded", "route-table-missing", id="it runs"),
        pytest.param("Canceled", "route-table-missing", id="somebody stopped it"),
    ],
)
def test_only_a_cluster_that_failed_gets_one(state: str, expected: str) -> None:
    assert said(decide(world(cluster=kubenet(state)), ATTACHES)) == expected


def test_a_cluster_that_failed_later_than_in_its_making_is_left_to_a_person() -> None:
    verdict = decide(world(remembered=Observed()), ATTACHES)
    assert said(verdict) == "route-table-missing"
    assert f"--ids {SUBNET} --route-table {TABLE}" in verdict.findings[0].advice


ELSEWHERE = a_vnet_id("spoke", HUB_SUBSCRIPTION).child("subnets", "nodes")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(world(tables=(a_table(),)), "create", id="a table without routes yet"),
        pytest.param(world(tables=()), "route-table-not-one", id="no table"),
        pytest.param(world(tables=(a_table(id=FIREWALLS),)), "route-table-not-one", id="a table of another name"),
        pytest.param(
            world(tables=(a_table(), a_table(id=an_id(TABLE.type, "aks-agentpool-9-routetable", NODE_GROUP)))),
            "route-table-not-one",
            id="two of AKS's form",
        ),
        pytest.param(world(tables=(a_table(DEFAULT_ROUTE),)), "route-table-not-proven", id="a default route"),
        pytest.param(
            world(tables=(a_table(NODE_ROUTE, DEFAULT_ROUTE),)), "route-table-not-proven", id="one more than nodes'"
        ),
        pytest.param(
            world(tables=(a_table(disableBgpRoutePropagation=True),)), "route-table-not-proven", id="no routes of BGP"
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=[{"id": NODES_NIC}, {"id": STRANGERS_NIC}])),
            "subnet-shared",
            id="somebody's machine in the subnet",
        ),
        pytest.param(
            world(a_subnet(privateEndpoints=[{"id": str(an_id("Microsoft.Network/privateEndpoints", "sql", "data"))}])),
            "subnet-shared",
            id="somebody's private endpoint in the subnet",
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=[{"id": "not an id"}])), "subnet-shared", id="something that cannot be read"
        ),
        pytest.param(
            world(a_subnet(applicationGatewayIPConfigurations=[{"id": STRANGERS_NIC}])), "subnet-shared", id="a gateway"
        ),
        pytest.param(
            world(replace(a_subnet(), neighbours=(OTHER_CLUSTER,))), "subnet-shared", id="another cluster names it"
        ),
        pytest.param(
            world(replace(a_subnet(), neighbours=NOT_ALLOWED)), "subnet-company-unknown", id="clusters not listed"
        ),
        pytest.param(
            world(replace(a_subnet(), neighbours=None)), "subnet-company-unknown", id="nobody asked for clusters"
        ),
        pytest.param(world(a_subnet(ipConfigurations=None)), "subnet-company-unknown", id="no list of addresses"),
        pytest.param(world(a_subnet(ipConfigurations=[])), "subnet-company-unknown", id="an empty list of addresses"),
        pytest.param(
            world(a_subnet(ipConfigurations=None, privateEndpoints=[{"id": OWN_ENDPOINT}])),
            "subnet-company-unknown",
            id="no list of addresses, beside its own private endpoint",
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=None, ipConfigurationProfiles=[{"id": OWN_PROFILE}])),
            "subnet-company-unknown",
            id="no list of addresses, beside a profile of its own",
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=None), cluster=without_machines()),
            "subnet-company-unknown",
            id="no machines yet, and no list",
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=[{"id": OWN_ENDPOINTS_NIC}]), cluster=without_machines()),
            "create",
            id="no machines yet, and the NIC of its private endpoint listed",
        ),
        pytest.param(world(a_subnet(ipConfigurations=[{"id": NODES_NIC.lower()}])), "create", id="in lower case"),
        pytest.param(
            world(a_subnet(ipConfigurations=None, privateEndpoints=[{"id": STRANGERS_NIC}])),
            "subnet-shared",
            id="no list of addresses, and a stranger in another",
        ),
        pytest.param(
            world(replace(a_subnet(ipConfigurations=[{"id": STRANGERS_NIC}]), neighbours=NOT_ALLOWED)),
            "subnet-shared",
            id="a stranger, while clusters are not listed",
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=[{"id": None}, {"id": NODES_NIC}])), "subnet-shared", id="a null reference"
        ),
        pytest.param(
            world(a_subnet(ipConfigurations=[{}, {"id": NODES_NIC}])), "subnet-shared", id="a reference without an id"
        ),
        pytest.param(
            world(a_subnet(), a_subnet(id=SPOKE.child("subnets", "more"), ipConfigurations=None)),
            "subnet-company-unknown create",
            id="pools in two subnets, of which one lists nothing",
        ),
        pytest.param(world(a_subnet(delegations=[{"name": "d"}])), "subnet-delegated", id="delegated"),
        pytest.param(
            world(a_subnet(serviceAssociationLinks=[{"name": "acl"}])), "subnet-delegated", id="held by a service"
        ),
        pytest.param(
            world(cluster=kubenet(node_resource_group_profile=NodeResourceGroupProfile(restriction_level="ReadOnly"))),
            "route-table-locked-down",
            id="the node resource group locked down",
        ),
        pytest.param(world(a_subnet(id=ELSEWHERE)), "subnet-outside-scope", id="another subscription's subnet"),
        pytest.param(world(a_subnet(provisioningState="Updating")), "look again", id="Azure is at work on the subnet"),
        pytest.param(world(SubnetSeen(SUBNET, NOT_ALLOWED)), "subnet-not-readable", id="the subnet cannot be read"),
        pytest.param(world(tables=NOT_ALLOWED), "subnet-not-readable", id="the tables cannot be read"),
        pytest.param(
            world(a_subnet(), replace(a_subnet(FIREWALLS, id=ELSEWHERE), foreign=a_table(DEFAULT_ROUTE, id=FIREWALLS))),
            "route-table-of-others route-table-of-others",
            id="its other subnet has another table",
        ),
    ],
)
def test_what_stands_against_a_table(made: Seen, expected: str) -> None:
    assert said(decide(made, ATTACHES)) == expected


def test_a_subnet_beside_its_cluster_may_be_written_where_the_scope_names_management_groups_alone() -> None:
    scope = msgspec.structs.replace(ATTACHES.scope, subscriptions=(), management_groups=("platform",))
    assert said(decide(world(), msgspec.structs.replace(ATTACHES, scope=scope))) == "create"


def test_a_subnet_that_azure_is_long_at_work_on_is_looked_at_ever_more_seldom() -> None:
    busy = a_subnet(provisioningState="Updating")
    looks = [decide(world(busy, remembered=Observed(attempt=nth)), ATTACHES).look_again for nth in (0, 7, 8, 24, 999)]
    assert looks == [15.0, 15.0, 30.0, 120.0, 900.0]


def test_a_subnet_of_another_subscription_may_be_written_where_the_scope_names_it() -> None:
    assert said(decide(world(a_subnet(id=ELSEWHERE)), named(ATTACHES, HUB_SUBSCRIPTION))) == "create"


BYO = a_table(DEFAULT_ROUTE, NODE_ROUTE, id=FIREWALLS)
BARE = a_table(DEFAULT_ROUTE, id=FIREWALLS)


STOPPED = kubenet("Succeeded", power_state=PowerState(code="Stopped"))


def test_a_foreign_table_of_a_stopped_cluster_may_be_without_routes_for_pods() -> None:
    assert (
        decide(world(replace(a_subnet(FIREWALLS), foreign=BARE), cluster=STOPPED, tables=()), REATTACHES) == Verdict()
    )


@pytest.mark.parametrize(
    ("held", "state", "tables", "expected"),
    [
        pytest.param(BYO, "Succeeded", (), "nothing", id="a table of one's own that AKS uses"),
        pytest.param(BARE, "Succeeded", (), "route-table-of-others", id="one without routes for pods"),
        pytest.param(BYO, "Succeeded", (a_table(),), "route-table-of-others", id="one beside that of AKS"),
        pytest.param(BYO, "Failed", (), "route-table-of-others", id="one of a cluster that failed"),
        pytest.param(NOT_ALLOWED, "Succeeded", (), "nothing", id="one that cannot be read, of a cluster that runs"),
        pytest.param(NOT_ALLOWED, "Failed", (), "route-table-of-others", id="one that cannot be read"),
    ],
)
def test_a_foreign_table_is_told_and_never_replaced(
    held: RouteTable | ArmError, state: str, tables: Any, expected: str
) -> None:
    one = replace(a_subnet(FIREWALLS), foreign=held)
    verdict = decide(world(one, cluster=kubenet(state), tables=tables), REATTACHES)
    assert said(verdict) == expected
    assert verdict.changes == ()


def test_a_finding_about_a_foreign_table_says_what_is_in_it() -> None:
    one = replace(a_subnet(FIREWALLS), foreign=BARE)
    (finding,) = decide(world(one), ATTACHES).findings
    assert "lacks AKS's routes for pods, and leads 0.0.0.0/0 to 10.0.0.4" in finding.seen


def test_a_subnet_with_akss_own_table_is_left_and_told_near_the_limit() -> None:
    assert decide(world(a_subnet(TABLE)), ATTACHES) == Verdict()
    full = a_table(*[NODE_ROUTE] * 320)
    assert said(decide(world(a_subnet(TABLE), tables=(full,)), ATTACHES)) == "route-table-nearly-full"


RUNS = kubenet("Succeeded")


@pytest.mark.parametrize(
    ("policy", "cluster", "remembered", "expected"),
    [
        pytest.param(ATTACHES, RUNS, Observed(), "route-table-missing", id="the policy does not say reattach"),
        pytest.param(REATTACHES, RUNS, Observed(), "look again", id="missing for the first time"),
        pytest.param(REATTACHES, RUNS, Observed(routed=Routed(bare_since=AT - GRACE + 1)), "look again", id="not long"),
        pytest.param(REATTACHES, RUNS, Observed(routed=Routed(bare_since=AT - GRACE)), "create", id="for long"),
        pytest.param(
            REATTACHES, kubenet("Failed"), Observed(routed=Routed(bare_since=AT - GRACE)), "create", id="failed later"
        ),
        pytest.param(
            REATTACHES,
            kubenet("Succeeded", power_state=PowerState(code="Stopped")),
            Observed(routed=Routed(bare_since=AT - GRACE)),
            "route-table-missing",
            id="stopped",
        ),
        pytest.param(
            REATTACHES,
            kubenet("Updating"),
            Observed(routed=Routed(bare_since=AT - GRACE)),
            "nothing",
            id="AKS at work",
        ),
    ],
)
def test_a_table_that_went_is_attached_again_after_a_while_where_the_policy_says_so(
    policy: Policy, cluster: Any, remembered: Observed, expected: str
) -> None:
    assert said(decide(world(cluster=cluster, remembered=remembered), policy)) == expected


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(world(cluster=a_cluster(state="Failed")), id="no kubenet"),
        pytest.param(world(subnets=UNKNOWN), id="subnets not asked for"),
        pytest.param(world(node_tables=UNKNOWN), id="tables not asked for"),
        pytest.param(replace(world(), cluster=None, cluster_is_gone=True), id="gone"),
        pytest.param(world(cluster=kubenet("Deleting")), id="going"),
    ],
)
def test_what_is_not_known_or_not_there_changes_nothing(made: Seen) -> None:
    assert decide(made, REATTACHES) == Verdict()


def test_a_policy_without_attach_wants_nothing() -> None:
    assert decide(world(), a_policy(route_tables=RouteTables(attach=False))) == Verdict()


def looked_up(progress: Progress, error: ArmError | None = None) -> tuple[LookedUp, ...]:
    return (LookedUp(Operation(SUBNET, "https://x", AT - 5, AT), progress, error, pause=7.0),)


def test_a_write_under_way_is_waited_for_and_one_that_failed_is_told() -> None:
    runs = decide(world(operations=looked_up(Progress.RUNNING)), ATTACHES)
    assert (said(runs), runs.look_again) == ("look again", 7.0)
    assert [(one.target, one.due) for one in runs.operations] == [(SUBNET, AT + 7.0)]
    locked = ArmError(200, "ScopeLocked", "no")
    assert said(decide(world(operations=looked_up(Progress.FAILED, locked)), ATTACHES)) == "subnet-locked"
    assert said(decide(world(operations=looked_up(Progress.UNKNOWN)), ATTACHES)) == "create"


def the_change() -> Change:
    (change,) = decide(world(), ATTACHES).changes
    return change


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LinkedAuthorizationFailed", "route-table-not-authorised"),
        ("AuthorizationFailed", "route-table-not-authorised"),
        ("DenyAssignmentAuthorizationFailed", "route-table-not-authorised"),
        ("ScopeLocked", "subnet-locked"),
        ("RequestDisallowedByPolicy", "route-table-denied-by-policy"),
        ("InvalidRequestFormat", "route-table-refused"),
    ],
)
def test_a_refusal_says_what_a_person_has_to_do(code: str, expected: str) -> None:
    finding = explain(Outcome(the_change(), Result.REFUSED, error=ArmError(403, code, "the action x is missing")))
    assert finding is not None
    assert (finding.code, finding.target) == (expected, SUBNET)
    assert "the action x is missing" in finding.seen


def test_what_passes_by_itself_needs_nobody() -> None:
    assert explain(Outcome(the_change(), Result.RETRY, error=ArmError(412, "PreconditionFailed", "lost"))) is None


@pytest.mark.parametrize(
    ("error", "result", "doubts"),
    [
        pytest.param(ChangedMeanwhileError("another"), Result.RETRY, (), id="changed meanwhile"),
        pytest.param(NoTokenError("no"), Result.RETRY, (), id="no token"),
        pytest.param(NoAnswerError("no"), Result.UNKNOWN, (), id="no answer: it may be written"),
        pytest.param(
            AnotherWriterError(Accepted("https://x", 5.0), ("natGateway",)),
            Result.STARTED,
            ("natGateway",),
            id="written, and somebody else wrote too",
        ),
        pytest.param(ArmError(412, "PreconditionFailed", "no"), Result.RETRY, (), id="a lost race"),
        pytest.param(ArmError(409, "AnotherOperationInProgress", "no"), Result.RETRY, (), id="locked by a write"),
        pytest.param(ArmError(404, "NotFound", "no"), Result.GONE, (), id="gone"),
        pytest.param(ArmError(403, "AuthorizationFailed", "no"), Result.REFUSED, (), id="no right"),
    ],
)
def test_what_becomes_of_a_write(
    error: Exception, result: Result, doubts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attach(*_: Any) -> None:
        raise error

    monkeypatch.setattr(subnets, "attach", attach)
    nothing: Any = None
    outcome = asyncio.run(apply(the_change(), Means(nothing, ()), AT))
    assert (outcome.result, outcome.overlap) == (result, doubts)
    written = after(world(), outcome)
    assert bool(written and written.wrote) is (result in {Result.STARTED, Result.UNKNOWN})


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ArmError(412, "PreconditionFailed", "no"), id="a lost race"),
        pytest.param(ArmError(409, "AnotherOperationInProgress", "no"), id="locked by a write"),
        pytest.param(ArmError(429, "RetryableError", "no", (), 11.0), id="with a pause"),
    ],
)
def test_a_write_that_must_wait_is_not_repeated_by_a_pass_that_looks_sooner_for_another_reason(
    error: ArmError, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def attach(*_: Any) -> None:
        raise error

    monkeypatch.setattr(subnets, "attach", attach)
    nothing: Any = None
    outcome = asyncio.run(apply(the_change(), Means(nothing, ()), AT))
    (later,) = pace.held((outcome,), 1, AT, busy=False)
    assert later.due - AT >= 30
    waiting = LookedUp(later, Progress.RUNNING, pause=later.due - AT)
    verdict = decide(replace(world(), operations=(waiting,)), ATTACHES)
    assert (verdict.changes, verdict.operations) == ((), (later,))


def remembering(routed: Routed) -> Observed:
    return msgspec.structs.replace(MAKING, routed=routed)


def after(made: Seen, *outcomes: Outcome) -> Routed | None:
    return route_memory.noted(made, outcomes, ())


def test_a_table_is_remembered_while_it_is_there_and_while_it_is_missing_but_not_once_it_is_made_again() -> None:
    kept = f"{SUBNET} {TABLE}"
    there = after(world(a_subnet(TABLE)))
    assert there == Routed(kept=(kept,))
    gone = world(cluster=RUNS, remembered=remembering(there))
    assert after(gone) == Routed(kept=(kept,), bare_since=AT)
    again = after(gone, Outcome(the_change(), Result.STARTED))
    assert again is not None
    assert again.kept == ()
    assert after(world(a_subnet(FIREWALLS), remembered=remembering(there))) is None


def test_a_table_that_others_take_off_time_and_again_is_left_to_them() -> None:
    kept = Routed(kept=(f"{SUBNET} {TABLE}",))
    held = Observed(routed=kept, reversals=(AT - 300, AT - 200, AT - 100))
    restrained = tug_of_war([the_change()], replace(world(), remembered=held))
    assert (restrained.changes, [finding.code for finding in restrained.findings]) == ((), ["tug-of-war"])
    assert route_memory.noted(world(), (), restrained.given_up) == Routed(kept=kept.kept, bare_since=AT)


def wrote(body: SubnetSeen, *outcomes: Outcome) -> Routed | None:
    first = after(world(body), Outcome(the_change(), Result.STARTED))
    assert first is not None
    return first


@pytest.mark.parametrize(
    ("now", "differs"),
    [
        pytest.param(a_subnet(TABLE), (), id="as it was, with its table"),
        pytest.param(a_subnet(), (), id="as it was, and the table is gone again"),
        pytest.param(a_subnet(TABLE, delegations=[]), (), id="an empty list more"),
        pytest.param(a_subnet(TABLE, natGateway={"id": "x"}), ("natGateway",), id="a NAT gateway more"),
        pytest.param(a_subnet(TABLE, addressPrefix="10.1.0.0/25"), ("addressPrefix",), id="another prefix"),
        pytest.param(a_subnet(TABLE, ipConfigurations=[]), (), id="what Azure alone writes"),
    ],
)
def test_after_a_write_the_subnet_is_compared_with_what_it_was(now: SubnetSeen, differs: tuple[str, ...]) -> None:
    later = world(now, remembered=remembering(wrote(a_subnet()) or Routed()))
    assert route_memory.doubts(later) == (((SUBNET, differs),) if differs else ())
    codes = [finding.code for finding in decide(later, ATTACHES).findings]
    assert ("possible-lost-update" in codes) is bool(differs)


def test_while_azure_is_at_work_nothing_is_compared_and_what_was_there_counts_still() -> None:
    first = wrote(a_subnet()) or Routed()
    busy = a_subnet(TABLE, natGateway={"id": "x"}, provisioningState="Updating")
    later = world(busy, remembered=remembering(msgspec.structs.replace(first, kept=(f"{SUBNET} {TABLE}",))))
    assert route_memory.doubts(later) == ()
    assert after(later) == msgspec.structs.replace(first, kept=(f"{SUBNET} {TABLE}",), bare_since=0.0)


def test_a_subnet_that_is_written_again_is_compared_with_what_it_was_then() -> None:
    first = wrote(a_subnet()) or Routed()
    now = world(a_subnet(natGateway={"id": "x"}), remembered=remembering(first))
    (again,) = (after(now, Outcome(the_change(), Result.STARTED)) or Routed()).wrote
    assert again.at == AT
    assert not again.doubt


@pytest.mark.parametrize("since", [0.0, AT - 60])
def test_while_aks_is_at_work_a_grace_neither_begins_nor_ends(since: float) -> None:
    held = Observed(routed=Routed(bare_since=since))
    for subnet in (a_subnet(), a_subnet(TABLE)):
        assert route_memory.bare_since(world(subnet, cluster=kubenet("Updating"), remembered=held)) == since


def test_a_doubt_is_told_for_a_day_and_a_subnet_found_whole_is_compared_once() -> None:
    doubted = Wrote(subnet=str(SUBNET), at=AT - 3600, doubt=("natGateway",))
    assert route_memory.doubts(world(a_subnet(TABLE), remembered=remembering(Routed(wrote=(doubted,)))))
    old = msgspec.structs.replace(doubted, at=AT - 86400)
    assert not route_memory.doubts(world(a_subnet(TABLE), remembered=remembering(Routed(wrote=(old,)))))
    whole = after(world(a_subnet(TABLE), remembered=remembering(wrote(a_subnet()) or Routed())))
    assert whole == Routed(kept=(f"{SUBNET} {TABLE}",))


def test_what_somebody_wrote_beside_us_is_told_at_once_and_kept() -> None:
    outcome = Outcome(the_change(), Result.STARTED, overlap=("networkSecurityGroup",))
    finding = explain(outcome)
    assert finding is not None
    assert finding.code == "possible-lost-update"
    assert "networkSecurityGroup" in finding.seen
    kept = after(world(), outcome)
    assert kept is not None
    assert kept.wrote[0].doubt == ("networkSecurityGroup",)


def test_the_table_is_in_place_only_when_every_subnet_is_known_to_have_it() -> None:
    assert route_memory.in_place(world(a_subnet(TABLE)))
    assert not route_memory.in_place(world())
    assert not route_memory.in_place(world(a_subnet(TABLE), a_subnet(id=ELSEWHERE)))
    assert not route_memory.in_place(world(a_subnet(FIREWALLS)))
    assert not route_memory.in_place(world(a_subnet(TABLE, provisioningState="Updating")))
    assert not route_memory.in_place(world(a_subnet(TABLE), subnets=UNKNOWN))


def test_the_clusters_own_id_is_what_a_person_reads_in_the_journal() -> None:
    assert CLUSTER_ID.name in the_change().reason
