"""What no event pays for: packages that take long to import."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_EVERY_MODULE = """
import importlib, pkgutil, sys
import function_app, functions
for module in pkgutil.walk_packages(functions.__path__, "functions."):
    importlib.import_module(module.name)
print([name for name in sys.modules if name.startswith(("azure.mgmt.network", "azure.mgmt.containerservice"))])
print("azure.mgmt.privatedns" in sys.modules)
"""


def test_no_module_imports_the_sdks_of_network_and_aks() -> None:
    """Only a worker that has a subnet or a cluster to write imports them, and then once (docs/decisions/0007)."""
    ran = subprocess.run(
        [sys.executable, "-c", _EVERY_MODULE], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.split() == ["[]", "True"]
