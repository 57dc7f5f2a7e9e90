"""Azure resource ids: compared without case, printed as given."""

import re
from typing import Self, override

# A GUID, and nothing else, in the one form in which Azure prints them.
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# No name of Azure's holds these; in a URL they would change what is asked for.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\%?#&<>\"'{}|^`;]")

# What no name is: nothing at all, and the steps of a path.
_NO_NAMES = frozenset({"", ".", ".."})

_LONGEST = 2048


class InvalidResourceIdError(ValueError):
    """The text is not the id of a subscription, a resource group or a resource."""


class ResourceId:
    """The id of a subscription, a resource group or a resource in a resource group.

    Azure changes the case of ids at will (recorded traps 1-3: `/resourcegroups/`, upper-cased back references,
    lower-cased link names), so two ids that differ only in case are equal.
    """

    __slots__ = ("_key", "_segments", "_text")

    def __init__(self, text: str) -> None:
        """Parse an id. Raises InvalidResourceIdError for anything that is not one, path tricks included."""
        self._text = text
        self._segments = _segments(text)
        self._key = text.casefold()

    @property
    def subscription(self) -> str:
        return self._segments[1]

    @property
    def group(self) -> str:
        """The name of the resource group. Empty for a subscription."""
        return self._segments[3] if len(self._segments) > 3 else ""

    @property
    def group_id(self) -> "ResourceId":
        """The id of the resource group that holds this resource."""
        if not self.group:
            raise InvalidResourceIdError(f"{self._text} lies in no resource group")
        return ResourceId(f"/subscriptions/{self.subscription}/resourceGroups/{self.group}")

    @property
    def type(self) -> str:
        """The full type in lower case, such as `microsoft.network/privatednszones`."""
        if len(self._segments) <= 4:
            return ("microsoft.resources/subscriptions", "microsoft.resources/resourcegroups")[len(self._segments) // 4]
        return "/".join([self._segments[5], *self._segments[6::2]]).casefold()

    @property
    def name(self) -> str:
        return self._segments[-1]

    @property
    def parent(self) -> Self:
        """The resource that this one is a child of: the VNet of a subnet. Raises when there is none."""
        if len(self._segments) <= 8:
            raise InvalidResourceIdError(f"{self._text} is not the id of a child resource")
        return type(self)("/" + "/".join(self._segments[:-2]))

    def child(self, child_type: str, name: str) -> Self:
        """The id of a child resource: `zone.child("virtualNetworkLinks", "hub")`."""
        return type(self)(f"{self._text}/{child_type}/{name}")

    @override
    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, ResourceId) else NotImplemented

    def __lt__(self, other: "ResourceId") -> bool:
        return self._key < other._key

    @override
    def __hash__(self) -> int:
        return hash(self._key)

    @override
    def __str__(self) -> str:
        return self._text

    @override
    def __repr__(self) -> str:
        return f"ResourceId({self._text!r})"


def _segments(text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise InvalidResourceIdError(f"an id has at most {_LONGEST} characters, this has {len(text)}")
    if _FORBIDDEN.search(text):
        raise InvalidResourceIdError(f"{_shown(text)} has a character that no resource id has")
    first, *segments = text.removesuffix("/").split("/")
    if first or not segments or not _NO_NAMES.isdisjoint(segments):
        raise InvalidResourceIdError(f"{_shown(text)} is not a path of names that starts with /subscriptions/")
    if not _well_formed(segments):
        raise InvalidResourceIdError(
            f"{_shown(text)} is not /subscriptions/<guid>/resourceGroups/<group>/providers/<namespace>/<type>/<name>…"
        )
    return segments


def _well_formed(segments: list[str]) -> bool:
    keywords = [segment.casefold() for segment in segments[:5:2]]
    expected = ["subscriptions", "resourcegroups", "providers"]
    return (
        keywords == expected[: len(keywords)]
        and len(segments) not in {1, 3, 5, 6, 7}
        and len(segments) % 2 == 0
        and _GUID.fullmatch(segments[1]) is not None
    )


def _shown(text: str) -> str:
    """The text cut to what a log line can bear, with nothing in it that could forge another line."""
    return ascii(text[:120]) + ("…" if len(text) > 120 else "")


def is_guid(text: str) -> bool:
    """Whether the text is a GUID in its plain form, in any case."""
    return _GUID.fullmatch(text) is not None
