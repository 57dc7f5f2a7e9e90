"""Tether's two writes of clusters and subnets, each carried out against an ARM that answers with recorded bytes."""

import asyncio
import json
from typing import Any

from functions.arm.resource_id import ResourceId
from functions.handlers import failed_clusters, route_tables
from functions.handlers.verdict import Action, Change, Outcome, Reputting, Routing
from tests.fidelity.recorded_arm import RecordedArm, shows
from tests.fidelity.recorded_traffic import recording

type Json = dict[str, Any]

AT = 1_800_000_000.0


def a_subnet() -> Json:
    """A recorded subnet with neither a route table nor company."""
    return recording("network/subnet-set-then-unset-network-security-group").exchanges[17]["response"]["body"]


def a_failed_cluster() -> Json:
    """A recorded kubenet cluster, as it would be had its creation failed."""
    body = recording("aks/kubenet-byo-subnet-create").exchanges[2]["response"]["body"]
    return {**body, "properties": {**body["properties"], "provisioningState": "Failed"}}


def attach(*, put: Json, get: Json | None = None) -> tuple[Outcome, RecordedArm]:
    """Give the subnet a route table: what `put` answers, and `get`, unless the subnet is shown."""
    body = a_subnet()
    subnet = ResourceId(body["id"])
    table = ResourceId(f"{subnet.group_id}/providers/Microsoft.Network/routeTables/aks-agentpool-12345678-routetable")
    change = Change(
        route_tables.HANDLER,
        subnet,
        Action.CREATE,
        Routing(subnet, table, json.dumps(body).encode()),
        reason="it was recorded",
        before="",
        after="",
    )
    arm = RecordedArm({"GET": [get or shows(body)], "PUT": [put]})
    return asyncio.run(route_tables.apply(change, arm.means(), AT)), arm


def put_again(*, put: Json, get: Json | None = None) -> tuple[Outcome, RecordedArm]:
    """Put the cluster again: what `put` answers, and `get`, unless the cluster is shown."""
    body = a_failed_cluster()
    cluster = ResourceId(body["id"])
    change = Change(
        failed_clusters.HANDLER,
        cluster,
        Action.UPDATE,
        Reputting(body["eTag"], AT - 1200, 1),
        reason="it was recorded",
        before="",
        after="",
    )
    arm = RecordedArm({"GET": [get or shows(body)], "PUT": [put]})
    return asyncio.run(failed_clusters.apply(change, arm.means(), AT)), arm
