"""From this repository to build/package and build/tether.zip."""

import hashlib
import shutil
import sys
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

    One that is there already, of these very sources, is left as it is: azd may be reading it (it packs while it makes
    resources, and `make package` runs before either). Raises CannotInstall, or WrongPython.
    """
    package = Package(into / "package", into / "tether.zip")
    note, made_of = into / "package.made-of", _made_of(root)
    if note.is_file() and note.read_text() == made_of and package.folder.is_dir() and package.archive.is_file():
        return package
    note.unlink(missing_ok=True)
    installed = libraries.installed(root / "requirements.txt", into)
    shutil.rmtree(package.folder, ignore_errors=True)
    _copy(contents.of_the_app(root), root, package.folder)
    _copy(contents.of_the_libraries(installed), installed, package.folder / contents.LIBRARIES)
    byte_code.compile_all(package.folder)
    (package.folder / ".funcignore").write_text(_IGNORE_NOTHING, encoding="utf-8")
    archive.write(package.folder, package.archive)
    note.write_text(made_of)
    return package


def _made_of(root: Path) -> str:
    """A word for everything that goes into the package or decides what does: the app, this code and this Python."""
    here = Path(__file__).parent
    files = [root / file for file in contents.of_the_app(root)] + sorted(here.glob("*.py"))
    told = hashlib.sha256(sys.version.encode())
    for file in files:
        held = file.read_bytes()
        told.update(f"\n{file.relative_to(root if file.is_relative_to(root) else here)} {len(held)}\n".encode() + held)
    return told.hexdigest()


def _copy(files: Iterable[PurePosixPath], source: Path, target: Path) -> None:
    for file in files:
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, target / file)
