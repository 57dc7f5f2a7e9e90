"""A move of an API server, and how far the restart of what may hold its old address has got."""

import msgspec


class Move(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of an API server's address. Instants are in seconds since 1970, 0 for never.

    `id` is what restarted workloads are marked with. `ttl`: for how many seconds someone may hold the old answer.
    `served_at`: when every record that Tether looks at was first found right, `commands` how many
    commands that restart ended.
    """

    id: str
    at: float
    old: str
    new: str
    ttl: int
    served_at: float = 0.0
    commands: int = 0
    listed: bool = False
    """Whether a command told what there is, and restarted nothing."""
    ended: bool = False
    """Whether the last command left nothing to restart."""
    heard: float = 0.0
    """When the last command was begun whose end was heard of."""
    left: int = 0
    names: tuple[str, ...] = ()
    """Some of those that are still to restart."""
    by_hand: int = 0
    by_hand_names: tuple[str, ...] = ()
    trouble: str = ""
    """The code of the finding about the last command, empty for one that went well."""
    said: str = ""
    troubles: int = 0
    """How many commands in a row got nowhere."""
    again_at: float = 0.0
    """When to try again after them."""

    @property
    def over_at(self) -> float:
        """When nobody can hold the old answer any more, by the records' TTL. Means nothing before `served_at`."""
        return self.served_at + self.ttl
