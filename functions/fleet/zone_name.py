"""The names of AKS's private DNS zones. Names are compared label by label, never by the end of a string."""

from dataclasses import dataclass

from functions.arm.resource_id import is_guid

_KINDS = frozenset({"privatelink", "private"})
_LABEL_MAX = 63


@dataclass(frozen=True, slots=True)
class SystemZone:
    """`<guid>.(privatelink|private).<region>.<suffix>`: the zone that AKS makes for one cluster."""

    guid: str
    kind: str
    region: str
    suffix: str


@dataclass(frozen=True, slots=True)
class CustomZone:
    """`[<sub>.](privatelink|private).<region>.<suffix>`: a zone that a person made for clusters."""

    kind: str
    region: str
    suffix: str


def labels(name: str) -> tuple[str, ...]:
    """The labels of a name in lower case, without the root's final dot."""
    return tuple(name.casefold().removesuffix(".").split("."))


def system_zone(name: str, suffixes: tuple[str, ...]) -> SystemZone | None:
    """The parts of a system zone's name, or None when it does not have exactly that form."""
    first, *rest = labels(name)
    if not is_guid(first):
        return None
    for suffix in suffixes:
        match rest:
            case [kind, region, *end] if kind in _KINDS and tuple(end) == labels(suffix) and _is_label(region):
                return SystemZone(first, kind, region, suffix)
            case _:
                continue
    return None


def custom_zone(name: str, suffixes: tuple[str, ...]) -> CustomZone | None:
    """The parts of a custom zone's name, or None. AKS takes at most one label before `privatelink`.

    Source: AKS documentation, private-clusters, "Configure a private DNS zone".
    """
    held = labels(name)
    if system_zone(name, suffixes) is not None:
        return None
    for suffix in suffixes:
        match held:
            case (kind, region, *end) if kind in _KINDS and tuple(end) == labels(suffix) and _is_label(region):
                return CustomZone(kind, region, suffix)
            case (sub, kind, region, *end) if kind in _KINDS and tuple(end) == labels(suffix):
                return CustomZone(kind, region, suffix) if _is_label(sub) and _is_label(region) else None
            case _:
                continue
    return None


def _is_label(text: str) -> bool:
    return 0 < len(text) <= _LABEL_MAX and text.replace("-", "").isalnum() and text.isascii()
