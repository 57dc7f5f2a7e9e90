"""The recordings as they lie on disk: `TETHER_RECORDED`, or `../shared/recorded` beside the repository."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(os.environ.get("TETHER_RECORDED", Path(__file__).parents[3] / "shared" / "recorded"))


@dataclass(frozen=True)
class Recording:
    """One file. `honest_about_retry_after` where the recorder kept that header (see the recordings' README)."""

    name: str
    exchanges: list[dict[str, Any]]
    honest_about_retry_after: bool


@cache
def recordings() -> list[Recording]:
    """All files with exchanges, in order of name; none when the recordings are absent."""
    found: list[Recording] = []
    for path in sorted(ROOT.rglob("*.json")):
        content = json.loads(path.read_text())
        name = str(path.relative_to(ROOT).with_suffix(""))
        if "exchanges" in content:
            honest = "azure-service-operator" in str(content["source"].get("repo"))
            found.append(Recording(name, content["exchanges"], honest))
    return found


def recording(name: str) -> Recording:
    """One file by its name, `privatedns/link-create-full-flow`; skips the test where it is absent."""
    skip_if_absent()
    return next(found for found in recordings() if found.name == name)


def names(folder: str) -> list[str]:
    """The names of all files below a folder, those with bare bodies included; none when the recordings are absent."""
    return [str(path.relative_to(ROOT).with_suffix("")) for path in sorted((ROOT / folder).rglob("*.json"))]


def document(name: str) -> Any:
    """The whole of one file, for those that hold a bare body; skips the test where it is absent."""
    skip_if_absent()
    return json.loads((ROOT / f"{name}.json").read_text())


def skip_if_absent() -> None:
    if not ROOT.is_dir():
        pytest.skip(f"no recorded Azure traffic at {ROOT}: name its folder in TETHER_RECORDED")


def type_of(url: str) -> str:
    """The resource type that a recorded URL is about; `operation` for an operation's address."""
    segments = urlsplit(url).path.strip("/").split("/")
    lowered = [segment.casefold() for segment in segments]
    if any(word in lowered[-2] for word in ("operation", "asyncoperation")):
        return "operation"
    if "providers" not in lowered:
        return "Microsoft.Resources/resourceGroups"
    last = len(lowered) - 1 - lowered[::-1].index("providers")
    relative = segments[last + 1 :]
    return "/".join([relative[0], *relative[1::2]])
