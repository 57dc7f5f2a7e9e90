"""A kubenet cluster fails for want of its route table; Tether attaches it, and nobody else's subnet is harmed."""

from copy import deepcopy
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.handlers import route_tables
from functions.ledger.state import Entry, LedgerError
from functions.policy import FailedClusters, Policy, RouteTables
from localazure import fault_effects as effects
from localazure.aks.rules import AksRules
from localazure.back_references import NICS, SCALE_SETS
from localazure.network_rules import NetworkRules
from localazure.resources.private_zones import PrivateZones
from localazure.resources.route_tables import RouteTables as Tables
from localazure.resources.subnets import Subnets
from localazure.store import Json, Resource
from tests.scenarios.record_stories import LISTED
from tests.scenarios.story import Story, a_policy, lines, tell

TABLES = "Microsoft.Network/routeTables"
NSG = "/subscriptions/0/resourceGroups/net/providers/Microsoft.Network/networkSecurityGroups/nodes"


def the_subnet(story: Story) -> Json:
    held = story.azure.store.get(story.world.node_subnet)
    assert held is not None
    return deepcopy(held.properties)


def table_of(story: Story) -> str:
    """The name of the subnet's table, empty without one."""
    return (the_subnet(story).get("routeTable") or {}).get("id", "").rpartition("/")[2]


def subnet_puts(story: Story) -> list[str]:
    return [call for call in story.transport.asked if call.startswith("PUT") and call.endswith("/subnets/nodes")]


async def failed(story: Story, seconds: float = 1800, **said: Any) -> str:
    cluster = await story.create(kubenet=True, **said)
    await story.passes(seconds, watching=True)
    return cluster


