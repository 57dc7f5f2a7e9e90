"""What a sweep learns of the policy's DNS targets, and what follows from it."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record
from functions.dns.target import TargetError, Trouble
from functions.ledger.state import Observed
from functions.policy import Mode, PodRestarts
from localazure.resources.private_zones import PrivateZones
from localazure.resources.record_sets import RecordSets
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.record_stories import HUB_ZONE, SERVED, in_azure, on_servers
from tests.scenarios.story import OWNER
from tests.unit.fleets import Office, in_office


def name(office: Office, cluster: str) -> str:
    held = office.ground.azure.store.get(cluster)
    assert held is not None
    return str(held.properties["privateFQDN"])


def right(office: Office, cluster: str, *, ttl: int = 60) -> Record:
    """The record as it should be."""
    nth = office.ground.fleet.clusters.index(cluster)
    owner = Owner(OWNER, ResourceId(cluster))
    return Record(frozenset({ip_address(f"10.{100 + nth // 256}.{nth % 256}.4")}), ttl, (owner.text,))


def all_right(office: Office, zone: str = SERVED, **more: Any) -> MemoryTarget:
    held = {name(office, cluster): right(office, cluster, **more) for cluster in office.ground.fleet.clusters}
    return office.servers.setdefault(zone, MemoryTarget(zone, held))


def test_records_that_are_right_need_nothing_and_are_asked_for_once() -> None:
    async def tell(office: Office) -> None:
        server = all_right(office)
        report = await office.sweep(records=(on_servers(),))
        assert (report.clusters, report.changes, report.queued, report.findings) == (4, 0, 0, {})
        assert server.asked == 4

    in_office(tell)


Meddle = Callable[[MemoryTarget, str], object]


@pytest.mark.parametrize(
    ("meddle", "queued", "findings"),
    [
        pytest.param(lambda held, name: held.held.pop(name), 1, {}, id="removed"),
        pytest.param(lambda held, name: held.others_put(name, ip_address("10.9.9.9")), 1, {}, id="changed"),
        pytest.param(
            lambda held, name: held.held.update({name: Record(frozenset({ip_address("10.9.9.9")}), 60)}),
            *(0, {"record-not-ours": 1}),
            id="somebody else's",
        ),
        pytest.param(lambda held, name: held.others_alias(name), 0, {"record-in-the-way": 1}, id="an alias"),
    ],
)
def test_a_record_that_differs_gets_a_pass_and_what_nobody_may_touch_a_finding(
    meddle: Meddle, queued: int, findings: dict[str, int]
) -> None:
    async def tell(office: Office) -> None:
        server = all_right(office)
        meddle(server, name(office, office.ground.fleet.clusters[1]))
        report = await office.sweep(records=(on_servers(),))
        assert (report.queued, report.findings) == (queued, findings)
        assert office.asked() == ({office.ground.fleet.zones[1]} if queued else set())
        assert server.written == []

    in_office(tell)


def test_a_target_that_is_down_is_one_finding_and_no_pass_and_is_soon_asked_no_more() -> None:
    async def tell(office: Office) -> None:
        other = f"{office.ground.fleet.zones[7].rpartition('/')[2]}"
        down, up = all_right(office), MemoryTarget(other)
        office.servers[other] = up
        down.trouble = Trouble.UNREACHABLE
        beside = msgspec.structs.replace(on_servers(other), servers=("10.0.0.9:53",))
        report = await office.sweep(records=(on_servers(), beside))
        assert report.findings == {"record-target-unreachable": 1}
        (told,) = report.found
        assert told.seen.startswith(f"{SERVED} on 10.0.0.4:53: ")
        assert told.seen.endswith("(names that could not be read: 200)")
        assert ResourceId(told.target) == ResourceId(office.ground.fleet.clusters[0])
        assert down.asked <= 80
        # The other target lacks its record, which still is asked for.
        assert (office.asked(), up.asked) == ({office.ground.fleet.zones[7]}, 1)

    in_office(tell, 200)


@pytest.mark.parametrize("trouble", [Trouble.DENIED, Trouble.WRONG_ZONE, Trouble.UNTRUSTED, Trouble.BUSY])
def test_whatever_ails_a_target_it_is_one_finding(trouble: Trouble) -> None:
    async def tell(office: Office) -> None:
        all_right(office).trouble = trouble
        report = await office.sweep(records=(on_servers(),))
        assert (len(report.found), sum(report.findings.values()), report.queued) == (1, 1, 0)

    in_office(tell)


def test_a_name_that_fails_now_and_then_keeps_no_other_from_being_read() -> None:
    class Moody(MemoryTarget):
        async def read(self, name: str) -> Record:
            found = await super().read(name)
            if self.asked % 7 == 0:
                raise TargetError(Trouble.BUSY, "not now")
            return found

    async def tell(office: Office) -> None:
        office.servers[SERVED] = Moody(SERVED)
        report = await office.sweep(records=(on_servers(),))
        assert report.queued == 172
        assert report.findings == {"record-target-unreachable": 1}
        assert report.found[0].seen.endswith("(names that could not be read: 28)")

    in_office(tell, 200)


def test_a_target_that_is_slow_delays_the_report_by_little_more_than_a_minute() -> None:
    class Slow(MemoryTarget):
        async def read(self, name: str) -> Record:
            await asyncio.sleep(50)
            return await super().read(name)

    async def tell(office: Office) -> None:
        office.servers[SERVED] = Slow(SERVED)
        report = await office.sweep(records=(on_servers(),))
        assert report.seconds <= 110
        assert (report.queued, report.findings) == (128, {"record-target-unreachable": 1})
        assert report.found[0].seen.endswith("not all names were answered in 60 s (names that could not be read: 22)")

    in_office(tell, 150)


def test_an_azure_zone_is_read_by_its_list_and_not_name_by_name() -> None:
    async def tell(office: Office) -> None:
        PrivateZones(office.ground.azure).place(HUB_ZONE)
        assert (await office.sweep(records=(in_azure(),))).queued == 30
        asked = [call for call in office.ground.transport.asked if "ResourceGraph" not in call]
        assert asked == [f"GET {HUB_ZONE}/ALL"]

    in_office(tell, 30)


def test_an_azure_zone_that_is_not_there_is_one_finding() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep(records=(in_azure(),))
        assert (report.findings, report.queued) == ({"record-target-wrong-zone": 1}, 0)

    in_office(tell)


def test_the_name_of_a_cluster_that_its_tag_excludes_is_not_asked_for() -> None:
    async def tell(office: Office) -> None:
        held = office.ground.azure.store.get(office.ground.fleet.clusters[0])
        assert held is not None
        held.body["tags"] = {"tether": "off"}
        server = all_right(office)
        await office.sweep(records=(on_servers(),))
        assert server.asked == 3

    in_office(tell)


def test_too_many_records_that_would_change_wait_for_a_person_and_new_ones_do_not() -> None:
    async def tell(office: Office) -> None:
        server = all_right(office, ttl=300)
        del server.held[name(office, office.ground.fleet.clusters[9])]
        report = await office.sweep(records=(on_servers(),))
        assert (report.changes, report.stopped, report.queued) == (10, 9, 1)
        assert office.asked() == {office.ground.fleet.zones[9]}
        assert {change.action for change in report.waiting} == {"update"}

    in_office(tell, 10)


def test_in_mode_observe_the_targets_are_read_and_nothing_is_asked_for() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep(records=(on_servers(),), mode=Mode.OBSERVE)
        assert (report.changes, report.queued, office.servers[SERVED].asked) == (4, 0, 4)

    in_office(tell)


@pytest.mark.parametrize(
    ("remembered", "queued"), [("10.9.9.9", 1), ("10.100.0.4", 0), ("", 0)], ids=["moved", "the same", "never known"]
)
def test_a_move_of_which_no_event_told_gets_a_pass_even_where_no_record_differs(remembered: str, queued: int) -> None:
    async def tell(office: Office) -> None:
        group = ResourceId(office.ground.fleet.zones[0]).group_id
        cluster = office.ground.fleet.clusters[0]
        await office.ledger.remember(group, Observed(at=7.0, cluster=cluster, address=remembered))
        report = await office.sweep(pod_restarts=PodRestarts(enabled=True, namespaces=("apps",)))
        assert (report.changes, report.queued) == (0, queued)

    in_office(tell, 1)


def test_an_odd_record_set_in_an_azure_zone_leaves_the_other_records_known() -> None:
    async def tell(office: Office) -> None:
        PrivateZones(office.ground.azure).place(HUB_ZONE)
        for cluster in office.ground.fleet.clusters:
            record = right(office, cluster)
            label = name(office, cluster).removesuffix(f".{HUB_ZONE.rpartition('/')[2]}")
            properties = {
                "ttl": 60,
                "metadata": {"heritage": "tether", "owner": OWNER, "cluster": cluster},
                "aRecords": [{"ipv4Address": str(address)} for address in record.addresses],
            }
            RecordSets(office.ground.azure, "A").create(f"{HUB_ZONE}/A/{label}", properties)
        before = await office.sweep(records=(in_azure(),))
        odd = office.ground.azure.store.of_type("Microsoft.Network/privateDnsZones/A", HUB_ZONE)[0]
        odd.properties["metadata"] = {"team": 7}
        after = await office.sweep(records=(in_azure(),))
        assert (before.queued, before.findings) == (0, {})
        assert after.queued == 0, "unknown is not absent"
        assert after.findings == {"record-target-unreachable": 1}
        assert "is not understood: $.properties.metadata" in after.found[0].seen

    in_office(tell)
