"""What a cluster's body keeps, adds and leaves out."""

from copy import deepcopy
from random import Random

from localazure.aks import body
from localazure.aks.names import api_server_names
from localazure.store import Json

REQUEST: Json = {
    "location": "westeurope",
    "tags": {"team": "a"},
    "identity": {"type": "SystemAssigned"},
    "somethingNew": 1,
    "properties": {
        "dnsPrefix": "team",
        "kubernetesVersion": "",
        "agentPoolProfiles": [{"name": "np", "count": 2, "osDiskSizeGB": 0, "spotMaxPrice": -1.0, "tomorrow": True}],
        "apiServerAccessProfile": {"enablePrivateCluster": True, "authorizedIPRanges": []},
        "networkProfile": {"networkPlugin": "kubenet", "serviceCidr": "10.2.0.0/16"},
        "futureProfile": {"enabled": True},
    },
}


def a_cluster() -> Json:
    names = api_server_names(REQUEST, Random(1), "guid")
    return body.new_cluster(REQUEST, names, "apps", "team", "uid")


def test_the_request_itself_is_left_alone() -> None:
    before = deepcopy(REQUEST)
    cluster = a_cluster()
    body.complete(cluster, "/x/team", "s", "tag")
    assert before == REQUEST


def test_unknown_properties_stay_where_they_were() -> None:
    cluster = a_cluster()
    assert cluster["somethingNew"] == 1
    assert cluster["properties"]["futureProfile"] == {"enabled": True}
    assert cluster["properties"]["agentPoolProfiles"][0]["tomorrow"] is True


def test_what_means_nothing_special_is_not_said_back() -> None:
    properties = a_cluster()["properties"]
    pool = properties["agentPoolProfiles"][0]
    assert "authorizedIPRanges" not in properties["apiServerAccessProfile"]
    assert "spotMaxPrice" not in pool
    assert pool["osDiskSizeGB"] == 128
    assert properties["kubernetesVersion"]


def test_a_new_cluster_runs_while_it_is_being_created_and_has_no_etag() -> None:
    cluster = a_cluster()
    assert cluster["properties"]["powerState"] == {"code": "Running"}
    assert cluster["properties"]["provisioningState"] == "Creating"
    assert "eTag" not in cluster


def test_silence_about_the_network_is_filled_from_what_was_said() -> None:
    network = a_cluster()["properties"]["networkProfile"]
    assert network["serviceCidrs"] == ["10.2.0.0/16"]
    assert network["networkPlugin"] == "kubenet"
    assert network["loadBalancerProfile"]["managedOutboundIPs"] == {"count": 1}


def test_a_cluster_that_has_come_up_shows_its_identities_and_an_etag() -> None:
    cluster = a_cluster()
    body.complete(cluster, "/x/team", "s", "tag")
    assert cluster["eTag"] == "tag"
    assert "kubeletidentity" in cluster["properties"]["identityProfile"]
    assert cluster["properties"]["privateLinkResources"][0]["id"] == "/x/team/privateLinkResources/management"


def test_only_the_answer_to_a_put_shows_node_labels() -> None:
    cluster = a_cluster()
    assert body.answer_to_put(cluster)["properties"]["agentPoolProfiles"][0]["nodeLabels"] == {}
    assert "nodeLabels" not in cluster["properties"]["agentPoolProfiles"][0]
