"""The shapes of cluster of the stories are those that were recorded, and the local AKS fills in what AKS filled in."""

from typing import Any

import pytest

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.store import Json
from localazure.virtual_time import run
from localazure.world import cluster_request, hub_and_spoke
from tests.fidelity.aks_replay import Replay
from tests.fidelity.recorded_traffic import recording
from tests.scenarios.cluster_shapes import SHAPES, Shape, shaped

RECORDED = [shape for shape in SHAPES.values() if shape.recorded]

# What the network of a cluster, and the reach of a zone, depend on.
PARTS = ("apiServerAccessProfile", "hostedSystemProfile", "nodeResourceGroupProfile", "windowsProfile")
NETWORK = (
    "networkPlugin",
    "networkPluginMode",
    "networkDataplane",
    "outboundType",
    "podCidr",
    "podCidrs",
    "ipFamilies",
)


def facts(body: Json) -> dict[str, Any]:
    """What matters here of a cluster's body, as PUT or as printed."""
    properties, network = body["properties"], body["properties"].get("networkProfile") or {}
    pools = properties.get("agentPoolProfiles")
    return {
        "sku": (body.get("sku") or {}).get("name", "Base"),
        "kind": body.get("kind", "Base"),
        "identity": (body.get("identity") or {}).get("type"),
        "pools": None if pools is None else [bool(pool.get("vnetSubnetID")) for pool in pools],
        **{part: properties.get(part) for part in PARTS},
        **{key: network.get(key) for key in NETWORK},
    }


def put(shape: Shape) -> tuple[Json, Json]:
    """The recorded PUT that made a cluster of a shape, and AKS's answer."""
    exchanges = recording(f"aks/{shape.recorded}").exchanges
    made = next(one for one in exchanges if one["request"]["method"] == "PUT" and one["response"]["status"] == 201)
    return made["request"]["body"], made["response"]["body"]


@pytest.mark.parametrize("shape", RECORDED, ids=[shape.name for shape in RECORDED])
def test_the_local_aks_fills_in_a_recorded_shape_as_aks_did(shape: Shape) -> None:
    sent, theirs = put(shape)

    async def story() -> None:
        azure = LocalAzure(seed=3)
        replay = Replay(azure, InProcessTransport(arm_app(azure)))
        network = {"networkPlugin": facts(theirs)["networkPlugin"], **sent["properties"].get("networkProfile", {})}
        wanted = {**sent, "properties": {**sent["properties"], "networkProfile": network}}
        url = f"https://management.azure.com{theirs['id']}?api-version=2025-09-02-preview"
        replay.prepare_request(url, wanted)
        answer = await replay.send("PUT", url, wanted)
        assert answer.status_code == 201
        assert facts(answer.json()) == facts(theirs)
        await replay.settle()
        await azure.close()

    run(story())


@pytest.mark.parametrize("shape", RECORDED, ids=[shape.name for shape in RECORDED])
def test_the_stories_ask_for_a_recorded_shape_as_its_recording_did(shape: Shape) -> None:
    theirs = facts(put(shape)[0])

    async def story() -> None:
        azure = LocalAzure(seed=3)
        world = hub_and_spoke(azure)
        ours = facts(shaped(azure, world, shape)(cluster_request(world.node_subnet, world.location)))
        for fact in ("sku", "kind", "identity", "pools", "hostedSystemProfile"):
            assert ours[fact] == theirs[fact]
        await azure.close()

    run(story())
