"""What no source settles about Microsoft.Network, as choices that a test can make either way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """How Microsoft.Network behaves where its documentation and the recordings are silent.

    `judges_subnet_etags`: a PUT of a subnet with an `If-Match` that is out of date is refused (412). False: the header
    is ignored, and the last writer wins.
    `keeps_failed_writes`: a subnet whose write failed shows what was sent. False: what it had before.
    """

    judges_subnet_etags: bool = True
    keeps_failed_writes: bool = True
