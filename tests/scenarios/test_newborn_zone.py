"""The main job, told through the real SDK: a zone is born, its hubs are linked, the cluster comes up."""

import asyncio
import json
from copy import deepcopy
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.ledger.state import Row
from functions.policy import Hub, Mode, Policy, PolicyError, Scope
from localazure import fault_effects as effects
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke
from tests.scenarios.story import LINKS, ZONES, Story, a_policy, lines, tell

DAY = 24 * 3600


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


def both_hubs(world: HubAndSpoke) -> Policy:
    return a_policy(world, *world.hubs)


def test_without_tether_the_cluster_fails() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(1200)
        assert here.state(cluster) == "Failed"

    tell(story, deaf=True)


@pytest.mark.parametrize(
    ("policy", "hubs"),
    [
        pytest.param(hub_by_name, {"hub-westeurope"}, id="a hub that the policy names"),
        pytest.param(both_hubs, {"hub-westeurope", "agents-westeurope"}, id="two of them"),
        pytest.param(a_policy, {"hub-westeurope"}, id="the hub that is found by discovery"),
    ],
)
def test_with_tether_it_comes_up(policy: Any, hubs: set[str]) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(400)
        assert here.state(cluster) == "Succeeded"
        assert here.links() == dict.fromkeys(hubs, "ours") | {"spoke-1": "others"}
        assert here.queue.waiting() == 0

    tell(story, policy, second_hub=True)


def test_the_links_are_asked_for_within_the_event_by_three_calls() -> None:
    async def story(here: Story) -> None:
        await here.create()
        while not here.transport.links_put():
            await asyncio.sleep(0.1)
        first_put = here.transport.asked.index(here.transport.links_put()[0])
        tethers = [
            call for call in here.transport.asked[: first_put + 1] if "managedClusters" not in call or "GET" in call
        ]
        assert [call.split()[0] for call in tethers] == ["GET", "GET", "PUT"]
        await here.passes(400)

    tell(story, hub_by_name)


def test_an_operation_is_not_asked_for_before_the_pause_that_azure_named() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        when = dict(
            zip(reversed(here.transport.asked), reversed(here.transport.asked_at), strict=True)
        )  # the first of each
        put = when[here.transport.links_put()[0]]
        polls = [at for call, at in when.items() if "privateDnsOperationStatuses" in call]
        assert polls
        assert min(polls) - put >= 29.9

    # Discovery makes a second pass at once, which could ask too early.
    tell(story, lambda world: a_policy(world, world.hub, discover_resolvers=True))


@pytest.mark.parametrize("effect", [effects.dropped_after(), effects.forgotten(), effects.silent()])
def test_after_a_write_whose_end_is_unknown_the_links_are_listed_before_another(effect: effects.Effect) -> None:
    async def story(here: Story) -> None:
        here.faults.add(effect, method="PUT", path="/tether-", times=1)
        await here.create()
        await here.passes(400)
        asked = here.transport.asked
        first = asked.index(here.transport.links_put()[0])
        after = [call for call in asked[first + 1 :] if "virtualNetworkLinks" in call]
        assert after[0].startswith("GET")
        assert after[0].endswith("/virtualNetworkLinks")
        written = len(here.transport.links_put())
        assert written == (2 if effect.name == "silent" else 1), "only what is not there is asked for again"

    tell(story, hub_by_name)


def test_a_link_registers_nothing_and_says_whose_it_is() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        (link,) = [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]
        assert link.properties["registrationEnabled"] is False
        assert link.body["tags"] == {"tether-owner": "platform-test", "costCentre": "42"}

    tell(story, lambda world: a_policy(world, world.hub, link_tags={"costCentre": "42"}))


