"""From this repository to build/package and build/tether.zip."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from package import archive, byte_code, contents, libraries

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"

# azd zips the folder itself. With an ignore file in it, it leaves out what that names; without one, every __pycache__.
_IGNORE_NOTHING = "# Everything here is deployed, byte code too.\n"


@dataclass(frozen=True, slots=True)
class Package:
    """What was built: the folder, the zip of it, and how large that is."""

    folder: Path
    archive: Path

    @property
    def zipped(self) -> int:
        """Bytes of the zip."""
        return self.archive.stat().st_size

    @property
    def unzipped(self) -> int:
        """Bytes of all files in it."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def files(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))


def build(root: Path = ROOT, into: Path = BUILD) -> Package:
    """Build the package of the sources in `root`. The same sources and libraries give the same bytes.

    Raises CannotInstall, or WrongPython.
    """
    installed = libraries.installed(root / "requirements.txt", into)
    folder = into / "package"
    shutil.rmtree(folder, ignore_errors=True)
    _copy(contents.of_the_app(root), root, folder)
    _copy(contents.of_the_libraries(installed), installed, folder / contents.LIBRARIES)
    byte_code.compile_all(folder)
    (folder / ".funcignore").write_text(_IGNORE_NOTHING, encoding="utf-8")
    package = Package(folder, into / "tether.zip")
    archive.write(folder, package.archive)
    return package


def _copy(files: Iterable[PurePosixPath], source: Path, target: Path) -> None:
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)
