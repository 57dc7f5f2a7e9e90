"""What the ledger remembers of a kubenet cluster's subnets and the route tables that Tether gave them."""

import msgspec


class Wrote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subnet that Tether wrote at `at` (seconds since 1970), until it was found whole.

    `prints` are fingerprints of each property from before, but for the route table. `doubt` names those that somebody
    else wrote at about the same time.
    """

    subnet: str
    at: float
    prints: dict[str, str] = {}
    doubt: tuple[str, ...] = ()


class Routed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`kept` are the tables found where they should be, each as Routing.kept, also while they are missing again.

    `bare_since`: when a subnet of a cluster at rest was first found without a table, 0 while none is.
    """

    kept: tuple[str, ...] = ()
    bare_since: float = 0.0
    wrote: tuple[Wrote, ...] = ()
