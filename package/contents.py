"""What the package holds: the app, and of each library what Python may import or read when it runs."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LIBRARIES = PurePosixPath(".python_packages/lib/site-packages")

# `policy.json` is the operator's and not in this repository: `TETHER_POLICY=@policy.json` names it where it is. With
# `requirements.txt` a deployment that builds in Azure works too, though nothing of the byte code is used then.
_TOP = ("function_app.py", "host.json", "requirements.txt", "policy.json")
_CODE = frozenset({".py", ".sh"})

# Sources of what is compiled already, and what only type checkers read.
_NEVER_IMPORTED = frozenset({".pyi", ".pyx", ".pxd", ".pxi", ".c", ".h"})
_MARKS_OF_TYPES = frozenset({"py.typed"})

# What an installer writes about itself. RECORD lists files that are not here, INSTALLER and REQUESTED are for the next
# installer. METADATA and entry_points.txt stay: OpenTelemetry looks up versions, requirements and entry points.
_OF_THE_INSTALLER = frozenset({"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json"})

# Folders at the top of site-packages: commands, whose first line names the builder's Python, and stubs of types.
_NOT_LIBRARIES = ("bin", "*-stubs")

# Tests that came along with a library.
_TESTS = frozenset({("certifi", "tests")})


def of_the_app(root: Path) -> Iterator[PurePosixPath]:
    """The paths, below `root`, of the files of the app, in order."""
    for name in sorted(_TOP):
        if (root / name).is_file():
            yield PurePosixPath(name)
    for path in sorted((root / "functions").rglob("*")):
        if path.suffix in _CODE and path.is_file():
            yield PurePosixPath(path.relative_to(root))


def of_the_libraries(site_packages: Path) -> Iterator[PurePosixPath]:
    """The paths, below a folder that pip installed into, of the files that production needs, in order."""
    for path in sorted(site_packages.rglob("*")):
        relative = PurePosixPath(path.relative_to(site_packages))
        if path.is_file() and is_needed(relative):
            yield relative


def is_needed(file: PurePosixPath) -> bool:
    """Whether a library's file can matter to a running app. `file` is its path below site-packages."""
    top = PurePosixPath(file.parts[0])
    if any(top.match(pattern) for pattern in _NOT_LIBRARIES) or file.parts[:2] in _TESTS or "__pycache__" in file.parts:
        return False
    if top.suffix == ".dist-info":
        return file.name not in _OF_THE_INSTALLER
    return file.suffix not in _NEVER_IMPORTED and file.name not in _MARKS_OF_TYPES
