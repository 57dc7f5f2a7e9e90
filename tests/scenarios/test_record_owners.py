"""Whose a record is: what is not ours, or not known to be true, is told and never touched."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import Record
from functions.policy import Mode
from localazure.aks import maintenance
from localazure.resources.private_zones import PrivateZones
from tests.scenarios.record_stories import (
    LISTED,
    a_foreign_record,
    body,
    in_azure,
    in_hub_zone,
    keeping,
    name_of,
    on_servers,
    owner,
    placed_hub_zone,
    server,
    settled,
    told,
    true,
    written_in_hub_zone,
)
from tests.scenarios.story import Story, lines, tell

HOUR = 3600


def nobodys(_cluster: str) -> Record:
    return Record(frozenset({ip_address("10.9.9.9")}), 300)


def another_deployments(cluster: str) -> Record:
    return a_foreign_record(cluster)


def another_clusters(cluster: str) -> Record:
    return a_foreign_record(f"{cluster}-other", "platform-test")


def two_owners(cluster: str) -> Record:
    return replace(a_foreign_record(cluster), owners=(owner(cluster).text, owner(cluster, "other").text))


def an_alias(_cluster: str) -> Record:
    return Record(in_the_way=("CNAME",))


@pytest.mark.parametrize(
    ("held", "code", "adopt"),
    [
        (nobodys, "record-not-ours", False),
        (another_deployments, "record-not-ours", False),
        (another_deployments, "record-not-ours", True),
        (two_owners, "record-not-ours", True),
        (another_clusters, "name-claimed-twice", True),
        (an_alias, "record-in-the-way", True),
    ],
)
def test_a_record_that_is_not_ours_is_told_and_never_touched(
    held: Callable[[str], Record], code: str, adopt: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        theirs = held(cluster)
        server(here).held[name_of(here, cluster)] = theirs
        await here.passes(900, watching=True)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(300, watching=True)
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(HOUR, watching=True)
        assert list(server(here).held.values()) == [theirs]
        assert server(here).written == []
        assert code in {finding["code"] for finding in lines(caplog, "finding")}

    tell(story, keeping(on_servers(adopt=adopt)))


def test_a_record_of_nobodys_is_adopted_where_the_policy_says_so() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        server(here).held[name_of(here, cluster)] = nobodys(cluster)
        await here.passes(900)
        assert told(here, cluster) == true(here, cluster)
        assert server(here).held[name_of(here, cluster)].owner == owner(cluster)

    tell(story, keeping(on_servers(adopt=True)))


def test_a_foreign_record_in_an_azure_zone_stays_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        placed_hub_zone(here)
        cluster = await here.create()
        written_in_hub_zone(here, cluster, "10.9.9.9", metadata={"team": "network"})
        before = dict(in_hub_zone(here, cluster))
        await here.passes(900)
        assert in_hub_zone(here, cluster) == before
        assert "record-not-ours" in {finding["code"] for finding in lines(caplog, "finding")}

    tell(story, keeping(in_azure()))


def quicker(here: Story, act: Callable[[str], None]) -> None:
    """Somebody writes the name between our next read of it and our write."""
    target, real = server(here), server(here).swap

    async def swap(name: str, *rest: Any) -> None:
        target.swap = real  # type: ignore[method-assign]
        act(name)
        await real(name, *rest)

    target.swap = swap  # type: ignore[method-assign]


def test_a_race_that_is_lost_is_run_again_from_what_is_there_now() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        await maintenance.maintenance(here.azure, cluster)
        quicker(here, lambda name: server(here).others_put(name, ip_address("10.9.9.9")))
        await here.passes(120)
        assert told(here, cluster) == true(here, cluster)

    tell(story, keeping())


def test_a_race_that_is_lost_to_another_owner_leaves_the_record_to_them(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        theirs = another_deployments(cluster)
        quicker(here, lambda name: server(here).held.update({name: theirs}))
        await here.passes(900)
        assert server(here).held == {name_of(here, cluster): theirs}
        assert "record-not-ours" in {finding["code"] for finding in lines(caplog, "finding")}

    tell(story, keeping())


def test_of_two_clusters_with_one_name_the_first_keeps_it_until_it_goes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        first = await settled(here, name="first", private_dns_zone=LISTED)
        second = await here.create(name="second", private_dns_zone=LISTED)
        body(here, second).properties["privateFQDN"] = name_of(here, first)
        await here.passes(900, watching=True)
        assert told(here, first) == true(here, first)
        assert "name-claimed-twice" in {finding["code"] for finding in lines(caplog, "finding")}
        await here.ask("DELETE", first, "2026-08-01")
        await here.passes(2 * HOUR, watching=True)
        assert told(here, second) == true(here, second)
        assert server(here).held[name_of(here, second)].owner == owner(second)

    tell(story, keeping(custom_zones=(ResourceId(LISTED),)))


def test_in_mode_observe_the_record_is_planned_and_not_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900, watching=True)
        assert server(here).written == []
        assert "api_server_records" in {line["change"]["handler"] for line in lines(caplog, "plan")}
        assert not lines(caplog, "intent")

    tell(story, keeping(mode=Mode.OBSERVE))


def led_elsewhere(here: Story, cluster: str) -> None:
    [endpoint] = here.azure.store.of_type("Microsoft.Network/privateEndpoints")
    for connection in endpoint.properties["privateLinkServiceConnections"]:
        connection["properties"]["privateLinkServiceId"] = f"{cluster}-of-the-attacker"


def rejected(here: Story, cluster: str) -> None:
    maintenance.set_approval(here.azure, cluster, "Rejected")


@pytest.mark.parametrize(
    ("deed", "code"),
    [(led_elsewhere, "api-server-endpoint-not-proven"), (rejected, "api-server-endpoint-not-approved")],
)
def test_an_address_in_doubt_is_told_and_not_written(
    deed: Callable[[Story, str], None], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        deed(here, cluster)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(300, watching=True)
        assert told(here, cluster) == before != true(here, cluster)
        assert code in {finding["code"] for finding in lines(caplog, "finding")}

    tell(story, keeping())


def test_a_record_of_akss_that_lags_is_told_and_ours_is_right(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        here.azure.durations = replace(here.azure.durations, cluster_record=HOUR)
        moving = asyncio.ensure_future(maintenance.maintenance(here.azure, cluster))
        await here.passes(60)
        assert told(here, cluster) == true(here, cluster)
        assert "a-record-differs" in {finding["code"] for finding in lines(caplog, "finding")}
        await here.passes(HOUR)
        await moving
        caplog.clear()
        await here.passes(600)
        assert "a-record-differs" not in {finding["code"] for finding in lines(caplog, "finding")}

    tell(story, keeping())
