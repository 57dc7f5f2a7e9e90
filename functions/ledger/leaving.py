"""What the ledger remembers of Tether's own links that nothing wants any more, between the two looks of a removal."""

import msgspec


class Unwanted(msgspec.Struct, frozen=True, kw_only=True):
    """A link of Tether's own that nothing has wanted since `since` (seconds since 1970), for one and the same reason.

    Only a complete list of links, with every fact that could want the link, begins it. The same ends it, and so does
    any pass that wants the link.
    """

    link: str
    since: float
    reason: str
