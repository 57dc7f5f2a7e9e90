"""A resolver's own zones: a table of ours, or what a real BIND holds."""

import pytest

from localazure import bind
from localazure.azure import LocalAzure
from localazure.own_zones import served_by, table
from localazure.resolver import VNET
from localazure.store import Resource

HUB_DNS = "10.0.0.4"
ZONE = "privatelink.westeurope.azmk8s.io"


def a_hub() -> LocalAzure:
    azure = LocalAzure()
    space = {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    azure.store.put(Resource("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/hub", VNET, "hub", space))
    return azure


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param(f"Team.{ZONE}.", ("10.1.0.4", "fd00::4"), id="a name it has, however it is spelt"),
        pytest.param(f"other.{ZONE}", (), id="a name it lacks: it shadows what Azure would say"),
        pytest.param(f"bad{ZONE}", None, id="a name outside, though its end is the same text"),
    ],
)
def test_a_table_answers_for_its_zone_alone(name: str, told: tuple[str, ...] | None) -> None:
    zone = table(ZONE, {f"team.{ZONE}": ["10.1.0.4", "fd00::4"]})
    assert zone(name.rstrip(".").casefold()) == told


async def test_a_resolver_answers_from_its_own_zone_at_once() -> None:
    azure = a_hub()
    azure.resolvers.zones[HUB_DNS] = table(ZONE, {f"team.{ZONE}": ["10.1.0.4", "fd00::4"]})
    ask = azure.resolvers.hub_lookup
    assert ask(HUB_DNS, f"team.{ZONE}").addresses == ("10.1.0.4",)
    assert ask(HUB_DNS, f"team.{ZONE}", "AAAA").addresses == ("fd00::4",)
    assert "itself has no A record" in ask(HUB_DNS, f"other.{ZONE}").reason
    azure.resolvers.zones[HUB_DNS] = table(ZONE, {f"team.{ZONE}": ["10.1.0.9"]})
    assert ask(HUB_DNS, f"team.{ZONE}").addresses == ("10.1.0.9",)
    assert "sees no private zone" in ask(HUB_DNS, "team.elsewhere.example").reason


@pytest.mark.skipif(not bind.is_installed(), reason=bind.HOW_TO_INSTALL)
async def test_a_bind_holds_a_resolvers_zones() -> None:
    zone = bind.ServedZone(ZONE, records=("team 60 IN A 10.1.0.4", "team 60 IN AAAA fd00::4"))
    async with bind.bind(zone) as server:
        ask = served_by(server.port)
        assert ask(f"team.{ZONE}") == ("10.1.0.4", "fd00::4")
        assert ask(f"other.{ZONE}") == ()
        assert ask("team.elsewhere.example") is None
