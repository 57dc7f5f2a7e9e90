"""What proves a route table to be one that AKS keeps for kubenet, with an attacker's table for each clause."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.fleet.subnet_model import Subnet
from functions.handlers.route_table_proof import carries_pods, doubts_of_company, doubts_of_table, leads_elsewhere
from tests.unit.subnets import DEFAULT_ROUTE, NODE_ROUTE, NODES_NIC, PODS, STRANGERS_NIC, a_route, a_subnet, a_table
from tests.unit.worlds import ZONE

GROUP = ZONE.group_id


def the_subnet(**properties: Any) -> Subnet:
    held = a_subnet(**properties).held
    assert isinstance(held, Subnet)
    return held


@pytest.mark.parametrize(
    ("routes", "proven"),
    [
        pytest.param((), True, id="no routes"),
        pytest.param((NODE_ROUTE, a_route("10.244.1.0/24", "10.1.0.5")), True, id="one for each node"),
        pytest.param((a_route(PODS),), True, id="the whole prefix of the pods"),
        pytest.param((DEFAULT_ROUTE,), False, id="all traffic to somebody else's appliance"),
        pytest.param((a_route("0.0.0.0/0"),), False, id="all traffic to a node"),
        pytest.param((NODE_ROUTE, a_route("10.0.0.0/8")), False, id="a prefix that holds the pods' and more"),
        pytest.param((a_route("10.245.0.0/24"),), False, id="a prefix beside the pods'"),
        pytest.param((a_route(hop="10.1.1.4"),), False, id="pods' traffic to an address outside the subnet"),
        pytest.param((a_route(hop="192.0.2.1"),), False, id="pods' traffic to the internet"),
        pytest.param((a_route(hop=None, kind="Internet"),), False, id="pods' traffic to the Internet gateway"),
        pytest.param((a_route(hop=None, kind="None"),), False, id="pods' traffic to nowhere"),
        pytest.param((a_route(hop="10.1.0.4", kind="VirtualNetworkGateway"),), False, id="to a gateway"),
        pytest.param((a_route("AzureCloud"),), False, id="a service tag"),
        pytest.param((a_route("10.244.0.1/16"),), False, id="a prefix with bits of a host"),
        pytest.param((a_route("fd00::/64"),), False, id="another version of IP"),
        pytest.param((a_route(""),), False, id="no prefix"),
    ],
)
def test_a_route_is_one_of_a_nodes_or_the_table_is_in_doubt(routes: tuple[Any, ...], proven: bool) -> None:
    assert (not doubts_of_table(a_table(*routes), (PODS,), the_subnet())) is proven


def test_a_table_that_keeps_routes_of_gateways_out_is_in_doubt() -> None:
    assert doubts_of_table(a_table(disableBgpRoutePropagation=True), (PODS,), the_subnet())
    assert not doubts_of_table(a_table(disableBgpRoutePropagation=False), (PODS,), the_subnet())


@pytest.mark.parametrize("pods", [(), ("",), ("all",), ("10.245.0.0/16",), ("fd00::/48",)])
def test_without_the_pods_prefix_no_route_is_proven(pods: tuple[str, ...]) -> None:
    assert doubts_of_table(a_table(NODE_ROUTE), pods, the_subnet())


@pytest.mark.parametrize(
    "prefixes",
    [
        pytest.param({"addressPrefix": "10.1.0.0/24"}, id="one prefix"),
        pytest.param({"addressPrefix": None, "addressPrefixes": ["10.1.0.0/24", "fd00:1::/64"]}, id="a list of them"),
    ],
)
def test_a_subnet_may_have_either_form_of_prefix(prefixes: dict[str, Any]) -> None:
    assert not doubts_of_table(a_table(NODE_ROUTE), (PODS,), the_subnet(**prefixes))


def test_both_versions_of_ip_are_judged() -> None:
    subnet = the_subnet(addressPrefix=None, addressPrefixes=["10.1.0.0/24", "fd00:1::/64"])
    six = a_route("fd00:244::/80", "fd00:1::4")
    assert not doubts_of_table(a_table(NODE_ROUTE, six), (PODS, "fd00:244::/64"), subnet)
    assert doubts_of_table(a_table(NODE_ROUTE, six), (PODS,), subnet)


@given(
    st.ip_addresses(v=4),
    st.integers(min_value=0, max_value=32),
    st.ip_addresses(v=4),
    st.sampled_from(["VirtualAppliance", "Internet", "VnetLocal", "VirtualNetworkGateway", "None"]),
)
def test_no_route_is_proven_that_leads_out_of_the_subnet_or_carries_more_than_pods(
    address: Any, length: int, hop: Any, kind: str
) -> None:
    proven = not doubts_of_table(a_table(a_route(f"{address}/{length}", str(hop), kind)), (PODS,), the_subnet())
    if proven:
        assert (kind, length >= 16) == ("VirtualAppliance", True)
        assert str(address).startswith("10.244.")
        assert str(hop).startswith("10.1.0.")


def test_who_is_in_a_subnet_is_told_by_the_resource_group_whatever_its_case() -> None:
    assert doubts_of_company(the_subnet(), GROUP, ()) == ()
    mixed = the_subnet(ipConfigurations=[{"id": NODES_NIC}, {"id": STRANGERS_NIC}])
    assert doubts_of_company(mixed, GROUP, ()) == (STRANGERS_NIC,)


def test_a_group_of_the_same_name_in_another_subscription_is_another() -> None:
    elsewhere = NODES_NIC.replace("22222222", "99999999", 1)
    assert doubts_of_company(the_subnet(ipConfigurations=[{"id": elsewhere}]), GROUP, ()) == (elsewhere,)


def test_what_a_table_does_besides_pods_is_said() -> None:
    table = a_table(NODE_ROUTE, DEFAULT_ROUTE, a_route("10.9.0.0/16", None, "Internet"))
    assert leads_elsewhere(table, (PODS,)) == ("0.0.0.0/0 to 10.0.0.4", "10.9.0.0/16 to Internet")
    assert carries_pods(table, (PODS,))
    assert not carries_pods(a_table(DEFAULT_ROUTE), (PODS,))
