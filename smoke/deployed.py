"""The app as it is deployed: its health, its plan for a cluster, and its last sweep. Reads only."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from smoke.report import Report

_WITHIN = 90.0  # seconds: a cold start, and a pass of at most 60 s
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class NotThereError(Exception):
    """The app cannot be asked."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the app's."""

    status: int
    body: dict[str, Any]

    @property
    def detail(self) -> str:
        """A problem's own words (RFC 9457), or the status where there are none: the platform's own answers."""
        return str(self.body.get("detail") or f"HTTP {self.status}")


class App:
    """The app at `url`, asked with a function key, which goes nowhere else and is told to nobody."""

    def __init__(self, url: str, key: str, client: aiohttp.ClientSession) -> None:
        """Raises NotThereError for an address to which a key must not be sent."""
        parts = urlsplit(url)
        if not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)) or not parts.hostname:
            raise NotThereError("the app's address must be https:// and a host: a key is sent there")
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._headers = {"x-functions-key": key} if key else {}
        self._client = client

    async def ask(self, method: str, path: str) -> Said:
        """Ask a route below /api. Raises NotThereError; redirects are not followed, for the key would go along."""
        timeout = aiohttp.ClientTimeout(total=_WITHIN)
        url = f"{self._root}/api{path}"
        try:
            sent = self._client.request(method, url, headers=self._headers, timeout=timeout, allow_redirects=False)
            async with sent as answer:
                held: object = await answer.json(content_type=None) if answer.content_length != 0 else {}
                return Said(answer.status, held if isinstance(held, dict) else {})
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise NotThereError(
                f"{method} {path} was not answered as Tether answers ({type(error).__name__})"
            ) from None


async def look_at_app(app: App, report: Report, cluster: str) -> None:
    """Health, a dry run for `cluster` (or the first that the app remembers), and the last sweep."""
    try:
        if not await _health(app, report):
            return
        await _dry_run(app, report, cluster)
        await _drift(app, report)
    except NotThereError as error:
        report.bad("the app", str(error), "is it deployed, and the address that of the function app?")


async def _health(app: App, report: Report) -> bool:
    """Whether the app can be asked for more: a failing one can, one that does not take the key cannot."""
    said = await app.ask("GET", "/health")
    if said.status == 200:
        mode = said.body.get("mode")
        report.well("health", f"healthy, mode {mode}, {said.body.get('poisonDepth')} messages in the poison queue")
    elif said.status == 401:
        report.bad("health", "the function key is missing or wrong", "TETHER_FUNCTION_KEY, or --key-file")
        return False
    else:
        checks = {name: part for name, part in said.body.items() if isinstance(part, dict) and part.get("ok") is False}
        failing = "; ".join(f"{name}: {part.get('detail')}" for name, part in checks.items())
        report.bad("health", failing or said.detail, "see docs/operating.md")
    return True


async def _dry_run(app: App, report: Report, cluster: str) -> None:
    cluster = cluster or await _first(app)
    if not cluster:
        report.note("dry run", "the app remembers no cluster yet", "name one:  --cluster ID")
        return
    try:
        target = ResourceId(cluster)
    except InvalidResourceIdError as error:
        report.bad("dry run", str(error))
        return
    path = "/".join(quote(part, safe="") for part in (target.subscription, target.group, target.name))
    said = await app.ask("POST", f"/clusters/{path}/reconcile?dryRun=true")
    if said.status != 200:
        report.bad(
            "dry run", f"{target.name}: {said.detail}", "see docs/http.md for the code, docs/security.md for rights"
        )
        return
    report.well("dry run", f"{target.name}: {said.body.get('ended')}, {len(said.body['changes'])} changes planned")
    for change in said.body["changes"]:
        report.note("it would", f"{change['action']} {change['after'] or change['target']}: {change['reason']}")
    for finding in said.body["findings"]:
        report.note(str(finding["code"]), str(finding["seen"]), str(finding["advice"]))


async def _first(app: App) -> str:
    said = await app.ask("GET", "/clusters?top=1")
    held = said.body.get("value") or [{}]
    return str(held[0].get("id", ""))


async def _drift(app: App, report: Report) -> None:
    said = await app.ask("GET", "/drift")
    if said.body.get("code") == "no-report":
        report.note("last sweep", "none has ended yet", "the sweep runs once an hour")
    elif said.status != 200:
        report.bad("last sweep", said.detail)
    else:
        body = said.body
        report.well("last sweep", f"{body.get('clusters')} clusters, {body.get('changes')} changes wanted")
        for place in body.get("unreadable") or ():
            report.bad(
                "last sweep", f"could not read {place}", "assign the reader role there, or take it out of the scope"
            )
