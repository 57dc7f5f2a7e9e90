"""One odd cluster beside a good one: `watch`, a pass and the sweep serve the good one, whatever the other is."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from azure.core.rest import HttpRequest

from functions import work
from functions.arm.graph import SubscriptionRow
from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.fleet.endpoint import LoadBalancer, NetworkInterface, PrivateEndpoint
from functions.fleet.model import ManagedCluster, ResourceGroup
from functions.fleet.network_model import Link, VirtualNetwork
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.fleet.subnet_model import RouteTable, Subnet
from functions.fleet.survey_address import PIECES, PieceRow, RecordRow
from functions.fleet.survey_rows import CLUSTERS, GROUPS, VNETS, ClusterRow, GroupRow, HubRow, LinkRow, VnetRow, ZoneRow
from functions.fleet.survey_subnets import AKS_TABLES, SubnetRow, TableRow
from functions.ledger.reports import DriftReport
from functions.ledger.state import GONE, Observed, Row
from functions.live import Live
from functions.policy import Scope
from functions.triggers.work import take
from functions.watch import Watched, watch
from functions.work import Work
from localazure.world import HUB_SUBSCRIPTION
from tests.scenarios.record_stories import on_servers
from tests.scenarios.story import kept
from tests.unit.fleets import Office, in_office
from tests.unit.odd_shapes import ABSENT, Path, fields_of, named, shapes_for, spoil

ODD, GOOD = 0, 1


@dataclass
class Desk:
    """A fleet of two clusters, the first of which is odd, and a worker."""

    office: Office
    live: Live

    def cluster(self, nth: int) -> ResourceId:
        return ResourceId(self.office.ground.fleet.clusters[nth])

    def zone(self, nth: int) -> ResourceId:
        return ResourceId(self.office.ground.fleet.zones[nth])

    def row(self, nth: int) -> ResourceId:
        return self.zone(nth).group_id

    def remember(self) -> None:
        """Both clusters as they were seen while AKS made them: now they are settled, which calls for a look."""
        self.office.queue.lose_all()
        self.office.queue.sent.clear()
        self.office.ground.transport.asked.clear()
        for nth in (ODD, GOOD):
            seen = Observed(
                at=self.live.now() - 900,
                cluster=str(self.cluster(nth)),
                zone=str(self.zone(nth)),
                location="westeurope",
                state="Creating",
            )
            self.office.ledger.held[self.row(nth)] = Row(self.row(nth), observed=seen)

    async def watch(self) -> Watched:
        assert isinstance(self.live.around, Around)
        return await watch(self.live.around, self.live.queue, self.live.ledger)

    async def look(self, nth: int) -> None:
        """A pass from the queue. It may not fail, nor go to the poison queue."""
        asked = Work(
            target=self.cluster(nth),
            subject=self.row(nth),
            why="asked",
            cause="test",
            since=self.live.now(),
            always=True,
        )
        await take(work.encode(asked), self.live)

    def alter(self, change: Callable[[HttpRequest, Any], None] | None) -> None:
        self.office.ground.transport.alter = change


def at_desk(tell: Callable[[Desk], Awaitable[None]], **placed: Any) -> None:
    async def told(office: Office) -> None:
        ground = office.ground
        policy = ground.policy(records=(on_servers(),))
        targets = Targets(policy.records, lambda record: kept(record, ground.session, office.servers))
        around = Around(
            ground.session, policy, Scopes(), ground.azure.clock.now, office.ledger, office.reports, targets
        )
        await tell(Desk(office, Live(office.queue, around, office.ledger, office.reports)))

    in_office(told, 2, unlinked=2, **placed)


def of_arm(desk: Desk, path: Path, value: Any) -> Callable[[HttpRequest, Any], None]:
    """The odd cluster's body, in AKS's list and by itself, with a value where a path leads."""

    def alter(request: HttpRequest, body: Any) -> None:
        if urlsplit(request.url).path.casefold().endswith("/providers/microsoft.containerservice/managedclusters"):
            for item in body["value"]:
                if item.get("id") == str(desk.cluster(ODD)):
                    spoil(item, path, value)
        elif isinstance(body, dict) and body.get("id") == str(desk.cluster(ODD)):
            spoil(body, path, value)

    return alter


@pytest.mark.parametrize("path", list(fields_of(ManagedCluster)), ids=named)
def test_watch_serves_the_good_cluster_and_looks_at_or_reports_the_odd_one(path: Path) -> None:
    async def tell(desk: Desk) -> None:
        for shape, value in shapes_for(path).items():
            desk.remember()
            desk.alter(of_arm(desk, path, value))
            watched = await desk.watch()
            woken = {item.row for item in desk.office.queue.sent}
            assert desk.row(GOOD) in woken, shape
            reported = {finding.target for finding in watched.odd}
            near = {desk.cluster(ODD), ResourceId(f"/subscriptions/{desk.cluster(ODD).subscription}")}
            looked_at = any(item.target == desk.cluster(ODD) for item in desk.office.queue.sent)
            assert looked_at or reported & near or shape in ABSENT or path[-1] in HARMLESS, shape
            if reported & near:
                # It is there: it is not missed, and nothing is asked for that could only fail the same way.
                assert desk.row(ODD) not in woken, shape
                assert not looked_at, shape

    at_desk(tell)


HARMLESS = frozenset({"enablePrivateCluster", "nodeResourceGroup"})
"""Fields of which a wrong shape can be a right one: a public cluster, and a group of another name, want no look."""


@pytest.mark.parametrize("path", list(fields_of(ManagedCluster)), ids=named)
def test_a_pass_on_an_odd_cluster_ends_and_forgets_and_removes_nothing(path: Path) -> None:
    async def tell(desk: Desk) -> None:
        for shape, value in shapes_for(path).items():
            desk.remember()
            desk.alter(of_arm(desk, path, value))
            await desk.look(ODD)
            await desk.look(GOOD)
            assert desk.office.queue.poison == [], shape
            assert desk.office.ledger.held[desk.row(ODD)].observed.state != GONE, shape
            assert not [call for call in desk.office.ground.transport.asked if call.startswith("DELETE")], shape
            good = desk.office.ledger.held[desk.row(GOOD)].observed
            assert (good.state, good.findings) == ("Succeeded", ()), shape

    at_desk(tell)


AROUND: tuple[tuple[type[msgspec.Struct], str], ...] = (
    (ResourceGroup, "/resourcegroups/mc_apps_team-00000_westeurope"),
    (VirtualNetwork, "/virtualnetworks/spoke-00000"),
    (Link, "/virtualnetworklinks"),
    (PrivateEndpoint, "/privateendpoints/kube-apiserver"),
    (NetworkInterface, "/networkinterfaces/"),
    (LoadBalancer, "/loadbalancers/"),
    (Subnet, "/subnets/nodes"),
    (RouteTable, "/routetables"),
)


@pytest.mark.parametrize(
    ("where", "path"),
    [(where, path) for kind, where in AROUND for path in fields_of(kind)],
    ids=[f"{kind.__name__}.{named(path)}" for kind, _ in AROUND for path in fields_of(kind)],
)
def test_what_lies_around_a_cluster_may_be_odd_too(where: str, path: Path) -> None:
    async def tell(desk: Desk) -> None:
        for shape, value in shapes_for(path).items():

            def alter(request: HttpRequest, body: Any, value: Any = value) -> None:
                if request.method != "GET" or where not in urlsplit(request.url).path.casefold():
                    return
                for item in body.get("value", [body]):
                    spoil(item, path, value)

            desk.remember()
            desk.alter(alter)
            await desk.look(ODD)
            assert desk.office.queue.poison == [], shape
            assert desk.office.ledger.held[desk.row(ODD)].observed.state != GONE, shape
            assert not [call for call in desk.office.ground.transport.asked if call.startswith("DELETE")], shape

    at_desk(tell, kubenet=2)


ROWS: tuple[tuple[type[msgspec.Struct], str], ...] = (
    (ClusterRow, CLUSTERS.text),
    (GroupRow, GROUPS.text),
    (VnetRow, VNETS.text),
    (ZoneRow, "resources | where type =~ 'microsoft.network/privatednszones' "),
    (LinkRow, "resources | where type =~ 'microsoft.network/privatednszones/virtualnetworklinks' | where id contains"),
    (PieceRow, PIECES.text),
    (RecordRow, "dnsresources"),
    (SubnetRow, "resources | where type =~ 'microsoft.network/virtualnetworks' | where id in~"),
    (TableRow, AKS_TABLES.text),
)


@pytest.mark.parametrize(
    ("query", "path"),
    [(query, path) for kind, query in ROWS for path in fields_of(kind)],
    ids=[f"{kind.__name__}.{named(path)}" for kind, _ in ROWS for path in fields_of(kind)],
)
def test_an_odd_row_of_resource_graph_spoils_no_other(query: str, path: Path) -> None:
    async def tell(desk: Desk) -> None:
        mine = (desk.cluster(ODD).name, desk.zone(ODD).name, desk.zone(ODD).group, "spoke-00000")
        for shape, value in shapes_for(path).items():
            desk.remember()
            spoilt: list[str] = []

            def alter(request: HttpRequest, body: Any, value: Any = value, spoilt: list[str] = spoilt) -> None:
                if request.method != "POST" or not _asks(request, query):
                    return
                for row in body["data"]:
                    if any(part.casefold() in row["id"].casefold() for part in mine):
                        spoilt.append(row["id"])
                        spoil(row, path, value)

            desk.alter(alter)
            report = await sweep(desk)
            assert spoilt, "no row was odd: the query is another one now"
            assert desk.zone(GOOD) in {item.target for item in desk.office.queue.sent}, shape
            if not _served(desk):
                told = [*(found.target for found in report.found), *(gap.target for gap in report.unclear)]
                assert told or shape in ABSENT or path[-1] in HARMLESS, shape

    at_desk(tell, kubenet=2)


@pytest.mark.parametrize("path", list(fields_of(SubscriptionRow)), ids=named)
def test_an_odd_subscription_hides_no_other(path: Path) -> None:
    async def tell(desk: Desk) -> None:
        ground = desk.office.ground
        ground.azure.management_groups = dict.fromkeys(ground.fleet.subscriptions, ("landing-zones", "root"))
        scope = Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
        for shape, value in shapes_for(path).items():
            desk.remember()
            spoilt: list[str] = []

            def alter(request: HttpRequest, body: Any, value: Any = value, spoilt: list[str] = spoilt) -> None:
                if request.method != "POST" or not _asks(request, "resourcecontainers | where type =~ 'microsoft.res"):
                    return
                for row in body["data"]:
                    if row.get("subscriptionId") == desk.cluster(ODD).subscription and "chain" in row:
                        spoilt.append(row["id"])
                        spoil(row, path, value)

            desk.alter(alter)
            await desk.office.sweep(scope=scope)
            assert spoilt, "no row was odd: the query is another one now"
            assert desk.zone(GOOD) in {item.target for item in desk.office.queue.sent}, shape

    at_desk(tell, subscriptions=2)


@pytest.mark.parametrize("path", list(fields_of(HubRow)), ids=named)
def test_an_odd_row_of_a_crowded_hub_hides_no_other(path: Path) -> None:
    async def tell(desk: Desk) -> None:
        hub = desk.office.ground.fleet.hubs[0].casefold()
        for shape, value in shapes_for(path).items():
            desk.remember()
            asked: list[str] = []

            def alter(request: HttpRequest, body: Any, value: Any = value, asked: list[str] = asked) -> None:
                if request.method != "POST" or "summarize zones" not in str(request.content):
                    return
                asked.append(request.url)
                odd = {"vnet": hub.replace("/hub-", "/other-"), "zones": 900}
                spoil(odd, path, value)
                body["data"] = [odd, {"vnet": hub, "zones": 901}]

            desk.alter(alter)
            report = await sweep(desk)
            assert asked, "no row was odd: the query is another one now"
            assert desk.zone(GOOD) in {item.target for item in desk.office.queue.sent}, shape
            near = {ResourceId(found.target) for found in report.found if found.code == "hub-near-zone-limit"}
            assert ResourceId(hub) in near, shape

    at_desk(tell)


def _asks(request: HttpRequest, query: str) -> bool:
    return json.loads(str(request.content))["query"].startswith(query)


async def sweep(desk: Desk) -> DriftReport:
    return await desk.office.sweep(records=(on_servers(),))


def _served(desk: Desk) -> bool:
    return desk.zone(ODD) in {item.target for item in desk.office.queue.sent}
