"""The local AKS answers recorded requests as AKS did: status, headers, shape of the body."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from localazure.aks.errors import busy, link_failed, route_table_refused, zone_not_found
from localazure.answers import Refused
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.store import Json
from localazure.virtual_time import run
from tests.fidelity.aks_replay import Replay, name_form
from tests.fidelity.not_modelled import NOT_MODELLED

RECORDED = Path(os.environ.get("TETHER_RECORDED", Path(__file__).parents[2] / ".." / "shared" / "recorded"))
UNROUTED = "400-aks-existing-route-table-not-associated"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
CLUSTERS = "Microsoft.ContainerService/managedClusters"

# Every file of aks/ is in one of these tables, or is not modelled yet (not_modelled.py). Of those that are replayed the
# exchanges that are left out.
FLOWS: dict[str, dict[int, str]] = {
    "create-abort-canceled": {},
    "create-operation-free-text-status": {},
    "kubenet-byo-subnet-create": {},
    "list-in-resource-group-one-cluster": {},
    "network-isolated-byo-acr-kubenet-byo-subnet-create": {},
    "network-isolated-outbound-none-update": {},
    "node-resource-group-restriction-level-update": {},
    "private-stop-start-operations": {},
    "run-command-202-then-result": {},
    "private-custom-zone-fqdn-subdomain-full-flow": dict.fromkeys((3, 4, 5), "identities are not modelled"),
    "private-zone-none-create": {},
    "private-zone-system-public-fqdn-on-then-off": {},
    "vnet-integration-private-create": {},
}
NOT_EXCHANGES = {"field-node-resource-group-content-private-cluster"}
"""A listing, compared in test_the_node_group_holds_what_a_field_note_lists."""


def recorded(name: str, folder: str = "aks") -> Json:
    path = RECORDED / folder / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no recordings at {RECORDED}: set TETHER_RECORDED")
    read: Json = json.loads(path.read_text())
    return read


def a_replay() -> Replay:
    azure = LocalAzure(seed=3)
    return Replay(azure, InProcessTransport(arm_app(azure)))


def test_no_recorded_file_is_missed() -> None:
    if not (RECORDED / "aks").is_dir():
        pytest.skip(f"no recordings at {RECORDED}: set TETHER_RECORDED")
    later = {name.removeprefix("aks/") for name in NOT_MODELLED if name.startswith("aks/")}
    assert {path.stem for path in (RECORDED / "aks").glob("*.json")} == FLOWS.keys() | later | NOT_EXCHANGES


async def differences(name: str) -> list[str]:
    """Where the local AKS answers otherwise than a recording."""
    exchanges = recorded(name)["exchanges"]
    replay = a_replay()
    await PREPARED.get(name, _prepare)(replay, exchanges)
    for nth, exchange in enumerate(exchanges):
        if nth not in FLOWS.get(name, {}):
            await replay.exchange(nth, exchange)
    await replay.azure.close()
    assert replay.azure.failures == []
    return replay.differences


@pytest.mark.parametrize("name", FLOWS)
def test_a_recorded_flow_is_answered_alike(name: str) -> None:
    found = run(differences(name))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("name", "nth"), [(name, nth) for name, later in FLOWS.items() for nth in later])
def test_a_recorded_exchange_that_is_not_served_yet(name: str, nth: int) -> None:
    request = recorded(name)["exchanges"][nth]["request"]
    pytest.skip(f"aks/{name} [{nth}] {request['method']}: {FLOWS[name][nth]}")


# Kinds in a node resource group that the local AKS does not make, each with its reason.
NOT_MADE = {
    "Microsoft.Compute/virtualMachineScaleSets": "nodes are only their patience",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "identities are not modelled",
    "Microsoft.Network/loadBalancers": "outbound traffic is not modelled",
    "Microsoft.Network/networkSecurityGroups": "no rules are judged",
    "Microsoft.Network/publicIPAddresses": "outbound traffic is not modelled",
}


def test_the_node_group_holds_what_a_field_note_lists() -> None:
    listed = recorded("field-node-resource-group-content-private-cluster")["body"]

    async def story() -> None:
        replay = a_replay()
        access = {"enablePrivateCluster": True}
        cluster: Json = {"id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/{CLUSTERS}/team"}
        properties: Json = {"dnsPrefix": "team", "agentPoolProfiles": [], "apiServerAccessProfile": access}
        await _settled(replay, {**cluster, "location": "koreacentral"}, properties)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_rg_team_koreacentral"
        made = {
            (resource.type, name_form(resource.id.split("/providers/", 1)[1].split("/", 2)[2]))
            for resource in replay.azure.store.under(group)
        }
        for resource in listed:
            if resource["type"] not in NOT_MADE:
                form = name_form(resource["name"].replace("/", "/virtualNetworkLinks/", 1))
                assert (resource["type"], form.replace("md-aks-newyear-aks-203a21", "team")) in made

    run(story())


@pytest.mark.parametrize(
    ("file", "made"),
    [
        pytest.param("400-aks-dns-zone-not-found", zone_not_found("/zone"), id="a zone that is not there"),
        pytest.param("400-aks-dns-zone-not-found", busy("Updating"), id="another operation runs"),
        pytest.param(UNROUTED, route_table_refused("/subnet"), id="a subnet without the route table"),
    ],
)
def test_what_aks_refuses_has_no_error_wrapper(file: str, made: Refused) -> None:
    theirs = recorded(file, "errors")["exchanges"][0]["response"]["body"]
    assert isinstance(made.answer.body, dict)
    assert made.answer.body.keys() == theirs.keys()


def test_a_subnet_without_the_route_table_is_refused_as_recorded() -> None:
    theirs = recorded(UNROUTED, "errors")["exchanges"][0]["response"]
    ours = route_table_refused("/subnet").answer
    assert isinstance(ours.body, dict)
    assert (ours.status, ours.body["code"]) == (theirs["status"], theirs["body"]["code"])
    assert {key: type(value) for key, value in ours.body.items()} == {
        key: type(value) for key, value in theirs["body"].items()
    }


def test_the_routes_to_the_nodes_are_of_the_form_that_aks_writes() -> None:
    """Against the body of AKS's own write in an activity log."""
    noted = recorded("field-activity-log-route-table-write", "network")["body"]["properties"]["requestbody"]
    theirs = json.loads(noted)
    exchanges = recorded("kubenet-byo-subnet-create")["exchanges"]

    async def story() -> Json:
        replay = a_replay()
        await _prepare(replay, exchanges)
        await replay.exchange(0, exchanges[0])
        await replay.settle()
        (table,) = replay.azure.store.of_type("Microsoft.Network/routeTables")
        shown = await replay.send("GET", f"{replay.azure.arm}{table.id}?api-version=2025-03-01", None)
        told: Json = shown.json()
        return told

    ours = run(story())
    assert re.sub(r"\d{8}", "", ours["name"]) == re.sub(r"\d{8}", "", theirs["id"].rpartition("/")[2])
    assert ours["properties"]["disableBgpRoutePropagation"] is theirs["properties"]["disableBgpRoutePropagation"]
    assert ours["properties"]["routes"]
    forms = [_route_form(route) for route in theirs["properties"]["routes"]]
    assert {_route_form(route) for route in ours["properties"]["routes"]} == set(forms)


