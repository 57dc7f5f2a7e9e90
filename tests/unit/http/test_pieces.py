"""What lies around a cluster, read from bodies as Azure sent them."""

import json
from typing import Any

import msgspec
import pytest

from functions.arm.errors import ArmError, NoAnswerError
from functions.fleet.model import AccessProfile, ManagedCluster
from functions.http import pieces
from functions.http.detail_answer import ShownEndpoint
from tests.fidelity.recorded_traffic import recording
from tests.unit.api_servers import NIC_ID
from tests.unit.worlds import NODE_GROUP, ZONE, a_cluster


class Recorded:
    """ARM, with one answer for everything."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def get(self, path: str, _: str) -> bytes:
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def body(name: str, exchange: int) -> Any:
    return Recorded(json.dumps(recording(name).exchanges[exchange]["response"]["body"]).encode())


def _with(profile: AccessProfile) -> ManagedCluster:
    cluster = a_cluster()
    return msgspec.structs.replace(
        cluster, properties=msgspec.structs.replace(cluster.properties, api_server_access_profile=profile)
    )


PRIVATE_LINK = _with(AccessProfile(enable_private_cluster=True))
INTEGRATED = _with(AccessProfile(enable_private_cluster=True, enable_vnet_integration=True))
PUBLIC = _with(AccessProfile(enable_private_cluster=False))


@pytest.mark.parametrize(
    ("cluster", "mode"),
    [
        pytest.param(PRIVATE_LINK, "private-link", id="private"),
        pytest.param(INTEGRATED, "vnet-integration", id="private, in the VNet itself"),
        pytest.param(_with(AccessProfile(enable_vnet_integration=True)), "vnet-integration", id="public, in the VNet"),
        pytest.param(PUBLIC, "public", id="public"),
    ],
)
def test_how_the_api_server_is_reached(cluster: ManagedCluster, mode: str) -> None:
    assert pieces.access_mode(cluster) == mode


async def test_an_endpoint_leads_to_its_interfaces() -> None:
    arm = body("network/private-endpoint-with-dns-zone-group-full-flow", 9)
    endpoint = (await pieces.endpoint(arm, PRIVATE_LINK)).value
    assert endpoint is not None
    assert (endpoint.provisioning_state, len(endpoint.network_interfaces)) == ("Succeeded", 1)
    assert arm.asked[0].endswith(
        f"/resourceGroups/{NODE_GROUP}/providers/Microsoft.Network/privateEndpoints/kube-apiserver"
    )


async def test_with_vnet_integration_the_load_balancer_has_the_address() -> None:
    arm = body("network/load-balancer-internal-get", 0)
    assert (await pieces.balancer(arm, INTEGRATED)).value == ("10.0.0.4",)
    assert arm.asked[0].endswith("/Microsoft.Network/loadBalancers/kube-apiserver")


@pytest.mark.parametrize("cluster", [PUBLIC, PRIVATE_LINK])
async def test_a_load_balancer_is_looked_for_only_where_there_is_one(cluster: ManagedCluster) -> None:
    arm: Any = Recorded(b"{}")
    assert await pieces.balancer(arm, cluster) == pieces.Piece("loadBalancer")
    assert arm.asked == []


async def test_a_record_is_read_with_its_addresses() -> None:
    arm = body("privatedns/a-record-crud", 8)
    record = (await pieces.record(arm, a_cluster(private_fqdn=f"prod-1.{ZONE.name}"), ZONE)).value
    assert record is not None
    assert record.ttl > 0
    assert arm.asked == [f"{ZONE}/A/prod-1"]


@pytest.mark.parametrize("fqdn", ["", ZONE.name, f"evil{ZONE.name}", "prod.example.com", f"a/../b.{ZONE.name}"])
async def test_a_name_that_does_not_lie_in_the_zone_is_not_asked_for(fqdn: str) -> None:
    arm: Any = Recorded(b"{}")
    assert (await pieces.record(arm, a_cluster(private_fqdn=fqdn), ZONE)).value is None
    assert arm.asked == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(ArmError(404, "ResourceNotFound", "gone"), "", id="what is not there needs no reason"),
        pytest.param(ArmError(403, "AuthorizationFailed", "no"), "AuthorizationFailed: no", id="a refusal is told"),
        pytest.param(NoAnswerError("nothing came"), "nothing came", id="so is silence"),
    ],
)
async def test_a_piece_that_cannot_be_read_spoils_no_other(answer: Exception, why: str) -> None:
    arm: Any = Recorded(answer)
    nic = ShownEndpoint(id="/e", provisioning_state="Succeeded", network_interfaces=(str(NIC_ID),))
    assert (await pieces.endpoint(arm, PRIVATE_LINK)).why == why
    assert (await pieces.interfaces(arm, nic)).why == why
    assert (await pieces.balancer(arm, INTEGRATED)).why == why


async def test_a_body_that_is_no_such_thing_is_told_too() -> None:
    arm: Any = Recorded(b"<html>")
    assert "documentation" in (await pieces.endpoint(arm, PRIVATE_LINK)).why
