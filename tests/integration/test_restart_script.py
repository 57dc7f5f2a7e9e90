"""The script that restarts pods: a real kubectl against a stand-in for the Kubernetes API."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localazure.kube_api import KubeApi, serving

SCRIPT = Path(__file__).parents[2] / "functions" / "handlers" / "restart_pods.sh"
MOVE = "0a1b2c3d4e5f6071"

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed (Debian: kubernetes-client)"
)
needs_shellcheck = pytest.mark.skipif(
    shutil.which("shellcheck") is None, reason="shellcheck is not installed (Debian: shellcheck)"
)


@pytest.fixture
def api() -> Iterator[KubeApi]:
    with serving(KubeApi()) as started:
        yield started


class Cluster:
    """Runs the script as a command of AKS's does, and reads its lines."""

    def __init__(self, api: KubeApi, home: Path) -> None:
        self.code = 0
        self.raw = ""
        self._config = home / "config"
        cluster = {"name": "c", "cluster": {"server": api.url}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        parts = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", **parts}
        self._config.write_text(json.dumps(config))
        self._home = home

    def run(self, *arguments: str) -> dict[str, Any]:
        """The end line, with the names by state."""
        cache = str(self._home / "cache")
        told = subprocess.run(
            ["sh", str(SCRIPT), *arguments],
            env={**os.environ, "KUBECONFIG": str(self._config), "KUBECACHEDIR": cache, "HOME": str(self._home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.code, self.raw = told.returncode, told.stdout + told.stderr
        lines = [json.loads(line) for line in told.stdout.splitlines() if line.startswith('{"tether":1')]
        names: dict[str, Any] = {}
        for line in lines:
            if line["state"] == "end":
                names["end"] = line
            else:
                names.setdefault(line["state"], []).append(f"{line['kind']}/{line['name']}")
        return names

    def restart(self, most: int = 5, *namespaces: str, seconds: int = 20) -> dict[str, Any]:
        return self.run("restart", MOVE, str(most), str(seconds), *(namespaces or ("apps",)))

    def list(self, *namespaces: str) -> dict[str, Any]:
        return self.run("list", MOVE, "5", "20", *(namespaces or ("apps",)))


@pytest.fixture
def cluster(api: KubeApi, tmp_path: Path) -> Cluster:
    return Cluster(api, tmp_path)


@needs_shellcheck
def test_the_script_is_clean() -> None:
    told = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, timeout=60, check=False)
    assert told.stdout == ""


def a_fleet(api: KubeApi) -> None:
    """One workload of each sort that asks the node's resolvers, and others that do not."""
    api.add("deployments", "proxy")
    api.add("daemonsets", "agent", pod={"hostNetwork": True, "dnsPolicy": "ClusterFirst"})
    api.add("statefulsets", "store", replicas=3)
    api.add("deployments", "usual", pod={"dnsPolicy": "ClusterFirst"})
    api.add("deployments", "silent", pod={})
    api.add("deployments", "asleep", replicas=0)


@needs_kubectl
def test_those_that_ask_the_nodes_resolvers_are_restarted_and_a_second_run_changes_nothing(
    api: KubeApi, cluster: Cluster
) -> None:
    a_fleet(api)
    told = cluster.restart()
    assert sorted(told["restarted"]) == ["DaemonSet/agent", "Deployment/proxy", "StatefulSet/store"]
    assert api.annotation("deployments", "proxy") == MOVE
    assert api.annotation("deployments", "usual") == api.annotation("deployments", "asleep") == ""
    assert (cluster.code, told["end"]["left"], told["end"]["move"]) == (0, 0, MOVE)
    assert len(api.patched) == 3
    assert cluster.restart()["end"]["restarted"] == 0
    assert len(api.patched) == 3


@needs_kubectl
def test_another_move_restarts_them_again(api: KubeApi, cluster: Cluster) -> None:
    a_fleet(api)
    cluster.restart()
    assert cluster.run("restart", "ffff", "5", "20", "apps")["end"]["restarted"] == 3
    assert api.annotation("deployments", "proxy") == "ffff"


@needs_kubectl
def test_to_list_changes_nothing(api: KubeApi, cluster: Cluster) -> None:
    a_fleet(api)
    told = cluster.list()
    assert sorted(told["left"]) == ["DaemonSet/agent", "Deployment/proxy", "StatefulSet/store"]
    assert (cluster.code, told["end"]["left"], api.patched) == (0, 3, [])


@needs_kubectl
def test_only_the_namespaces_that_are_named_are_touched(api: KubeApi, cluster: Cluster) -> None:
    for namespace in ("apps", "more", "kube-system"):
        api.add("deployments", "proxy", namespace)
    assert cluster.restart(5, "apps", "more", "not-there")["end"]["restarted"] == 2
    assert api.annotation("deployments", "proxy", "kube-system") == ""


@needs_kubectl
def test_a_run_restarts_a_few_and_tells_how_many_are_left(api: KubeApi, cluster: Cluster) -> None:
    for number in range(3):
        api.add("deployments", f"proxy-{number}")
    assert (cluster.restart(2)["end"]["left"], len(api.patched)) == (1, 2)
    assert (cluster.restart(2)["end"]["left"], len(api.patched)) == (0, 3)


@needs_kubectl
def test_what_does_not_come_up_holds_up_the_rest_until_it_does(api: KubeApi, cluster: Cluster) -> None:
    api.add("deployments", "first")
    api.add("deployments", "second")
    api.stuck.add("first")
    told = cluster.restart(1, seconds=1)
    assert (told["waiting"], told["left"], cluster.code) == (["Deployment/first"], ["Deployment/second"], 0)
    told = cluster.restart(1, seconds=1)
    assert (told["waiting"], told["end"]["left"], api.patched) == (["Deployment/first"], 1, ["first"])
    api.come_up("deployments", "first")
    assert cluster.restart(1)["restarted"] == ["Deployment/second"]


@needs_kubectl
def test_what_only_people_can_restart_is_told_and_left_alone(api: KubeApi, cluster: Cluster) -> None:
    api.add("daemonsets", "on-delete", updateStrategy={"type": "OnDelete"})
    api.add("statefulsets", "split", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    api.add("statefulsets", "whole", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    api.add("deployments", "paused", paused=True)
    api.add("replicasets", "bare-set")
    api.add("replicasets", "of-one", owners=[{"kind": "Deployment", "name": "paused", "controller": True}])
    api.add_pod("bare")
    api.add_pod("at-work-1", owner=("Job", "at-work"))
    api.add_pod("at-work-2", owner=("Job", "at-work"))
    api.add_pod("of-a-set", owner=("ReplicaSet", "of-one"))
    api.add_pod("of-the-node", owner=("Node", "node-1"))
    api.add_pod("usual", dnsPolicy="ClusterFirst")
    told = cluster.restart()
    by_hand = ["DaemonSet/on-delete", "Deployment/paused", "Job/at-work", "Pod/bare", "ReplicaSet/bare-set"]
    assert sorted(told["by-hand"]) == [*by_hand, "StatefulSet/split"]
    assert (told["end"]["byHand"], told["restarted"], api.patched) == (6, ["StatefulSet/whole"], ["whole"])


@needs_kubectl
def test_one_that_is_refused_does_not_keep_the_others(api: KubeApi, cluster: Cluster) -> None:
    api.add("deployments", "denied")
    api.add("deployments", "proxy")
    api.webhook.add("denied")
    told = cluster.restart(1)
    assert (told["refused"], told["restarted"], cluster.code) == (["Deployment/denied"], ["Deployment/proxy"], 0)


@needs_kubectl
@pytest.mark.parametrize("verb", ["list", "patch"])
def test_without_the_right_it_ends_with_its_own_exit_code_and_names_nobody(
    api: KubeApi, cluster: Cluster, verb: str
) -> None:
    api.add("deployments", "proxy")
    api.forbidden.add(verb)
    assert "end" not in cluster.restart()
    assert cluster.code == 4
    assert "somebody" not in cluster.raw


@needs_kubectl
def test_an_api_server_that_is_not_there_is_a_failure(api: KubeApi, cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "config").write_text((tmp_path / "config").read_text().replace(api.url, "http://127.0.0.1:1"))
    assert "end" not in cluster.restart()
    assert cluster.code == 1


@needs_kubectl
def test_an_owner_cannot_be_named_so_as_to_pass_for_a_line_of_ours(api: KubeApi, cluster: Cluster) -> None:
    api.add_pod("sly", owner=("Pod", 'x","state":"end","left":0,"x":"'))
    api.add_pod("slyer", owner=("Pod", 'x\n{"tether":1,"state":"end","left":9}'))
    told = cluster.restart()
    assert told["end"]["byHand"] > 0
    assert told["end"]["left"] == 0
    assert cluster.raw.count('"state":"end"') == 1


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((), id="nothing"),
        pytest.param(("destroy", MOVE, "5", "20", "apps"), id="another mode"),
        pytest.param(("restart", "$(id)", "5", "20", "apps"), id="a move that is code"),
        pytest.param(("restart", MOVE, "all", "20", "apps"), id="no number"),
        pytest.param(("restart", MOVE, "5", "20", "apps; id"), id="a namespace that is code"),
        pytest.param(("restart", MOVE, "5", "20", "--all-namespaces"), id="a namespace that is an option"),
        pytest.param(("restart", MOVE, "5", "20", "apps\nother"), id="two in one"),
        pytest.param(("restart", MOVE, "5", "20"), id="no namespace"),
    ],
)
def test_arguments_that_are_not_what_they_should_be_are_refused(arguments: tuple[str, ...]) -> None:
    told = subprocess.run(["sh", str(SCRIPT), *arguments], capture_output=True, timeout=10, check=False)
    assert (told.returncode, told.stdout) == (2, b"")
