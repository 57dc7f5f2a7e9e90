"""The one place where the smoke test writes: a resource group of its own, made anew and removed whatever happens."""

import secrets
from dataclasses import dataclass, field

from functions.arm.errors import NoAnswerError, NoTokenError
from functions.arm.reads import NETWORK_API, PRIVATE_DNS_API, RESOURCES_API
from functions.arm.resource_id import ResourceId
from smoke.preflight import TAG
from smoke.wire import StillRunningError, Told, Wire, ended_well

_MAKING = 300.0  # seconds that a VNet or a zone may take
_REMOVING, _LOOK = 1200.0, 5.0  # seconds that the group's removal may take, and between two looks


class NotMadeError(Exception):
    """Something of the ground could not be made."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How the group went: in how many seconds, or why it did not."""

    gone: bool
    seconds: float
    said: str


@dataclass(slots=True)
class Ground:
    """Two VNets (a hub, and one to ask with) and a zone under a name of AKS's custom form, in one group."""

    wire: Wire
    subscription: str
    location: str
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    begun: bool = False
    """Whether the group was asked for: from then on it has to be removed."""
    link_left: bool = False
    """Whether a link was left on the zone on purpose, to see whether the group goes all the same."""

    @property
    def name(self) -> str:
        return f"tether-smoke-{self.run}"

    @property
    def group(self) -> ResourceId:
        return ResourceId(f"/subscriptions/{self.subscription}/resourceGroups/{self.name}")

    @property
    def hub(self) -> ResourceId:
        return self._vnet("hub")

    @property
    def other(self) -> ResourceId:
        """A VNet to ask questions with, so that nothing that Tether does is in their way."""
        return self._vnet("asked")

    @property
    def zone(self) -> ResourceId:
        """`<run>.privatelink.<region>.<AKS's suffix>`: what AKS takes as a private zone of a customer's own."""
        suffix = self.wire.session.cloud.suffixes[0]
        name = f"{self.name}.privatelink.{self.location}.{suffix}"
        return ResourceId(f"{self.group}/providers/Microsoft.Network/privateDnsZones/{name}")

    @property
    def left(self) -> ResourceId:
        return self.zone.child("virtualNetworkLinks", "left")

    async def make(self) -> None:
        """Make it all. Raises NotMadeError, and NoAnswerError when nobody knows whether a part was made."""
        await self._is_free()
        self.begun = True
        await self._put(self.group, RESOURCES_API, {"location": self.location, "tags": {TAG: self.run}})
        for vnet, prefix in ((self.hub, "10.254.0.0/24"), (self.other, "10.254.1.0/24")):
            await self._put(vnet, NETWORK_API, self._network(prefix))
        await self._put(self.zone, PRIVATE_DNS_API, {"location": "global"})

    async def remove(self) -> Removal:
        """Remove the group with all that is in it, and wait until it is gone. Raises nothing of ARM's.

        A group without this run's tag is not ours, and stays.
        """
        began = self.wire.now()
        try:
            said = await self._removed()
        except (NoAnswerError, NoTokenError, StillRunningError) as error:
            said = str(error)
        return Removal(not said, self.wire.now() - began, said)

    async def _removed(self) -> str:
        """Nothing once the group is gone, else why it is there still."""
        held = await self.wire.send("GET", str(self.group), RESOURCES_API)
        if held.status == 404:
            return ""
        if not held.ok:
            return held.said
        if (held.body.get("tags") or {}).get(TAG) != self.run:
            return "it does not carry this run's tag any more"
        told = await self.wire.send("DELETE", str(self.group), RESOURCES_API)
        if not told.ok:
            return told.said
        until = self.wire.now() + _REMOVING
        while held.status != 404:  # asked of the group itself: who may remove it need not be able to read operations
            if self.wire.now() > until:
                return f"it is still being removed after {_REMOVING:.0f} s ({held.said})"
            await self.wire.sleep(_LOOK)
            held = await self.wire.send("GET", str(self.group), RESOURCES_API)
            if held.ok and held.properties.get("provisioningState") != "Deleting":
                return "Azure gave its removal up: something in it cannot be deleted"
        return ""

    async def leave_link(self) -> None:
        """Leave a link on the zone, for the group's removal to meet. Raises NotMadeError."""
        body = {"location": "global", "properties": {"virtualNetwork": {"id": str(self.other)}}}
        await self._put(self.left, PRIVATE_DNS_API, body)
        self.link_left = True

    async def take_link(self) -> None:
        """Remove that link, so that the group can go without it. Raises as `Wire.follow` does."""
        told = await self.wire.send("DELETE", str(self.left), PRIVATE_DNS_API)
        await self.wire.follow(told, _MAKING)

    async def _is_free(self) -> None:
        held = await self.wire.send("GET", str(self.group), RESOURCES_API)
        if held.status != 404:
            raise NotMadeError(f"whether {self.name} is free is not known ({held.said})")

    async def _put(self, target: ResourceId, api_version: str, body: object) -> Told:
        told = await self.wire.send("PUT", str(target), api_version, body)
        polls = await self.wire.follow(told, _MAKING)
        if not ended_well(told, polls):
            raise NotMadeError(f"{target.name} was not made: {(polls or [told])[-1].said}")
        return told

    def _vnet(self, name: str) -> ResourceId:
        return ResourceId(f"{self.group}/providers/Microsoft.Network/virtualNetworks/{name}")

    def _network(self, prefix: str) -> object:
        base = prefix.removesuffix("0/24")
        subnets = [
            {"name": name, "properties": {"addressPrefix": f"{base}{start}/28"}}
            for name, start in (("one", 0), ("two", 16))
        ]
        space = {"addressPrefixes": [prefix]}
        return {"location": self.location, "properties": {"addressSpace": space, "subnets": subnets}}
