"""The truth table of zone_links.decide, row by row, and what must hold for any world."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.errors import ArmError
from functions.arm.operations import LOST, LookedUp, Operation, Progress
from functions.arm.resource_id import ResourceId
from functions.fleet.model import NodeResourceGroupProfile
from functions.fleet.network_model import Link, VirtualNetwork
from functions.fleet.seen import NOT_SHOWN, UNKNOWN, Links, Seen, Unreadable
from functions.handlers.link_names import link_id
from functions.handlers.verdict import Action, Change, Verdict
from functions.handlers.zone_links import decide
from functions.ledger.state import Observed
from functions.policy import Hub, Policy
from tests.unit.worlds import (
    AT,
    CUSTOM_ZONE,
    HUB,
    OTHER_HUB,
    SPOKE,
    SPOKE_SUBSCRIPTION,
    ZONE,
    a_cluster,
    a_link,
    a_peering,
    a_policy,
    a_spoke,
    a_vnet_id,
    seen,
)

OURS = link_id(ZONE, HUB, "platform-test")
ADDRESS = "https://management.azure.com/subscriptions/x/privateDnsOperationStatuses/1"

CREATE, NOTHING, LOOK_AGAIN = "create", "nothing", "look again"


def looked_up(progress: Progress, code: str = "", message: str = "", pause: float | None = None) -> LookedUp:
    error = ArmError(200, code, message) if progress is Progress.FAILED else None
    return LookedUp(Operation(OURS, ADDRESS, AT, AT), progress, error, pause)


def said(verdict: Verdict) -> str:
    """What a verdict comes to, in one word of the table: a finding by its code."""
    if verdict.findings:
        return " ".join(finding.code for finding in verdict.findings)
    if verdict.changes:
        return CREATE
    return NOTHING if verdict.look_again is None else LOOK_AGAIN


NONE_LISTED = Links((), complete=True)
OURS_MADE = a_link(HUB, OURS.name)
OVERLAP = "A virtual network cannot be linked to multiple zones with overlapping namespaces."
RUNNING, SUCCEEDED, LOST_TRACK = (looked_up(p) for p in (Progress.RUNNING, Progress.SUCCEEDED, Progress.UNKNOWN))


def failed(code: str, message: str = "no") -> LookedUp:
    return looked_up(Progress.FAILED, code, message)


@pytest.mark.parametrize(
    ("links", "operation", "expected"),
    [
        pytest.param(Links((a_link(HUB),)), None, NOTHING, id="linked under another name"),
        pytest.param(Links((OURS_MADE,)), failed("PreconditionFailed"), NOTHING, id="our link was there already"),
        pytest.param(Links((a_link(HUB),), complete=True), failed("Conflict"), NOTHING, id="someone else linked first"),
        pytest.param(
            Links((a_link(HUB, state="InProgress"),)), None, LOOK_AGAIN, id="a link that is being made is waited for"
        ),
        pytest.param(
            Links((a_link(HUB, state="", provisioning="Failed"),)), None, "link-failed", id="a link that failed"
        ),
        pytest.param(Links(), RUNNING, LOOK_AGAIN, id="the operation runs"),
        pytest.param(NONE_LISTED, RUNNING, LOOK_AGAIN, id="the operation runs, and the list does not show it yet"),
        pytest.param(Links(), SUCCEEDED, NOTHING, id="the operation succeeded"),
        pytest.param(NONE_LISTED, SUCCEEDED, LOOK_AGAIN, id="a read lags behind the operation that succeeded"),
        pytest.param(Links(), failed("PreconditionFailed"), LOOK_AGAIN, id="our link was there and cannot be read"),
        pytest.param(
            Links((a_link(OTHER_HUB, OURS.name),)),
            failed("PreconditionFailed"),
            "link-name-taken",
            id="our name leads elsewhere",
        ),
        pytest.param(NONE_LISTED, failed("Conflict"), "link-conflict", id="a conflict with nothing that is listed"),
        pytest.param(Links(), failed("BadRequest", OVERLAP), "overlapping-namespaces", id="overlapping namespaces"),
        pytest.param(Links(), failed("AuthorizationFailed"), "not-authorised", id="the refusal came late"),
        pytest.param(Links(), failed("InternalServerError"), CREATE, id="Azure failed, so it is tried again"),
        pytest.param(Links(), failed("NeverHeardOf"), CREATE, id="an unknown failure is tried again"),
        pytest.param(Links(), None, CREATE, id="nothing is known: the precondition will tell"),
        pytest.param(NONE_LISTED, None, CREATE, id="no link is listed"),
        pytest.param(NONE_LISTED, LOST_TRACK, CREATE, id="the operation is lost and no link is listed"),
        pytest.param(Links((OURS_MADE,), complete=True), LOST_TRACK, NOTHING, id="lost, but the link is there"),
    ],
)
def test_a_hub_of_the_policy(links: Links, operation: LookedUp | None, expected: str) -> None:
    world = seen(links=links, operations=(operation,) if operation else ())
    assert said(decide(world, a_policy(HUB))) == expected


LONG_AGO = replace(SUCCEEDED, operation=Operation(OURS, ADDRESS, AT - 1000, AT))
OTHERS_RUNS = LookedUp(Operation(link_id(ZONE, OTHER_HUB, "platform-test"), ADDRESS, AT - 60, AT), Progress.RUNNING)


@pytest.mark.parametrize(
    ("links", "operation", "expected"),
    [
        pytest.param(Links(), None, LOOK_AGAIN, id="it was linked, and the links were not listed"),
        pytest.param(Links(), OTHERS_RUNS, LOOK_AGAIN, id="another link is being made"),
        pytest.param(Links(), failed("InternalServerError"), LOOK_AGAIN, id="an operation on it failed for now"),
        pytest.param(Links(), SUCCEEDED, NOTHING, id="its operation succeeded"),
        pytest.param(NONE_LISTED, None, CREATE, id="the links were listed, and it is not among them"),
        pytest.param(NONE_LISTED, OTHERS_RUNS, CREATE, id="so while another link is being made"),
        pytest.param(NONE_LISTED, LOST_TRACK, CREATE, id="so when its operation is lost"),
        pytest.param(NONE_LISTED, SUCCEEDED, LOOK_AGAIN, id="a list lags behind the operation that succeeded"),
        pytest.param(NONE_LISTED, LONG_AGO, CREATE, id="a list does not lag behind for a quarter of an hour"),
        pytest.param(Links((OURS_MADE,)), None, NOTHING, id="it was read"),
    ],
)
def test_a_remembered_hub_is_created_again_only_on_a_complete_list(
    links: Links, operation: LookedUp | None, expected: str
) -> None:
    held = Observed(hubs=(str(HUB).upper(),))
    world = seen(links=links, operations=(operation,) if operation else (), remembered=held)
    assert said(decide(world, a_policy(HUB))) == expected


def test_the_end_of_one_link_stays_known_until_the_other_has_ended() -> None:
    verdict = decide(seen(operations=(SUCCEEDED, OTHERS_RUNS)), a_policy(HUB, OTHER_HUB))
    assert [operation.target for operation in verdict.operations] == [OTHERS_RUNS.operation.target, OURS]
    assert verdict.linked == (HUB,)
    assert not decide(seen(operations=(SUCCEEDED,)), a_policy(HUB)).operations


def test_the_change_says_what_it_makes_and_why() -> None:
    (change,) = decide(seen(), a_policy(HUB, link_tags={"costCentre": "42"})).changes
    assert (change.target, change.wants.vnet) == (OURS, HUB)
    assert dict(change.wants.tags) == {"tether-owner": "platform-test", "costCentre": "42"}
    assert "hub-weu" in change.reason
    assert "policy" in change.reason


@pytest.mark.parametrize(
    ("pause", "wait"),
    [pytest.param(7, 7, id="ARM's own pause"), pytest.param(None, 30, id="the usual one where ARM names none")],
)
def test_a_running_operation_is_looked_up_after_its_pause(pause: float | None, wait: float) -> None:
    verdict = decide(seen(operations=(looked_up(Progress.RUNNING, pause=pause),)), a_policy(HUB))
    assert verdict.look_again == wait
    assert verdict.operations == (Operation(OURS, ADDRESS, AT, AT + wait),)


def test_an_operation_that_does_not_end_is_told_and_asked_for_less_often() -> None:
    old = LookedUp(Operation(OURS, ADDRESS, AT - 3600, AT), Progress.RUNNING, pause=10)
    verdict = decide(seen(operations=(old,)), a_policy(HUB))
    assert said(verdict) == "link-takes-too-long"
    assert verdict.operations == (Operation(OURS, ADDRESS, AT - 3600, AT + 300),)


def test_a_link_whose_operation_tells_nothing_more_is_listed_next_time() -> None:
    verdict = decide(seen(operations=(failed("PreconditionFailed"),)), a_policy(HUB))
    assert [operation.address for operation in verdict.operations] == [LOST]


@pytest.mark.parametrize(
    ("hub", "tags", "linked"),
    [
        pytest.param(Hub(vnet=HUB), None, True, id="a hub without conditions serves all"),
        pytest.param(Hub(vnet=HUB, locations=("westeurope",)), None, True, id="the cluster's region"),
        pytest.param(Hub(vnet=HUB, locations=("northeurope",)), None, False, id="another region"),
        pytest.param(Hub(vnet=HUB, tags={"env": "prod"}), {"ENV": "prod"}, True, id="tag names have no case"),
        pytest.param(Hub(vnet=HUB, tags={"env": "prod"}), {"env": "Prod"}, False, id="tag values have"),
        pytest.param(Hub(vnet=HUB, tags={"env": "prod"}), None, False, id="a cluster without the tag"),
        pytest.param(Hub(vnet=SPOKE), None, False, id="the cluster's own VNet is AKS's to link"),
    ],
)
def test_which_hubs_the_policy_wants(hub: Hub, tags: dict[str, str] | None, linked: bool) -> None:
    verdict = decide(seen(a_cluster(tags=tags)), a_policy(hub))
    assert bool(verdict.changes) is linked


HUB_PEERING = a_peering(HUB, "10.0.0.0/16")


@pytest.mark.parametrize(
    ("spoke", "expected"),
    [
        pytest.param(a_spoke("10.0.0.4", peerings=(HUB_PEERING,)), [HUB], id="the peered VNet with the DNS server"),
        pytest.param(
            a_spoke("10.0.0.4", "10.9.0.4", peerings=(HUB_PEERING, a_peering(OTHER_HUB, "10.9.0.0/24"))),
            [OTHER_HUB, HUB],
            id="every VNet that holds one",
        ),
        pytest.param(
            a_spoke("10.0.0.4", peerings=(a_peering(OTHER_HUB, "10.9.0.0/24"), HUB_PEERING)),
            [HUB],
            id="a peered VNet without a DNS server is no hub",
        ),
        pytest.param(a_spoke(peerings=(HUB_PEERING,)), [], id="Azure's own DNS needs no hub"),
        pytest.param(a_spoke("168.63.129.16", peerings=(HUB_PEERING,)), [], id="nor does its address"),
        pytest.param(a_spoke("10.1.0.4", peerings=(HUB_PEERING,)), [], id="a server in the spoke is served by AKS"),
        pytest.param(
            a_spoke("10.0.0.4", peerings=(a_peering(HUB, "10.0.0.0/16", "Initiated"),)),
            "dns-servers-outside-peered-networks",
            id="a peering that is not Connected does not count",
        ),
        pytest.param(
            a_spoke("192.168.1.4", peerings=(HUB_PEERING,)), "dns-servers-outside-peered-networks", id="DNS on-premises"
        ),
        pytest.param(
            a_spoke(
                "10.5.0.4",
                peerings=(a_peering(a_vnet_id("rogue", "44444444-4444-4444-4444-444444444444"), "10.5.0.0/16"),),
            ),
            "hub-outside-hub-subscriptions",
            id="a VNet in a subscription that nobody named",
        ),
        pytest.param(
            a_spoke("10.5.0.4", peerings=(a_peering(a_vnet_id("spoke-2"), "10.5.0.0/16"),)),
            "hub-outside-hub-subscriptions",
            id="another spoke in scope is no hub either",
        ),
    ],
)
def test_discovery(spoke: VirtualNetwork, expected: list[ResourceId] | str) -> None:
    verdict = decide(seen(spokes=(spoke,)), a_policy(discover_resolvers=True))
    if isinstance(expected, str):
        assert said(verdict) == expected
        assert not verdict.changes
    else:
        assert [change.wants.vnet for change in verdict.changes] == expected
        assert not verdict.findings


def test_servers_elsewhere_are_no_finding_when_the_policy_names_the_hub() -> None:
    verdict = decide(seen(spokes=(a_spoke("192.168.1.4"),)), a_policy(HUB, discover_resolvers=True))
    assert said(verdict) == CREATE


def test_the_policys_hubs_are_linked_before_the_spoke_is_read_and_discovery_follows_at_once() -> None:
    verdict = decide(seen(spokes=UNKNOWN), a_policy(HUB, discover_resolvers=True))
    assert [change.wants.vnet for change in verdict.changes] == [HUB]
    assert verdict.look_again == 0
    assert not verdict.findings


@pytest.mark.parametrize(
    ("state", "said_of_it", "look_again"),
    [
        pytest.param("Creating", [], 30.0, id="AKS has not made it yet"),
        pytest.param("Succeeded", ["vnet-not-found"], None, id="the cluster has come up"),
    ],
)
def test_a_vnet_of_aks_that_arm_does_not_show_is_unknown(
    state: str, said_of_it: list[str], look_again: float | None
) -> None:
    facts = seen(a_cluster(state=state, subnet=None), spokes=NOT_SHOWN, links=Links((), complete=True))
    verdict = decide(facts, a_policy(HUB, discover_resolvers=True))
    assert [finding.code for finding in verdict.findings] == said_of_it
    assert [change.wants.vnet for change in verdict.changes] == [HUB]
    assert verdict.look_again == look_again


def test_a_vnet_of_aks_that_arm_does_not_show_takes_no_link_away() -> None:
    ours = msgspec.structs.replace(OURS_MADE, tags={"tether-owner": "platform-test"})
    links = Links((ours,), complete=True)
    facts = seen(a_cluster(state="Succeeded", subnet=None), spokes=NOT_SHOWN, links=links)
    policy = a_policy(discover_resolvers=True)
    assert said(decide(facts, policy)) == "vnet-not-found"
    assert not decide(facts, a_policy(discover_resolvers=True, prune=True)).changes
    shown = msgspec.structs.replace(
        a_spoke(), id=ResourceId(f"{ZONE.group_id}/providers/Microsoft.Network/virtualNetworks/aks-vnet-12345678")
    )
    assert said(decide(replace(facts, spokes=(shown,)), policy)) == "stale-link nodes-hold-old-dns-servers"


def test_the_vnet_that_aks_made_is_never_linked() -> None:
    made = ResourceId(f"{ZONE.group_id}/providers/Microsoft.Network/virtualNetworks/aks-vnet-12345678")
    facts = seen(a_cluster(subnet=None), links=Links((), complete=True))
    assert not decide(facts, a_policy(made)).changes


def test_a_spoke_that_cannot_be_read_is_said_and_does_not_stop_the_policys_hubs() -> None:
    refused = Unreadable(SPOKE, ArmError(403, "AuthorizationFailed", "no"))
    verdict = decide(seen(spokes=(), unreadable=(refused,)), a_policy(HUB, discover_resolvers=True))
    assert [finding.code for finding in verdict.findings] == ["network-not-readable"]
    assert [change.wants.vnet for change in verdict.changes] == [HUB]


def test_without_hub_and_discovery_someone_has_to_name_one() -> None:
    assert said(decide(seen(), a_policy())) == "no-hub-found"


def test_a_locked_node_resource_group_is_said_up_front_and_not_written_to() -> None:
    locked = a_cluster(node_resource_group_profile=NodeResourceGroupProfile(restriction_level="ReadOnly"))
    verdict = decide(seen(locked), a_policy(HUB))
    assert said(verdict) == "node-resource-group-locked"
    assert not verdict.changes


def test_nothing_is_linked_for_a_cluster_that_is_being_deleted() -> None:
    assert decide(seen(a_cluster(state="Deleting"), links=NONE_LISTED), a_policy(HUB)) == Verdict()


def ours_on(hub: ResourceId) -> Link:
    made = a_link(hub, link_id(ZONE, hub, "platform-test").name)
    return msgspec.structs.replace(made, tags={"tether-owner": "platform-test"}, etag='"e"')


MINE, THEIRS = ours_on(HUB), a_link(OTHER_HUB)
UNTAGGED, RENAMED = a_link(HUB, OURS.name), msgspec.structs.replace(MINE, id=ZONE.child("virtualNetworkLinks", "other"))


@pytest.mark.parametrize(
    ("world", "removed"),
    [
        pytest.param(seen(a_cluster(state="Deleting")), True, id="AKS deletes the cluster"),
        pytest.param(
            seen(a_cluster(state="Failed"), remembered=Observed(deleting=True, zone=str(ZONE).upper())),
            True,
            id="a deletion failed",
        ),
        pytest.param(
            seen(a_cluster(state="Failed"), remembered=Observed(deleting=True, zone=f"{ZONE}-before")),
            False,
            id="a creation failed, of a cluster of the same name as one that was deleted",
        ),
        pytest.param(seen(a_cluster(state="Failed")), False, id="a creation failed"),
        pytest.param(seen(a_cluster(state="Succeeded")), False, id="the cluster lives"),
        pytest.param(
            Seen(ZONE, "westeurope", AT, cluster_is_gone=True, remembered=Observed(gone_since=AT - 601)),
            True,
            id="gone for ten minutes",
        ),
        pytest.param(
            Seen(ZONE, "westeurope", AT, cluster_is_gone=True, remembered=Observed(gone_since=AT - 599)),
            False,
            id="gone for less",
        ),
        pytest.param(Seen(ZONE, "westeurope", AT, cluster_is_gone=True), False, id="gone for the first time"),
    ],
)
def test_our_link_goes_with_its_cluster_and_nobody_elses_does(world: Seen, removed: bool) -> None:
    links = Links((MINE, THEIRS), complete=True)
    verdict = decide(replace(world, links=links), a_policy(HUB, OTHER_HUB))
    gone = [change.target for change in verdict.changes if change.action is Action.DELETE]
    assert gone == ([MINE.id] if removed else [])


@pytest.mark.parametrize("link", [UNTAGGED, RENAMED], ids=["without our tag", "without our name"])
def test_what_has_only_one_of_our_marks_is_not_ours(link: Link) -> None:
    world = seen(a_cluster(state="Deleting"), links=Links((link,), complete=True))
    assert not decide(world, a_policy(HUB)).changes


def test_a_removal_that_runs_is_waited_for() -> None:
    running = looked_up(Progress.RUNNING, pause=20)
    world = seen(a_cluster(state="Deleting"), links=Links((MINE,), complete=True), operations=(running,))
    verdict = decide(world, a_policy(HUB))
    assert (verdict.changes, verdict.look_again) == ((), 20)


def test_a_gone_cluster_is_looked_at_again_when_ten_minutes_are_over() -> None:
    world = Seen(ZONE, "westeurope", AT, cluster_is_gone=True, remembered=Observed(gone_since=AT - 200))
    assert decide(replace(world, links=Links((MINE,), complete=True)), a_policy(HUB)).look_again == 400


def test_a_zone_that_is_not_there_yet_is_waited_for_while_aks_is_at_work() -> None:
    missing = Links((), complete=True, zone_is_there=False)
    assert decide(seen(a_cluster(state="Creating"), links=missing), a_policy(HUB)) == Verdict(look_again=10)
    assert decide(seen(a_cluster(state="Succeeded"), links=missing), a_policy(HUB)) == Verdict()


def test_akss_own_failed_link_is_told_with_akss_reason() -> None:
    from functions.fleet.model import ClusterStatus, ProvisioningError

    status = ClusterStatus(
        provisioning_error=ProvisioningError(code="CreateOrUpdateVirtualNetworkLinkFailed", message="Reconcile failed")
    )
    verdict = decide(seen(a_cluster(state="Failed", status=status)), a_policy(HUB))
    assert verdict.findings[0].code == "aks-link-failed"
    assert "Reconcile failed" in verdict.findings[0].seen


def test_a_custom_zone_is_linked_to_the_hubs_of_its_region() -> None:
    world = Seen(CUSTOM_ZONE, "westeurope", AT)
    policy = a_policy(
        Hub(vnet=HUB, locations=("westeurope",)),
        Hub(vnet=OTHER_HUB, locations=("northeurope",)),
        custom_zones=(CUSTOM_ZONE,),
        discover_resolvers=True,
    )
    verdict = decide(world, policy)
    assert [change.wants.vnet for change in verdict.changes] == [HUB]
    assert verdict.look_again is None


NAMES = st.text(st.sampled_from("abcXYZ019_.-"), min_size=1, max_size=64).filter(lambda name: name not in {".", ".."})
HUBS = st.builds(lambda name: a_vnet_id(name), NAMES)
OWNERS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)


@given(st.lists(HUBS, max_size=6), st.data())
def test_a_hub_that_has_a_link_is_never_linked_again(hubs: list[ResourceId], data: st.DataObject) -> None:
    linked = data.draw(st.sets(st.sampled_from(hubs))) if hubs else set()
    state = st.sampled_from(["Completed", "InProgress", "Done"])
    links = tuple(a_link(hub, f"l{n}", data.draw(state)) for n, hub in enumerate(sorted(linked)))
    verdict = decide(seen(links=Links(links, complete=data.draw(st.booleans()))), a_policy(*hubs))
    assert {change.wants.vnet for change in verdict.changes} == set(hubs) - linked - {SPOKE}


@given(HUBS, OWNERS)
def test_a_links_name_keeps_the_rules_of_private_dns_whatever_the_hub_is_called(hub: ResourceId, owner: str) -> None:
    name = link_id(ZONE, hub, owner).name
    assert 1 <= len(name) <= 80
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert name[0].isalnum()
    assert name[-1].isalnum()


@given(HUBS, HUBS, OWNERS, OWNERS)
def test_two_owners_and_two_hubs_never_share_a_name(one: ResourceId, two: ResourceId, mine: str, yours: str) -> None:
    same = one == two and mine == yours
    assert (link_id(ZONE, one, mine) == link_id(ZONE, two, yours)) is same


def test_the_case_of_a_hubs_id_does_not_change_the_links_name() -> None:
    assert link_id(ZONE, ResourceId(str(HUB).upper()), "x") == link_id(ZONE, HUB, "x")


def test_hubs_of_one_name_in_two_groups_have_links_of_two_names() -> None:
    other = ResourceId(str(HUB).replace("/network/", "/elsewhere/"))
    assert link_id(ZONE, other, "x") != link_id(ZONE, HUB, "x")


def applied(world: Seen, changes: tuple[Change, ...]) -> Seen:
    made: tuple[Link, ...] = tuple(
        replace_id(a_link(change.wants.vnet, change.target.name), change.target) for change in changes
    )
    return replace(world, links=Links((*world.links.known, *made), complete=True))


def replace_id(link: Link, target: ResourceId) -> Link:
    import msgspec

    return msgspec.structs.replace(link, id=target)


@given(st.lists(HUBS, max_size=5), st.booleans(), st.sampled_from([(), ("10.0.0.4",), ("192.168.0.4", "10.0.0.4")]))
def test_deciding_again_after_applying_wants_nothing(
    hubs: list[ResourceId], discover: bool, servers: tuple[str, ...]
) -> None:
    policy: Policy = a_policy(*hubs, discover_resolvers=discover)
    world = seen(spokes=(a_spoke(*servers, peerings=(HUB_PEERING,)),))
    after = decide(applied(world, decide(world, policy).changes), policy)
    assert not after.changes
    assert after.look_again is None


def test_the_scope_of_discovery_is_the_hub_subscriptions_alone() -> None:
    assert a_policy().may_hold_hubs(HUB.subscription)
    assert not a_policy().may_hold_hubs(SPOKE_SUBSCRIPTION)


def test_the_links_of_a_custom_zone_outlive_each_of_its_clusters() -> None:
    leaving = a_cluster(state="Deleting", zone_mode=str(CUSTOM_ZONE))
    world = Seen(CUSTOM_ZONE, "westeurope", AT, cluster=leaving, links=Links((MINE,), complete=True))
    assert not any(change.action is Action.DELETE for change in decide(world, a_policy(HUB)).changes)


def test_a_locked_group_does_not_keep_a_custom_zone_from_being_linked() -> None:
    locked = a_cluster(
        zone_mode=str(CUSTOM_ZONE), node_resource_group_profile=NodeResourceGroupProfile(restriction_level="ReadOnly")
    )
    verdict = decide(Seen(CUSTOM_ZONE, "westeurope", AT, cluster=locked), a_policy(HUB))
    assert [change.wants.vnet for change in verdict.changes] == [HUB]
