"""What exists in the local Azure: ARM resources by their id, which compares without case."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localazure.key_order import KeyOrder

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
        self._order = KeyOrder()
        self._order_of_type: dict[str, KeyOrder] = {}  # a list, or a name's lookup, reads one type of a big fleet
        self._indexes: dict[str, tuple[int, Any]] = {}
        self._versions: dict[str, int] = {}
        self.watchers: list[Callable[[str], None]] = []
        """Called with the id of what was put, removed or touched."""
        self.version = 0
        """Grows with everything that was put, removed or touched."""

    def get(self, resource_id: str) -> Resource | None:
        return self._by_key.get(_key(resource_id))

    def put(self, resource: Resource) -> Resource:
        key = _key(resource.id)
        before = self._by_key.get(key)
        if before is None or before.type.casefold() != resource.type.casefold():
            self.remove(resource.id)
            self._order.add(key)
            self._order_of_type.setdefault(resource.type.casefold(), KeyOrder()).add(key)
        self._by_key[key] = resource
        self.touch(resource.id)
        return resource

    def remove(self, resource_id: str) -> Resource | None:
        key = _key(resource_id)
        resource = self._by_key.pop(key, None)
        if resource is not None:
            self._order.remove(key)
            self._order_of_type[resource.type.casefold()].remove(key)
            self._count(resource)
            self.touch(resource_id)
        return resource

    def touch(self, resource_id: str) -> None:
        """Tell the watchers that something about a resource has changed in place."""
        self.version += 1
        if (resource := self.get(resource_id)) is not None:
            self._count(resource)
        for watcher in self.watchers:
            watcher(resource_id)

    def indexed[T](self, name: str, build: Callable[[], T], *types: str) -> T:
        """What `build` gathers from the store, built anew only when something of these types has changed since.

        Without types anything counts.
        """
        version = sum(self._versions.get(kind.casefold(), 0) for kind in types) if types else self.version
        kept = self._indexes.get(name)
        if kept is None or kept[0] != version:
            kept = self._indexes[name] = (version, build())
        return kept[1]

    def of_type(self, resource_type: str, under: str = "") -> list[Resource]:
        """All of a type, without case, whose id lies under `under` (any depth), in order of id."""
        order = self._order_of_type.get(resource_type.casefold())
        if order is None:
            return []
        return [self._by_key[key] for key in order.below(_key(under) + "/" if under else "")]

    def under(self, parent: str) -> list[Resource]:
        """Everything below an id, in order of id, the parent itself not included."""
        return [self._by_key[key] for key in self._order.below(_key(parent) + "/")]

    def _count(self, resource: Resource) -> None:
        kind = resource.type.casefold()
        self._versions[kind] = self._versions.get(kind, 0) + 1

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
