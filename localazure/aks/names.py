"""The names that AKS gives: host names, the private zone, the node resource group, its own link."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from localazure.store import Json, part

type ZoneMode = Literal["system", "custom", "none", "public"]

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SUFFIX = "azmk8s.io"


@dataclass(frozen=True, slots=True)
class ApiServerNames:
    """How an API server is called. `zone` is the private zone's name, empty where AKS needs none."""

    mode: ZoneMode
    fqdn: str
    private_fqdn: str
    portal_fqdn: str
    zone: str

    @property
    def record(self) -> str:
        """The A record's name inside the zone: `privateFQDN` without the zone."""
        return self.private_fqdn.removesuffix("." + self.zone)


def api_server_names(request: Json, random: Random, zone_guid: str) -> ApiServerNames:
    """Choose the host names of a new cluster. `request` is the PUT's body.

    zone mode        privateFQDN                                          fqdn
    system           <prefix>-<8>.<guid>.privatelink.<region>.azmk8s.io   <prefix>-<other 8>.hcp.<region>.azmk8s.io
    system, in VNet  <prefix>-<8>.<guid>.private.<region>.azmk8s.io       the same
    custom           <fqdnSubdomain, else prefix-<8>>.<zone>              <that>-<8>.hcp.<region>.azmk8s.io
    none             equals fqdn                                          <prefix>-<8>.hcp.<region>.azmk8s.io
    public           empty                                                the same

    Source: recorded aks/private-zone-system-public-fqdn-on-then-off [0], aks/vnet-integration-private-create [0],
    aks/private-custom-zone-fqdn-subdomain-full-flow [6], aks/private-zone-none-create [0].
    """
    properties = part(request, "properties")
    access = part(properties, "apiServerAccessProfile")
    region = str(request.get("location", "")).replace(" ", "").lower()
    prefix = str(properties.get("fqdnSubdomain") or properties.get("dnsPrefix") or "aks")
    fqdn = f"{prefix}-{_label(random)}.hcp.{region}.{SUFFIX}"
    portal = f"{random.getrandbits(128):032x}-priv.portal.hcp.{region}.{SUFFIX}"
    mode = zone_mode(access)
    match mode:
        case "public":
            return ApiServerNames(mode, fqdn, "", fqdn.replace(".hcp.", ".portal.hcp."), "")
        case "none":
            return ApiServerNames(mode, fqdn, fqdn, portal, "")
        case "custom":
            zone = str(access["privateDNSZone"]).rsplit("/", maxsplit=1)[-1]
            host = properties.get("fqdnSubdomain") or f"{prefix}-{_label(random)}"
            return ApiServerNames(mode, fqdn, f"{host}.{zone}", portal, zone)
        case "system":
            kind = "private" if access.get("enableVnetIntegration") else "privatelink"
            zone = f"{zone_guid}.{kind}.{region}.{SUFFIX}"
            return ApiServerNames(mode, fqdn, f"{prefix}-{_label(random)}.{zone}", portal, zone)


def zone_mode(access: Json) -> ZoneMode:
    """Which private zone a cluster wants; `system` unless told (AKS documentation, private-clusters)."""
    if not access.get("enablePrivateCluster"):
        return "public"
    zone = str(access.get("privateDNSZone") or "system")
    match zone.lower():
        case "system":
            return "system"
        case "none":
            return "none"
        case _:
            return "custom"


def node_resource_group(request: Json, group: str, cluster: str) -> str:
    """The given name, else `MC_<group>_<cluster>_<region>`, cut at 80 characters as a group's name must be."""
    given = part(request, "properties").get("nodeResourceGroup")
    return str(given or f"MC_{group}_{cluster}_{request.get('location', '')}"[:80])


def own_link(private_fqdn: str, nth: int) -> str:
    """The link that AKS makes to the cluster's own VNet: the API server's host label, numbered from the second VNet on.

    Form: recorded aks/field-node-resource-group-content-private-cluster (`<prefix>-<8>`); the number is ours.
    """
    label = private_fqdn.split(".", maxsplit=1)[0]
    return label if nth == 0 else f"{label}-{nth}"


def _label(random: Random) -> str:
    return "".join(random.choices(_LETTERS, k=8))
