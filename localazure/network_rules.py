"""What no source settles about Microsoft.Network, as choices that a test can make either way."""

from dataclasses import dataclass

ARM, GRAPH = "ARM", "Resource Graph"


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """How Microsoft.Network behaves where its documentation and the recordings are silent.

    `judges_subnet_etags`: a PUT of a subnet with an `If-Match` that is out of date is refused (412). False: the header
    is ignored, and the last writer wins.
    `keeps_failed_writes`: a subnet whose write failed shows what was sent. False: what it had before.
    `lists_up_to`: a subnet with more IP configurations is shown without `ipConfigurations`, as Azure does with long
    lists (issue 36379 of cilium/cilium; the limit is not documented). None: every list is shown.
    `unlisted`: subnets, by their ids in lower case, that are shown without the list however short it is.
    `leaves_out`: who leaves such lists out: ARM, Resource Graph, or both.
    """

    judges_subnet_etags: bool = True
    keeps_failed_writes: bool = True
    lists_up_to: int | None = None
    unlisted: frozenset[str] = frozenset()
    leaves_out: frozenset[str] = frozenset({ARM, GRAPH})

    def shows(self, by: str, subnet_id: str, addresses: int) -> bool:
        """Whether a subnet is shown with its list of so many IP configurations, by ARM or by Resource Graph."""
        too_long = self.lists_up_to is not None and addresses > self.lists_up_to
        return by not in self.leaves_out or not (too_long or subnet_id.casefold() in self.unlisted)
