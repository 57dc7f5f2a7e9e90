"""A zip whose bytes depend on nothing but the files in it."""

import zipfile
from pathlib import Path

# The earliest time that a zip can tell, for every file alike.
_THEN = (1980, 1, 1, 0, 0, 0)
_FILE, _PROGRAM = 0o100644 << 16, 0o100755 << 16
_UNIX = 3


def write(folder: Path, archive: Path) -> None:
    """Write all that is below `folder` to `archive`, in order of names, without its times and owners.

    `.funcignore` is for azd, which zips the folder itself, and is left out. The archive appears when it is whole.
    """
    unfinished = archive.with_suffix(".unfinished")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as into:
        for name in names:
            if name != ".funcignore":
                into.writestr(_entry(name), (folder / name).read_bytes(), compresslevel=6)
    unfinished.replace(archive)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _THEN)
    entry.create_system = _UNIX
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _PROGRAM if name.endswith(".so") else _FILE
    return entry
