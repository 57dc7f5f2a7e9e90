"""An API server in the cluster's VNet: born there or converted, of one IP version or both."""

import pytest
from azure.core.exceptions import HttpResponseError

from localazure.aks import maintenance
from localazure.resources.subnets import Subnets
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time
from tests.unit.localazure_aks.moves import BALANCERS, ENDPOINTS, NICS, a_cluster, heard, record


def test_a_conversion_keeps_the_name_and_moves_the_address_to_a_load_balancer() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        before = await bench.aks.managed_clusters.get("apps", "team")
        [old] = maintenance.addresses(azure, cluster)
        api = f"{bench.world.spoke}/subnets/api"
        await Subnets(azure).create(api, {"addressPrefix": "10.1.9.0/28"})
        told = heard(azure)
        before.properties.api_server_access_profile.enable_vnet_integration = True
        before.properties.api_server_access_profile.subnet_id = api
        after = await (await bench.aks.managed_clusters.begin_create_or_update("apps", "team", before)).result()

        assert after.properties.private_fqdn == before.properties.private_fqdn
        assert maintenance.addresses(azure, cluster) == ("10.1.9.4",) != (old,)
        assert record(azure) == ["10.1.9.4"]
        assert azure.store.of_type(ENDPOINTS) == azure.store.of_type(NICS) == []
        balancer = azure.store.of_type(BALANCERS)[0]
        assert balancer.name == "kube-apiserver"
        assert told == [
            f"{BALANCERS}/write",
            f"{ZONES}/A/write",
            f"{NICS}/delete",
            f"{ENDPOINTS}/delete",
            "Microsoft.ContainerService/managedClusters/write",
        ]
        after.properties.api_server_access_profile.enable_vnet_integration = False
        with pytest.raises(HttpResponseError, match="cannot be switched off"):
            await bench.aks.managed_clusters.begin_create_or_update("apps", "team", after)

    in_virtual_time(story)


def test_a_conversion_from_python_is_the_same() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        await maintenance.integrate(bench.azure, cluster)
        assert bench.azure.store.of_type(ENDPOINTS) == []
        assert record(bench.azure) == list(maintenance.addresses(bench.azure, cluster))
        assert len(await maintenance.maintenance(bench.azure, cluster)) == 1
        assert record(bench.azure) == list(maintenance.addresses(bench.azure, cluster))

    in_virtual_time(story)


@pytest.mark.parametrize("private", [True, False])
def test_a_cluster_may_be_born_in_its_vnet(private: bool) -> None:
    async def story(bench: Bench) -> None:
        access = {"enablePrivateCluster": private, "enableVnetIntegration": True}
        made = await (await bench.create(access=access, subnet=False)).result()
        assert maintenance.addresses(bench.azure, made.id) == ("10.226.0.4",)
        assert bench.azure.store.of_type(ENDPOINTS) == []
        assert record(bench.azure) == (["10.226.0.4"] if private else [])
        if private:
            assert ".private.westeurope." in made.properties.private_fqdn
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        assert bench.azure.store.of_type(BALANCERS) == []

    in_virtual_time(story)


@pytest.mark.parametrize("integrated", [False, True])
def test_a_dual_stack_cluster_has_both_records(integrated: bool) -> None:
    async def story(bench: Bench) -> None:
        subnet = {"addressPrefixes": ["10.1.5.0/24", "fd00:1:5::/64"]}
        await Subnets(bench.azure).create(bench.world.node_subnet, subnet)
        request: Json = {
            "location": bench.world.location,
            "properties": {
                "dnsPrefix": "team",
                "agentPoolProfiles": [{"name": "np", "count": 1, "vnetSubnetID": bench.world.node_subnet}],
                "networkProfile": {"ipFamilies": ["IPv4", "IPv6"]},
                "apiServerAccessProfile": {"enablePrivateCluster": True, "enableVnetIntegration": integrated},
            },
        }
        made = await (await bench.aks.managed_clusters.begin_create_or_update("apps", "team", request)).result()
        assert maintenance.addresses(bench.azure, made.id) == ("10.1.5.4", "fd00:1:5::4")
        assert (record(bench.azure, "A"), record(bench.azure, "AAAA")) == (["10.1.5.4"], ["fd00:1:5::4"])
        four, six = await maintenance.maintenance(bench.azure, made.id)
        assert (record(bench.azure, "A"), record(bench.azure, "AAAA")) == ([four], [six])

    in_virtual_time(story, custom_dns=False)
