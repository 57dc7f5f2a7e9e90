"""Writing a subnet's route table loses nothing that the subnet had, whatever that is."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm import subnets
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.session import Session
from functions.arm.subnets import AnotherWriterError, ChangedMeanwhileError
from localazure.in_process import InProcessTransport
from tests.scenarios.story import Token
from tests.unit.subnets import FIREWALLS, NODES_NIC, SUBNET, TABLE

type Json = dict[str, Any]

PATH = "https://management.azure.com/operations/1"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REFERENCE = st.builds(lambda name: {"id": f"{SUBNET}/x/{name}"}, st.sampled_from("abc"))

# Every property that a subnet may have by the SDK's models, and any that nobody has thought of yet.
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        "addressPrefix": st.just("10.1.0.0/24"),
        "addressPrefixes": st.just(["10.1.0.0/24", "fd00:1::/64"]),
        "networkSecurityGroup": REFERENCE,
        "natGateway": REFERENCE,
        "serviceEndpoints": st.lists(st.fixed_dictionaries({"service": st.text(), "locations": st.just(["*"])})),
        "serviceEndpointPolicies": st.lists(REFERENCE),
        "ipAllocations": st.lists(REFERENCE),
        "delegations": st.lists(st.fixed_dictionaries({"name": st.text(), "properties": VALUES})),
        "privateEndpointNetworkPolicies": st.sampled_from(["Enabled", "Disabled", "RouteTableEnabled"]),
        "privateLinkServiceNetworkPolicies": st.sampled_from(["Enabled", "Disabled"]),
        "applicationGatewayIPConfigurations": st.lists(REFERENCE),
        "sharingScope": st.just("Tenant"),
        "defaultOutboundAccess": st.booleans(),
        "ipamPoolPrefixAllocations": st.lists(st.fixed_dictionaries({"numberOfIpAddresses": st.text()})),
        "serviceGateway": REFERENCE,
    },
)
READ_ONLY = {
    "provisioningState": "Succeeded",
    "ipConfigurations": [{"id": NODES_NIC}],
    "ipConfigurationProfiles": [],
    "privateEndpoints": [],
    "purpose": "x",
    "resourceNavigationLinks": [],
    "serviceAssociationLinks": [],
}
UNKNOWN = st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda name: name not in READ_ONLY), VALUES)


def a_body(properties: Json, etag: str = 'W/"1"') -> bytes:
    return json.dumps({"id": str(SUBNET), "name": "nodes", "etag": etag, "properties": properties}).encode()


@given(KNOWN, UNKNOWN, UNKNOWN, st.booleans())
def test_before_and_after_differ_in_the_route_table_alone(known: Json, new: Json, outer: Json, ordered: bool) -> None:
    held = {**READ_ONLY, **new, **known} if ordered else {**known, **new, **READ_ONLY}
    held.pop("routeTable", None)
    subnet = {**outer, "id": str(SUBNET), "name": "nodes", "etag": 'W/"1"', "properties": held}
    put = json.loads(subnets.with_table(json.dumps(subnet).encode(), TABLE))
    assert put["properties"].pop("routeTable") == {"id": str(TABLE)}
    assert put["properties"] == {name: value for name, value in held.items() if name not in READ_ONLY}
    assert {key: put[key] for key in put.keys() - {"properties"}} == {
        key: value for key, value in subnet.items() if key not in {"properties", "etag"}
    }


@given(KNOWN, UNKNOWN)
def test_what_the_journal_keeps_would_put_the_subnet_back(known: Json, new: Json) -> None:
    held = {**new, **known}
    assert json.loads(subnets.restorable(a_body({**READ_ONLY, **held}))) == {"properties": held}


@given(KNOWN, UNKNOWN)
def test_the_same_subnet_is_the_same_whatever_its_etag_and_another_is_not(known: Json, new: Json) -> None:
    held = {**new, **known}
    assert subnets.changed_parts(a_body(held), a_body(held, 'W/"2"')) == ()
    assert subnets.prints(a_body(held)) == subnets.prints(a_body({**held, **READ_ONLY}, 'W/"2"'))
    other = {**held, "addition": "x"} if held.get("addition") != "x" else {**held, "addition": "y"}
    assert subnets.changed_parts(a_body(held), a_body(other)) == ("addition",)


def an_arm(*reads: bytes, put: tuple[int, Json] = (200, {}), hears: list[tuple[str | None, Json]]) -> Any:
    """An ARM that shows a subnet as it is from read to read, and answers one PUT."""
    shown = list(reads)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        status, answer, headers = 200, b"", list[tuple[bytes, bytes]]()
        if scope["method"] == "GET":
            answer = shown.pop(0) if len(shown) > 1 else shown[0]
        else:
            given = {name.decode(): value.decode() for name, value in scope["headers"]}
            hears.append((given.get("if-match"), json.loads(message["body"])))
            status, answer = put[0], json.dumps(put[1]).encode()
            headers = [(b"azure-asyncoperation", PATH.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def attach(app: Any, seen: bytes) -> Any:
    session = Session(PUBLIC, TokenSource(Token()), InProcessTransport(app))  # type: ignore[arg-type]
    return asyncio.run(subnets.attach(session, SUBNET, seen, TABLE))


BASE: Json = {"addressPrefix": "10.1.0.0/24", "provisioningState": "Succeeded"}


def test_it_is_read_once_more_and_written_at_once_under_the_newest_etag() -> None:
    hears = list[tuple[str | None, Json]]()
    accepted = attach(an_arm(a_body(BASE, 'W/"7"'), hears=hears), a_body(BASE, 'W/"1"'))
    assert (accepted.address, accepted.pause) == (PATH, 10.0)
    ((if_match, body),) = hears
    assert if_match == 'W/"7"'
    assert body["properties"] == {"addressPrefix": "10.1.0.0/24", "routeTable": {"id": str(TABLE)}}


def test_the_client_is_there_before_the_read_that_the_write_relies_on() -> None:
    """Its first import takes half a second, in which anybody could write the subnet."""
    order = list[str]()

    class Watched(Session):
        def network(self, subscription: str) -> Any:
            order.append("client")
            return super().network(subscription)

        async def get(self, path: str, api_version: str) -> bytes:
            order.append("read")
            return await super().get(path, api_version)

    transport = InProcessTransport(an_arm(a_body(BASE), hears=[]))
    asyncio.run(subnets.attach(Watched(PUBLIC, TokenSource(Token()), transport), SUBNET, a_body(BASE), TABLE))  # type: ignore[arg-type]
    assert order[:2] == ["client", "read"]


@pytest.mark.parametrize(
    "now",
    [
        pytest.param({**BASE, "natGateway": {"id": "x"}}, id="a NAT gateway more"),
        pytest.param({**BASE, "routeTable": {"id": str(FIREWALLS)}}, id="a route table of somebody's"),
        pytest.param({**BASE, "ipConfigurations": [{"id": "x"}]}, id="a machine more"),
        pytest.param({**BASE, "provisioningState": "Updating"}, id="somebody at work"),
    ],
)
def test_a_subnet_that_is_not_what_was_judged_is_not_written(now: Json) -> None:
    hears = list[tuple[str | None, Json]]()
    with pytest.raises(ChangedMeanwhileError):
        attach(an_arm(a_body(now), hears=hears), a_body(BASE))
    assert hears == []


@pytest.mark.parametrize(
    ("meanwhile", "parts"),
    [
        pytest.param({"natGateway": {"id": "x"}}, ("natGateway",), id="a NAT gateway"),
        pytest.param({"routeTable": {"id": str(FIREWALLS)}}, ("routeTable",), id="a route table of theirs"),
        pytest.param({"addressPrefix": "10.1.0.0/25"}, ("addressPrefix",), id="another prefix"),
    ],
)
def test_what_somebody_wrote_in_the_gap_is_seen_by_the_read_beside_the_put(meanwhile: Json, parts: Any) -> None:
    hears = list[tuple[str | None, Json]]()
    app = an_arm(a_body(BASE, 'W/"1"'), a_body({**BASE, **meanwhile}, 'W/"2"'), hears=hears)
    with pytest.raises(AnotherWriterError) as told:
        attach(app, a_body(BASE))
    assert (told.value.parts, told.value.accepted.address) == (parts, PATH)


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param({}, id="nothing new"),
        pytest.param({"routeTable": {"id": str(TABLE)}, "provisioningState": "Updating"}, id="our own write"),
    ],
)
def test_a_sibling_or_our_own_write_is_nobody_elses(meanwhile: Json) -> None:
    app = an_arm(a_body(BASE), a_body({**BASE, **meanwhile}, 'W/"2"'), hears=[])
    assert attach(app, a_body(BASE)).address == PATH


def test_a_lost_race_is_an_error_that_says_so() -> None:
    refused = (412, {"error": {"code": "PreconditionFailed", "message": "no"}})
    with pytest.raises(ArmError) as told:
        attach(an_arm(a_body(BASE), put=refused, hears=[]), a_body(BASE))
    assert (told.value.status, told.value.code) == (412, "PreconditionFailed")


@pytest.mark.parametrize("read", [subnets.restorable, subnets.etag, lambda body: subnets.with_table(body, TABLE)])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7"])
def test_a_body_that_is_none_is_no_answer(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(NoAnswerError):
        read(body)
