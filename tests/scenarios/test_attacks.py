"""Whoever can create a zone, a group or an event in a spoke tries to get a name into the hub. Nothing is written."""

from collections.abc import Awaitable, Callable

import pytest

from functions.triggers.events import receive
from functions.triggers.triage import Event
from localazure import fault_effects as effects
from localazure.resources.groups import ResourceGroups
from localazure.world import SUBSCRIPTION
from tests.scenarios.story import ZONES, Story, a_policy, lines, tell

CLUSTERS = "Microsoft.ContainerService/managedClusters"
OTHER_GUID = "99999999-0000-4000-8000-00000000000f"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"

type Attack = Callable[[Story, str], Awaitable[str]]


async def a_zone(here: Story, group: str, name: str) -> str:
    zone = f"{GROUP}/{group}/providers/{ZONES}/{name}"
    made = await here.ask("PUT", zone, body={"location": "global"})
    assert made.status_code == 202
    return zone


def node_group_of(here: Story) -> str:
    return here.zone.group


async def a_zone_in_no_clusters_group(here: Story, cluster: str) -> str:
    return await a_zone(here, "apps", f"{OTHER_GUID}.privatelink.westeurope.azmk8s.io")


async def a_sibling_in_the_node_resource_group(here: Story, cluster: str) -> str:
    return await a_zone(here, node_group_of(here), f"{OTHER_GUID}.privatelink.westeurope.azmk8s.io")


async def a_zone_of_another_region(here: Story, cluster: str) -> str:
    return await a_zone(here, node_group_of(here), here.zone.name.replace("westeurope", "northeurope"))


async def the_parent_of_all_zones_of_the_region(here: Story, cluster: str) -> str:
    return await a_zone(here, node_group_of(here), "privatelink.westeurope.azmk8s.io")


async def another_services_zone(here: Story, cluster: str) -> str:
    return await a_zone(here, node_group_of(here), "privatelink.azurecr.io")


async def a_name_that_only_ends_alike(here: Story, cluster: str) -> str:
    return await a_zone(here, node_group_of(here), "evil.privatelink.westeurope.azmk8s.io.example")


async def a_group_that_claims_the_victims_cluster(here: Story, cluster: str) -> str:
    ResourceGroups(here.azure).create(f"{GROUP}/forged", "westeurope", managed_by=cluster)
    return await a_zone(here, "forged", here.zone.name)


async def a_group_that_claims_a_cluster_that_is_not(here: Story, cluster: str) -> str:
    ResourceGroups(here.azure).create(f"{GROUP}/forged", "westeurope", managed_by=f"{cluster}-gone")
    return await a_zone(here, "forged", here.zone.name)


