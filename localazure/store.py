"""What exists in the local Azure: ARM resources by their id, which compares without case."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

type Json = dict[str, Any]


@dataclass(slots=True)
class Resource:
    """One resource as ARM would print it.

    `id` is printed as stored (each provider has its own casing: private DNS lower-cases a link's name, AKS prints
    `/resourcegroups/`); `body` is the JSON without `id`, `name` and `type`, ETag included where the type has one.
    """

    id: str
    type: str
    name: str
    body: Json = field(default_factory=dict[str, Any])

    @property
    def properties(self) -> Json:
        return self.body.setdefault("properties", {})

    def json(self) -> Json:
        return {"id": self.id, "name": self.name, "type": self.type, **self.body}


class Store:
    """Resources by id. Children hang under their parent's id, as in ARM."""

    def __init__(self) -> None:
        self._by_key: dict[str, Resource] = {}
        self._by_type: dict[str, dict[str, Resource]] = {}  # a list, or a name's lookup, reads one type of a big fleet

    def get(self, resource_id: str) -> Resource | None:
        return self._by_key.get(_key(resource_id))

    def put(self, resource: Resource) -> Resource:
        self.remove(resource.id)
        key = _key(resource.id)
        self._by_key[key] = resource
        self._by_type.setdefault(resource.type.casefold(), {})[key] = resource
        return resource

    def remove(self, resource_id: str) -> Resource | None:
        key = _key(resource_id)
        resource = self._by_key.pop(key, None)
        if resource is not None:
            del self._by_type[resource.type.casefold()][key]
        return resource

    def of_type(self, resource_type: str, under: str = "") -> list[Resource]:
        """All of a type, without case, whose id lies under `under` (any depth), in order of id."""
        prefix = _key(under) + "/"
        found = sorted(self._by_type.get(resource_type.casefold(), {}).items())
        return [resource for key, resource in found if not under or key.startswith(prefix)]

    def under(self, parent: str) -> list[Resource]:
        """Everything below an id, in order of id, the parent itself not included."""
        prefix = _key(parent) + "/"
        return [resource for key, resource in sorted(self._by_key.items()) if key.startswith(prefix)]

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._by_key.values()))


def part(body: Json, key: str) -> Json:
    """The object under a key; an empty one where it is left out or null, as callers may send it."""
    return body.get(key) or {}


def items(body: Json, key: str) -> list[Any]:
    """The array under a key; an empty one where it is left out or null."""
    return body.get(key) or []


def _key(resource_id: str) -> str:
    return resource_id.rstrip("/").casefold()
