"""What no source settles about AKS, as choices that a test can make either way."""

from dataclasses import dataclass


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
    `list_page`: clusters in one page of a LIST; the rest is behind `nextLink`.
    """

    deletes_foreign_links: bool = True
    pause_before_own_link: float = 0
    stopping_removes_record: bool = True
    list_page: int = 100
