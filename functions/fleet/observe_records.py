"""What the policy's DNS targets hold under a cluster's private name."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.dns.target import Target, TargetError
from functions.fleet.seen import UNKNOWN, RecordSeen, Seen, Unknown
from functions.fleet.zone_name import labels
from functions.policy import RecordTarget


@dataclass(frozen=True, slots=True)
class Kept:
    """A target of the policy, and what keeps it."""

    target: RecordTarget
    store: Target


class Targets:
    """The policy's targets, made once a worker."""

    def __init__(self, kept: Sequence[Kept] = ()) -> None:
        self._kept = tuple(kept)
        self.stores: Mapping[str, Target] = {one.store.name: one.store for one in kept}

    def __bool__(self) -> bool:
        return bool(self._kept)

    def for_name(self, name: str, zone: str) -> list[Kept]:
        """The targets that a name belongs into, when AKS itself keeps it in the Azure zone `zone` ("" for none).

        Of several zones on the same servers the longest that covers the name answers for it. AKS's own zone is none of
        ours to write.
        """
        covering = [one for one in self._kept if one.store.covers(name) and not _is(one.target, zone)]
        closest: dict[object, Kept] = {}
        for one in sorted(covering, key=lambda one: len(labels(one.target.zone or "")), reverse=True):
            closest.setdefault(one.target.servers or one.target.private_zone, one)
        return [one for one in covering if one in closest.values()]


NO_TARGETS = Targets()


async def observe_records(seen: Seen, targets: Targets) -> tuple[RecordSeen, ...] | Unknown:
    """Read all targets side by side. One that does not answer is told as such, and keeps no other from being seen."""
    if not seen.private_fqdn:
        return UNKNOWN
    kept = targets.for_name(seen.private_fqdn, str(seen.zone or ""))
    return tuple(await asyncio.gather(*(_read(one, seen.private_fqdn) for one in kept)))


async def _read(one: Kept, name: str) -> RecordSeen:
    try:
        return RecordSeen(one.target, one.store.name, await one.store.read(name))
    except TargetError as error:
        return RecordSeen(one.target, one.store.name, error)


def _is(target: RecordTarget, zone: str) -> bool:
    return target.private_zone is not None and str(target.private_zone).casefold() == zone.casefold()
