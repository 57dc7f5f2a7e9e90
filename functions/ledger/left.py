"""A record of Tether's that outlives its cluster: what the ledger keeps until it is removed, or a read shows none."""

import msgspec


class Left(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The name of a cluster that is gone, or that another cluster replaced under the same id.

    `cluster` is the id that the records' owner texts carry, `name` the private FQDN in lower case, `zone` the zone in
    which AKS kept it (empty where there was none). `since`: when the cluster was first found missing, in seconds since
    1970. `places` are the targets where a record may still be, as far as they are known (RecordTarget.place).
    """

    cluster: str
    name: str
    zone: str = ""
    since: float = 0.0
    places: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Two entries with the same key are the same duty."""
        return self.cluster.casefold(), self.name.casefold()
