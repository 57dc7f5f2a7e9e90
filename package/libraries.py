"""The libraries for Azure's workers, whatever machine this is: wheels for Linux x86-64 and CPython 3.13."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

PYTHON = (3, 13)

# Newest first. Flex Consumption's image is Debian 12 or Azure Linux 3, whose glibc is 2.36 or newer; a wheel for an
# older one runs there too (PEP 600).
PLATFORMS = (
    "manylinux_2_34_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_12_x86_64",
    "manylinux2010_x86_64",
    "manylinux_2_5_x86_64",
    "manylinux1_x86_64",
)


class CannotInstall(Exception):  # noqa: N818 - what pip said, for a person
    """The libraries are not to be had; the text says what to do."""


def installed(requirements: Path, kept: Path) -> Path:
    """A folder with what `requirements` pins, without byte code; installed once for each state of that file.

    Nothing is built from source: what has no wheel for the platform is an error (CannotInstall), and so is a library
    that is not pinned, since dependencies are not followed.
    """
    told = [str(PYTHON), *PLATFORMS, requirements.read_text(encoding="utf-8")]
    folder = kept / f"libraries-{hashlib.sha256('\n'.join(told).encode()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    kept.mkdir(parents=True, exist_ok=True)
    _install(requirements, unfinished)
    unfinished.rename(folder)
    return folder


def _install(requirements: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--no-deps", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[0]}.{PYTHON[1]}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    command += ["--target", str(target), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words, no shell
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise CannotInstall("\n".join(errors) or done.stderr)
