"""What Tether's authors could not read anywhere, and what Azure answers when asked: links, zones and records.

Each question is asked once, in the ground alone, and says what Tether takes for granted until it is answered.
"""

from collections.abc import Awaitable, Callable

from functions.arm.reads import PRIVATE_DNS_API
from functions.arm.resource_id import ResourceId
from smoke.ground import Ground
from smoke.report import Answer
from smoke.wire import Told, ended_well

type Question = Callable[[Ground], Awaitable[Answer]]

_LINKING = 600.0  # seconds that a link may take


def _link(ground: Ground, name: str = "asked") -> ResourceId:
    return ground.zone.child("virtualNetworkLinks", name)


def _link_body(ground: Ground) -> object:
    network = {"id": str(ground.other)}
    return {"location": "global", "properties": {"virtualNetwork": network, "registrationEnabled": False}}


def _shown(calls: list[Told]) -> list[dict[str, object]]:
    """The calls, without the polls between the first and the last that say the same as the one before."""
    kept: list[Told] = []
    for told in calls:
        if not kept or (told.path, told.status, told.body) != (kept[-1].path, kept[-1].status, kept[-1].body):
            kept.append(told)
    return [told.shown() for told in kept]


async def link_form(ground: Ground) -> Answer:
    """Leaves the link, which the questions after this one need."""
    wire = ground.wire
    began = wire.now()
    put = await wire.send("PUT", str(_link(ground)), PRIVATE_DNS_API, _link_body(ground), {"If-None-Match": "*"})
    read = await wire.send("GET", str(_link(ground)), PRIVATE_DNS_API)
    polls = await wire.follow(put, _LINKING)
    after = await wire.send("GET", str(_link(ground)), PRIVATE_DNS_API)
    pause = put.headers.get("retry-after", "none")
    states = " → ".join(dict.fromkeys(poll.state or str(poll.status) for poll in polls)) or "no operation"
    said = (
        f"PUT {put.status}, Retry-After {pause}; read at once: {read.status} "
        f"{read.properties.get('virtualNetworkLinkState', '')}; polls: {states}; after {wire.now() - began:.0f} s "
        f"{after.properties.get('virtualNetworkLinkState', after.said)}"
    )
    assumed = put.status == 202 and "azure-asyncoperation" in put.headers and ended_well(put, polls)
    return Answer("link form", "How is a link made?", said, assumed, _shown([put, read, *polls, after]))


async def link_exists(ground: Ground) -> Answer:
    put = await ground.wire.send("PUT", str(_link(ground)), PRIVATE_DNS_API, _link_body(ground), {"If-None-Match": "*"})
    polls = await ground.wire.follow(put, _LINKING)
    last = (polls or [put])[-1]
    said = f"PUT {put.said}, then {last.status} {last.state} {last.code}"
    assumed = put.status == 202 and last.state == "failed" and last.code == "PreconditionFailed"
    return Answer(
        "link exists", "What says If-None-Match: * to a link that is there?", said, assumed, _shown([put, *polls])
    )


async def link_twice(ground: Ground) -> Answer:
    second = str(_link(ground, "asked-again"))
    put = await ground.wire.send("PUT", second, PRIVATE_DNS_API, _link_body(ground))
    polls = await ground.wire.follow(put, _LINKING)
    last = (polls or [put])[-1]
    assumed = last.code == "Conflict"
    said = f"PUT {put.said}, then {last.status} {last.state} {last.code}"
    return Answer(
        "link twice", "And a second link to the same VNet, under another name?", said, assumed, _shown([put, *polls])
    )


async def record_with_link(ground: Ground) -> Answer:
    """As AKS writes and removes its A record while our link is on the zone."""
    record = str(ground.zone.child("A", "asked"))
    body = {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.254.1.4"}]}}
    put = await ground.wire.send("PUT", record, PRIVATE_DNS_API, body)
    again = await ground.wire.send("PUT", record, PRIVATE_DNS_API, body, {"If-None-Match": "*"})
    gone = await ground.wire.send("DELETE", record, PRIVATE_DNS_API)
    said = f"PUT {put.said}; PUT with If-None-Match: * {again.said}; DELETE {gone.said}"
    assumed = put.ok and again.status == 412 and gone.ok
    return Answer(
        "record and link", "Can a record come and go in a zone with a link?", said, assumed, _shown([put, again, gone])
    )


async def zone_with_link(ground: Ground) -> Answer:
    """As AKS deletes the zone of a cluster that goes, if our link were still on it."""
    told = await ground.wire.send("DELETE", str(ground.zone), PRIVATE_DNS_API)
    polls = await ground.wire.follow(told, _LINKING)
    last = (polls or [told])[-1]
    said = f"DELETE {told.said}" + (f", then {last.status} {last.state} {last.code}" if polls else "")
    assumed = last.code == "CannotDeleteResource"
    return Answer("zone and link", "Can a zone be deleted with a link on it?", said, assumed, _shown([told, *polls]))


async def link_deleted(ground: Ground) -> Answer:
    link = str(_link(ground))
    wrong = await ground.wire.send("DELETE", link, PRIVATE_DNS_API, headers={"If-Match": '"none-of-its-own"'})
    wrong_polls = await ground.wire.follow(wrong, _LINKING)
    told = await ground.wire.send("DELETE", link, PRIVATE_DNS_API)
    began, polls = told.at, await ground.wire.follow(told, _LINKING)
    refused = (wrong_polls or [wrong])[-1]
    seconds = ground.wire.now() - began
    said = (
        f"with another ETag: {wrong.said}, then {refused.state or refused.status} {refused.code}; "
        f"without: {told.said}, Retry-After {told.headers.get('retry-after', 'none')}, gone after {seconds:.0f} s"
    )
    assumed = not ended_well(wrong, wrong_polls) and ended_well(told, polls)
    calls = [wrong, *wrong_polls, told, *polls]
    return Answer("link deleted", "How does a link go, and does If-Match protect it?", said, assumed, _shown(calls))


OF_ZONES: tuple[Question, ...] = (link_form, link_exists, link_twice, record_with_link, zone_with_link, link_deleted)
"""In this order: the first makes the link that the others need, the last removes it."""
