"""The real things that the loop works with: made once, at first use, and kept as long as the worker lives (rule 12).

Nothing here is imported before the first event that concerns us, so that all others cost nothing.
"""

import os
import time
from dataclasses import dataclass, field

from azure.core.pipeline.transport import AioHttpTransport

from functions import settings
from functions.arm.credential import platform_credential
from functions.arm.session import Session
from functions.around import Around
from functions.dns.targets import target_of
from functions.events_out import Nobody, Publisher, publisher
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.ledger.blobs import BlobDocuments
from functions.ledger.reports import Reports
from functions.ledger.state import Ledger
from functions.ledger.tables import TableLedger
from functions.policy import PolicyError
from functions.queue import StorageQueue, WorkQueue
from functions.role import Role
from functions.second_app import NoSecondApp, QueuedSecondApp
from functions.triggers.turns import Turns
from functions.watch import Pauses

_CONNECT_TIMEOUT = 5  # seconds


@dataclass(frozen=True, slots=True)
class Live:
    """What a worker has. `around` is the policy's error instead when that is invalid: then nothing is written."""

    queue: WorkQueue
    around: Around | PolicyError
    ledger: Ledger
    reports: Reports
    publisher: Publisher = Nobody()  # noqa: RUF009 - it holds nothing
    turns: Turns = field(default_factory=Turns)
    pauses: Pauses = field(default_factory=Pauses)

    def now(self) -> float:
        """The time in seconds since 1970, whatever the policy."""
        return time.time() if isinstance(self.around, PolicyError) else self.around.now()


_live: Live | None = None


def live() -> Live:
    """The worker's own. Raises SettingsError when a setting besides the policy cannot be used."""
    global _live  # noqa: PLW0603 - one a worker, made when first needed
    if _live is None:
        _live = _made()
    return _live


def _made() -> Live:
    known = settings.read(os.environ)
    queue, ledger = StorageQueue(known.storage), TableLedger(known.storage)
    reports = Reports(BlobDocuments(known.storage))
    if isinstance(known.policy, PolicyError):
        return Live(queue, known.policy, ledger, reports)
    transport = AioHttpTransport(connection_timeout=_CONNECT_TIMEOUT)
    session = Session(known.cloud, platform_credential(known.client_id), transport)
    signs = known.role is not Role.PRIVILEGED
    targets = Targets(known.policy.records, lambda record: target_of(record, session, os.environ, signs=signs))
    second = NoSecondApp() if known.second is None else QueuedSecondApp(StorageQueue(known.second))
    around = Around(
        session, known.policy, Scopes(), time.time, ledger, reports, targets, role=known.role, second=second
    )
    return Live(queue, around, ledger, reports, publisher(os.environ, known.policy.owner))
