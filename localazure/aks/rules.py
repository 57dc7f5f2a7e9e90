"""What no source settles about AKS, as choices that a test can make either way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AksRules:
    """How AKS behaves where its documentation and the recordings are silent.

    `deletes_foreign_links`: deleting a cluster takes links that someone else hung on its zone along, as the deletion
    of the whole node resource group would. False: the zone's deletion is refused (CannotDeleteResource), and the
    cluster's deletion fails with it.
    """

    deletes_foreign_links: bool = True
