"""The making of a cluster, as far as the ledger saw it: what proves that its creation failed, and nothing later."""

import msgspec


class Making(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cluster that was seen Creating, and since then in no state but those of its making. Instants are in seconds
    since 1970, 0 for never.

    `uid` is AKS's own id of this very cluster. `first`: when it was first seen Creating, `last`: when it was last seen
    in the making. `failed`: when it was first seen Failed as it is now, `etag`: what it had then.
    """

    first: float
    last: float
    uid: str = ""
    failed: float = 0.0
    etag: str = ""
    puts: int = 0
    """How often it was put again."""
    put_at: float = 0.0
    """When that was last tried."""
    linked: float = 0.0
    """Since when every link was found Completed."""
    pools: tuple[str, ...] = ()
    """The pools that the creation asks for, each with its number of machines; empty where AKS does not say."""