def _route_form(route: Json) -> tuple[str, bool, str]:
    """The node without its pool and number, whether it ends with the prefix, and the kind of hop."""
    pool, _, mark = route["name"].partition("____")
    said = route["properties"]
    prefix = re.sub(r"\D", "", said["addressPrefix"])
    return re.sub(r"^aks-[\w-]+-vmss\d{6}$", "<node>", pool), mark == prefix, said["nextHopType"]


def test_a_link_that_aks_could_not_make_is_told_as_recorded() -> None:
    theirs = recorded("aks-create-or-update-virtual-network-link-failed", "errors")["body"]
    reason = {"code": "BadRequest", "message": theirs["innerMessage"]}
    ours = link_failed("s", "rg", "zone", "link", reason).error
    assert (ours["code"], ours["subcode"]) == (theirs["code"], theirs["subcode"])
    assert theirs["message"] in ours["message"]
    assert theirs["innerMessage"] in ours["message"]


async def _prepare(replay: Replay, exchanges: list[Json]) -> None:
    """What most recordings take for granted: the groups and subnets that their PUTs name."""
    for exchange in exchanges:
        request = exchange["request"]
        if request["method"] == "PUT" and "managedClusters" in request["url"]:
            replay.prepare_request(request["url"], request["body"])


async def _one_cluster_listed(replay: Replay, exchanges: list[Json]) -> None:
    """The LIST shows one settled cluster: make it as its own body says."""
    cluster = exchanges[0]["response"]["body"]["value"][0]
    wanted = (
        "dnsPrefix",
        "kubernetesVersion",
        "networkProfile",
        "linuxProfile",
        "agentPoolProfiles",
        "enablePodSecurityPolicy",
    )
    await _settled(replay, cluster, {key: cluster["properties"][key] for key in wanted})


async def _an_earlier_cluster(replay: Replay, exchanges: list[Json]) -> None:
    """The recorded PUT updates a cluster that was there."""
    cluster = exchanges[0]["response"]["body"]
    await _settled(replay, cluster, exchanges[0]["request"]["body"]["properties"])


async def _settled(replay: Replay, cluster: Json, properties: Json) -> None:
    url = f"https://management.azure.com{cluster['id']}?api-version=2024-09-02-preview"
    body: Json = {"location": cluster["location"], "identity": {"type": "SystemAssigned"}, "properties": properties}
    replay.prepare_request(url, body)
    assert (await replay.send("PUT", url, body)).status_code == 201
    await replay.settle()


async def _a_creation_to_poll(replay: Replay, exchanges: list[Json]) -> None:
    """Only polls were recorded: create a cluster, and let each poll come when the creation has got as far."""
    recorded_address = exchanges[0]["request"]["url"]
    base = f"https://management.azure.com/subscriptions/{recorded_address.split('/')[4]}/resourceGroups/rg"
    url = f"{base}/providers/Microsoft.ContainerService/managedClusters/sample?api-version=2025-03-01"
    pools: list[Any] = [{"name": "np", "count": 1, "mode": "System"}]
    body: Json = {"location": "westus3", "properties": {"dnsPrefix": "sample", "agentPoolProfiles": pools}}
    replay.prepare_request(url, body)
    created = await replay.send("PUT", url, body)
    replay.follow(recorded_address, created.headers["azure-asyncoperation"])


async def _a_cluster_that_is_up(replay: Replay, exchanges: list[Json]) -> None:
    """What a POST to it takes for granted."""
    path = exchanges[0]["request"]["url"].partition("management.azure.com")[2].rpartition("/")[0]
    pools: list[Any] = [{"name": "np", "count": 1, "mode": "System"}]
    access = {"enablePrivateCluster": True}
    properties: Json = {"dnsPrefix": "sample", "agentPoolProfiles": pools, "apiServerAccessProfile": access}
    await _settled(replay, {"id": path, "location": "westus2"}, properties)


PREPARED = {
    "private-stop-start-operations": _a_cluster_that_is_up,
    "run-command-202-then-result": _a_cluster_that_is_up,
    "list-in-resource-group-one-cluster": _one_cluster_listed,
    "network-isolated-outbound-none-update": _an_earlier_cluster,
    "create-operation-free-text-status": _a_creation_to_poll,
}
