"""What the operator wants: one JSON document, decoded and validated when the app starts."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from functions.arm.clouds import ALL_SUFFIXES
from functions.arm.resource_id import ResourceId
from functions.dns.zone_rules import server_address, tsig_name, zone_refused
from functions.fleet.model import decode_hook
from functions.fleet.zone_name import custom_zone, labels
from functions.plain_errors import plain

_VNET = "microsoft.network/virtualnetworks"
_ZONE = "microsoft.network/privatednszones"
_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

type Subscription = Annotated[str, Meta(pattern=_GUID, description="A subscription's GUID")]
type Location = Annotated[str, Meta(pattern=r"^[a-z0-9]+$", description="A region's name, such as westeurope")]


type Namespace = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(?![\s\S])", description="A namespace of Kubernetes (RFC 1123)"),
]


class PolicyError(Exception):
    """The policy cannot be used. The message names the field and says what to do."""


class Mode(Enum):
    """Whether Tether writes."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


class PolicyStruct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A part of the policy. An unknown field is an error, so that a typing mistake cannot switch a rule off."""


class Scope(PolicyStruct, frozen=True, kw_only=True):
    """Whose clusters Tether looks after, and where hubs may be discovered."""

    subscriptions: tuple[Subscription, ...] = ()
    management_groups: tuple[Annotated[str, Meta(pattern=r"^[-\w().]{1,90}$")], ...] = ()
    hub_subscriptions: tuple[Subscription, ...] = ()
    exclude_tag: Annotated[str, Meta(pattern=r"^[^=]+(=.*)?$")] = "tether=off"

    def excludes(self, tags: dict[str, str] | None) -> bool:
        """Whether a cluster's tags keep Tether away. Tag names compare without case, as in Azure."""
        name, _, value = self.exclude_tag.partition("=")
        held = {key.casefold(): text for key, text in (tags or {}).items()}.get(name.casefold())
        return held is not None and (not value or held.casefold() == value.casefold())


class Hub(PolicyStruct, frozen=True, kw_only=True):
    """A VNet that holds DNS resolvers, and which clusters it serves: all, or those of some regions and tags."""

    vnet: ResourceId
    locations: tuple[Location, ...] = ()
    tags: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.vnet.type == "microsoft.network/virtualhubs":
            raise ValueError(
                "a Virtual WAN hub cannot be linked to a private DNS zone: name the VNet that holds the resolvers"
            )
        if self.vnet.type != _VNET:
            raise ValueError(f"a hub is a Microsoft.Network/virtualNetworks, not a {self.vnet.type}")

    def serves(self, location: str, tags: dict[str, str] | None) -> bool:
        """Whether a cluster of that region and those tags should resolve through this hub."""
        held = {key.casefold(): value for key, value in (tags or {}).items()}
        return (not self.locations or location in self.locations) and all(
            held.get(key.casefold()) == value for key, value in self.tags.items()
        )


class Tsig(PolicyStruct, frozen=True, kw_only=True):
    """The key that signs updates of a DNS server (RFC 8945)."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    algorithm: Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"] = "hmac-sha256"
    secret: Annotated[
        str,
        Meta(
            pattern=r"^@env:[A-Za-z_][A-Za-z0-9_]*$",
            description="Where the secret is: @env:NAME, an app setting. The secret itself has no place in a policy.",
        ),
    ]

    def __post_init__(self) -> None:
        tsig_name(self.name)

    @property
    def setting(self) -> str:
        """The app setting that holds the secret."""
        return self.secret.removeprefix("@env:")


class RecordTarget(PolicyStruct, frozen=True, kw_only=True):
    """Where A records of API servers are kept for resolvers that do not see Azure's private zones."""

    zone: Annotated[str, Meta(min_length=1, max_length=254)] | None = None
    servers: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    tsig: Tsig | None = None
    authoritative: bool = False
    private_zone: ResourceId | None = None
    ttl: Annotated[int, Meta(ge=1, le=86400, description="Seconds")] = 60
    adopt: bool = False

    def __post_init__(self) -> None:
        if (self.zone is None) == (self.private_zone is None):
            raise ValueError("a record target has either a zone (with servers) or a privateZone")
        if self.zone is not None and not self.servers:
            raise ValueError("a record target with a zone needs servers, such as 10.0.0.4:53")
        if self.private_zone is not None and self.private_zone.type != _ZONE:
            raise ValueError(f"privateZone is a Microsoft.Network/privateDnsZones, not a {self.private_zone.type}")
        if (why := zone_refused(self.zone_name, authoritative=self.authoritative)) is not None:
            raise ValueError(why)
        if self.zone is not None and self.tsig is None:
            raise ValueError("a record target on servers needs tsig: unsigned updates could come from anybody")
        for server in self.servers:
            server_address(server)

    @property
    def zone_name(self) -> str:
        """The zone's name in lower case, wherever it is kept."""
        name = self.private_zone.name if self.private_zone is not None else self.zone or ""
        return ".".join(labels(name))

    def covers(self, name: str) -> bool:
        """Whether a name is the zone's own or below it, label by label."""
        held, wanted = labels(self.zone_name), labels(name)
        return all(wanted) and wanted[-len(held) :] == held

    @property
    def place(self) -> str:
        """What people call the target. The same for the same one, and no secret in it."""
        if self.private_zone is not None:
            return f"{self.zone_name} in {self.private_zone.group_id}"
        return f"{self.zone_name} on {', '.join(self.servers)}"


