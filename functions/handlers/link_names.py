"""The names of our links: the same for every pass and worker, and another for every owner and hub."""

import hashlib
import re

from functions.arm.resource_id import ResourceId

HANDLER = "zone_links"
LINK_TYPE = "virtualNetworkLinks"


def link_id(zone: ResourceId, hub: ResourceId, owner: str) -> ResourceId:
    """The id of our link to a hub.

    1 to 80 of `[A-Za-z0-9_.-]`, first alphanumeric, last alphanumeric or `_` (azure-facts, Private DNS); in lower
    case, since private DNS prints names so (recorded privatedns/acr-zone-link-and-records [4] [7]).
    """
    digest = hashlib.sha256(f"{owner}\0{str(hub).casefold()}".encode()).hexdigest()[:16]
    shown = re.sub(r"[^a-z0-9_.-]", "-", hub.name.casefold())[:48]
    return zone.child(LINK_TYPE, f"tether-{shown}-{digest}")
