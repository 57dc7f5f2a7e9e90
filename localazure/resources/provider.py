"""What a resource type of the local Azure is: a request in, an answer out."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure, Verb
from localazure.operations import OperationFailed
from localazure.store import Json, Resource


@dataclass(frozen=True, slots=True)
class Condition:
    """A write's precondition. ETags compare without quotes: the SDK adds them to an ETag that has none."""

    if_match: str | None = None
    if_none_match: str | None = None

    def broken_by(self, resource: Resource | None) -> Literal["exists", "changed"] | None:
        """How the resource as it is breaks the condition, if it does."""
        if self.if_none_match is not None and resource is not None:
            return "exists"
        if self.if_match is None:
            return None
        if resource is None:
            return "changed"
        etag = str(resource.body.get("etag", resource.body.get("eTag", "")))
        return None if self.if_match == "*" or _bare(self.if_match) == _bare(etag) else "changed"


UNCONDITIONAL = Condition()


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """One ARM request, taken apart. `name` is empty when the request is for a collection.

    `id` is spelt as the caller gave it; `headers` and `query` have lower-case keys; `principal` is who asks.
    """

    method: str
    id: str
    subscription: str
    resource_group: str
    type: str
    name: str
    api_version: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, str] = field(default_factory=dict[str, str])
    body: Json | None = None
    action: str = ""
    principal: str = ""

    @property
    def condition(self) -> Condition:
        """What `If-Match` and `If-None-Match` ask for."""
        return Condition(self.headers.get("if-match"), self.headers.get("if-none-match"))

    @property
    def parent(self) -> str:
        """The id above: the zone of a link, the resource group of a zone, the subscription in a list over one."""
        return parent_of(self.id, collection=not self.name)

    @property
    def sent(self) -> Json:
        """The body of a write, which must be there."""
        if self.body is None:
            raise arm_error(400, "InvalidRequestContent", "The request content was invalid: a body is required.")
        return self.body


class Provider(Protocol):
    """A resource type: as long as these methods last, ARM's front needs to know no more about it.

    Each answers or raises Refused. `put` may start an operation and answer before it ends.
    """

    type: str

    async def put(self, request: ArmRequest) -> Answer: ...
    async def get(self, request: ArmRequest) -> Answer: ...
    async def list(self, request: ArmRequest) -> Answer: ...
    async def delete(self, request: ArmRequest) -> Answer: ...
    async def patch(self, request: ArmRequest) -> Answer: ...
    async def post(self, request: ArmRequest) -> Answer: ...


class ResourceType:
    """A type that reads from the store and refuses every write: a base for those that do more."""

    type = ""

    def __init__(self, azure: LocalAzure) -> None:
        self.azure = azure

    async def get(self, request: ArmRequest) -> Answer:
        return Answer(200, self.shown(self.found(request)), etag_header(self.found(request)))

    async def list(self, request: ArmRequest) -> Answer:
        resources = self.azure.store.of_type(self.type, request.parent)
        return paged(self.azure, request, [self.shown(resource) for resource in resources])

    async def put(self, request: ArmRequest) -> Answer:
        raise not_allowed(request)

    async def patch(self, request: ArmRequest) -> Answer:
        raise not_allowed(request)

    async def delete(self, request: ArmRequest) -> Answer:
        raise not_allowed(request)

    async def post(self, request: ArmRequest) -> Answer:
        raise not_allowed(request)

    def shown(self, resource: Resource) -> Json:
        """The resource as a GET prints it, with what is counted or gathered at that moment."""
        return resource.json()

    def found(self, request: ArmRequest) -> Resource:
        """The resource that the request is about, or 404."""
        resource = self.azure.store.get(request.id)
        if resource is None:
            raise resource_not_found(request)
        return resource


def parent_of(resource_id: str, *, collection: bool = False) -> str:
    """The id above a resource's, or above a collection's path."""
    parent = resource_id.rsplit("/", 1 if collection else 2)[0]
    head, middle, namespace = parent.rpartition("/providers/")
    return head if middle and "/" not in namespace else parent


def etag_header(resource: Resource) -> dict[str, str]:
    """The `etag` header repeats the body's."""
    return {"etag": resource.body["etag"]} if "etag" in resource.body else {}


def resource_not_found(request: ArmRequest) -> Refused:
    """ARM's 404. Recorded: errors/404-vnet-resource-not-found, privatedns/link-get-zone-missing-404."""
    return arm_error(
        404,
        "ResourceNotFound",
        f"The Resource '{relative_name(request.id)}' under resource group '{request.resource_group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(parent: str) -> Refused:
    """ARM's 404 to a write below nothing. Recorded: privatedns/a-record-put-zone-missing-404."""
    return arm_error(
        404,
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{name_of(parent)}' not found.",
    )


def relative_name(resource_id: str) -> str:
    """What ARM's messages call a resource: its id from the provider's namespace on."""
    return resource_id.rpartition("/providers/")[2]


def name_of(resource_id: str) -> str:
    """The last segment of an id."""
    return resource_id.rpartition("/")[2]


def spelt(azure: LocalAzure, resource_type: str, resource_id: str) -> str:
    """An id as ARM prints it: fixed segments in its own spelling, what lies above as that is printed, names as given.

    A zone in `MC_...` prints `mc_...`, and so do its links (recorded privatedns/field-link-on-system-zone-cli).
    """
    head, _, relative = resource_id.partition("/providers/")
    names = relative.split("/")[2::2]
    namespace, *types = resource_type.split("/")
    if len(types) > 1 and (parent := azure.store.get(parent_of(resource_id))) is not None:
        return f"{parent.id}/{types[-1]}/{names[-1]}"
    group = azure.store.get(head)
    root = head if group is None else group.id
    path = "".join(f"/{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"{root}/providers/{namespace}{path}"


def not_allowed(request: ArmRequest) -> Refused:
    return arm_error(
        405, "MethodNotAllowed", f"The method '{request.method}' is not allowed on '{request.type}'.", cause="service"
    )


def paged(azure: LocalAzure, request: ArmRequest, items: Iterable[Json], page: int = 0) -> Answer:
    """A list, cut by `$top` or else the provider's own `page`; the rest is behind `nextLink`.

    An impossible `$top` or `$skiptoken` is 400 InvalidParameter.
    """
    every = list(items)
    try:
        first = int(request.query.get("$skiptoken", "0"))
        size = int(request.query.get("$top", page))
    except ValueError:
        raise arm_error(400, "InvalidParameter", "$top and $skiptoken must be numbers.", cause="service") from None
    if size <= 0 or first + size >= len(every):
        return Answer(200, {"value": every[first:]})
    rest = f"{azure.arm}{request.id}?api-version={request.api_version}&$top={size}&$skiptoken={first + size}"
    return Answer(200, {"value": every[first : first + size], "nextLink": rest})


@contextmanager
def told(azure: LocalAzure, verb: Verb, resource_id: str, operation: str) -> Generator[None]:
    """Emit the event of what happens inside: Success when it ends well, else Failure or Cancel."""
    try:
        yield
    except OperationFailed as failed:
        azure.emit(verb, "Cancel" if failed.status == "Canceled" else "Failure", resource_id, operation)
        raise
    azure.emit(verb, "Success", resource_id, operation)


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')
