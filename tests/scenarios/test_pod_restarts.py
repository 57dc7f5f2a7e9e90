"""An API server moves, its records follow, and what may hold the old address is restarted, once nobody tells it."""

import io
import json
import os
import shlex
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from functions.ledger.move import Move
from functions.policy import Mode, PodRestarts, Policy, RecordTarget, Tsig
from localazure.aks import maintenance
from localazure.kube_api import KubeApi, serving
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell

RESTARTS = PodRestarts(enabled=True, namespaces=("apps",))
MOST_AGE = 900.0  # seconds from a move to its first restart: 300 of the old answer, and looks in between


def following(restarts: PodRestarts = RESTARTS, **more: Any) -> Callable[[HubAndSpoke], Policy]:
    """Records on a server, and restarts as said."""

    def policy(world: HubAndSpoke) -> Policy:
        tsig = Tsig(name="tether", secret="@env:TSIG")
        record = RecordTarget(
            zone="privatelink.westeurope.azmk8s.io", servers=("10.0.0.4:53",), tsig=tsig, authoritative=True, ttl=60
        )
        return a_policy(world, world.hub, records=(record,), pod_restarts=restarts, **more)

    return policy


@dataclass
class Pods:
    """Workloads of a cluster, and the script as a runner of the local Azure, in memory.

    `exit_code` and `output` are what it says instead, while they are set.
    """

    here: Story
    names: list[str]
    marks: dict[str, str] = field(default_factory=dict[str, str])
    ran: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    exit_code: int = 0
    output: str | None = None

    def run(self, cluster: str, command: str, context: bytes) -> tuple[int, str]:
        assert zipfile.ZipFile(io.BytesIO(context)).namelist() == ["restart_pods.sh"]
        _, _, mode, move, most, _, *namespaces = shlex.split(command)
        assert namespaces == ["apps"]
        self.ran.append((self.here.azure.clock.now(), command))
        if self.exit_code or self.output is not None:
            return self.exit_code, self.output or ""
        todo = [name for name in self.names if self.marks.get(name) != move]
        now = todo[: int(most)] if mode == "restart" else []
        self.marks.update(dict.fromkeys(now, move))
        left = [name for name in todo if name not in now]
        said = [self._line("restarted", name) for name in now] + [self._line("left", name) for name in left]
        counts = {"restarted": len(now), "waiting": 0, "refused": 0, "left": len(left), "byHand": 0}
        end = {"tether": 1, "state": "end", "move": move, "mode": mode, **counts}
        return 0, "\n".join([*said, json.dumps(end, separators=(",", ":"))])

    def _line(self, state: str, name: str) -> str:
        line = {"tether": 1, "state": state, "kind": "Deployment", "namespace": "apps", "name": name}
        return json.dumps(line, separators=(",", ":"))


async def moved(here: Story, count: int = 1) -> tuple[Pods, str]:
    """A cluster that is up and has moved just now, with so many workloads in it."""
    cluster = await here.create()
    await here.passes(900)
    pods = Pods(here, [f"proxy-{number}" for number in range(count)])
    here.azure.run_command = pods.run
    await maintenance.maintenance(here.azure, cluster)
    return pods, cluster


async def the_move(here: Story) -> Move:
    (row,) = [row for row in await here.ledger.rows() if row.observed.move]
    assert row.observed.move is not None
    return row.observed.move


def test_after_a_move_and_the_old_ttl_everything_is_restarted_in_batches_and_then_no_more() -> None:
    async def story(here: Story) -> None:
        pods, cluster = await moved(here, 12)
        at = here.azure.clock.now()
        await here.passes(3600)
        move = await the_move(here)
        assert len(pods.ran) == 3
        assert set(pods.marks.values()) == {move.id}
        assert len(pods.marks) == 12
        assert move.ended
        assert at + 300 <= pods.ran[0][0] <= at + MOST_AGE
        assert move.new == maintenance.addresses(here.azure, cluster)[0]
        (server,) = here.servers.values()
        assert move.new in str(next(iter(server.held.values())))
        await here.event(str(here.zone))
        await here.passes(3600, watching=True)
        assert len(pods.ran) == 3

    tell(story, following())


