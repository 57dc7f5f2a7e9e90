"""The same for subnets and for Resource Graph."""

import asyncio

from functions.arm.resource_id import ResourceId
from functions.arm.subnets import API
from smoke.ground import Ground
from smoke.questions import Question
from smoke.report import Answer
from smoke.wire import Told, ended_well

_WRITING = 300.0  # seconds that a subnet may take
_GRAPH_API = "2024-04-01"
_GRAPH_WAIT, _GRAPH_PAUSE = 180.0, 5.0  # seconds

_READ_ONLY = ("provisioningState", "ipConfigurations", "privateEndpoints", "purpose")


def _subnet(ground: Ground, name: str = "one") -> ResourceId:
    return ground.other.child("subnets", name)


async def _read(ground: Ground, name: str = "one") -> Told:
    return await ground.wire.send("GET", str(_subnet(ground, name)), API)


async def _write(
    ground: Ground, seen: Told, change: dict[str, object], etag: str = "", name: str = "one"
) -> tuple[Told, list[Told]]:
    """PUT a subnet as it was seen with something changed, and see it to its end."""
    kept = {key: value for key, value in seen.properties.items() if key not in _READ_ONLY}
    headers = {"If-Match": etag} if etag else None
    body = {"properties": {**kept, **change}}
    told = await ground.wire.send("PUT", str(_subnet(ground, name)), API, body, headers)
    return told, await ground.wire.follow(told, _WRITING)


async def subnet_etag(ground: Ground) -> Answer:
    """Writes the subnet, so that the ETag that was read before is no longer its own; then writes with that one."""
    before = await _read(ground)
    first, polls = await _write(ground, before, {"privateEndpointNetworkPolicies": "Enabled"})
    again, more = await _write(ground, before, {"privateEndpointNetworkPolicies": "Disabled"}, before.etag)
    enforced = again.status == 412
    said = f"ETag {before.etag[:3]}…; PUT with one that is out of date: {again.said}: " + (
        "it is enforced" if enforced else "it is not enforced"
    )
    if not ended_well(first, polls) or (not enforced and not ended_well(again, more)):
        said = f"not told: {first.said}, {again.said}"
        return Answer("subnet ETag", _ETAG, said, None, [told.shown() for told in (first, again)])
    return Answer("subnet ETag", _ETAG, said, None, [told.shown() for told in (before, first, *polls, again, *more)])


_ETAG = "Does a subnet's PUT keep to If-Match? (Tether reads before and beside its write, whatever the answer.)"


async def subnet_failed(ground: Ground) -> Answer:
    """A PUT that names a route table that is not there."""
    table = f"{ground.group}/providers/Microsoft.Network/routeTables/not-there"
    before = await _read(ground)
    told, polls = await _write(ground, before, {"routeTable": {"id": table}})
    after = await _read(ground)
    kept = "as before" if _settled(before) == _settled(after) else "changed"
    state = after.properties.get("provisioningState")
    refused = (polls or [told])[-1]
    ended = f"{refused.state or refused.status} {refused.code}"
    said = f"PUT {told.said}, then {ended}; the subnet is {state}, otherwise {kept}"
    calls = [told.shown() for told in (told, *polls, after)]
    assumed = not ended_well(told, polls) and not after.properties.get("routeTable")
    return Answer("subnet failed", "What does a subnet show after a write that failed?", said, assumed, calls)


async def subnets_at_once(ground: Ground) -> Answer:
    """Two subnets of one VNet, written at the same moment."""
    seen = await asyncio.gather(_read(ground, "one"), _read(ground, "two"))
    wrote = await asyncio.gather(
        *(
            _write(ground, each, {"privateLinkServiceNetworkPolicies": "Disabled"}, name=name)
            for each, name in zip(seen, ("one", "two"), strict=True)
        )
    )
    firsts = [told for told, _ in wrote]
    pauses = [told.headers.get("retry-after") for told in firsts if not told.ok]
    said = f"{' and '.join(told.said for told in firsts)}; Retry-After of what was refused: {pauses or 'nothing was'}"
    assumed = all(told.ok or told.status in {409, 429} for told in firsts)
    calls = [told.shown() for told in firsts]
    return Answer("subnets at once", "What says a VNet that is being written?", said, assumed, calls)


async def graph_lag(ground: Ground) -> Answer:
    """How long until Resource Graph shows a tag that was just written on the throw-away VNet."""
    wire = ground.wire
    vnet = str(ground.other)
    held = await wire.send("GET", vnet, API)
    await wire.send("PATCH", vnet, API, {"tags": {**(held.body.get("tags") or {}), "asked": ground.run}})
    began = wire.now()
    text = f"resources | where id =~ '{vnet}' | project id, tags"
    told = None
    while wire.now() < began + _GRAPH_WAIT:
        body = {"query": text, "subscriptions": [ground.subscription], "options": {"resultFormat": "objectArray"}}
        told = await wire.send("POST", "/providers/Microsoft.ResourceGraph/resources", _GRAPH_API, body)
        rows = told.body.get("data", []) if told.ok else []
        if any((row.get("tags") or {}).get("asked") == ground.run for row in rows):
            return Answer("graph lag", _LAG, f"after {wire.now() - began:.0f} s", None, [told.shown()])
        await wire.sleep(_GRAPH_PAUSE)
    said = f"not within {_GRAPH_WAIT:.0f} s" + (f" ({told.said})" if told and not told.ok else "")
    return Answer("graph lag", _LAG, said, None)


_LAG = "When does Resource Graph show a change? (The sweep reads it; no write comes from it.)"


def _settled(told: Told) -> dict[str, object]:
    return {key: value for key, value in told.properties.items() if key not in {"provisioningState", "etag"}}


OF_NETWORKS: tuple[Question, ...] = (subnet_etag, subnet_failed, subnets_at_once, graph_lag)

UNASKED = (
    {
        "question": "Does AKS's deletion of a cluster end well with our link on its zone?",
        "needs": "a private cluster to delete; «zone and link» and «group and link» tell the half of it",
    },
    {
        "question": "Do filtered event subscriptions come minutes to hours late at times?",
        "needs": "a deployed app for some weeks: compare an event's time with its first log line (docs/operating.md)",
    },
    {
        "question": "Which suffix do new API servers of US Government have, azmk8s.us or the older one?",
        "needs": "a private cluster there, made now",
    },
    {
        "question": "After how long does a node give up that resolves the name but cannot connect (exit status 51)?",
        "needs": "a private cluster whose node subnet blocks TCP 443",
    },
    {
        "question": "What says AKS to a PUT whose If-Match is out of date, and to one of a stopped cluster?",
        "needs": "a cluster that may be written twice and stopped",
    },
    {
        "question": "Which part of a Run Command's output is kept beyond 512 kB, and how is one refused?",
        "needs": "a cluster that runs commands",
    },
    {
        "question": "Does any link from a custom zone to the cluster's VNet do for AKS, or only its own?",
        "needs": "a private cluster with a custom zone that is linked beforehand",
    },
    {
        "question": "What keeps a subnet of a write that failed after Azure had accepted it?",
        "needs": "an outage, or a lock of Azure's: no request makes it fail so",
    },
    {
        "question": "Where does the load balancer stand that VNet integration makes without a subnet of its own?",
        "needs": "a cluster with API Server VNet Integration and no subnetId",
    },
)
"""What cannot be asked in a resource group without a cluster, and what it would need."""
