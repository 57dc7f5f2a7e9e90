"""The pod in which AKS runs a command: a shell with the command's files around it, and kubectl led to an API server."""

import asyncio
import io
import json
import os
import shutil
import signal
import tempfile
import zipfile
from pathlib import Path

from localazure.aks.command import Result, Runner

HOW_TO_INSTALL = "apt-get install kubernetes-client (as root), or kubectl from elsewhere"

_LONGEST = 60.0  # seconds


def is_installed() -> bool:
    """Whether there is a kubectl to run commands with."""
    return shutil.which("kubectl") is not None


def command_pod(server: str) -> Runner:
    """Runs commands for real, with kubectl led to `server`, a URL; for `LocalAzure.run_command`.

    Each has a folder of its own with the files that came with it, and at most a minute of our time: then it is ended,
    with exit code 124.
    """

    async def run(_cluster: str, command: str, context: bytes) -> Result:
        with tempfile.TemporaryDirectory(prefix="localazure-command-") as folder:
            home = Path(folder)
            if context:
                zipfile.ZipFile(io.BytesIO(context)).extractall(home)
            (home / "kubeconfig").write_text(json.dumps(_kubeconfig(server)), encoding="ascii")
            return await _ran(command, home)

    return run


async def _ran(command: str, home: Path) -> Result:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", command),
        cwd=home,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # so that it can be ended with all that it has started
    )
    try:
        async with asyncio.timeout(_LONGEST):
            said, _ = await process.communicate()
    except TimeoutError:
        return 124, f"ended after {_LONGEST:.0f} s\n"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace")


def _kubeconfig(server: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": server}}],
        "users": [{"name": "command", "user": {}}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "command"}}],
        "current-context": "cluster",
    }