class RouteTables(PolicyStruct, frozen=True, kw_only=True):
    """Route tables of kubenet clusters in subnets of one's own.

    With `attach` a cluster whose creation failed gets AKS's table, with `reattach` any other one that lost it too.
    """

    attach: bool = True
    reattach: bool = False


class FailedClusters(PolicyStruct, frozen=True, kw_only=True):
    """Clusters whose creation failed. With `reconcile` they are put again once what made them fail is mended."""

    reconcile: bool = False


class PodRestarts(PolicyStruct, frozen=True, kw_only=True):
    """Workloads that keep an old address of the API server.

    With `enabled` those of the namespaces are restarted, with `list` alone they are listed: that too runs a command in
    the cluster.
    """

    enabled: bool = False
    list: bool = False
    namespaces: Annotated[tuple[Namespace, ...], Meta(max_length=50)] = ()

    def __post_init__(self) -> None:
        if self.runs_commands and not self.namespaces:
            raise ValueError("podRestarts needs namespaces: nothing is restarted or listed in those that nobody names")

    @property
    def runs_commands(self) -> bool:
        """Whether anything is run in a cluster."""
        return self.enabled or self.list


class Resolution(PolicyStruct, frozen=True, kw_only=True):
    """Asking the DNS servers for what was linked or written. Needs a network path from the app to them.

    Asked are the custom DNS servers of each cluster's VNets, and `servers` for every cluster.
    """

    enabled: bool = False
    servers: tuple[Annotated[str, Meta(min_length=1, description="An address, such as 10.0.0.4:53")], ...] = ()

    def __post_init__(self) -> None:
        for server in self.servers:
            try:
                server_address(server)
            except ValueError as error:
                raise ValueError(f"servers: {error}") from None


class Http(PolicyStruct, frozen=True, kw_only=True):
    """Manual remediation over HTTP."""

    keys_may_write: bool = False


class Policy(PolicyStruct, frozen=True, kw_only=True):
    """The whole policy. `owner` marks what this deployment made, so two deployments never fight."""

    owner: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$")]
    mode: Mode = Mode.OBSERVE
    scope: Scope
    custom_zones: tuple[ResourceId, ...] = ()
    hubs: tuple[Hub, ...] = ()
    discover_resolvers: bool = True
    link_tags: dict[str, str] = {}
    records: tuple[RecordTarget, ...] = ()
    route_tables: RouteTables = RouteTables()
    failed_clusters: FailedClusters = FailedClusters()
    pod_restarts: PodRestarts = PodRestarts()
    resolution: Resolution = Resolution()
    http: Http = Http()
    prune: bool = False
    max_changed_share: Annotated[float, Meta(gt=0, le=1)] = 0.3

    def __post_init__(self) -> None:
        if not self.scope.subscriptions and not self.scope.management_groups:
            raise ValueError("scope needs subscriptions or managementGroups: Tether never looks at everything")
        for zone in self.custom_zones:
            if zone.type != _ZONE or custom_zone(zone.name, ALL_SUFFIXES) is None:
                raise ValueError(
                    f"customZones: {zone} is not a private DNS zone named [sub.]privatelink.<region>.<AKS's suffix>"
                )
        if any(name.casefold() == OWNER_TAG for name in self.link_tags):
            raise ValueError(f"linkTags: {OWNER_TAG} is Tether's own tag")

    @property
    def follows_addresses(self) -> bool:
        """Whether anything in the policy needs to know where API servers are."""
        return bool(self.records) or self.resolution.enabled or self.pod_restarts.runs_commands

    def covers(self, subscription: str) -> bool:
        """Whether the scope names this subscription itself (management groups are looked up elsewhere)."""
        return subscription.casefold() in {named.casefold() for named in self.scope.subscriptions}

    def may_hold_hubs(self, subscription: str) -> bool:
        """Whether a discovered hub may lie in this subscription (rule 8)."""
        return subscription.casefold() in {named.casefold() for named in self.scope.hub_subscriptions}


OWNER_TAG = "tether-owner"


def load(text: str) -> Policy:
    """The policy in a setting: JSON, or `@path` of a file that holds it. Raises PolicyError, naming the field."""
    if not text.strip():
        raise PolicyError(
            "TETHER_POLICY is not set: give the policy as JSON, or @ and the path of a file that holds it"
        )
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"TETHER_POLICY: {text[1:]} cannot be read ({type(error).__name__})") from None
    return parse(text, "TETHER_POLICY")


def parse(text: str, source: str) -> Policy:
    """The policy in a JSON document. Raises PolicyError, naming the field and the document's source."""
    try:
        return msgspec.json.decode(text, type=Policy, dec_hook=decode_hook)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{source}: {plain(str(error))}") from None
    except msgspec.DecodeError as error:
        raise PolicyError(f"{source} is not JSON: {error}") from None


def schema() -> bytes:
    """The JSON Schema of the policy, as committed in docs/policy.schema.json."""

    def of_own_types(kind: type) -> dict[str, object]:
        if kind is not ResourceId:
            raise TypeError(f"the schema has no word for {kind.__name__}")
        return {"type": "string", "pattern": "^/subscriptions/", "description": "An Azure resource id"}

    document = msgspec.json.schema(Policy, schema_hook=of_own_types)
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Tether policy", **document}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


if __name__ == "__main__":
    import sys

    from functions.policy_check import main

    sys.exit(main())
