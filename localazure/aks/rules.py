"""What no source settles about AKS, as choices that a test can make either way."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AksRules:
    """How AKS behaves where its documentation and the recordings are silent.

    `deletes_foreign_links`: deleting a cluster takes links that someone else hung on its zone along, as the deletion
    of the whole node resource group would. False: the zone's deletion is refused (CannotDeleteResource), and the
    cluster's deletion fails with it.
    `pause_before_own_link`: seconds of Azure's clock between the zone's birth and AKS's PUT of its own link to the
    cluster's VNet. With a pause someone else can be quicker, and AKS's link fails.
    `stopping_removes_record`: stopping a cluster takes its A record away, so that whoever asks meanwhile keeps a "no
    such name" (told in MicrosoftDocs/azure-docs issue 72522). False: the old address stays until the start.
    `unrouted`: how the creation of a kubenet cluster ends whose route table nobody has attached: with AKS's error of
    that name, or with the nodes' exit status 50, 51 or 52.
    `tells_creation`: `systemData` says when a cluster was made; no recorded cluster does.
    `list_page`: clusters in one page of a LIST; the rest is behind `nextLink`.
    """

    deletes_foreign_links: bool = True
    pause_before_own_link: float = 0
    stopping_removes_record: bool = True
    unrouted: Literal["route table", 50, 51, 52] = "route table"
    tells_creation: bool = False
    list_page: int = 100
