"""The pod of a run command: the files that came along, the exit code, what was said, and kubectl led to the cluster."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from demo.patience import until
from localazure import command_pod
from localazure.command_pod import HOW_TO_INSTALL, is_installed
from localazure.kube_api import KubeApi, serving

CLUSTER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"


async def ran(command: str, context: bytes = b"", server: str = "http://127.0.0.1:1") -> tuple[int, str]:
    return await command_pod.command_pod(server)(CLUSTER, command, context)  # type: ignore[misc]


async def test_a_command_finds_the_files_that_came_with_it_and_its_exit_code_is_told() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("said.txt", "hello\n")
    assert await ran("cat said.txt; echo trouble >&2; exit 4", packed.getvalue()) == (4, "hello\ntrouble\n")


async def test_a_command_sees_nothing_of_whoever_runs_the_local_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "of mine")
    _, said = await ran("env")
    assert "A_SECRET" not in said
    assert f"HOME={Path.home()}\n" not in said
    assert os.environ["PATH"] in said


async def test_a_command_that_does_not_end_is_ended_with_what_it_has_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command_pod, "_LONGEST", 0.5)
    assert (await ran(f"sleep 60 & echo $! >{tmp_path}/pid; wait"))[0] == 124
    started = int((tmp_path / "pid").read_text())
    assert await until(lambda: not _lives(started))


def _lives(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent's notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not is_installed(), reason=f"kubectl is not installed: {HOW_TO_INSTALL}")
async def test_kubectl_reaches_the_cluster() -> None:
    api = KubeApi()
    api.add("deployments", "proxy")
    with serving(api):
        assert await ran("kubectl get deployments -n apps -o name", server=api.url) == (0, "deployment.apps/proxy\n")


def test_without_kubectl_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert not is_installed()
