"""What the ledger remembers of the DNS servers that a cluster's nodes ask: a node keeps those that it booted with."""

import msgspec

UNLISTED = ""
"""In place of a pool's name: nodes that AKS does not list (hosted system pools, node auto-provisioning)."""


class NodeDns(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`servers`: the DNS servers of each VNet of the cluster, by its id in lower case, as they were read last. None of
    a VNet that was never read.

    `old`: servers that no VNet names any more and that nodes may still ask. `changed`: when the last change was seen
    (seconds since 1970, 0 while there are none). `images`: the pools that were not re-imaged since, each with its node
    image version at that time, empty where AKS did not tell it.
    """

    servers: dict[str, tuple[str, ...]] = {}
    old: tuple[str, ...] = ()
    changed: float = 0.0
    images: dict[str, str] = {}
