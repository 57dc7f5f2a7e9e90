"""Every cluster that Azure printed in a recording, with each of its fields in every wrong shape, beside a good one."""

import copy
import json
from typing import Any

import msgspec
import pytest

from functions.arm.understood import each
from functions.fleet.identify import row_of
from functions.fleet.model import ManagedCluster, decode_hook
from functions.fleet.oddities import all_understood
from functions.policy import Policy, Scope
from functions.watch import wants_a_look
from tests.fidelity.recorded_resources import EXAMPLES, Json, printed
from tests.unit.odd_shapes import WRONG, fields_of, spoil

_cluster = msgspec.json.Decoder(ManagedCluster, dec_hook=decode_hook)
_FIELDS = list(fields_of(ManagedCluster))
_SUFFIXES = ("azmk8s.io",)
POLICY = Policy(owner="test", scope=Scope(subscriptions=(EXAMPLES,)))


@pytest.mark.parametrize("name", printed("managedClusters"))
def test_a_recorded_cluster_may_become_odd_and_hides_no_other(name: str) -> None:
    body: Json = printed("managedClusters")[name]
    good: Any = copy.deepcopy(body) | {"id": str(body["id"]) + "-good"}
    for path in _FIELDS:
        for shape, value in WRONG.items():
            odd = copy.deepcopy(body)
            spoil(odd, path, value)
            listed = all_understood(each({"value": [odd, json.loads(json.dumps(good))]}, "value", _cluster))
            assert str(listed.items[-1].id) == good["id"], (path, shape)
            assert len(listed.items) + len(listed.odd) == 2, (path, shape)
            for cluster in listed.items:  # what `watch` asks of each
                row_of(cluster, POLICY, _SUFFIXES)
                wants_a_look(cluster, None, 0.0)
