"""Sends the requests of a recorded AKS exchange to the local Azure and tells where its answers differ."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure.core.rest import HttpRequest

from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.store import Json, Resource

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
RANDOM = re.compile(rf"{GUID.pattern}|^[0-9a-f]{{32}}$")
ENDED = ("Succeeded", "Failed", "Canceled")
SAME_VALUE = {
    "provisioningState",
    "status",
    "type",
    "name",
    "id",
    "code",
    "privateDNSZone",
    "artifactSource",
    "groupId",
    "networkPlugin",
}
"""Keys whose values must be equal: enumerations, and ids made of names that the request gave."""

# Fields that the local Azure does not try to match, each with its reason.
LEFT_OUT = {
    "properties.httpProxyConfig": "AKS computes the proxy exceptions; nothing here depends on a proxy",
    "properties.privateLinkResources[].privateLinkServiceID": "lies in a subscription of AKS's own",
    "properties.addonProfiles": "an abort's answer prints the empty one that every other leaves out",
    "error": "AKS showed an old one beside the status of an operation that went well (private-stop-start-operations)",
    "etag": "one recording spells eTag so; the API's type says eTag",
    "sku.name": "Basic up to 2022, Base since",
}


@dataclass
class Replay:
    """One recording being told to one local Azure. `differences` is what a test looks at."""

    azure: LocalAzure
    transport: InProcessTransport
    addresses: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    async def exchange(self, nth: int, recorded: Json) -> None:
        """Send one recorded request, at the moment that the recorded answer belongs to, and compare."""
        request, expected = recorded["request"], recorded["response"]
        if request["method"] == "GET":
            await self._reach(_state(expected))
        sent = _with_plugin(request["body"], expected["body"])
        said = await self.send(request["method"], request["url"], sent)
        found = self._differences(request, expected, said)
        self.differences += [f"[{nth}] {request['method']} {difference}" for difference in found]

    async def send(self, method: str, url: str, body: Json | None) -> Any:
        """Send a request; the address of a recorded operation is exchanged for the one that was given here."""
        headers = {"authorization": "Bearer a.b.c"}
        where = self.addresses.get(_address(url), url)
        return await self.transport.send(HttpRequest(method, where, headers=headers, json=body))

    async def settle(self) -> None:
        """Let time pass until nothing is under way."""
        while self.azure.operations.running() or not all(command.ended for command in self.azure.commands.values()):
            await self.azure.clock.sleep(5)

    def follow(self, theirs: str, ours: str) -> None:
        """Exchange the recorded address of an operation for ours from now on."""
        self.addresses[_address(theirs)] = ours

    async def _reach(self, state: str) -> None:
        """Let time pass until the state that was recorded: an end, or the text of a step."""
        if state in ENDED:
            await self.settle()
        elif state not in ("", "Creating", "Updating"):
            while all(operation.status != state for operation in self.azure.operations.running()):
                assert self.azure.operations.running(), f"no operation ever said {state}"
                await self.azure.clock.sleep(1)

    def _differences(self, request: Json, expected: Json, said: Any) -> list[str]:
        found = [] if said.status_code == expected["status"] else [f"status {said.status_code}: {said.text()[:300]}"]
        if found:
            return found
        for header in ("azure-asyncoperation", "location"):
            theirs, ours = expected["headers"].get(header), said.headers.get(header)
            if theirs and ours:
                self.follow(theirs, ours)
            if _form(theirs) != _form(ours):
                found.append(f"{header}: {_form(ours)} instead of {_form(theirs)}")
        kind = expected["headers"].get("content-type")
        if kind and kind != said.headers.get("content-type"):
            found.append(f"content-type {said.headers.get('content-type')} instead of {kind}")
        if expected["body"] is not None:
            found += list(unlike(expected["body"], said.json(), request["body"]))
        return found

    def prepare_request(self, url: str, body: Json) -> None:
        """Make what a recorded PUT of a cluster takes for granted: its groups and the subnets of its node pools."""
        subscription = url.split("/")[4]
        self._put(f"/subscriptions/{subscription}/resourceGroups/{url.split('/')[6]}", "resourceGroups")
        for pool in body["properties"].get("agentPoolProfiles", []):
            if subnet := pool.get("vnetSubnetID"):
                vnet = subnet.rsplit("/", 2)[0]
                space = {"addressSpace": {"addressPrefixes": ["10.42.0.0/16"]}}
                self._put(vnet, "virtualNetworks", space)
                self._put(subnet, "virtualNetworks/subnets", {"addressPrefix": "10.42.1.0/24"})

    def _put(self, resource_id: str, kind: str, properties: Json | None = None) -> None:
        namespace = "Microsoft.Resources" if kind == "resourceGroups" else "Microsoft.Network"
        body: Json = {"location": "westus2", "properties": {**(properties or {}), "provisioningState": "Succeeded"}}
        self.azure.store.put(Resource(resource_id, f"{namespace}/{kind}", resource_id.rsplit("/", 1)[1], body))


def unlike(expected: Any, said: Any, sent: Any, path: str = "") -> list[str]:
    """Where the answer differs in shape: a key that is missing, another JSON type, another enumeration or echo."""
    if path.lstrip(".") in LEFT_OUT or expected is None:
        return []
    if isinstance(expected, dict) and isinstance(said, dict):
        found: list[str] = []
        for key, value in expected.items():
            below = sent.get(key) if isinstance(sent, dict) else None
            if key not in said and f"{path}.{key}".lstrip(".") not in LEFT_OUT:
                found.append(f"{path}.{key} is missing")
            elif key in said:
                found += unlike(value, said[key], below, f"{path}.{key}")
        return found
    if isinstance(expected, list) and isinstance(said, list):
        if len(said) < len(expected):
            return [f"{path} has {len(said)} entries instead of {len(expected)}"]
        below = sent if isinstance(sent, list) and len(sent) == len(expected) else [None] * len(expected)
        return [
            line
            for one, two, three in zip(expected, said, below, strict=False)
            for line in unlike(one, two, three, f"{path}[]")
        ]
    return _unlike_leaf(expected, said, sent, path)


def _unlike_leaf(expected: Any, said: Any, sent: Any, path: str) -> list[str]:
    if type(expected) is not type(said):
        return [f"{path} is {type(said).__name__} instead of {type(expected).__name__}"]
    key = path.rsplit(".", 1)[-1]
    if isinstance(expected, str) and key.lower().endswith("fqdn") and name_form(expected) != name_form(said):
        return [f"{path} is {said!r}, not of the form {name_form(expected)!r}"]
    echoed = sent == expected and sent is not None
    if ((key in SAME_VALUE and not RANDOM.search(str(expected))) or echoed) and said != expected:
        return [f"{path} is {said!r} instead of {expected!r}"]
    return []


def _with_plugin(sent: Json | None, answered: Any) -> Json | None:
    """A cluster's body that names its network plugin. Some leave that to AKS, whose default was kubenet in those days.

    Else a recorded kubenet cluster would be told to the local AKS as one of today's default.
    """
    chosen = answered.get("properties", {}).get("networkProfile", {}) if isinstance(answered, dict) else {}
    if not sent or "networkPlugin" not in chosen:
        return sent
    network = {"networkPlugin": chosen["networkPlugin"], **sent["properties"].get("networkProfile", {})}
    return {**sent, "properties": {**sent["properties"], "networkProfile": network}}


def _state(response: Json) -> str:
    body = response["body"] if isinstance(response["body"], dict) else {}
    return str(body.get("status") or (body.get("properties") or {}).get("provisioningState") or "")


def _address(url: str) -> str:
    """An operation's address without its query, which recordings redact."""
    return urlsplit(url).path.casefold()


def _form(url: str | None) -> str | None:
    """An operation's address without its own id and without the signature, which only some recordings have."""
    if url is None:
        return None
    parts = urlsplit(url)
    version = parse_qs(parts.query).get("api-version", [""])[0]
    return f"{parts.scheme}://{parts.hostname}{parts.path.rsplit('/', 1)[0]}/<id>?api-version={version}"


def name_form(name: str) -> str:
    """A host name with GUID and random label blotted out; recordings from AKS's staging say so in the name."""
    blotted = GUID.sub("<guid>", name.replace(".staging.", "."))
    blotted = re.sub(r"^[0-9a-f]{32}(?=-priv|\.)", "<hex>", blotted)
    return re.sub(r"-[a-z0-9]{8}(?=\.|$)", "-<8>", blotted)
