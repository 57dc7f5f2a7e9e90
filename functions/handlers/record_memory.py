"""What the ledger keeps of records after a pass: what is remembered, and what is still to be removed. Pure.

The memory of a record ends by an act, or by a read that shows it gone: a target that did not answer, or a pass that did
not judge it, changes nothing.
"""

from collections.abc import Iterable, Sequence

import msgspec

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record
from functions.fleet.memory import left_behind, place_of
from functions.fleet.seen import RecordSeen, Seen, Unknown
from functions.handlers.verdict import Action, Change, Outcome, Recording, Result
from functions.ledger.left import Left

# A removal that ended so: there is no record of ours at the name.
_REMOVED = frozenset({Result.APPLIED, Result.ALREADY, Result.GONE})

# A record of a target that the policy does not have any more is reported for so long.
_REPORTED = 90 * 86400.0  # seconds


def kept(
    seen: Seen, recorded: Sequence[str], outcomes: Sequence[Outcome], given_up: Iterable[Change], owner: str
) -> tuple[str, ...]:
    """The records to remember, each as Recording.kept. `recorded` are those found right, `owner` is the deployment.

    the target                                       its record is remembered
    found right                                      as it is now
    given up (tug of war)                            as it should be
    not read, or not judged (address in doubt)       as before
    read, and the cluster lives                      not: it is gone, or was changed
    read, the cluster ends, ours is still there      as before
    read, the cluster ends, none of ours             not
    """
    wanted = tuple(change.kept for change in given_up if isinstance(change.wants, Recording))
    done = _judged(seen, outcomes, owner)
    before = (text for text in seen.remembered.records if place_of(text) not in done)
    return tuple(dict.fromkeys((*recorded, *wanted, *before)))


def left(seen: Seen, outcomes: Sequence[Outcome], owner: str) -> tuple[Left, ...]:
    """What is still to be removed: the names that former clusters left behind, and that of a cluster that is gone."""
    read = {one.left.key: one for one in seen.left}
    found: list[Left] = []
    for entry in seen.remembered.left:
        one = read.get(entry.key)
        if one is None:
            found.append(entry)
        elif not one.taken and (rest := _rest(entry, one.records, outcomes, owner, seen.at)) is not None:
            found.append(rest)
    if not seen.cluster_is_gone or seen.name_is_taken or not seen.private_fqdn or not seen.remembered.cluster:
        return tuple(found)
    own = left_behind(seen.remembered, seen.at)
    records = () if isinstance(seen.records, Unknown) else seen.records
    rest = _rest(own, records, outcomes, owner, seen.at)
    return (*(entry for entry in found if entry.key != own.key), *([] if rest is None else [rest]))


def is_clean(record: RecordSeen, entry: Left, owner: str) -> bool:
    """Whether a read shows that a target holds no record of this deployment for the entry's cluster."""
    if not isinstance(record.held, Record):
        return False
    return record.held.owner != Owner(owner, ResourceId(entry.cluster))


def _judged(seen: Seen, outcomes: Sequence[Outcome], owner: str) -> set[str]:
    """The places about whose record this pass knows enough to forget what was remembered."""
    if isinstance(seen.records, Unknown) or seen.cluster_id is None:
        return set()
    if seen.cluster_ends:
        own = Left(cluster=str(seen.cluster_id), name=seen.private_fqdn)
        gone = (one for one in seen.records if is_clean(one, own, owner) or _removed(one.place, own, outcomes))
        return {one.place for one in gone}
    if isinstance(seen.api_server, Unknown) or seen.api_server.doubt is not None:
        return set()
    return {one.place for one in seen.records if isinstance(one.held, Record)}


def _rest(
    entry: Left, records: Sequence[RecordSeen], outcomes: Sequence[Outcome], owner: str, at: float
) -> Left | None:
    """The entry with the places that are not known to be clean; None where there are none."""
    unclean = {
        one.place for one in records if not (is_clean(one, entry, owner) or _removed(one.place, entry, outcomes))
    }
    read = {one.place for one in records}
    # A target with the same zone, on other servers than before, answers for the place that it replaces.
    stores = {_store(place) for place in read}
    unknown = {place for place in entry.places if place not in read and _store(place) not in stores}
    if unknown and not records and at - entry.since > _REPORTED:
        return None
    places = tuple(sorted(unclean | unknown))
    return msgspec.structs.replace(entry, places=places) if places else None


def _store(place: str) -> str:
    """What a target keeps: a zone on servers, or a zone in Azure."""
    return place.partition(" on ")[0] + " on " if " on " in place else place


def _removed(place: str, entry: Left, outcomes: Sequence[Outcome]) -> bool:
    return any(
        isinstance(wants := outcome.change.wants, Recording)
        and outcome.change.action is Action.DELETE
        and outcome.result in _REMOVED
        and wants.place == place
        and wants.name.casefold() == entry.name.casefold()
        for outcome in outcomes
    )
