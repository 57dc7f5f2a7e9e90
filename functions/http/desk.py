"""What the routes work with, made at the first request and kept as long as the worker lives (rule 12)."""

import os
from dataclasses import dataclass

from azure.core.credentials_async import AsyncTokenCredential

from functions import settings
from functions.arm.credential import platform_credential
from functions.around import Around
from functions.http.poison import PoisonQueue, Queues
from functions.http.principal import EasyAuth
from functions.ledger.reports import Reports
from functions.live import Live, live
from functions.policy import PolicyError


@dataclass(frozen=True, slots=True)
class Desk:
    """The worker's own things, and what only HTTP needs: depths of queues, a token to try, whom to believe."""

    live: Live
    queues: Queues
    credential: AsyncTokenCredential
    scope: str
    easy_auth: EasyAuth

    @property
    def reports(self) -> Reports:
        return self.live.reports

    @property
    def around(self) -> Around:
        """Raises PolicyError where the policy is invalid: nothing can be looked at then."""
        if isinstance(self.live.around, PolicyError):
            raise self.live.around
        return self.live.around


_desk: Desk | None = None


def desk() -> Desk:
    """The worker's own. Raises SettingsError when a setting besides the policy cannot be used."""
    global _desk  # noqa: PLW0603 - one a worker, made when first needed
    if _desk is None:
        known = settings.read(os.environ)
        _desk = Desk(
            live=live(),
            queues=PoisonQueue(known.storage),
            credential=platform_credential(known.client_id),
            scope=known.cloud.scope,
            easy_auth=EasyAuth.read(os.environ),
        )
    return _desk
