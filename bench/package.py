"""What is deployed: how large it is, and how soon it links a zone, alone in a Python as Azure starts it.

No start is left out: nothing is compiled in the first one either.
"""

import asyncio
import statistics
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from bench.cold_start import starts
from bench.report import Row
from localazure.host.bare_worker import bare_worker
from package.build import Package, build


async def measure(progress: Callable[[str], None]) -> list[Row]:
    progress("package: building it")
    built = await asyncio.to_thread(build)
    with tempfile.TemporaryDirectory(prefix="tether-package-") as folder:
        settings = await asyncio.to_thread(_unpacked, built, Path(folder))
        taken, peaks = await starts(progress, "package: cold start", Path(folder, "app"), settings)
    return [
        Row("package: the zip", built.zipped / 1e6, "MB", 40),
        Row("package: unzipped", built.unzipped / 1e6, "MB"),
        Row("package: process start to first link PUT (median)", statistics.median(taken), "s", 1.0),
        Row("package: the slowest, the first start included", max(taken), "s"),
        Row("package: peak memory of that process (largest)", max(peaks), "MB", 90),
    ]


def _unpacked(built: Package, folder: Path) -> dict[str, str]:
    with zipfile.ZipFile(built.archive) as archive:
        archive.extractall(folder / "app")
    return bare_worker(folder / "azure")
