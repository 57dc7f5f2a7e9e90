"""The package as Azure would run it: unzipped, in a Python that has nothing of this repository's and of its tools.

Slow (libraries are installed, everything is compiled), hence only run by `make package-check`.
"""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from localazure.host.bare_worker import bare_python, bare_worker
from localazure.running import running
from localazure.up import policy_for
from localazure.world import hub_and_spoke
from package import contents
from package.build import ROOT, build
from tests.integration.test_end_to_end import SPEED, create, linked, state, until

pytestmark = pytest.mark.package

NOWHERE = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://127.0.0.1:9/"


@pytest.fixture(scope="module")
def archive() -> Path:
    return build().archive


@pytest.fixture
def app(archive: Path, tmp_path: Path) -> Path:
    """The package, unzipped."""
    with zipfile.ZipFile(archive) as package:
        package.extractall(tmp_path / "app")
    return tmp_path / "app"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python with nothing but the standard library."""
    return bare_python(tmp_path / "bare")


def shared_objects(pid: int) -> set[Path]:
    """The compiled modules, outside the standard library, that a process has loaded (Linux, proc(5))."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    paths = {Path(line.split(maxsplit=5)[5]) for line in lines if line.endswith(".so")}
    return {path for path in paths if "site-packages" in path.parts}


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


async def a_zone_is_linked(app: Path, settings: dict[str, str], libraries: Path) -> None:
    """Run the app beside a local Azure while a cluster comes up, with its libraries from `libraries` alone."""
    before = files(app)
    async with running(speed=SPEED) as local:
        world = hub_and_spoke(local.azure, second_hub=True)
        async with local.app(app, policy=policy_for(world), settings=settings) as host:
            assert len(host.functions) == len(indexed_here())
            cluster = await create(local, world)
            assert await until(lambda: state(local, cluster) == "Succeeded")
            assert linked(local) == {"hub-westeurope": "local", "agents-westeurope": "local", "spoke-1": ""}
            assert host.worker_pid is not None
            loaded = shared_objects(host.worker_pid)
        assert local.azure.failures == []
    assert any(path.name.startswith("_core.cpython-313") for path in loaded), "msgspec's code was not seen"
    assert [path for path in loaded if not path.is_relative_to(libraries)] == []
    assert files(app) == before, "byte code was made at run time"


def indexed_here() -> set[str]:
    """The names of the functions in the sources."""
    code = "from function_app import app; print(*(function.get_function_name() for function in app.get_functions()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


async def test_it_links_a_zone_with_the_libraries_that_it_brings(app: Path, tmp_path: Path) -> None:
    await a_zone_is_linked(app, bare_worker(tmp_path / "azure"), app / contents.LIBRARIES)


def install(python: Path, requirements: Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--requirement"]
    subprocess.run([*command, str(requirements)], check=True)


async def test_it_links_a_zone_with_what_requirements_txt_installs(app: Path, tmp_path: Path) -> None:
    shutil.rmtree(app / ".python_packages")
    python = bare_python(tmp_path / "installed")
    install(python, app / "requirements.txt")
    await a_zone_is_linked(app, bare_worker(tmp_path / "azure", python), tmp_path / "installed")


def in_the_package(app: Path, python: Path, code: str) -> str:
    """Run code with the package's own libraries and nothing else. Returns what it printed, on stderr too."""
    paths = f"import sys; sys.path[:0] = {[str(app), str(app / contents.LIBRARIES)]!r}\n"
    done = subprocess.run([python, "-I", "-c", paths + code], cwd=app, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return f"{done.stderr}{done.stdout}".strip()


def test_whatever_the_code_imports_anywhere_is_in_the_package(app: Path, bare: Path) -> None:
    lines: set[str] = set()
    for path in [app / "function_app.py", *(app / "functions").rglob("*.py")]:
        module = ".".join(path.relative_to(app).with_suffix("").parts).removesuffix(".__init__")
        lines.add(f"import {module}")
        nodes = ast.walk(ast.parse(path.read_text()))
        lines |= {ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)}
    assert in_the_package(app, bare, "\n".join([*sorted(lines), "print('all')"])) == "all"


def test_telemetry_is_set_up_from_the_package(app: Path, bare: Path) -> None:
    # OpenTelemetry finds its parts by entry points and its instrumentations by the versions of other libraries.
    code = f"""
import logging, os
os.environ["APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"] = "true"
logging.basicConfig(level=logging.WARNING)
from functions.telemetry import of
told = of({{"APPLICATIONINSIGHTS_CONNECTION_STRING": {NOWHERE!r}}})
with told.span("pass", "e-1"):
    told.called("GET", 200)
from opentelemetry import trace
from azure.core.settings import settings
print(type(told).__name__, type(trace.get_tracer_provider()).__module__, settings.tracing_implementation(), flush=True)
os._exit(0)  # without waiting for what nobody takes
"""
    done = in_the_package(app, bare, code)
    assert re.match(r"Told opentelemetry\.sdk\.trace <class '.*OpenTelemetrySpan'>", done), done


def test_it_is_small_enough_to_be_fetched_quickly(archive: Path) -> None:
    assert archive.stat().st_size < 40e6
