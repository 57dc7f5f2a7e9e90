"""What the policy's DNS targets hold under a cluster's private name."""

import asyncio
from collections.abc import Callable, Sequence

from functions.arm.resource_id import ResourceId
from functions.dns.target import Target, TargetError
from functions.fleet.seen import UNKNOWN, RecordSeen, Seen, Unknown
from functions.fleet.zone_name import labels
from functions.policy import RecordTarget


class Targets:
    """The policy's targets. Their stores are made when first needed: the zone path needs none, and no DNS library."""

    def __init__(self, targets: Sequence[RecordTarget], make: Callable[[RecordTarget], Target]) -> None:
        self._targets = {target.place: target for target in targets}
        self._make = make
        self._stores: dict[str, Target] = {}

    def __bool__(self) -> bool:
        return bool(self._targets)

    def store(self, place: str) -> Target:
        """The store of a target by its place. Raises TargetSettingError when it cannot be used as it is set up."""
        if place not in self._stores:
            self._stores[place] = self._make(self._targets[place])
        return self._stores[place]

    def for_name(self, name: str, zone: ResourceId | None) -> list[RecordTarget]:
        """The targets that a name belongs into, AKS itself keeping it in the Azure zone `zone`.

        Of several zones on the same servers the longest that covers the name answers for it. AKS's own zone is none of
        ours to write.
        """
        covering = [
            one for one in self._targets.values() if one.covers(name) and (zone is None or one.private_zone != zone)
        ]
        closest: dict[object, RecordTarget] = {}
        for one in sorted(covering, key=lambda one: len(labels(one.zone_name)), reverse=True):
            closest.setdefault(one.private_zone or one.servers, one)
        return [one for one in covering if one in closest.values()]


def _none(target: RecordTarget) -> Target:
    raise LookupError(f"nothing keeps {target.place}")


NO_TARGETS = Targets((), _none)


async def observe_records(seen: Seen, targets: Targets) -> tuple[RecordSeen, ...] | Unknown:
    """Read all targets side by side. One that does not answer is told as such, and keeps no other from being seen."""
    return await read_records(seen.private_fqdn, seen.zone, targets) if seen.private_fqdn else UNKNOWN


async def read_records(name: str, zone: ResourceId | None, targets: Targets) -> tuple[RecordSeen, ...]:
    """What the targets hold under a name that AKS keeps, or kept, in the Azure zone `zone`."""
    wanted = targets.for_name(name, zone)
    return tuple(await asyncio.gather(*(_read(targets, one, name) for one in wanted)))


async def _read(targets: Targets, target: RecordTarget, name: str) -> RecordSeen:
    try:
        return RecordSeen(target, target.place, await targets.store(target.place).read(name))
    except TargetError as error:
        return RecordSeen(target, target.place, error)
