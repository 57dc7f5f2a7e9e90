"""A worker whose Python has nothing of this repository's: only what an app brings, as in Azure."""

import importlib
import venv
from pathlib import Path

import localazure
from localazure.host.worker_process import PYTHON


def bare_python(folder: Path) -> Path:
    """Make a Python in `folder` that has the standard library and nothing else."""
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


def bare_worker(folder: Path, python: Path | None = None) -> dict[str, str]:
    """App settings with which the host runs an app in such a Python, or in `python`.

    What Azure's image holds besides Python is the worker: here Microsoft's runtime and this host's side of it, which
    `folder` leads to and which the app finds after its own libraries.
    """
    worker = folder / "worker"
    worker.mkdir(parents=True)
    for package in (localazure, importlib.import_module("azure_functions_runtime")):
        assert package.__file__ is not None
        (worker / package.__name__).symlink_to(Path(package.__file__).parent)
    return {PYTHON: str(python or bare_python(folder / "python")), "PYTHONPATH": str(worker)}
