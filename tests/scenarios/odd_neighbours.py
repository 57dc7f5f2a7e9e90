"""Odd clusters in the random worlds: somebody's cluster, of which Azure prints a field that Tether cannot read.

It is printed beside the others, by AKS's list and by Resource Graph. One odd cluster changes nothing for the others:
the worlds' own rules judge that.
"""

import json
from random import Random
from typing import Any
from urllib.parse import urlsplit

import msgspec
from azure.core.rest import HttpRequest
from multidict import CIMultiDict

from functions.fleet.model import ManagedCluster
from functions.fleet.survey_rows import CLUSTERS, ClusterRow
from localazure.in_process import InProcessResponse
from localazure.store import Json
from localazure.world import SUBSCRIPTION
from tests.unit.odd_shapes import WRONG, Path, fields_of, spoil

_STRANGER = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/strangers/providers/Microsoft.ContainerService"
    "/managedClusters/stranger"
)

# A public cluster, so that Tether has nothing to do for it where it can be read. Its id stays readable: while it is
# not, no other cluster of the subscription counts as missed, which would delay what the rules wait for.
_BODY: Json = {"provisioningState": "Succeeded", "apiServerAccessProfile": {"enablePrivateCluster": False}}


def _but_id(kind: type[msgspec.Struct]) -> list[Path]:
    return [path for path in fields_of(kind) if path != ("id",)]


class OddNeighbours:
    """Who prints them. `dice` is for nothing else, so that the worlds of before stay what they were."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._fields, self._columns = _but_id(ManagedCluster), _but_id(ClusterRow)

    def beside(self, request: HttpRequest, answer: Any) -> Any:
        """The answer, with the odd cluster in it where clusters are listed."""
        path = urlsplit(request.url).path.casefold()
        if answer.status_code != 200:
            return answer
        if path.endswith(f"/{SUBSCRIPTION}/providers/microsoft.containerservice/managedclusters"):
            return self._with(request, answer, "value", {"id": _STRANGER, "properties": dict(_BODY)}, self._fields)
        if "/microsoft.resourcegraph/" in path and CLUSTERS.text in str(json.loads(str(request.content))["query"]):
            return self._with(request, answer, "data", {"id": _STRANGER, **_BODY}, self._columns)
        return answer

    def _with(self, request: HttpRequest, answer: Any, name: str, item: Json, paths: list[Path]) -> Any:
        odd = json.loads(json.dumps(item))
        spoil(odd, self._dice.choice(paths), self._dice.choice(list(WRONG.values())))
        body = json.loads(answer.content)
        body[name].insert(self._dice.randint(0, len(body[name])), odd)
        return InProcessResponse(request, 200, CIMultiDict(answer.headers), json.dumps(body).encode())
