"""Where the API server is, for every way in which its pieces can stand."""

import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import addresses_in
from functions.fleet.address import ApiServer, Pieces, locate
from functions.fleet.endpoint import RecordSet, RecordSetProperties
from functions.fleet.model import AccessProfile, ManagedCluster, PowerState
from functions.fleet.observe_address import record_id
from tests.unit.api_servers import a_balancer, a_nic, an_endpoint, records
from tests.unit.worlds import CUSTOM_ZONE, GUID, ZONE, a_cluster, an_id

OTHER_CLUSTER = an_id("Microsoft.ContainerService/managedClusters", "other", "apps")
SERVICE = an_id("Microsoft.Network/privateLinkServices", "aks-internal", "infra")

MAKING, UP = a_cluster(), a_cluster(state="Succeeded")
STOPPED = a_cluster(state="Succeeded", power_state=PowerState(code="Stopped"))


def integrated(state: str = "Succeeded") -> ManagedCluster:
    cluster = a_cluster(state=state)
    return ManagedCluster(
        id=cluster.id,
        location=cluster.location,
        properties=type(cluster.properties)(
            provisioning_state=state,
            private_fqdn=cluster.properties.private_fqdn,
            node_resource_group=cluster.properties.node_resource_group,
            api_server_access_profile=AccessProfile(enable_private_cluster=True, enable_vnet_integration=True),
        ),
    )


def told(server: ApiServer) -> str:
    return server.doubt.value if server.doubt else server.text


@pytest.mark.parametrize(
    ("cluster", "pieces", "expected"),
    [
        pytest.param(UP, Pieces(an_endpoint("10.1.0.4"), a_nic("10.1.0.4")), "10.1.0.4", id="endpoint and NIC agree"),
        pytest.param(UP, Pieces(an_endpoint(), a_nic("10.1.0.4")), "10.1.0.4", id="the endpoint has told nothing yet"),
        pytest.param(UP, Pieces(an_endpoint(leads_to=SERVICE), a_nic("10.1.0.4")), "10.1.0.4", id="a service of AKS's"),
        pytest.param(UP, Pieces(an_endpoint(leads_to=""), a_nic("10.1.0.4")), "10.1.0.4", id="no service named"),
        pytest.param(UP, Pieces(an_endpoint(), a_nic("fd00::4", "10.1.0.4")), "10.1.0.4 fd00::4", id="dual stack"),
        pytest.param(UP, Pieces(an_endpoint("10.1.0.5"), a_nic("10.1.0.4")), "disagree", id="endpoint and NIC differ"),
        pytest.param(UP, Pieces(an_endpoint(), a_nic("10.1.0.4", "10.1.0.5")), "several", id="two of one version"),
        pytest.param(UP, Pieces(an_endpoint(), a_nic("here")), "disagree", id="an address that is none"),
        pytest.param(UP, Pieces(an_endpoint(leads_to=OTHER_CLUSTER), a_nic("10.1.0.4")), "anothers", id="of another"),
        pytest.param(UP, Pieces(an_endpoint(status="Rejected"), a_nic("10.1.0.4")), "not-approved", id="rejected"),
        pytest.param(UP, Pieces(an_endpoint(status="Pending"), a_nic("10.1.0.4")), "not-approved", id="never approved"),
        pytest.param(
            MAKING, Pieces(an_endpoint(status="Pending"), a_nic("10.1.0.4")), "not-yet", id="not approved yet"
        ),
        pytest.param(UP, Pieces(), "missing", id="nothing there"),
        pytest.param(MAKING, Pieces(), "not-yet", id="nothing there while AKS makes it"),
        pytest.param(STOPPED, Pieces(), "stopped", id="nothing there while the cluster is stopped"),
        pytest.param(UP, Pieces(an_endpoint()), "missing", id="no NIC"),
        pytest.param(MAKING, Pieces(an_endpoint(), a_nic(None)), "not-yet", id="a NIC without an address yet"),
        pytest.param(integrated(), Pieces(balancer=a_balancer("10.1.2.4")), "10.1.2.4", id="a frontend"),
        pytest.param(
            integrated(), Pieces(balancer=a_balancer(None, "10.1.2.4")), "10.1.2.4", id="not the first frontend"
        ),
        pytest.param(
            integrated(), Pieces(balancer=a_balancer("10.1.2.4", "fd00::4")), "10.1.2.4 fd00::4", id="dual frontends"
        ),
        pytest.param(integrated(), Pieces(balancer=a_balancer("10.1.2.4", "10.1.2.5")), "several", id="two frontends"),
        pytest.param(
            integrated("Updating"), Pieces(an_endpoint(), a_nic("10.1.0.4")), "not-yet", id="a conversion under way"
        ),
        pytest.param(integrated(), Pieces(), "missing", id="no load balancer"),
    ],
)
def test_where_the_api_server_is(cluster: ManagedCluster, pieces: Pieces, expected: str) -> None:
    server = locate(cluster, pieces)
    assert told(server) == expected
    assert bool(server.addresses) is (server.doubt is None)
    assert server.said


@pytest.mark.parametrize(
    ("published", "known", "lags"),
    [
        pytest.param(("10.1.0.4",), True, False, id="the same"),
        pytest.param(("10.1.0.9",), True, True, id="the old one"),
        pytest.param((), True, False, id="none yet"),
        pytest.param((), False, False, id="nobody asked"),
    ],
)
def test_akss_own_record_may_lag_behind_the_network(published: tuple[str, ...], known: bool, lags: bool) -> None:
    server = locate(UP, Pieces(an_endpoint(), a_nic("10.1.0.4"), None, records(*published), records_known=known))
    assert server.lags is lags
    assert server.addresses == addresses_in(["10.1.0.4"])


def test_how_long_akss_own_record_may_be_kept_is_known() -> None:
    (held,) = records("10.1.0.9")
    long = RecordSet(id=held.id, properties=RecordSetProperties(ttl=3600, a_records=held.properties.a_records))
    assert locate(UP, Pieces(an_endpoint(), a_nic("10.1.0.4"), None, (held, long), records_known=True)).ttl == 3600
    assert locate(UP, Pieces(an_endpoint(), a_nic("10.1.0.4"))).ttl == 0


@pytest.mark.parametrize(
    ("zone", "private_fqdn", "name"),
    [
        pytest.param(ZONE, f"prod-1.{GUID}.privatelink.westeurope.azmk8s.io", "prod-1", id="a system zone"),
        pytest.param(ZONE, f"PROD-1.{GUID.upper()}.privatelink.westeurope.azmk8s.io.", "prod-1", id="in another case"),
        pytest.param(CUSTOM_ZONE, "team.privatelink.westeurope.azmk8s.io", "team", id="a custom zone"),
        pytest.param(CUSTOM_ZONE, "evilprivatelink.westeurope.azmk8s.io", None, id="a name that only ends alike"),
        pytest.param(CUSTOM_ZONE, "privatelink.westeurope.azmk8s.io", None, id="the zone's own name"),
        pytest.param(None, "prod.hcp.westeurope.azmk8s.io", None, id="no zone"),
    ],
)
def test_akss_record_is_the_private_name_in_its_zone(zone: ResourceId | None, private_fqdn: str, name: str) -> None:
    record = record_id(a_cluster(private_fqdn=private_fqdn), zone, "A")
    assert (record and record.name) == name