def test_a_second_move_restarts_everything_again() -> None:
    async def story(here: Story) -> None:
        pods, cluster = await moved(here)
        await here.passes(3600)
        first = await the_move(here)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(3600)
        second = await the_move(here)
        assert (second.old, second.ended) == (first.new, True)
        assert pods.marks == {"proxy-0": second.id}

    tell(story, following())


def test_a_cluster_that_never_moves_is_never_asked_to_run_anything() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(7200, watching=True)
        assert [call for call in here.transport.asked if "runCommand" in call] == []

    tell(story, following())


@pytest.mark.parametrize("when", ["before the command", "while it runs", "after it"])
def test_workers_that_die_on_the_way_lose_nothing_and_restart_nothing_twice(when: str) -> None:
    async def story(here: Story) -> None:
        here.azure.durations = replace(here.azure.durations, command_run=30)
        pods, _ = await moved(here, 7)
        until = {
            "before the command": lambda: True,
            "while it runs": lambda: _asked(here),
            "after it": lambda: pods.ran,
        }
        for _ in range(900):
            await here.passes(1)
            if until[when]():
                break
        here.queue.lose_all()
        await here.passes(7200, watching=True)
        assert (await the_move(here)).ended
        assert len(pods.marks) == 7
        assert len(set(pods.marks.values())) == 1

    tell(story, following())


def _asked(here: Story) -> list[str]:
    return [call for call in here.transport.asked if call.endswith("/runCommand")]


def test_a_pass_that_dies_after_it_began_a_command_has_it_begun_again_which_is_harmless() -> None:
    async def story(here: Story) -> None:
        pods, _ = await moved(here, 3)
        while not _asked(here):
            await here.passes(1)
        (row,) = [row for row in await here.ledger.rows() if row.observed.move]
        # What the dead pass could not write is gone: the operation, and whatever follows.
        forgotten = replaced(row.observed, operations=())
        here.ledger.held[row.subject] = replaced(row, observed=forgotten)
        here.queue.lose_all()
        await here.passes(7200, watching=True)
        await here.event(str(here.zone))
        await here.passes(3600, watching=True)
        assert len(_asked(here)) >= 2
        assert (await the_move(here)).ended
        assert set(pods.marks.values()) == {(await the_move(here)).id}

    tell(story, following())


def replaced(struct: Any, **changed: Any) -> Any:
    return msgspec.structs.replace(struct, **changed)


def test_without_permission_a_person_is_told_and_nothing_is_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def story(here: Story) -> None:
        pods, _ = await moved(here)
        await here.passes(3600)
        assert (pods.ran, _asked(here)) == ([], [])
        (told,) = {line["advice"] for line in lines(caplog, "finding") if line["code"] == "pods-may-hold-old-address"}
        assert "az aks command invoke" in told

    tell(story, following(PodRestarts()))


def test_with_list_alone_what_there_is_is_named_and_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def story(here: Story) -> None:
        pods, _ = await moved(here, 2)
        await here.passes(3600)
        assert pods.marks == {}
        assert len(pods.ran) == 1
        told = [line["seen"] for line in lines(caplog, "finding") if line["code"] == "pods-may-hold-old-address"]
        assert "Deployment apps/proxy-0, Deployment apps/proxy-1" in told[-1]

    tell(story, following(PodRestarts(list=True, namespaces=("apps",))))


def test_in_mode_observe_nothing_is_run() -> None:
    async def story(here: Story) -> None:
        pods, _ = await moved(here)
        await here.passes(7200, watching=True)
        assert (pods.ran, _asked(here)) == ([], [])

    tell(story, following(mode=Mode.OBSERVE))


