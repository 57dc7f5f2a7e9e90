"""Azure's answers read item by item."""

import json
from typing import Any

import msgspec
import pytest

from functions.arm.errors import NoAnswerError
from functions.arm.understood import NotUnderstoodError, each, fields, one, text_in
from functions.fleet.model import ManagedCluster, decode_hook
from functions.fleet.oddities import odd_subnets, oddity
from tests.unit.worlds import CLUSTER_ID

_cluster = msgspec.json.Decoder(ManagedCluster, dec_hook=decode_hook)


def a_body(**properties: Any) -> dict[str, Any]:
    private = {"enablePrivateCluster": True, "privateDNSZone": "system"}
    return {"id": str(CLUSTER_ID), "properties": {"apiServerAccessProfile": private, **properties}}


def read(body: dict[str, Any]) -> ManagedCluster:
    return one(_cluster, json.dumps(body).encode())


@pytest.mark.parametrize("field", ["provisioningState", "powerState", "agentPoolProfiles", "nodeResourceGroup"])
def test_null_is_as_good_as_absent(field: str) -> None:
    assert read(a_body(**{field: None})) == read(a_body())


def test_a_tag_without_a_value_leaves_the_others() -> None:
    assert read({**a_body(), "tags": {"a": None, "b": "c"}}).tags == {"b": "c"}


def test_a_null_in_a_list_stands_for_something() -> None:
    with pytest.raises(NotUnderstoodError):
        read(a_body(agentPoolProfiles=[None]))


def test_an_odd_item_says_which_it_is_and_where_it_is_odd() -> None:
    listed = each({"value": [a_body(kubernetesVersion=1.29), a_body()]}, "value", _cluster)
    (odd,) = listed.odd
    assert len(listed.items) == 1
    assert (odd.id, odd.where) == (CLUSTER_ID, "$.properties.kubernetesVersion")
    assert not listed.complete


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"value":', b"[]", b"null", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoAnswerError) as refused:
        one(_cluster, body)
    assert not isinstance(refused.value, NotUnderstoodError)
    with pytest.raises(NoAnswerError):
        fields(body)


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": {}}, {"value": "x"}])
def test_a_page_without_a_list_says_nothing(page: dict[str, Any]) -> None:
    with pytest.raises(NoAnswerError):
        each(page, "value", _cluster)


def test_where_a_list_goes_on_has_to_be_understood() -> None:
    assert text_in({"nextLink": None}, "nextLink") is None
    with pytest.raises(NoAnswerError):
        text_in({"nextLink": 7}, "nextLink")


@pytest.mark.parametrize(
    ("access", "properties", "where"),
    [
        ({"privateDNSZone": "managed"}, {}, "privateDNSZone"),
        ({"privateDNSZone": str(CLUSTER_ID)}, {}, "privateDNSZone"),
        ({}, {"nodeResourceGroup": "a/b"}, "nodeResourceGroup"),
        ({}, {"nodeResourceGroup": "a\nb"}, "nodeResourceGroup"),
        ({}, {"privateFQDN": "no name"}, "privateFQDN"),
        ({}, {"privateFQDN": "x" * 64 + ".example"}, "privateFQDN"),
    ],
)
def test_a_word_that_means_nothing_makes_the_cluster_odd(
    access: dict[str, Any], properties: dict[str, Any], where: str
) -> None:
    body = a_body(**properties)
    body["properties"]["apiServerAccessProfile"] |= access
    odd = oddity(read(body))
    assert odd is not None
    assert odd.where.endswith(where)
    assert "\n" not in odd.why
    body["properties"]["apiServerAccessProfile"]["enablePrivateCluster"] = False
    assert oddity(read(body)) is None  # nothing is to be done for a public one


def test_a_subnet_that_cannot_be_read_is_told_and_the_rest_of_the_cluster_counts() -> None:
    cluster = read(a_body(agentPoolProfiles=[{"name": "a", "vnetSubnetID": "no id"}]))
    assert oddity(cluster) is None
    assert len(odd_subnets(cluster)) == 1
    assert cluster.own_vnets == frozenset()
