"""What a sweep makes of kubenet clusters' subnets: findings, passes, and nothing that could be written by mistake."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.observe import Depth, observe
from functions.handlers import route_tables
from functions.handlers.route_tables import GRACE
from functions.handlers.verdict import Change, Routing
from functions.ledger.making import Making
from functions.ledger.reports import DriftReport
from functions.ledger.routed import Routed, Wrote
from functions.ledger.state import Observed
from functions.plan import key
from functions.policy import FailedClusters, Mode, RouteTables
from localazure.store import Resource
from tests.unit.fleets import Office, in_office

REATTACH = RouteTables(reattach=True)


def held(office: Office, resource_id: str) -> Resource:
    found = office.ground.azure.store.get(resource_id)
    assert found is not None
    return found


def the_cluster(office: Office) -> Resource:
    return held(office, office.ground.fleet.clusters[-1])


def the_subnet(office: Office) -> ResourceId:
    return ResourceId(the_cluster(office).properties["agentPoolProfiles"][0]["vnetSubnetID"])


def the_row(office: Office) -> ResourceId:
    return ResourceId(office.ground.fleet.zones[-1]).group_id


def detach(office: Office) -> None:
    held(office, str(the_subnet(office))).properties.pop("routeTable")


async def remember(office: Office, **facts: Any) -> Observed:
    at = office.ground.azure.clock.now() - 60
    brief = Observed(at=at, cluster=the_cluster(office).id, zone=office.ground.fleet.zones[-1], **facts)
    await office.ledger.remember(the_row(office), brief)
    return brief


async def fail_in_creation(office: Office) -> Observed:
    """The subnet never had its table, and the ledger saw it all."""
    detach(office)
    the_cluster(office).properties["provisioningState"] = "Failed"
    at = office.ground.azure.clock.now()
    return await remember(office, making=Making(first=at - 1200, last=at - 60, failed=at - 60, etag="of then"))


def told(report: DriftReport) -> dict[str, str]:
    """The targets of findings by their codes."""
    return {finding.code: finding.target for finding in report.found}


def test_a_kubenet_fleet_as_it_should_be_needs_nothing() -> None:
    async def tell(office: Office) -> None:
        for reattach in (False, True):
            report = await office.sweep(route_tables=RouteTables(reattach=reattach))
            assert (report.clusters, report.changes, report.queued) == (4, 0, 0)
            assert (report.findings, report.unclear) == ({}, ())

    in_office(tell, kubenet=3)


def test_a_failed_creation_is_given_a_pass_that_decides_the_same_by_itself() -> None:
    async def tell(office: Office) -> None:
        brief = await fail_in_creation(office)
        report = await office.sweep()
        assert (report.changes, report.queued) == (1, 1)
        assert office.asked() == {office.ground.fleet.zones[-1]}
        (wanted,) = report.wanted
        assert (wanted.handler, wanted.action, ResourceId(wanted.target)) == (
            "route_tables",
            "create",
            the_subnet(office),
        )
        policy, at = office.ground.policy(), office.ground.azure.clock.now()
        zone = ResourceId(office.ground.fleet.zones[-1])
        fresh = await observe(office.ground.session, zone, policy, at, Depth.FULL)
        assert fresh.cluster is not None
        making = msgspec.structs.replace(brief.making, etag=fresh.cluster.e_tag or "")
        seen = replace(fresh, remembered=msgspec.structs.replace(brief, making=making))
        (change,) = route_tables.decide(seen, policy).changes
        assert wanted.key == key(change)
        assert isinstance(change.wants, Routing)
        assert change.wants.body, "the pass's own, from a fresh look"

    in_office(tell, kubenet=1)


def test_a_change_has_one_key_in_whatever_case_azure_prints_its_ids() -> None:
    async def tell(office: Office) -> None:
        await fail_in_creation(office)
        (wanted,) = (await office.sweep(mode=Mode.OBSERVE)).wanted
        (table,) = office.ground.azure.store.of_type("Microsoft.Network/routeTables")
        office.ground.azure.store.remove(table.id)
        shouted = Resource(table.id.replace("MC_apps", "mc_APPS"), table.type, table.name, table.body)
        office.ground.azure.store.put(shouted)
        (again,) = (await office.sweep(mode=Mode.OBSERVE)).wanted
        assert again.key == wanted.key
        assert again.reason == wanted.reason

    in_office(tell, kubenet=1)


def test_what_a_survey_decides_holds_no_body_and_no_before() -> None:
    seen: list[Change] = []

    async def tell(office: Office) -> None:
        await fail_in_creation(office)
        decided = route_tables.decide

        def listening(*said: Any) -> Any:
            verdict = decided(*said)
            seen.extend(verdict.changes)
            return verdict

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(route_tables, "decide", listening)
            await office.sweep()

    in_office(tell, kubenet=1)
    (change,) = seen
    assert isinstance(change.wants, Routing)
    assert (change.before, change.wants.body) == ("", b"")


def test_a_missing_table_of_a_running_cluster_is_told_and_left_missing() -> None:
    async def tell(office: Office) -> None:
        detach(office)
        report = await office.sweep()
        assert (report.changes, report.queued) == (0, 0)
        assert told(report) == {"route-table-missing": str(the_subnet(office))}
        (finding,) = report.found
        assert "aks-agentpool-" in finding.advice

    in_office(tell, kubenet=2)


@pytest.mark.parametrize(
    ("since", "changes", "queued"),
    [
        pytest.param(0.0, 0, 1, id="nobody knew: a look, so that the grace begins"),
        pytest.param(60.0, 0, 0, id="in the grace: the pass that knew looks again"),
        pytest.param(GRACE + 1, 1, 1, id="after it"),
    ],
)
def test_a_missing_table_is_attached_again_when_that_is_wanted_and_it_is_long_missing(
    since: float, changes: int, queued: int
) -> None:
    async def tell(office: Office) -> None:
        detach(office)
        at = office.ground.azure.clock.now()
        await remember(office, routed=Routed(bare_since=at - since) if since else None)
        report = await office.sweep(route_tables=REATTACH)
        assert (report.changes, report.queued, report.findings) == (changes, queued, {})

    in_office(tell, kubenet=1)


def test_what_a_person_may_have_lost_is_told_and_compared_with_no_body() -> None:
    """The ledger holds the fingerprints of a subnet, of which the survey has no body."""

    async def tell(office: Office) -> None:
        at = office.ground.azure.clock.now()
        wrote = Wrote(subnet=str(the_subnet(office)), at=at - 60, prints={"addressPrefix": "0"})
        await remember(office, routed=Routed(wrote=(wrote,)))
        assert (await office.sweep()).findings == {}
        doubted = msgspec.structs.replace(wrote, doubt=("networkSecurityGroup",))
        await remember(office, routed=Routed(wrote=(doubted,)))
        assert told(await office.sweep()) == {"possible-lost-update": str(the_subnet(office))}

    in_office(tell, kubenet=1)


def test_a_row_that_lacks_is_a_line_in_the_report_and_nothing_else() -> None:
    async def tell(office: Office) -> None:
        await fail_in_creation(office)
        (table,) = office.ground.azure.store.of_type("Microsoft.Network/routeTables")
        office.ground.azure.graph.missing.add(table.id)
        report = await office.sweep()
        assert (report.changes, report.queued, report.unclear_count) == (0, 0, 1)
        assert report.unclear[0].target == the_cluster(office).id
        assert "a route table" in report.unclear[0].lacks
        assert (await office.sweep(route_tables=RouteTables(attach=False))).unclear_count == 0

    in_office(tell, kubenet=1)


def test_a_failed_cluster_whose_table_is_in_place_is_given_a_pass_that_puts_it_again() -> None:
    async def tell(office: Office) -> None:
        await fail_in_creation(office)
        cluster = the_cluster(office)
        (table,) = office.ground.azure.store.of_type("Microsoft.Network/routeTables")
        held(office, str(the_subnet(office))).properties["routeTable"] = {"id": table.id}
        error = {"code": "ExistingRouteTableNotAssociatedWithSubnet", "message": "no"}
        cluster.properties["status"] = {"provisioningError": error}
        report = await office.sweep(failed_clusters=FailedClusters(reconcile=True))
        assert [(wanted.handler, wanted.action) for wanted in report.wanted] == [("failed_clusters", "update")]
        assert report.queued == 1
        assert (await office.sweep()).findings == {"cluster-creation-failed": 1}

    in_office(tell, kubenet=1)


def test_a_cluster_that_is_to_run_another_version_is_never_one_whose_creation_failed() -> None:
    async def tell(office: Office) -> None:
        await fail_in_creation(office)
        the_cluster(office).properties.update({"kubernetesVersion": "1.99.0", "currentKubernetesVersion": "1.98.0"})
        report = await office.sweep(failed_clusters=FailedClusters(reconcile=True))
        assert (report.changes, report.queued) == (0, 0)
        assert set(report.findings) == {"cluster-failed", "route-table-missing"}

    in_office(tell, kubenet=1)
