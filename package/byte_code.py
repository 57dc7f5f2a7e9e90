"""Byte code beside each source, so that a worker compiles nothing when it starts."""

import os
import subprocess
import sys
from pathlib import Path

from package.libraries import PYTHON


class WrongPython(Exception):  # noqa: N818 - it tells a person which one to use
    """Byte code of the Python that runs here is not what Azure's can read."""


def compile_all(folder: Path) -> None:
    """Compile everything below `folder`. The same sources give the same bytes. Raises WrongPython.

    Unchecked: the worker never compares byte code with its source, whose time of change a zip does not keep and whose
    hash would have to be read. That is sound because nobody edits a package in place: Azure runs it read-only (Learn,
    "Run your functions from a package file"), which is also why a worker could not keep byte code that it made itself.
    """
    if sys.version_info[:2] != PYTHON or sys.implementation.name != "cpython":
        raise WrongPython(f"the package needs byte code of CPython {PYTHON[0]}.{PYTHON[1]}: build it with that")
    command = [sys.executable, "-m", "compileall", "-q", "-f", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), str(folder)]  # paths in tracebacks come from where a module was found, not from here
    # In a process of its own, because byte code tells which strings the compiling process shared; with fixed hashes.
    subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "0"}, check=True)  # noqa: S603 - our own words