def codes(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {line["code"] for line in lines(caplog, "finding") if line["handler"] == "route_tables"}


def test_the_table_is_attached_once_and_everything_else_stays(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        Subnets(here.azure).change(
            here.world.node_subnet, serviceEndpoints=[{"service": "Microsoft.Storage"}], notYetInvented={"a": [1, None]}
        )
        before = the_subnet(here)
        await failed(here)
        assert table_of(here).startswith("aks-agentpool-")
        after = the_subnet(here)
        after.pop("routeTable")
        assert after == before
        assert len(subnet_puts(here)) == 1
        (entry,) = [one for one in lines(caplog, "intent") if one["change"]["handler"] == "route_tables"]
        assert entry["change"]["action"] == "create"

    tell(story)
    assert "possible-lost-update" not in codes(caplog)


def test_without_attach_no_subnet_is_written_or_even_read() -> None:
    async def story(here: Story) -> None:
        await failed(here)
        assert table_of(here) == ""
        assert not [call for call in here.transport.asked if "/subnets/" in call]

    def policy(world: Any) -> Policy:
        return a_policy(world, route_tables=RouteTables(attach=False))

    tell(story, policy)


def test_a_table_with_a_route_of_somebodys_is_not_attached(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while here.state(cluster) == "Creating":
            for table in here.azure.store.of_type(TABLES):
                table.properties["routes"] = []
                table.properties["disableBgpRoutePropagation"] = True
            await here.passes(10, watching=True)
        await here.passes(300, watching=True)
        assert subnet_puts(here) == []

    tell(story)
    assert "route-table-not-proven" in codes(caplog)


def test_a_foreign_table_is_never_replaced(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        firewall = f"{here.world.group}/providers/{TABLES}/to-the-firewall"
        await Tables(here.azure).create(firewall, here.world.location)
        cluster = await here.create(kubenet=True)
        while here.state(cluster) == "Creating":
            await here.passes(5)
            Subnets(here.azure).change(here.world.node_subnet, routeTable={"id": firewall})
        await here.passes(600, watching=True)
        assert subnet_puts(here) == []
        assert table_of(here) == "to-the-firewall"

    tell(story)


@pytest.mark.parametrize("rules", [NetworkRules(lists_up_to=0), NetworkRules(lists_up_to=2)], ids=["none", "long"])
def test_a_subnet_whose_list_of_addresses_azure_leaves_out_is_not_written_until_it_is_shown(
    rules: NetworkRules, caplog: pytest.LogCaptureFixture
) -> None:
    """The cluster has three nodes and the NIC of its private endpoint there, so the list is longer than two."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        here.azure.network = rules
        cluster = await failed(here)
        assert subnet_puts(here) == []
        (told,) = {line["advice"] for line in lines(caplog, "finding") if line["code"] == "subnet-company-unknown"}
        assert f"az network vnet subnet update --ids {here.world.node_subnet} --route-table " in told
        here.azure.network = NetworkRules()
        await here.passes(1200, watching=True)
        assert len(subnet_puts(here)) == 1
        await put_again(here, cluster)

    tell(story)


def test_a_cluster_that_failed_before_its_first_machine_is_listed_by_its_private_endpoint() -> None:
    """With no node in the subnet, the NIC of AKS's own endpoint shows that the list is not left out."""

    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while here.state(cluster) == "Creating":
            await here.passes(5, watching=True)
            for machines in here.azure.store.of_type(SCALE_SETS):
                here.azure.store.remove(machines.id)
        await here.passes(300, watching=True)
        assert len(subnet_puts(here)) == 1

    tell(story)


def test_whoever_shares_a_subnet_with_a_long_list_keeps_the_way_of_their_traffic() -> None:
    async def story(here: Story) -> None:
        here.azure.network = NetworkRules(lists_up_to=2)
        nic = f"{here.world.group}/providers/{NICS}/vm"
        held = {"privateIPAddress": "10.1.9.9", "subnet": {"id": here.world.node_subnet}}
        body = {"properties": {"ipConfigurations": [{"id": f"{nic}/ipConfigurations/c", "properties": held}]}}
        here.azure.store.put(Resource(nic, NICS, "vm", body))
        await failed(here)
        assert table_of(here) == ""

    tell(story)


@pytest.mark.parametrize("enforced", [True, False], ids=["If-Match enforced", "If-Match ignored"])
def test_a_writer_between_our_read_and_our_write_loses_nothing_or_is_told_of(
    enforced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        here.azure.network = NetworkRules(judges_subnet_etags=enforced)

        async def write() -> None:
            Subnets(here.azure).change(here.world.node_subnet, networkSecurityGroup={"id": NSG})

        # The first read is what is judged, the second the one right before the PUT.
        between = here.azure.between(here.world.node_subnet, write, nth=2)
        await failed(here)
        assert between.done
        assert table_of(here).startswith("aks-agentpool-")
        if enforced:
            assert the_subnet(here)["networkSecurityGroup"]["id"] == NSG

    tell(story)
    assert ("possible-lost-update" in codes(caplog)) is not enforced


async def put_again(story: Story, cluster: str) -> None:
    """What a person does once the table is attached."""
    body = (await story.ask("GET", cluster, "2026-08-01")).json()
    assert (await story.ask("PUT", cluster, "2026-08-01", body)).status_code == 200
    await story.passes(1200, watching=True)
    assert story.state(cluster) == "Succeeded"


def test_a_table_that_terraform_takes_off_again_and_again_is_left_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await failed(here)
        await put_again(here, cluster)
        writes = len(subnet_puts(here))
        for _ in range(6):
            Subnets(here.azure).change(here.world.node_subnet, routeTable=None)
            for _ in range(4):
                await here.event(
                    cluster, "Microsoft.ContainerService/managedClusters/write", f"{here.azure.clock.now()}"
                )
                await here.passes(400)
        assert len(subnet_puts(here)) - writes == 2  # the third reversal is the last
        assert table_of(here) == ""

    def policy(world: Any) -> Policy:
        return a_policy(world, route_tables=RouteTables(reattach=True))

    tell(story, policy)
    assert "tug-of-war" in codes(caplog)


def test_a_worker_that_dies_right_after_the_write_is_followed_by_one_that_writes_nothing_more() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while not subnet_puts(here):
            await here.passes(1, watching=True)
        here.queue.lose_all()
        await here.passes(1800, watching=True)
        assert len(subnet_puts(here)) == 1
        assert table_of(here).startswith("aks-agentpool-")
        await put_again(here, cluster)

    tell(story)


def test_a_table_over_which_workers_die_and_that_others_take_off_is_left_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No row remembers what a dead worker made; the journal has its intents."""
    caplog.set_level("INFO", "tether")
    real = route_tables.apply

    async def and_die(*given: Any) -> None:
        await real(*given)
        raise RuntimeError("out of memory")

    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while here.state(cluster) == "Creating":
            await here.passes(5, watching=True)
        for nth in range(8):
            await here.event(cluster, "Microsoft.ContainerService/managedClusters/write", f"event {nth}")
            await here.passes(400, watching=True)
            Subnets(here.azure).change(here.world.node_subnet, routeTable=None)
        assert len(subnet_puts(here)) == 3
        assert table_of(here) == ""

    monkeypatch.setattr(route_tables, "apply", and_die)
    tell(story)
    assert "tug-of-war" in codes(caplog)


@pytest.mark.parametrize("forgets", [False, True], ids=["the tables answer", "no pass can be remembered"])
def test_a_table_that_is_taken_off_before_any_pass_sees_it_is_attached_three_times(
    forgets: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No pass ever finds the table in place, so that no row counts a reversal; the journal counts the writes."""
    caplog.set_level("INFO", "tether")

    async def forgotten(*_: object) -> None:
        raise LedgerError("the worker died here")

    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while here.state(cluster) == "Creating":
            await here.passes(5, watching=True)
        if forgets:
            monkeypatch.setattr(here.ledger, "remember", forgotten)
        for nth in range(1500):
            await here.passes(1, watching=True)
            if table_of(here) and the_subnet(here)["provisioningState"] == "Succeeded":
                Subnets(here.azure).change(here.world.node_subnet, routeTable=None)
            if nth % 200 == 0:
                await here.event(cluster, "Microsoft.ContainerService/managedClusters/write", f"event {nth}")
        assert len(subnet_puts(here)) == 3
        assert table_of(here) == ""

    tell(story)
    assert "tug-of-war" in codes(caplog)


def test_a_link_that_is_undone_each_time_and_whose_passes_no_row_remembers_is_left_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def forgotten(*_: object) -> None:
        raise LedgerError("the worker died here")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600, watching=True)
        monkeypatch.setattr(here.ledger, "remember", forgotten)
        made = len(here.transport.links_put())
        for nth in range(6):
            for link in here.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks"):
                if (link.body.get("tags") or {}).get("tether-owner"):
                    here.azure.store.remove(link.id)
            await here.event(str(here.zone), cause=f"event {nth}")
            await here.passes(400, watching=True)
        assert len(here.transport.links_put()) - made == 2

    tell(story, lambda world: a_policy(world, world.hub))
    assert [line["code"] for line in lines(caplog, "finding") if line["handler"] == "zone_links"].count("tug-of-war")


@pytest.mark.parametrize("handler", ["route_tables", "failed_clusters"])
def test_what_the_journal_counts_is_written_only_once_its_intent_is_kept(
    handler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(here: Story) -> None:
        real = here.ledger.intend

        async def intend(entry: Entry) -> None:
            if entry.handler == handler:
                raise LedgerError("too slow")
            await real(entry)

        with monkeypatch.context() as slow:
            slow.setattr(here.ledger, "intend", intend)
            cluster = await failed(here, 3000)
            assert here.state(cluster) == "Failed"
            assert bool(subnet_puts(here)) is (handler != "route_tables")
        await here.passes(3000, watching=True)
        assert here.state(cluster) == "Succeeded"

    tell(story, lambda world: a_policy(world, failed_clusters=FailedClusters(reconcile=True)))


@pytest.mark.parametrize("zone", ["none", LISTED])
def test_a_group_that_another_cluster_manages_gives_no_table(zone: str) -> None:
    async def story(here: Story) -> None:
        if zone == LISTED:
            PrivateZones(here.azure).place(zone)
        cluster = await here.create(kubenet=True, private_dns_zone=zone)
        while here.state(cluster) == "Creating":
            await here.passes(5, watching=True)
            for group in here.azure.store.of_type("Microsoft.Resources/resourceGroups"):
                if "managedBy" in group.body:
                    group.body["managedBy"] = f"{cluster}-other"
        await here.passes(600, watching=True)
        assert any("/routeTables" in call for call in here.transport.asked)
        assert subnet_puts(here) == []

    tell(story, lambda world: a_policy(world, custom_zones=(ResourceId(LISTED),)))


def test_an_attach_that_fails_late_again_and_again_is_tried_more_and_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        here.azure.network = NetworkRules(keeps_failed_writes=False)
        cluster = await here.create(kubenet=True)
        here.faults.add(effects.fails_late("InternalServerError"), method="PUT", path="/subnets/nodes")
        await here.passes(1800 + 6 * 3600, watching=True)
        assert 8 <= len(subnet_puts(here)) <= 32  # at most every quarter of an hour, in the end
        here.faults.clear()
        await here.passes(1200, watching=True)
        assert table_of(here).startswith("aks-agentpool-")
        assert here.state(cluster) == "Succeeded"

    def policy(world: Any) -> Policy:
        return a_policy(world, failed_clusters=FailedClusters(reconcile=True))

    tell(story, policy)
    assert "route-table-refused" in codes(caplog)


def test_a_cluster_without_a_private_zone_gets_its_table_too_and_comes_up_without_any_link() -> None:
    async def story(here: Story) -> None:
        here.azure.aks = AksRules(unrouted=52)
        cluster = await failed(here, 3600, private_dns_zone="none")
        assert table_of(here).startswith("aks-agentpool-")
        assert here.state(cluster) == "Succeeded"

    def policy(world: Any) -> Policy:
        return a_policy(world, failed_clusters=FailedClusters(reconcile=True))

    tell(story, policy)
