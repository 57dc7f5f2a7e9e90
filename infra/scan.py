"""Reads what would be deployed without Azure: `python infra/scan.py FOLDER` (`make check`).

FOLDER is a virtual environment made from requirements-check.txt. Three things are asked: does checkov, with its rules
and those of infra/checks, find nothing, and has it looked at every file that declares a resource; is every rule that is
left aside left aside with a reason; is every API version one that Microsoft's own libraries use.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parent

# Which libraries (azure/mgmt/…) speak to a provider.
LIBRARIES = {
    "Microsoft.Authorization": ("authorization", "resource"),
    "Microsoft.EventGrid": ("eventgrid",),
    "Microsoft.Insights": ("applicationinsights", "monitor"),
    "Microsoft.KeyVault": ("keyvault",),
    "Microsoft.ManagedIdentity": ("msi",),
    "Microsoft.Network": ("network", "privatedns"),
    "Microsoft.OperationalInsights": ("loganalytics",),
    "Microsoft.Resources": ("resource",),
    "Microsoft.Storage": ("storage",),
    "Microsoft.Web": ("web",),
}

# Types that no library speaks to any more, with the version to use.
ALONE = {
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",  # Learn, template reference: it has no newer one
}

_RESOURCE = re.compile(r"^resource \w+ '([\w./]+)@([\w-]+)' (existing )?=", re.MULTILINE)
_IN_JSON = re.compile(r'"type": "([\w.]+/[\w./]+)",\s*"apiVersion": "([\w-]+)"')


def main(folder: Path) -> int:
    """Says what is wrong, a line each. Returns 0 if nothing is."""
    report = _checkov(folder)
    problems = [*found(report), *unread(report), *_unexplained(), *unknown_versions(folder)]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    if not problems:
        summary = report["summary"]
        sys.stdout.write(f"infra: {summary['passed']} checks passed, {summary['skipped']} left aside with a reason\n")
    return 1 if problems else 0


def found(report: dict[str, Any]) -> Iterator[str]:
    """What checkov could not read, and what it objects to."""
    for file in report["results"]["parsing_errors"]:
        yield f"{file}: checkov cannot read it"
    for check in report["results"]["failed_checks"]:
        yield f"infra{check['file_path']}: {check['resource']}: {check['check_name']} ({check['check_id']})"


def unread(report: dict[str, Any], infra: Path = INFRA) -> Iterator[str]:
    """Files that declare a resource of which no check has said anything: none was run there."""
    results = report["results"]
    seen = {check["file_path"] for kind in ("passed_checks", "failed_checks") for check in results[kind]}
    for file in sorted(infra.rglob("*.bicep")):
        declares = any(not existing for _, _, existing in _RESOURCE.findall(file.read_text()))
        if declares and f"/{file.relative_to(infra)}" not in seen:
            yield f"infra/{file.relative_to(infra)}: no check was run on it; infra/checks needs a rule for it"


def unknown_versions(folder: Path, infra: Path = INFRA) -> Iterator[str]:
    """API versions that no library of the resource's provider has."""
    libraries = [path / "azure" / "mgmt" for path in (Path(part) for part in sys.path) if (path / "azure").is_dir()]
    libraries += folder.glob("lib/python*/site-packages/azure/mgmt")
    used: dict[tuple[str, str], Path] = {}
    for file in sorted([*infra.rglob("*.bicep"), *infra.rglob("*.json")]):
        text = file.read_text()
        used |= {match[:2]: file for match in _RESOURCE.findall(text) + _IN_JSON.findall(text)}
    for (kind, version), file in sorted(used.items()):
        if ALONE.get(kind) != version and not _is_known(kind, version, libraries):
            yield f"infra/{file.relative_to(infra)}: {kind}@{version}: no library of Microsoft's has this version"


def _is_known(kind: str, version: str, libraries: list[Path]) -> bool:
    spelt = re.compile(rf"\b(?:{version}|v{version.replace('-', '_')})(?![\w-])")
    names = LIBRARIES.get(kind.partition("/")[0], ())
    sources = (source for base in libraries for name in names for source in (base / name).rglob("*.py"))
    return any(spelt.search(source.read_text(encoding="utf-8")) for source in sources)


def _unexplained() -> Iterator[str]:
    for file in sorted(INFRA.rglob("*.bicep")):
        for line in re.findall(r"checkov:skip=.*", file.read_text()):
            if not re.fullmatch(r"checkov:skip=\w+: \S.+", line):
                yield f"infra/{file.relative_to(INFRA)}: {line}: say why"


def _checkov(folder: Path) -> dict[str, Any]:
    """The report of checkov. It is offline: nothing is downloaded, and no service is told."""
    command = [str(folder / "bin" / "checkov"), "-d", str(INFRA), "--framework", "bicep", "--skip-download"]
    command += ["--external-checks-dir", str(INFRA / "checks"), "--compact", "--output", "json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - our own words
    try:
        return json.loads(ended.stdout)
    except json.JSONDecodeError:
        sys.stderr.write(ended.stdout + ended.stderr)
        raise SystemExit(f"checkov ended with {ended.returncode} and no report") from None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
