"""GET /health: whether Tether can do its work, and since when it has not looked."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime

from functions import queue
from functions.arm.errors import NoTokenError
from functions.arm.resource_id import ResourceId
from functions.http.answers import Check, Health, ShownRound, moment
from functions.http.asked import Asked, NoParameters
from functions.http.desk import Desk
from functions.ledger.instants import has_passed
from functions.ledger.reports import Reports, ReportsError, Round
from functions.ledger.state import LedgerError
from functions.policy import Policy, PolicyError
from functions.queue import QueueError
from functions.settings import SettingsError

_TIMEOUT = 8.0  # seconds for each check; all run at once

# A row that nobody ever writes: reading it tells whether the tables answer.
_NOBODY = ResourceId("/subscriptions/00000000-0000-0000-0000-000000000000")

_OK = Check(ok=True)

# `watch` runs every minute: after five in vain it does not only run late.
_STALE = 300.0  # seconds

_NAMED = 3  # subscriptions that a check names


async def health(asked: Asked[NoParameters], desk: Desk) -> Health:
    """Try everything that a pass needs but ARM itself, which is not Tether's to be healthy."""
    now = desk.live.now()
    (
        (depth, work),
        (poisoned, poison),
        (_, tables),
        (report, blobs),
        (watched, rounds),
        (_, token),
    ) = await asyncio.gather(
        _tried(desk.queues.depth(queue.QUEUE)),
        _tried(desk.queues.depth(queue.POISON)),
        _tried(desk.live.ledger.read(_NOBODY)),
        _tried(desk.reports.latest()),
        _tried(_round(desk.reports, now)),
        _tried(desk.credential.get_token(desk.scope)),
    )
    policy = desk.live.around if isinstance(desk.live.around, PolicyError) else desk.live.around.policy
    return _judged(
        policy=policy,
        checks={
            "queue": work if not work.ok else poison,
            "tables": tables,
            "blobs": blobs if not blobs.ok else rounds,
            "token": token,
            "watch": _OK if watched is None else _watching(watched[0], watched[1], now),
        },
        depths=(depth, poisoned),
        last_watch=ShownRound.of(watched[0]) if watched and watched[0] else None,
        last_sweep=moment(report.at) if report else None,
    )


def without_settings(error: SettingsError) -> Health:
    """The health of an app whose settings cannot be used: the setting is named, nothing else can be tried."""
    unknown = Check(ok=False, detail="not tried: the settings cannot be used")
    return Health(
        status="failing",
        policy=unknown,
        mode=None,
        settings=Check(ok=False, detail=str(error)),
        queue=unknown,
        tables=unknown,
        blobs=unknown,
        token=unknown,
        watch=unknown,
        queue_depth=None,
        poison_depth=None,
        last_watch=None,
        last_sweep=None,
    )


def _judged(
    *,
    policy: Policy | PolicyError,
    checks: dict[str, Check],
    depths: tuple[int | None, int | None],
    last_watch: ShownRound | None,
    last_sweep: datetime | None,
) -> Health:
    valid = _OK if isinstance(policy, Policy) else Check(ok=False, detail=str(policy))
    well = valid.ok and all(check.ok for check in checks.values())
    return Health(
        status="healthy" if well else "failing",
        policy=valid,
        mode=policy.mode.value if isinstance(policy, Policy) else None,
        settings=_OK,
        **checks,
        queue_depth=depths[0],
        poison_depth=depths[1],
        last_watch=last_watch,
        last_sweep=last_sweep,
    )


async def _round(reports: Reports, now: float) -> tuple[Round | None, float]:
    """The last round of `watch`, and since when there was none: its end, or the first time that health missed it."""
    watched = await reports.last_round()
    return watched, watched.at if watched else await reports.awaited_since(now)


def _watching(last: Round | None, since: float, now: float) -> Check:
    """Whether rounds of `watch` end, and the last one saw the whole scope, or has missed a part for five minutes."""
    stale = _stale(since, now)
    hidden = {name: missed for name, missed in (last.unseen if last else {}).items() if has_passed(missed, _STALE, now)}
    if not stale.ok or not hidden:
        return stale
    some = ", ".join(f"{name} since {_time(missed)}" for name, missed in sorted(hidden.items())[:_NAMED])
    more = f" and {len(hidden) - _NAMED} more" if len(hidden) > _NAMED else ""
    return Check(
        ok=False,
        detail=f"Resource Graph does not show a part of the scope ({some}{more}): see the finding "
        "subscription-not-visible in docs/findings.md",
    )


def _time(at: float) -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%SZ}"


def _stale(since: float, now: float) -> Check:
    """Whether rounds of `watch` end. A fresh deployment has its five minutes too."""
    if not has_passed(since, _STALE, now):
        return _OK
    if since > now:
        return Check(
            ok=False,
            detail=f"the last round of watch ended at {_time(since)}, ahead of this worker's clock: one of "
            "the app's workers had a wrong clock; the next round of watch puts it right",
        )
    return Check(
        ok=False,
        detail=f"no round of watch has ended since {_time(since)}: see whether the function app's timers "
        "run (AzureWebJobsStorage, AzureWebJobs.watch.Disabled) and what the log says of the function watch",
    )


async def _tried[T](call: Awaitable[T]) -> tuple[T | None, Check]:
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await call, _OK
    except (QueueError, LedgerError, ReportsError, NoTokenError) as error:
        return None, Check(ok=False, detail=str(error))
    except TimeoutError:
        return None, Check(ok=False, detail=f"no answer within {_TIMEOUT:g} s")
