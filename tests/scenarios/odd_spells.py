"""For a while, something of a world's own is odd: a cluster's body, a row of Resource Graph, a row of the ledger.

One spell lies in the trouble, with a sweep in it, and one in the quiet time, while another cluster is born: that one
has to be served in time. After a spell everything has to become right.
"""

import asyncio
import json
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import urlsplit

import msgspec
from azure.core.rest import HttpRequest
from multidict import CIMultiDict

from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster
from functions.fleet.survey_rows import CLUSTERS, GROUPS, VNETS, ClusterRow, GroupRow, LinkRow, VnetRow, ZoneRow
from functions.ledger.state import Observed, Row
from localazure.in_process import InProcessResponse
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_world import Plan
from tests.unit.odd_shapes import ABSENT, WRONG, Path, fields_of, spoil

_NETWORK = "resources | where type =~ 'microsoft.network/privatednszones"
_QUERIES: Sequence[tuple[type[msgspec.Struct], str]] = (
    (ClusterRow, CLUSTERS.text),
    (GroupRow, GROUPS.text),
    (VnetRow, VNETS.text),
    (ZoneRow, f"{_NETWORK}' "),
    (LinkRow, f"{_NETWORK}/virtualnetworklinks' | where id contains"),
)

# Where any text is a right one, of another cluster: what follows from it is no mistake.
_ANY_TEXT = frozenset({"nodeResourceGroup", "resourceUID"})


class OddSpell:
    """One spell. `dice` is for nothing else, so that worlds without one stay what they were."""

    def __init__(self, dice: Random, hosts: Sequence[Host]) -> None:
        self._dice, self._hosts = dice, hosts
        self._body: tuple[str, Path, Any] | None = None
        self._row: tuple[str, Path, Any] | None = None
        self._spoilt: list[tuple[Host, Row]] = []
        self._chosen = ""

    def begin(self) -> None:
        """Draw what is odd, of what there is now."""
        dice, world = self._dice, self._hosts[0].world
        there = [plan for plan in world.plans if plan.concerns_tether and world.azure.store.get(plan.id)]
        if there and dice.random() < 0.6:
            self._body = (dice.choice(there).id.casefold(), *_odd_field(dice))
        if dice.random() < 0.7:
            kind, query = dice.choice(_QUERIES)
            self._row = (query, dice.choice(list(fields_of(kind))), dice.choice(list(WRONG.values())))
        for host in self._hosts:
            host.printers.append(self)
            if dice.random() < 0.7:
                self._spoil_row(host)

    def end(self) -> None:
        """Nothing is odd any more. Somebody gave the ledger its rows back, or had one seen anew."""
        for host, row in self._spoilt:
            held, plan = host.ledger.held.get(row.subject), _plan_of(host, row)
            if held is None or not held.odd:
                continue
            anew = plan is not None and plan.dies is None and self._dice.random() < 0.5
            observed = Observed() if anew else row.observed
            host.ledger.held[row.subject] = msgspec.structs.replace(held, observed=observed, odd="")
            host.ledger.linked[row.subject] = {hub.casefold(): host.ledger.now() for hub in observed.hubs}
            host.told("mended", f"the row of {row.subject}{', which is empty now' if anew else ''}")
        for host in self._hosts:
            host.printers.remove(self)

    def _spoil_row(self, host: Host) -> None:
        rows = [row for row in host.ledger.held.values() if row.observed.cluster and not row.odd]
        if not rows:
            return
        row = self._dice.choice(rows)
        odd = "what was seen cannot be decoded (simulation)"
        host.ledger.held[row.subject] = msgspec.structs.replace(row, observed=Observed(), odd=odd)
        host.ledger.linked.pop(row.subject, None)
        self._spoilt.append((host, row))
        host.told("spoilt", f"the row of {row.subject}")

    def beside(self, request: HttpRequest, answer: Any) -> Any:
        """The answer, with what is odd in it."""
        path = urlsplit(request.url).path.casefold()
        if answer.status_code != 200 or not answer.content:
            return answer
        if self._body is not None and request.method == "GET" and "/managedclusters" in path:
            return self._with_body(request, answer, *self._body)
        if self._row is not None and "/microsoft.resourcegraph/" in path:
            query, *rest = self._row
            if str(json.loads(str(request.content))["query"]).startswith(query):
                return self._with_row(request, answer, *rest)
        return answer

    def _with_body(self, request: HttpRequest, answer: Any, cluster: str, path: Path, value: Any) -> Any:
        body = json.loads(answer.content)
        for item in body.get("value", [body]):
            if str(item.get("id")).casefold() == cluster:
                spoil(item, path, value)
        return _answer(request, answer, body)

    def _with_row(self, request: HttpRequest, answer: Any, path: Path, value: Any) -> Any:
        """The same row is odd in every answer: one that is there when the spell's first answer comes."""
        body = json.loads(answer.content)
        ids = sorted(str(row.get("id")) for row in body["data"])
        if ids and not self._chosen:
            self._chosen = self._dice.choice(ids)
        for row in body["data"]:
            if row.get("id") == self._chosen:
                spoil(row, path, value)
        return _answer(request, answer, body)


async def odd_spell(dice: Random, hosts: Sequence[Host], busy_for: float) -> None:
    """A spell that is over before the trouble is, with a sweep in it."""
    lasts = dice.uniform(60, busy_for * 0.5)
    await asyncio.sleep(dice.uniform(30, busy_for - lasts))
    spell = OddSpell(dice, hosts)
    spell.begin()
    await asyncio.sleep(lasts / 2)
    for host in hosts:
        await host.sweep(early=True)
    await asyncio.sleep(lasts / 2)
    spell.end()


def _odd_field(dice: Random) -> tuple[Path, Any]:
    """A field of a cluster in a shape that cannot mean another cluster, or one without the field."""
    path = dice.choice(list(fields_of(ManagedCluster)))
    shapes = [
        value
        for shape, value in WRONG.items()
        if shape not in ABSENT and not (path[-1] in _ANY_TEXT and isinstance(value, str))
    ]
    return path, dice.choice(shapes)


def _plan_of(host: Host, row: Row) -> Plan | None:
    cluster = ResourceId(row.observed.cluster)
    return next((plan for plan in host.world.plans if ResourceId(plan.id) == cluster and not plan.deleting), None)


def _answer(request: HttpRequest, answer: Any, body: Any) -> Any:
    return InProcessResponse(request, 200, CIMultiDict(answer.headers), json.dumps(body).encode())