def test_a_command_that_fails_is_tried_again_ever_more_seldom_until_it_works(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def story(here: Story) -> None:
        pods, _ = await moved(here)
        pods.exit_code = 1
        await here.passes(3600)
        assert 4 <= len(pods.ran) <= 7
        assert "restart-failed" in {line["code"] for line in lines(caplog, "finding")}
        pods.exit_code = 0
        await here.passes(3 * 3600)
        assert (await the_move(here)).ended
        (row,) = [row for row in await here.ledger.rows() if row.observed.move]
        assert row.observed.findings == ()

    tell(story, following())


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"apiServerAccessProfile": {"disableRunCommand": True}}, "run-command-disabled"),
        ({"aadProfile": {"managed": True}}, None),
    ],
)
def test_what_a_cluster_asks_for_is_given_or_told(
    caplog: pytest.LogCaptureFixture, properties: dict[str, Any], code: str | None
) -> None:
    caplog.set_level("INFO")

    async def story(here: Story) -> None:
        pods, cluster = await moved(here)
        held = here.azure.store.get(cluster)
        assert held is not None
        for key, value in properties.items():
            held.properties[key] = {**held.properties.get(key, {}), **value}
        await here.passes(3600)
        assert bool(pods.ran) is (code is None)
        assert code is None or code in {line["code"] for line in lines(caplog, "finding")}
        assert "a.b.c" not in caplog.text

    tell(story, following())


def test_the_links_of_a_cluster_that_runs_a_command_are_left_as_they_are() -> None:
    async def story(here: Story) -> None:
        here.azure.durations = replace(here.azure.durations, command_run=300)
        await moved(here)
        here.transport.asked.clear()
        await here.passes(3600)
        assert here.transport.links_put() == []

    tell(story, following())


def test_workloads_whose_mark_is_taken_away_again_are_not_restarted_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def story(here: Story) -> None:
        pods, _ = await moved(here, 7)

        def run(cluster: str, command: str, context: bytes) -> tuple[int, str]:
            said = pods.run(cluster, command, context)
            pods.marks.clear()
            return said

        here.azure.run_command = run
        await here.passes(2 * 3600)
        assert len(pods.ran) == 2
        assert "restart-undone" in {line["code"] for line in lines(caplog, "finding")}

    tell(story, following())


def test_three_clusters_at_a_time_run_a_command_and_the_others_get_their_turn() -> None:
    async def story(here: Story) -> None:
        here.azure.durations = replace(here.azure.durations, command_run=400)
        clusters = [await here.create(f"team-{number}") for number in range(5)]
        await here.passes(900)
        pods = Pods(here, ["proxy"])
        here.azure.run_command = pods.run
        for cluster in clusters:
            await maintenance.maintenance(here.azure, cluster)
        most = 0
        for _ in range(2 * 3600):
            await here.passes(1)
            most = max(most, sum(not command.ended for command in here.azure.commands.values()))
        moves = [row.observed.move for row in await here.ledger.rows()]
        assert [move.ended for move in moves if move] == [True] * 5
        assert most == 3

    tell(story, following(max_changed_share=1.0))


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed (Debian: kubernetes-client)")
def test_the_script_itself_restarts_them_with_a_real_kubectl(tmp_path: Path) -> None:
    api = KubeApi()
    api.add("deployments", "proxy")
    api.add("daemonsets", "agent", pod={"hostNetwork": True})
    api.add("deployments", "usual", pod={"dnsPolicy": "ClusterFirst"})

    def run(_cluster: str, command: str, context: bytes) -> tuple[int, str]:
        zipfile.ZipFile(io.BytesIO(context)).extractall(tmp_path)
        users = {"users": [{"name": "u", "user": {}}], "clusters": [{"name": "c", "cluster": {"server": api.url}}]}
        contexts = {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "current-context": "c"}
        (tmp_path / "config").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **users, **contexts}))
        env = {**os.environ, "KUBECONFIG": str(tmp_path / "config"), "HOME": str(tmp_path)}
        told = subprocess.run(
            command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        return told.returncode, told.stdout + told.stderr

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(900)
        here.azure.run_command = run
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(1800)
        move = await the_move(here)
        assert move.ended
        assert api.annotation("deployments", "proxy") == api.annotation("daemonsets", "agent") == move.id
        assert api.annotation("deployments", "usual") == ""

    with serving(api):
        tell(story, following())
