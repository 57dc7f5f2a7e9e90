"""Sends recorded requests to a local Azure, at the moment that each recorded answer belongs to, and compares."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.resources.groups import ResourceGroups
from localazure.resources.provider import parent_of
from tests.fidelity.recorded_traffic import Recording, type_of
from tests.fidelity.shapes import address_form, etag_form, unlike

ENDED = ("Succeeded", "Failed", "Canceled")


class Replay:
    """One recording, told to one local Azure. `differences` is what a test looks at."""

    def __init__(
        self,
        recording: Recording,
        supported: frozenset[str],
        left_out: frozenset[str] = frozenset(),
        skipped: frozenset[int] = frozenset(),
    ) -> None:
        self.azure = LocalAzure()
        self.faults = Faults(self.azure)
        self.differences: list[str] = []
        self.compared = 0
        self._recording = recording
        self._supported = supported
        self._left_out = left_out
        self._skipped = skipped
        self._transport = InProcessTransport(arm_app(self.azure, self.faults))
        self._addresses: dict[str, str] = {}
        self._nics: dict[str, str] = {}

    def begin(self) -> None:
        """Make the resource groups that the recording lies in."""
        for subscription, group in _groups(self._recording):
            ResourceGroups(self.azure).create(f"/subscriptions/{subscription}/resourceGroups/{group}", "westus")

    def answers(self) -> list[Any]:
        """The bodies of the recorded answers."""
        return [exchange["response"]["body"] for exchange in self._recording.exchanges]

    async def tell(self, meanwhile: Mapping[int, Callable[["Replay"], Awaitable[None]]] | None = None) -> None:
        """Replay every exchange of a supported type.

        `meanwhile` is what others do before an exchange, by the exchange's number.
        """
        for nth, exchange in enumerate(self._recording.exchanges):
            if meanwhile and nth in meanwhile:
                await self.settle()
                await meanwhile[nth](self)
            request = exchange["request"]
            if request is None or nth in self._skipped:
                continue
            kind = type_of(request["url"])
            if kind == "operation":
                await self._poll(nth, exchange)
            elif kind.casefold() in self._supported:
                await self._exchange(nth, exchange)
        await self.azure.close()
        assert not self.azure.failures, self.azure.failures

    async def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None) -> Any:
        """Send one request with a token."""
        given = {"authorization": "Bearer a.b.c", **(headers or {})}
        return await self._transport.send(HttpRequest(method, url, headers=given, json=body))

    async def settle(self) -> None:
        """Let time pass until no operation runs."""
        while any(not operation.fate.stuck for operation in self.azure.operations.running()):
            await self.azure.clock.sleep(1)

    async def _poll(self, nth: int, exchange: dict[str, Any]) -> None:
        address = _bare(exchange["request"]["url"])
        if address not in self._addresses:
            return  # of an operation whose start was left out, or of a type that is not supported
        status = (exchange["response"]["body"] or {}).get("status") if exchange["response"]["body"] else ""
        ours = self._addresses[address]
        if status in ENDED:
            segment = urlsplit(ours).path.rpartition("/")[2]
            while any(operation.id == segment for operation in self.azure.operations.running()):
                await self.azure.clock.sleep(1)
        said = await self.send("GET", ours)
        self._compare(nth, exchange, said)

    async def _exchange(self, nth: int, exchange: dict[str, Any]) -> None:
        request, response = exchange["request"], exchange["response"]
        if not self._polled_later(nth) and "Updating" not in str(response["body"]):
            await self.settle()
        await self._prepare(request, response)
        url = _renamed(request["url"], self._nics)
        said = await self.send(request["method"], url, self._conditions(request), request["body"])
        if said.status_code == 429 != response["status"]:  # the recorder had waited for the lock's end
            await self.azure.clock.sleep(float(said.headers["retry-after"]))
            said = await self.send(request["method"], url, self._conditions(request), request["body"])
        for header in ("azure-asyncoperation", "location"):
            if header in response["headers"] and header in said.headers:
                self._addresses[_bare(response["headers"][header])] = said.headers[header]
        self._compare(nth, exchange, said)

    def _polled_later(self, nth: int) -> bool:
        """Does a recorded poll still tell when what is running ends?"""
        later = {
            _bare(exchange["request"]["url"]) for exchange in self._recording.exchanges[nth:] if exchange["request"]
        }
        return any(_bare(theirs) in later for theirs in self._addresses)

    def _conditions(self, request: dict[str, Any]) -> dict[str, str]:
        return {name: value for name, value in request["headers"].items() if name in ("if-match", "if-none-match")}

    def _compare(self, nth: int, exchange: dict[str, Any], said: Any) -> None:
        self.compared += 1
        found = list(self._differences(exchange["response"], said))
        self._follow_nics(exchange["response"]["body"], said)
        self.differences += [f"[{nth}] {exchange['request']['method']}: {difference}" for difference in found]

    def _follow_nics(self, expected: Any, said: Any) -> None:
        """The interface of an endpoint has a random name: exchange the recorded one for ours from now on."""
        if isinstance(expected, dict) and "networkInterfaces" in expected.get("properties", {}) and said.content:
            theirs = [nic["id"] for nic in expected["properties"]["networkInterfaces"]]
            ours = [nic["id"] for nic in said.json()["properties"]["networkInterfaces"]]
            self._nics.update(zip(theirs, ours, strict=True))

    def _differences(self, expected: dict[str, Any], said: Any) -> Iterator[str]:
        if said.status_code != expected["status"]:
            yield f"status {said.status_code} instead of {expected['status']}: {said.text()[:300]}"
            return
        yield from self._different_headers(expected["headers"], said)
        if (expected["body"] is None) != (not said.content):
            yield f"body {said.text()!r} instead of {expected['body']!r}"
        elif expected["body"] is not None:
            yield from unlike(expected["body"], said.json(), self._left_out)

    def _different_headers(self, headers: dict[str, str], said: Any) -> Iterator[str]:
        for header in ("azure-asyncoperation", "location"):
            if address_form(headers.get(header)) != address_form(said.headers.get(header)):
                yield f"{header}: {said.headers.get(header)} instead of {headers.get(header)}"
        for header in ("content-type", "x-ms-failure-cause"):
            if header in headers and headers[header] != said.headers.get(header):
                yield f"{header}: {said.headers.get(header)} instead of {headers[header]}"
        if ("etag" in headers) != ("etag" in said.headers):
            yield f"etag header: {said.headers.get('etag')} instead of {headers.get('etag')}"
        elif "etag" in headers and etag_form(headers["etag"]) != etag_form(said.headers["etag"]):
            yield f"etag header: {said.headers['etag']} instead of {headers['etag']}"
        theirs, ours = headers.get("retry-after"), said.headers.get("retry-after")
        as_long = (theirs is None) == (ours is None) if said.status_code == 429 else theirs == ours  # locks differ
        if self._recording.honest_about_retry_after and not as_long:
            yield f"retry-after: {ours} instead of {theirs}"

    async def _prepare(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        """Make what a recording takes for granted: what it reads or replaces without having made it before.

        It is written as the recorded answer printed it, so that what a read must work out itself is still tested.
        """
        method, url, body = request["method"], request["url"], response["body"]
        path = urlsplit(url).path
        if _renamed(url, self._nics) != url:
            return
        for resource_id in _networks_named(request["body"]) if response["status"] in (201, 202) else []:
            await self._make_network(resource_id, ["10.0.0.0/8"])
        if method == "GET" and response["status"] == 200:
            for resource in body.get("value", [body]):
                await self._write_like(path, resource)
        elif method in ("PUT", "PATCH") and response["status"] in (200, 412) and self.azure.store.get(path) is None:
            await self._write_like(path, {"id": path, **_before(request["body"])})
        elif method == "DELETE" and response["status"] in (200, 202) and self.azure.store.get(path) is None:
            raise AssertionError(f"{path} must be prepared")
        elif method in ("GET", "PUT", "DELETE") and response["status"] in (201, 202, 204, 404):
            await self._make_parent(path, response)

    async def _write_like(self, path: str, resource: dict[str, Any]) -> None:
        """PUT a resource as it was printed, with whatever it hangs on; nothing when it is there."""
        where = _with_subscription(resource["id"], path)
        if self.azure.store.get(where) is not None:
            return
        await self._make_parent(where, {"status": 201})
        if "/SOA/" in where:
            return
        group = "/".join(where.split("/")[:5])
        if self.azure.store.get(group) is None:
            ResourceGroups(self.azure).create(group, "westus")
        sent = deepcopy({key: value for key, value in resource.items() if key not in ("id", "name", "type", "etag")})
        properties = sent.get("properties", {})
        for named in (
            properties.get("virtualNetwork"),
            properties.get("remoteVirtualNetwork"),
            properties.get("subnet"),
            *(part["properties"].get("subnet") for part in properties.get("frontendIPConfigurations", [])),
        ):
            if named:
                named["id"] = _with_subscription(named["id"], path)
                space = properties.get("remoteAddressSpace", {}).get("addressPrefixes", ["10.0.0.0/8"])
                await self._make_network(named["id"], space)
        for peering in properties.get("virtualNetworkPeerings", []):
            await self._make_network(
                peering["properties"]["remoteVirtualNetwork"]["id"],
                peering["properties"]["remoteAddressSpace"]["addressPrefixes"],
            )
        said = await self.send("PUT", f"{self.azure.arm}{where}?api-version=2020-05-01", body=sent)
        assert said.status_code in (200, 201, 202), f"preparing {where}: {said.text()}"
        await self.settle()

    async def _make_parent(self, path: str, response: dict[str, Any]) -> None:
        """The zone or VNet above a child, unless the recording is about its absence."""
        parent = parent_of(path)
        absent = response["status"] == 404 and (
            "ParentResourceNotFound" in str(response["body"]) or "zone-missing" in self._recording.name
        )
        if absent or self.azure.store.get(parent) is not None or "/providers/" not in parent:
            return
        body = {"location": "global"} if "privateDnsZones" in parent else _vnet(["10.0.0.0/8", "20.0.0.0/8"])
        await self.send("PUT", f"{self.azure.arm}{parent}?api-version=2020-05-01", body=body)
        await self.settle()

    async def _make_network(self, resource_id: str, prefixes: list[str]) -> None:
        """A VNet, or a subnet in one."""
        vnet_id = resource_id.partition("/subnets/")[0]
        group = "/".join(vnet_id.split("/")[:5])
        if self.azure.store.get(group) is None:
            ResourceGroups(self.azure).create(group, "westus")
        if self.azure.store.get(vnet_id) is None:
            await self.send("PUT", f"{self.azure.arm}{vnet_id}?api-version=2020-05-01", body=_vnet(prefixes))
            await self.settle()
        if resource_id != vnet_id and self.azure.store.get(resource_id) is None:
            body = {"properties": {"addressPrefix": "10.1.0.0/24"}}
            await self.send("PUT", f"{self.azure.arm}{resource_id}?api-version=2020-05-01", body=body)
            await self.settle()


def _networks_named(body: dict[str, Any] | None) -> list[str]:
    """The VNet or subnet that a body needs to be there."""
    properties = (body or {}).get("properties", {})
    named = (properties.get(key) for key in ("virtualNetwork", "remoteVirtualNetwork", "subnet"))
    return [found["id"] for found in named if found]


def _renamed(url: str, nics: dict[str, str]) -> str:
    return next((url.replace(theirs, ours) for theirs, ours in nics.items() if theirs in url), url)


def _vnet(prefixes: list[str]) -> dict[str, Any]:
    return {"location": "westus", "properties": {"addressSpace": {"addressPrefixes": prefixes}}}


def _before(body: dict[str, Any]) -> dict[str, Any]:
    """What a resource was before a recorded PUT changed it: the same, without DNS servers and references."""
    before = deepcopy(body)
    for key in ("dhcpOptions", "networkSecurityGroup", "routeTable", "serviceEndpoints"):
        before.get("properties", {}).pop(key, None)
    return before


def _groups(recording: Recording) -> set[tuple[str, str]]:
    """Every resource group that a supported request of the recording lies in, unless it is about a missing one."""
    found: set[tuple[str, str]] = set()
    for exchange in recording.exchanges:
        if exchange["request"] and "ResourceGroupNotFound" not in str(exchange["response"]["body"]):
            match = re.search(r"/subscriptions/([^/]+)/resource[gG]roups/([^/?]+)", exchange["request"]["url"])
            if match:
                found.add((match[1], match[2]))
    return found


def _with_subscription(resource_id: str, path: str) -> str:
    """Recorders replaced the subscription in URLs, but not in every body: take the URL's."""
    parts = resource_id.split("/")
    parts[2] = path.split("/")[2]
    return "/".join(parts)


def _bare(address: str) -> str:
    return address.replace("management.azure.com:443", "management.azure.com").partition("?")[0].casefold()