@pytest.mark.parametrize(
    ("attack", "finding"),
    [
        pytest.param(a_zone_in_no_clusters_group, "ownership-not-proven", id="a group that no cluster manages"),
        pytest.param(a_sibling_in_the_node_resource_group, "ownership-not-proven", id="a sibling"),
        pytest.param(a_zone_of_another_region, "ownership-not-proven", id="another region"),
        pytest.param(the_parent_of_all_zones_of_the_region, "custom-zone-not-listed", id="the parent"),
        pytest.param(another_services_zone, None, id="another service's zone"),
        pytest.param(a_name_that_only_ends_alike, None, id="a name that only looks like it"),
        pytest.param(a_group_that_claims_the_victims_cluster, "ownership-not-proven", id="managedBy forged"),
        pytest.param(a_group_that_claims_a_cluster_that_is_not, "ownership-not-proven", id="managedBy of nothing"),
    ],
)
def test_a_zone_that_aks_did_not_make_is_not_linked(
    attack: Attack, finding: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(400)
        before = list(here.transport.links_put())
        caplog.clear()
        zone = await attack(here, cluster)
        await here.passes(120)
        await here.event(zone)
        await here.passes(120)
        assert here.transport.links_put() == before
        assert {line["code"] for line in lines(caplog, "finding")} == ({finding} if finding else set())
        assert here.queue.waiting() == 0

    tell(story, lambda world: a_policy(world, world.hub))


def test_a_spoke_that_is_peered_with_a_rogue_hub_gets_no_link_to_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(300)
        assert not here.transport.links_put()
        assert {line["code"] for line in lines(caplog, "finding")} == {"hub-outside-hub-subscriptions"}

    tell(story, hub_subscription="55555555-5555-5555-5555-555555555555")


def test_our_token_never_goes_to_an_address_that_is_not_arms() -> None:
    async def story(here: Story) -> None:
        here.faults.add(effects.foreign_address("https://evil.example"), method="PUT", path="/tether-")
        await here.create()
        await here.passes(400)
        assert here.links()["hub-westeurope"] == "ours"
        assert here.transport.hosts == {"management.azure.com"}

    tell(story, lambda world: a_policy(world, world.hub))


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "nonsense",
        "/subscriptions/x",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/../providers/{ZONES}/z",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/a%2F..%2Fb/providers/{ZONES}/{OTHER_GUID}.privatelink.w.azmk8s.io",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/a/providers/{ZONES}/x\r\nInjected: line",
    ],
)
def test_an_event_with_an_odd_subject_is_acknowledged_and_told_once(
    subject: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(here: Story) -> None:
        asked = len(here.transport.asked)
        caplog.clear()
        await here.event(subject)
        assert len(here.transport.asked) == asked
        assert len(caplog.records) == 1
        assert caplog.records[0].getMessage().isprintable()
        assert here.queue.waiting() == 0

    tell(story)


def test_a_zone_that_was_never_there_is_forgotten_without_a_write() -> None:
    async def story(here: Story) -> None:
        await here.event(f"{GROUP}/nowhere/providers/{ZONES}/{OTHER_GUID}.privatelink.westeurope.azmk8s.io")
        await here.passes(300)
        assert here.queue.waiting() == 0
        assert not here.transport.links_put()

    tell(story, deaf=True)


def unseen(here: Story) -> str:
    return f"{GROUP}/nowhere/providers/{ZONES}/{OTHER_GUID}.privatelink.westeurope.azmk8s.io"


def denied(here: Story) -> str:
    here.faults.add(effects.not_authorised(), method="GET")
    return str(here.zone)


@pytest.mark.parametrize("at", [253_402_300_799.0, -62_135_596_800.0, 1e308, float("nan")])
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(unseen, id="a zone that is not there"),
        pytest.param(lambda _: f"{GROUP}/nowhere/providers/{CLUSTERS}/none", id="a cluster that is not there"),
        pytest.param(lambda here: str(here.zone), id="a zone that is there"),
        pytest.param(denied, id="a zone that may not be read"),
    ],
)
def test_an_event_of_an_impossible_time_costs_as_many_passes_as_one_of_now(
    subject: Callable[[Story], str], at: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    def passes_of(at: float | None) -> int:
        counted = list[int]()

        async def story(here: Story) -> None:
            await here.create()
            await here.passes(900)
            caplog.clear()
            now = here.azure.clock.now()
            kind, where = "Microsoft.Resources.ResourceWriteSuccess", subject(here)
            operation = f"{CLUSTERS}/write" if CLUSTERS in where else f"{ZONES}/write"
            event = Event("forged", kind, where, operation, now if at is None else at)
            await receive(event, now, lambda: here.live)
            await here.passes(3600)
            counted.append(len(lines(caplog, "pass")))

        tell(story, lambda world: a_policy(world, world.hub))
        return counted[0]

    assert passes_of(at) == passes_of(None)


@pytest.mark.parametrize("body", [b"", b"junk", b"{}", b'{"version": 99}'])
def test_a_message_that_cannot_be_read_goes_to_the_poison_queue_with_one_line(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(here: Story) -> None:
        here.queue.put(body)
        await here.passes(200)
        assert here.queue.poison == [body]
        assert here.queue.waiting() == 0
        assert len([record for record in caplog.records if record.name == "tether"]) == 1

    tell(story)


def test_no_log_line_holds_claims_or_tokens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def story(here: Story) -> None:
        here.faults.add(effects.not_authorised(), method="PUT", path="/tether-", times=2)
        await here.create()
        await here.passes(400)
        told = "\n".join(record.getMessage() for record in caplog.records if record.name == "tether")
        assert "someone@example.org" not in told
        assert "a.b.c" not in told
        assert "Bearer" not in told
        assert here.azure.tenant not in told

    tell(story, lambda world: a_policy(world, world.hub))