def test_every_write_has_its_intent_before_and_its_outcome_after(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        (intent,), (outcome,) = lines(caplog, "intent"), lines(caplog, "outcome")
        assert intent["change"] == outcome["change"]
        assert intent["cause"] == outcome["cause"] != ""
        assert outcome["result"] == "started"

    tell(story, hub_by_name)


def test_in_mode_observe_the_plan_is_told_and_nothing_is_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(1000)
        assert here.state(cluster) == "Failed"
        assert not here.transport.links_put()
        assert {line["change"]["place"] for line in lines(caplog, "plan")} == {here.world.hub}
        assert not lines(caplog, "intent")

    tell(story, lambda world: a_policy(world, world.hub, mode=Mode.OBSERVE))


def test_in_mode_observe_a_link_that_exists_is_not_planned(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(30)
        await link_by_hand(here)
        await here.passes(100)
        caplog.clear()
        await here.event(str(here.zone))
        await here.passes(10)
        assert lines(caplog, "pass")
        assert not lines(caplog, "plan")

    tell(story, lambda world: a_policy(world, world.hub, mode=Mode.OBSERVE))


async def link_by_hand(here: Story, name: str = "made-by-hand") -> None:
    body = {
        "location": "global",
        "properties": {"virtualNetwork": {"id": here.world.hub}, "registrationEnabled": False},
    }
    answer = await here.ask("PUT", f"{here.zone}/virtualNetworkLinks/{name}", body=body)
    assert answer.status_code == 202


def test_a_hub_that_someone_linked_under_another_name_is_left_alone() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        while not here.azure.store.of_type(ZONES):
            await asyncio.sleep(1)
        await link_by_hand(here)
        await here.passes(400)
        assert here.state(cluster) == "Succeeded"
        assert here.links()["hub-westeurope"] == "others"
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_a_doubled_event_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        before = [deepcopy(link.body) for link in here.azure.store.of_type(LINKS)]
        caplog.clear()
        await here.event(str(here.zone))
        await here.passes(200)
        assert [link.body for link in here.azure.store.of_type(LINKS)] == before
        assert not lines(caplog, "finding")
        assert here.queue.waiting() == 0

    caplog.set_level("INFO", "tether")
    tell(story, hub_by_name)


@pytest.mark.parametrize(
    ("effect", "where"),
    [
        pytest.param(effects.throttled(7), {"method": "GET"}, id="reads are throttled"),
        pytest.param(effects.throttled(), {"method": "PUT"}, id="the write is throttled without a pause"),
        pytest.param(effects.too_many_requests(9), {"method": "PUT"}, id="the write is throttled with one"),
        pytest.param(effects.another_operation(), {"method": "PUT"}, id="another operation holds the zone"),
        pytest.param(effects.precondition_failed(), {"method": "PUT"}, id="a precondition fails at once"),
        pytest.param(effects.internal_error(), {}, id="Azure fails"),
        pytest.param(effects.server_timeout(), {}, id="Azure times out"),
        pytest.param(effects.unavailable_html(), {}, id="a gateway answers in HTML"),
        pytest.param(effects.dropped_before(), {}, id="connections drop before the work"),
        pytest.param(effects.dropped_after(), {}, id="connections drop after the work"),
        pytest.param(effects.silent(), {"method": "PUT"}, id="the write is never answered"),
        pytest.param(effects.silent(), {"method": "GET"}, id="reads are never answered"),
        pytest.param(effects.latency(4), {}, id="everything is slow"),
        pytest.param(effects.fails_late(), {"method": "PUT"}, id="the operation fails late"),
        pytest.param(effects.fails_late("Conflict", "x"), {"method": "PUT"}, id="the operation ends in a conflict"),
        pytest.param(
            effects.fails_late("PreconditionFailed", "x"), {"method": "PUT"}, id="the operation's precondition fails"
        ),
        pytest.param(effects.forgotten(), {"method": "PUT"}, id="the operation is forgotten"),
        pytest.param(effects.foreign_address(), {"method": "PUT"}, id="the operation's address is on another host"),
        pytest.param(effects.hidden_after_create(45), {"method": "PUT"}, id="a new link cannot be read for a while"),
        pytest.param(effects.not_authorised(), {"method": "PUT"}, id="a right comes late"),
        pytest.param(effects.denied_by_policy(), {"method": "PUT"}, id="an exemption comes late"),
        pytest.param(effects.locked(), {"method": "PUT"}, id="a lock is taken away"),
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_a_fault_ends_with_the_links_in_place(effect: effects.Effect, where: dict[str, Any], times: int) -> None:
    async def story(here: Story) -> None:
        here.faults.add(effect, **{"path": "privateDns|resourceGroups/MC_[^/]*$", "times": times, **where})
        cluster = await here.create()
        await here.passes(1500)
        assert here.links()["hub-westeurope"] == "ours"
        assert here.state(cluster) == "Succeeded"
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, hub_by_name)


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        pytest.param(effects.not_authorised(), "not-authorised", id="no right on the zone"),
        pytest.param(effects.not_authorised_on_linked("/hub"), "not-authorised", id="no right on the hub"),
        pytest.param(effects.denied_by_policy(), "denied-by-policy", id="Azure Policy"),
        pytest.param(effects.denied_by_assignment(), "node-resource-group-locked", id="a deny assignment"),
        pytest.param(effects.locked(), "scope-locked", id="a lock"),
        pytest.param(
            effects.fails_late("BadRequest", "overlapping namespaces"), "overlapping-namespaces", id="overlap"
        ),
        pytest.param(effects.fails_late("AuthorizationFailed", "no"), "not-authorised", id="a refusal told late"),
        pytest.param(effects.stuck(), "link-takes-too-long", id="an operation that never ends"),
    ],
)
def test_what_only_a_person_can_mend_is_a_finding(
    effect: effects.Effect, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        here.faults.add(effect, method="PUT", path="virtualNetworkLinks/tether-")
        await here.create()
        await here.passes(1200)
        findings = lines(caplog, "finding")
        assert {finding["code"] for finding in findings if finding["handler"] != "failed_clusters"} == {code}
        assert all(finding["advice"] for finding in findings)
        assert here.queue.waiting() == 1, "and it is looked at again, for a person may have mended it"
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_a_link_that_azure_takes_and_then_fails_is_tried_more_and_more_seldom() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        (made,) = here.transport.links_put()
        here.faults.add(
            effects.fails_late("BadRequest", "overlapping namespaces"), method="PUT", path="virtualNetworkLinks/tether-"
        )
        here.azure.store.remove(made.removeprefix("PUT "))
        await here.event(str(here.zone))
        await here.passes(6 * 3600)
        assert 8 <= len(here.transport.links_put()) <= 32  # at most every quarter of an hour, in the end

    tell(story, hub_by_name)


def test_a_locked_down_node_resource_group_is_told_and_not_written_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create(lockdown=True)
        await here.passes(300)
        assert {finding["code"] for finding in lines(caplog, "finding")} == {"node-resource-group-locked"}
        assert not here.transport.links_put()

    tell(story, hub_by_name)


def test_an_excluded_cluster_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create(tags={"tether": "off"})
        await here.passes(300)
        assert not here.transport.links_put()
        assert {line["ended"] for line in lines(caplog, "pass")} == {"excluded-by-tag"}

    tell(story, hub_by_name)


def test_a_cluster_outside_the_scope_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")
    elsewhere = Scope(subscriptions=("44444444-4444-4444-4444-444444444444",))

    async def story(here: Story) -> None:
        await here.create()
        asked = len(here.transport.asked)
        await here.passes(300)
        assert len(here.transport.asked) == asked
        assert {line["ended"] for line in lines(caplog, "pass")} == {"out-of-scope"}

    tell(story, lambda world: a_policy(world, world.hub, scope=elsewhere))


def test_a_scope_of_management_groups_holds_the_subscriptions_below(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        here.azure.management_groups[SUBSCRIPTION] = ("landing-zones", "root")
        cluster = await here.create()
        await here.passes(400)
        assert here.state(cluster) == "Succeeded"
        assert sum("ResourceGraph" in call for call in here.transport.asked) == 1

    scope = Scope(management_groups=("Landing-Zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
    tell(story, lambda world: a_policy(world, world.hub, scope=scope))


@pytest.mark.parametrize("groups", [("others", "root"), ()])
def test_a_subscription_below_other_management_groups_is_out_of_scope(groups: tuple[str, ...]) -> None:
    async def story(here: Story) -> None:
        here.azure.management_groups[SUBSCRIPTION] = groups
        await here.create()
        await here.passes(200)
        assert not here.transport.links_put()

    scope = Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
    tell(story, lambda world: a_policy(world, world.hub, scope=scope))


def test_with_an_invalid_policy_nothing_is_written_and_nothing_is_lost() -> None:
    async def story(here: Story) -> None:
        await here.create()
        asked = len(here.transport.asked)
        await here.passes(1000)
        assert len(here.transport.asked) == asked
        assert here.queue.waiting() == 5, "the events of the zone, the cluster, its endpoint, NIC and record"
        assert not here.queue.poison
        assert here.failed_deliveries == 0

    tell(story, lambda _: PolicyError("TETHER_POLICY: hubs[0].vnet is wrong"))


async def grown(here: Story, cluster: str) -> None:
    """Until AKS is done with a cluster, and before its event of that comes."""
    for _ in range(2000):
        if here.state(cluster) == "Succeeded":
            return
        await asyncio.sleep(0.3)
    pytest.fail(f"the cluster is {here.state(cluster)}")


def test_when_the_queue_is_down_the_links_are_made_all_the_same_and_the_delivery_is_taken() -> None:
    async def story(here: Story) -> None:
        here.queue.down = True
        await grown(here, await here.create())
        assert here.failed_deliveries == 0

    tell(story, hub_by_name)


def test_when_neither_queue_nor_arm_can_be_had_event_grid_keeps_the_event() -> None:
    async def story(here: Story) -> None:
        here.queue.down = True
        here.faults.add(effects.internal_error(), method="GET", path="resourceGroups/MC_[^/]*$", times=2)
        await grown(here, await here.create())
        assert here.failed_deliveries == 2

    tell(story, hub_by_name)


def test_slow_arm_ends_the_urgent_pass_and_the_queue_takes_over() -> None:
    async def story(here: Story) -> None:
        here.faults.add(effects.silent(), method="PUT", path="virtualNetworkLinks/tether-", times=2)
        cluster = await here.create()
        await here.passes(600)
        assert here.failed_deliveries == 0
        assert here.state(cluster) == "Succeeded"

    tell(story, both_hubs, second_hub=True)


def test_a_zone_that_is_deleted_meanwhile_is_forgotten() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(40)
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(1800)
        assert here.state(cluster) == ""
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_a_custom_zone_that_is_listed_is_linked_when_it_is_made() -> None:
    zone = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{ZONES}/privatelink.westeurope.azmk8s.io"

    async def story(here: Story) -> None:
        await here.ask("PUT", zone, body={"location": "global"})
        await here.passes(200)
        assert here.links() == {"hub-westeurope": "ours"}
        assert here.queue.waiting() == 0

    tell(story, lambda world: a_policy(world, world.hub, custom_zones=(ResourceId(zone),)))


def test_hubs_of_other_regions_are_not_linked() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(300)
        assert not here.transport.links_put()

    def elsewhere(world: HubAndSpoke) -> Policy:
        hub = Hub(vnet=ResourceId(world.hub), locations=("northeurope",))
        return a_policy(world, discover_resolvers=False, hubs=(hub,))

    tell(story, elsewhere)


def test_events_that_come_by_the_queue_are_taken_like_any_others() -> None:
    async def story(here: Story) -> None:
        async def put(delivered: list[dict[str, Any]]) -> int:
            here.queue.put(json.dumps(delivered[0]).encode())
            return 200

        await here.grid.subscribe("queue", put)
        cluster = await here.create()
        await here.passes(400)
        assert here.state(cluster) == "Succeeded"
        assert here.links()["hub-westeurope"] == "ours"
        assert here.queue.waiting() == 0
        assert here.queue.poison == []

    tell(story, hub_by_name, deaf=True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x00junk", id="no JSON"),
        pytest.param(b'{"id":"1","subject":"/subscriptions/x","data":{}}', id="no event type"),
        pytest.param(b'[{"id":"1"}]', id="something else"),
    ],
)
def test_what_is_neither_work_nor_an_event_goes_to_the_poison_queue(body: bytes) -> None:
    async def story(here: Story) -> None:
        here.queue.put(body)
        await here.passes(5)
        assert here.queue.poison == [body]

    tell(story, hub_by_name)


def test_a_zone_that_is_written_again_and_again_is_no_tug_of_war(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        for number in range(6):
            await here.event(str(here.zone), cause=f"tags-{number}")
            await here.passes(600)
        assert here.links()["hub-westeurope"] == "ours"
        (row,) = await here.ledger.rows()
        assert row.observed.reversals == ()

    tell(story, hub_by_name)
    assert "tug-of-war" not in {line["code"] for line in lines(caplog, "finding")}


@pytest.mark.parametrize("after", [0, 30, 90, 180, 300, 600, 1500])
def test_a_healthy_link_is_put_once_however_long_azure_takes_for_the_other(
    after: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        late = here.world.second_hub.casefold()
        here.azure.link_writes = lambda vnet: 25 + (after if vnet == late else 0)
        await here.create()
        await here.passes(3000)
        assert here.links() == {"spoke-1": "others", "hub-westeurope": "ours", "agents-westeurope": "ours"}
        assert len(here.transport.links_put()) == 2
        (row,) = await here.ledger.rows()
        assert (row.observed.reversals, len(row.observed.hubs), row.observed.operations) == ((), 2, ())
        assert here.queue.waiting() == 0
        # A person removes the first one later: it comes back.
        removed = next(link for link in here.azure.store.of_type(LINKS) if "tether-hub-" in link.id)
        await here.ask("DELETE", removed.id)
        await here.passes(60)
        await here.event(str(here.zone), cause="anything")
        await here.passes(200)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, both_hubs, second_hub=True)
    assert "tug-of-war" not in {line["code"] for line in lines(caplog, "finding")}


def test_a_link_that_somebody_removes_while_the_other_is_stuck_is_created_again() -> None:
    async def story(here: Story) -> None:
        late = here.world.second_hub.casefold()
        here.azure.link_writes = lambda vnet: 25 if vnet != late else 100_000
        await here.create()
        await here.passes(1500)
        removed = next(link for link in here.azure.store.of_type(LINKS) if "tether-hub-" in link.id)
        await here.ask("DELETE", removed.id)
        await here.passes(1500)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, both_hubs, second_hub=True)


def test_a_healthy_link_is_put_once_though_the_ledger_answers_nothing_meanwhile() -> None:
    async def story(here: Story) -> None:
        late = here.world.second_hub.casefold()
        here.azure.link_writes = lambda vnet: 25 + (600 if vnet == late else 0)
        await here.create()
        await here.passes(90)
        here.ledger.down = True
        await here.passes(300)
        here.ledger.down = False
        await here.passes(900, watching=True)
        assert len(here.transport.links_put()) == 2
        assert len(here.links()) == 3

    tell(story, both_hubs, second_hub=True)


def test_an_event_on_a_linked_zone_puts_nothing_though_the_tables_answer_late(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        read = here.ledger.read

        async def late(subject: ResourceId) -> Row:
            await asyncio.sleep(0.2)  # longer than the head start of the tables
            return await read(subject)

        monkeypatch.setattr(here.ledger, "read", late)
        here.faults.add(effects.latency(0.3), method="GET")
        await here.event(str(here.zone), cause="tags")
        await here.passes(300)
        assert len(here.transport.links_put()) == 1
        assert here.queue.waiting() == 0

    tell(story, hub_by_name)
