"""The cluster that a request names: whether it is in scope, its row in the ledger, the Work that looks at it."""

import logging
import uuid

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.http.problem import Problem
from functions.ledger.state import Ledger, LedgerError, Observed
from functions.work import Work

_log = logging.getLogger("tether")


async def in_scope(around: Around, cluster: ResourceId) -> None:
    """Raises Problem for a cluster outside the policy's scope, before anything of it is read."""
    if not await around.scopes.hold(around.session, around.policy, cluster.subscription, around.now()):
        raise Problem(403, "out-of-scope", f"The policy's scope does not hold the subscription {cluster.subscription}.")


def work_for(cluster: ResourceId, row: ResourceId | None, at: float, by: str) -> Work:
    """The Work that a person asks for. Its cause has an id of its own, as an event has."""
    return Work(target=cluster, why="asked", cause=f"http-{uuid.uuid4()}", since=at, subject=row, by=by)


async def known_row(cluster: ResourceId, ledger: Ledger) -> ResourceId | None:
    """The row in which a cluster was last seen, None where it never was or the tables do not answer."""
    try:
        return await ledger.row_of(cluster)
    except LedgerError as error:
        _log.warning("the row of %s is not known: %s", cluster, error)
        return None


async def remembered(row: ResourceId, ledger: Ledger) -> Observed | None:
    """What a dry run may take from earlier passes, None where the tables do not answer: it sees enough without."""
    try:
        return (await ledger.read(row)).memory
    except LedgerError as error:
        _log.warning("a dry run goes on without what is remembered of %s: %s", row, error)
        return None
