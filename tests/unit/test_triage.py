from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.triggers.triage import TABLE, Event, event_of, triage
from functions.work import CLUSTERS
from tests.unit.worlds import AT, CLUSTER_ID, CUSTOM_ZONE, HUB, ZONE, an_id

WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"
GROUP = ResourceId(str(CLUSTER_ID.group_id).replace("/apps", "/rg"))
TABLES, SUBNETS = "Microsoft.Network/routeTables", "Microsoft.Network/virtualNetworks/spoke/subnets"
ENDPOINTS, NICS, BALANCERS = (
    f"Microsoft.Network/{kind}" for kind in ("privateEndpoints", "networkInterfaces", "loadBalancers")
)
ZONE_WRITE = "Microsoft.Network/privateDnsZones/write"


def an_event(subject: object = ZONE, operation: str = ZONE_WRITE, kind: str = WRITTEN) -> Event:
    return Event("e-1", kind, str(subject), operation, AT - 3)


def test_a_zone_of_akss_that_was_written_is_work() -> None:
    work = triage(an_event(), AT)
    assert work is not None
    assert (work.target, work.why, work.cause, work.since) == (ZONE, "zone-written", "e-1", AT - 3)


def test_the_case_that_azure_uses_does_not_matter() -> None:
    assert triage(an_event(str(ZONE).lower(), ZONE_WRITE.upper(), WRITTEN.lower()), AT) is not None


def test_a_custom_zone_is_work_too_and_the_policy_decides_later() -> None:
    assert triage(an_event(CUSTOM_ZONE), AT) is not None


ZONES = "Microsoft.Network/privateDnsZones"
DELETED, NOT_DELETED = ("Microsoft.Resources.ResourceDelete" + stage for stage in ("Success", "Failure"))


@pytest.mark.parametrize(
    ("event", "why"),
    [
        pytest.param(an_event(operation=f"{ZONES}/delete", kind=DELETED), "zone-deleted", id="a zone went"),
        pytest.param(an_event(operation=f"{ZONES}/delete", kind=NOT_DELETED), "zone-delete-failed", id="or was to go"),
        pytest.param(
            an_event(ZONE.child("virtualNetworkLinks", "x"), f"{ZONES}/virtualNetworkLinks/delete", DELETED),
            "link-deleted",
            id="a link of it went",
        ),
    ],
)
def test_what_goes_is_looked_at_without_hurry(event: Event, why: str) -> None:
    work = triage(event, AT)
    assert work is not None
    assert (work.target, work.why) == (ZONE, why)


def test_a_route_table_of_akss_leads_to_its_cluster_by_the_group() -> None:
    table = an_id(TABLES, "aks-agentpool-12345678-routetable", ZONE.group)
    work = triage(an_event(table, f"{TABLES}/write"), AT)
    assert work is not None
    assert (work.target, work.why) == (ZONE.group_id, "routes-written")


FAILED, ACTED = "Microsoft.Resources.ResourceWriteFailure", "Microsoft.Resources.ResourceActionSuccess"


@pytest.mark.parametrize(
    ("operation", "kind", "why"),
    [
        ("write", WRITTEN, "cluster-written"),
        ("write", FAILED, "cluster-write-failed"),
        ("delete", DELETED, "cluster-deleted"),
        ("delete", NOT_DELETED, "cluster-delete-failed"),
        ("start/action", ACTED, "cluster-started"),
        ("stop/action", ACTED, "cluster-stopped"),
        ("write", "Microsoft.Resources.ResourceWriteCancel", None),
        ("listClusterAdminCredential/action", ACTED, None),
        ("agentPools/write", WRITTEN, None),
    ],
)
def test_a_cluster_that_changed_is_looked_at_and_its_row_is_not_known_yet(
    operation: str, kind: str, why: str | None
) -> None:
    work = triage(an_event(CLUSTER_ID, f"{CLUSTERS}/{operation}", kind), AT)
    assert (work and work.why) == why
    if work is not None:
        assert (work.target, work.placed) == (CLUSTER_ID, False)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(an_event(an_id(ZONES, "privatelink.azurecr.io")), id="another service's zone"),
        pytest.param(
            an_event(an_id(ZONES, "evil.privatelink.westeurope.azmk8s.io.example")), id="what only looks like AKS's"
        ),
        pytest.param(an_event(HUB, "Microsoft.Network/virtualNetworks/write"), id="another type of resource"),
        pytest.param(an_event(HUB), id="an operation that does not fit the resource"),
        pytest.param(an_event(operation="Microsoft.Network/privateDnsZones/join/action"), id="another operation"),
        pytest.param(an_event(kind="Microsoft.Resources.ResourceWriteFailure"), id="a write that failed"),
        pytest.param(an_event(kind="Microsoft.Resources.ResourceWriteCancel"), id="a write that was cancelled"),
        pytest.param(an_event("{cluster}", "", "Microsoft.ContainerService.NodePoolRollingStarted"), id="no resource"),
        pytest.param(an_event("", "", ""), id="nothing at all"),
        pytest.param(
            an_event(an_id(TABLES, "rt"), f"{TABLES}/write"),
            id="a route table of somebody's",
        ),
        pytest.param(
            an_event(an_id(SUBNETS, "nodes"), "Microsoft.Network/virtualNetworks/subnets/write"),
            id="a subnet: its cluster's own event and watch tell",
        ),
        pytest.param(an_event(an_id(ENDPOINTS, "blob"), f"{ENDPOINTS}/write"), id="an endpoint of another service"),
        pytest.param(
            an_event(an_id(ENDPOINTS, "my-kube-apiserver"), f"{ENDPOINTS}/write"), id="one with a longer name"
        ),
        pytest.param(an_event(an_id(BALANCERS, "kubernetes"), f"{BALANCERS}/write"), id="a cluster's own balancer"),
        pytest.param(an_event(an_id(NICS, "vm-1"), f"{NICS}/write"), id="a virtual machine's NIC"),
        pytest.param(
            an_event(CUSTOM_ZONE.child("A", "prod"), "Microsoft.Network/privateDnsZones/A/write"),
            id="a record of a custom zone, which tells no cluster",
        ),
    ],
)
def test_what_does_not_concern_us_is_nothing(event: Event) -> None:
    assert triage(event, AT) is None


