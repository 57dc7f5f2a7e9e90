"""A name's addresses as a DNS target holds them, and whose they are."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from functions.arm.resource_id import InvalidResourceIdError, ResourceId

type Address = IPv4Address | IPv6Address

_FORM = re.compile(r"heritage=tether,owner=(?P<deployment>[^,=]+),cluster=(?P<cluster>[^,]+)")


@dataclass(frozen=True, slots=True)
class Owner:
    """Who keeps a record: a deployment of Tether, for one cluster (rule 9)."""

    deployment: str
    cluster: ResourceId

    @property
    def text(self) -> str:
        """As it stands in a TXT record, and in the metadata of a record set."""
        return f"heritage=tether,owner={self.deployment},cluster={self.cluster}"


def owner_of(text: str) -> Owner | None:
    """The owner in an owner text, None for a text that is not one of Tether's."""
    said = _FORM.fullmatch(text)
    if said is None:
        return None
    try:
        return Owner(said["deployment"], ResourceId(said["cluster"]))
    except InvalidResourceIdError:
        return None


@dataclass(frozen=True, slots=True)
class Record:
    """What a target holds under one name.

    `owners` are the owner texts at the name: one where the record is Tether's, none where nobody says whose it is,
    several where somebody meddled. `in_the_way` names record types that keep an address from standing there (CNAME).
    `ttl` is in seconds, 0 where there is no address. `version` is the store's own (an ETag for each record set), for a
    store that compares versions rather than contents.
    """

    addresses: frozenset[Address] = frozenset()
    ttl: int = 0
    owners: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()
    version: tuple[tuple[str, str], ...] = ()

    @property
    def is_there(self) -> bool:
        return bool(self.addresses or self.in_the_way or self.owners)

    @property
    def owner(self) -> Owner | None:
        """The one owner, None where there is none, or more than one."""
        return owner_of(self.owners[0]) if len(self.owners) == 1 else None

    def __str__(self) -> str:
        return " ".join([*map(str, in_order(self.addresses)), *self.in_the_way]) or "no record"


NO_RECORD = Record()


def in_order(addresses: frozenset[Address]) -> list[Address]:
    """IPv4 first, then by number: so that texts and tests are the same each time."""
    return sorted(addresses, key=lambda address: (address.version, int(address)))


def addresses_in(texts: list[str]) -> frozenset[Address]:
    """The addresses in some texts. Raises ValueError for a text that is none."""
    return frozenset(ip_address(text) for text in texts)
