"""Which of Tether's two apps a worker belongs to (docs/decisions/0010)."""

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """What an app does. To put a cluster and to run a command in one is near to being its admin, so that these can be
    left to a second app with an identity and a storage account of its own.
    """

    ALONE = "alone"  # everything: one app, one identity
    PLAIN = "plain"  # all but that, and there is no second app
    SHARING = "sharing"  # all but that, which it asks the second app to look at
    PRIVILEGED = "privileged"  # that alone: the second app


SECOND_QUEUE = "PRIVILEGED_QUEUE__queueServiceUri"
"""The app setting with the address of the second app's queues, for the plain one."""


def role_of(environment: Mapping[str, str]) -> Role | None:
    """The role that the app settings give: `TETHER_ROLE` is `plain` or `privileged`. None where it is neither."""
    match environment.get("TETHER_ROLE", ""):
        case "":
            return Role.ALONE
        case "plain":
            return Role.SHARING if environment.get(SECOND_QUEUE) else Role.PLAIN
        case "privileged":
            return Role.PRIVILEGED
        case _:
            return None