@pytest.mark.parametrize(
    ("subject", "operation", "target", "why"),
    [
        pytest.param(an_id(ENDPOINTS, "kube-apiserver"), ENDPOINTS, GROUP, "endpoint-written", id="its endpoint"),
        pytest.param(an_id(ENDPOINTS, "KUBE-APISERVER"), ENDPOINTS, GROUP, "endpoint-written", id="in another case"),
        pytest.param(an_id(BALANCERS, "kube-apiserver"), BALANCERS, GROUP, "endpoint-written", id="its balancer"),
        pytest.param(an_id(NICS, "kube-apiserver.nic.1"), NICS, GROUP, "interface-written", id="its NIC"),
        pytest.param(ZONE.child("A", "p"), "Microsoft.Network/privateDnsZones/A", ZONE, "record-written", id="record"),
    ],
)
def test_what_may_have_moved_an_api_server_wakes_a_pass_on_its_cluster(
    subject: ResourceId, operation: str, target: ResourceId, why: str
) -> None:
    work = triage(an_event(subject, f"{operation}/write"), AT)
    assert work is not None
    assert (work.target, work.row, work.why) == (target, ZONE.group_id if target == ZONE else GROUP, why)


@pytest.mark.parametrize(
    "subject", ["", "x", "/subscriptions/../resourceGroups/x", f"{ZONE}/../other", f"{ZONE}\nforged"]
)
def test_a_zone_write_that_names_no_resource_says_so(subject: str) -> None:
    with pytest.raises(InvalidResourceIdError):
        triage(an_event(subject), AT)


def test_every_row_of_the_table_has_an_operation_of_its_own_type() -> None:
    for kind, operation, event_type in TABLE:
        assert operation.startswith(f"{kind}/")
        assert event_type.startswith("microsoft.resources.resource")
        assert (kind + operation + event_type).islower()


def grid(**fields: Any) -> func.EventGridEvent:
    given = {
        "id": "e-1",
        "data": {"operationName": ZONE_WRITE},
        "topic": "/t",
        "subject": str(ZONE),
        "event_type": WRITTEN,
        "event_time": datetime(2026, 11, 20, tzinfo=UTC),
        "data_version": "2",
        **fields,
    }
    return func.EventGridEvent(**given)


def test_both_schemas_give_the_same_event() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    cloud = func.CloudEvent(
        id="e-1",
        source="/t",
        type=WRITTEN,
        specversion="1.0",
        data={"operationName": ZONE_WRITE},
        time=at,
        subject=str(ZONE),
    )
    assert event_of(grid()) == event_of(cloud) == Event("e-1", WRITTEN, str(ZONE), ZONE_WRITE, at.timestamp())


@pytest.mark.parametrize(
    "fields",
    [
        {"data": None},
        {"data": []},
        {"data": "text"},
        {"data": {"operationName": 7}},
        {"data": {}},
        {"subject": None},
        {"event_type": None},
        {"event_time": None, "data": {}},
        {"id": None, "data": {}},
    ],
)
def test_missing_and_odd_fields_are_no_work_and_no_error(fields: dict[str, Any]) -> None:
    event = event_of(grid(**fields))
    if event.operation and event.type and not event.subject:
        with pytest.raises(InvalidResourceIdError):
            triage(event, AT)
    else:
        assert triage(event, AT) is None


def test_an_event_without_a_time_counts_from_now() -> None:
    work = triage(event_of(grid(event_time=None)), AT)
    assert work is not None
    assert work.since == AT
