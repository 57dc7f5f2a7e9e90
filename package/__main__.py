"""Build the package that is deployed: build/package and, the same zipped, build/tether.zip."""

import sys

from package.build import ROOT, build
from package.byte_code import WrongPython
from package.libraries import CannotInstall


def main() -> int:
    try:
        package = build()
    except (CannotInstall, WrongPython) as error:
        print(f"no package: {error}", file=sys.stderr)
        return 1
    print(
        f"{package.archive.relative_to(ROOT)}: {package.zipped / 1e6:.1f} MB, "
        f"{package.files} files of {package.unzipped / 1e6:.0f} MB; the same in {package.folder.relative_to(ROOT)}/"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
