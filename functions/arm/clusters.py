"""A managed cluster's body: read whole, and put again as it was read.

That is what `az resource update --ids <id>` does with nothing to change, and what makes AKS go on with a creation that
failed (docs/decisions/0008). The typed client puts it, and takes it as bytes: what its models do not know is not lost.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from functions.arm.errors import NoAnswerError
from functions.arm.resource_id import ResourceId
from functions.arm.session import CLUSTER_WRITE_TIMEOUT, Session
from functions.arm.writes import Accepted, accepted, begin, sent_once

API = "2026-08-01"
"""The newest version that the SDK knows (azure-mgmt-containerservice 41.8): an older one shows less."""

# Azure names no pause for a cluster's PUT, which takes minutes.
_USUAL_PAUSE = 60.0  # seconds

type Json = dict[str, Any]
type Path = tuple[str, ...]

# What AKS alone writes: models of azure-mgmt-containerservice 41.8, `visibility=["read"]`. `*` is each item of a list,
# or each value of an object. A test compares this with the SDK.
READ_ONLY: tuple[Path, ...] = (
    ("id",),
    ("name",),
    ("type",),
    ("systemData",),
    ("eTag",),
    ("identity", "principalId"),
    ("identity", "tenantId"),
    ("identity", "userAssignedIdentities", "*", "principalId"),
    ("identity", "userAssignedIdentities", "*", "clientId"),
    ("properties", "provisioningState"),
    ("properties", "powerState"),
    ("properties", "maxAgentPools"),
    ("properties", "currentKubernetesVersion"),
    ("properties", "fqdn"),
    ("properties", "privateFQDN"),
    ("properties", "azurePortalFQDN"),
    ("properties", "resourceUID"),
    ("properties", "status", "provisioningError"),
    ("properties", "addonProfiles", "*", "identity"),
    ("properties", "agentPoolProfiles", "*", "eTag"),
    ("properties", "agentPoolProfiles", "*", "currentOrchestratorVersion"),
    ("properties", "agentPoolProfiles", "*", "provisioningState"),
    ("properties", "agentPoolProfiles", "*", "status", "provisioningError"),
    ("properties", "agentPoolProfiles", "*", "localDNSProfile", "state"),
    ("properties", "ingressProfile", "webAppRouting", "identity"),
    ("properties", "networkProfile", "loadBalancerProfile", "effectiveOutboundIPs"),
    ("properties", "networkProfile", "natGatewayProfile", "effectiveOutboundIPs"),
    ("properties", "oidcIssuerProfile", "issuerURL"),
    ("properties", "podIdentityProfile", "userAssignedIdentities", "*", "provisioningInfo"),
    ("properties", "podIdentityProfile", "userAssignedIdentities", "*", "provisioningState"),
    ("properties", "privateLinkResources", "*", "privateLinkServiceID"),
)

# How AKS spells `eTag` in some bodies (recorded aks/network-isolated-byo-acr-kubenet-byo-subnet-create [1]).
_OTHER_SPELLING: tuple[Path, ...] = (("etag",), ("properties", "agentPoolProfiles", "*", "etag"))

_MANAGED = frozenset({"systemassigned", "userassigned"})


class ChangedMeanwhileError(Exception):
    """The cluster is not any more what was decided on, or cannot be told to be. Nothing was written."""


class SecretNeededError(Exception):
    """A PUT would need a secret that no GET tells. Nothing was written."""


async def read(session: Session, cluster: ResourceId) -> Json:
    """The whole body. Raises as session.get does."""
    return _decoded(await session.get(str(cluster), API))


async def put_again(session: Session, cluster: ResourceId, body: Json, etag: str | None) -> Accepted:
    """Put a failed cluster as it was just read, if it had `etag` then, or any where that is None, and still has.

    The ETag of the very body that is sent goes along as If-Match. So a PUT that came twice would be harmless: the first
    one moves the ETag, and AKS is busy. It is sent once. Raises ChangedMeanwhileError, SecretNeededError,
    ArmError, NoTokenError, and NoAnswerError when it is not known whether it was asked for.
    """
    held = body.get("eTag") or body.get("etag")
    if not isinstance(held, str) or not held:
        raise ChangedMeanwhileError("AKS tells no eTag of it, so that a change of others could be lost")
    if etag is not None and held != etag:
        raise ChangedMeanwhileError("somebody wrote it since it was looked at")
    if str(_inside(body, "properties").get("provisioningState")).casefold() != "failed":
        raise ChangedMeanwhileError("it is not Failed any more")
    if needed := secrets_needed(body):
        raise SecretNeededError(", ".join(needed))
    from azure.core import MatchConditions

    client = session.container_service(cluster.subscription)
    headers = await begin(
        lambda options: client.managed_clusters.begin_create_or_update(
            cluster.group,
            cluster.name,
            io.BytesIO(msgspec.json.encode(writable(body))),
            etag=held,
            match_condition=MatchConditions.IfNotModified,
            raw_request_hook=sent_once,
            **options,
        ),
        "PUT",
        CLUSTER_WRITE_TIMEOUT,
    )
    return accepted(headers, _USUAL_PAUSE)


def writable(body: Json) -> Json:
    """All that was read but what AKS alone writes. Properties that nobody here knows stay."""
    kept: Json = msgspec.json.decode(msgspec.json.encode(body))  # a copy: what was read stays as it was
    for path in (*READ_ONLY, *_OTHER_SPELLING):
        _strip(kept, path)
    return kept


def secrets_needed(body: Json) -> tuple[str, ...]:
    """The secrets without which the body cannot be put: those fields of the API's types that a GET leaves out.

    field                                     needed when
    servicePrincipalProfile.secret            the cluster has no managed identity, so that its principal is another app
    windowsProfile.adminPassword              there may be Windows machines: AKS gives every cluster with Azure CNI
                                              a windowsProfile, and only the pools' osType tells
    aadProfile.serverAppSecret                Entra integration of the old sort, with apps of the customer's
    """
    properties = _inside(body, "properties")
    return tuple(_needed(_inside(body, "identity"), properties))


def _needed(identity: Json, properties: Json) -> Iterator[str]:
    principal = str(_inside(properties, "servicePrincipalProfile").get("clientId") or "msi")
    if str(identity.get("type") or "").casefold() not in _MANAGED and principal.casefold() != "msi":
        yield "servicePrincipalProfile.secret"
    if properties.get("windowsProfile") and _may_run_windows(properties):
        yield "windowsProfile.adminPassword"
    if _inside(properties, "aadProfile").get("serverAppID"):
        yield "aadProfile.serverAppSecret"


def _may_run_windows(properties: Json) -> bool:
    """Whether a pool is not known to run Linux. Hosted system pools, which are not listed, run Linux."""
    pools = [_inside({"": pool}, "") for pool in _items(properties.get("agentPoolProfiles"))]
    hosted = _inside(properties, "hostedSystemProfile").get("enabled") is True
    return not (pools or hosted) or any(str(pool.get("osType")).casefold() != "linux" for pool in pools)


def _strip(held: object, path: Path) -> None:
    first, *rest = path
    if first == "*":
        for value in _items(held):
            _strip(value, tuple(rest))
    elif isinstance(held, dict):
        if rest:
            _strip(cast("Json", held).get(first), tuple(rest))
        else:
            cast("Json", held).pop(first, None)


def _items(held: object) -> Iterable[object]:
    if isinstance(held, dict):
        return cast("Json", held).values()
    return cast("list[object]", held) if isinstance(held, list) else ()


def _inside(held: Json, key: str) -> Json:
    value = held.get(key)
    return cast("Json", value) if isinstance(value, dict) else {}


def _decoded(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoAnswerError(f"ARM's answer is not what its documentation says: {error}") from None
