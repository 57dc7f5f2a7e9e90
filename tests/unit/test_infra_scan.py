"""What the scan of infra/ objects to. checkov itself runs in `make check`; here its reports are given."""

from pathlib import Path
from typing import Any

import pytest

from infra.scan import found, unknown_versions, unread

TOPIC = "resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {\n}\n"
NAMED_ONLY = TOPIC.replace(" = {", " existing = {")


def report(*passed: str, failed: tuple[str, ...] = (), unreadable: tuple[str, ...] = ()) -> dict[str, Any]:
    said = {"resource": "a.b", "check_name": "It has tags", "check_id": "CKV_1"}
    return {
        "results": {
            "passed_checks": [{**said, "file_path": file} for file in passed],
            "failed_checks": [{**said, "file_path": file} for file in failed],
            "parsing_errors": list(unreadable),
        }
    }


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """A virtual environment whose one library speaks one version in its text and one by its folder."""
    library = tmp_path / "venv" / "lib" / "python3.13" / "site-packages" / "azure" / "mgmt" / "eventgrid"
    (library / "v2022_06_15").mkdir(parents=True)
    (library / "_client.py").write_text('api_version = "2025-02-15"\nolder = "2024-06-01-preview"\n')
    (library / "v2022_06_15" / "_client.py").write_text("from azure.mgmt.eventgrid.v2022_06_15 import models\n")
    return tmp_path / "venv"


def infra(folder: Path, text: str, name: str = "topic.bicep") -> Path:
    (folder / "infra").mkdir()
    (folder / "infra" / name).write_text(text)
    return folder / "infra"


def test_what_checkov_finds_or_cannot_read_is_told() -> None:
    told = list(found(report(failed=("/main.bicep",), unreadable=("/broken.bicep",))))
    assert told == ["/broken.bicep: checkov cannot read it", "infra/main.bicep: a.b: It has tags (CKV_1)"]
    assert list(found(report("/main.bicep"))) == []


@pytest.mark.parametrize(
    ("text", "checked", "told"),
    [
        pytest.param(TOPIC, ("/topic.bicep",), 0, id="a check was run"),
        pytest.param(TOPIC, (), 1, id="none was"),
        pytest.param(TOPIC, ("/other.bicep",), 1, id="on another file only"),
        pytest.param(NAMED_ONLY, (), 0, id="nothing is declared there"),
    ],
)
def test_a_file_that_no_check_was_run_on_is_told(
    tmp_path: Path, text: str, checked: tuple[str, ...], told: int
) -> None:
    assert len(list(unread(report(*checked), infra(tmp_path, text)))) == told


@pytest.mark.parametrize(
    ("version", "known"),
    [
        pytest.param("2025-02-15", True, id="in the library's text"),
        pytest.param("2022-06-15", True, id="a folder of the library's"),
        pytest.param("2025-02-15-preview", False, id="a preview of it"),
        pytest.param("2024-06-01", False, id="of which only a preview is known"),
        pytest.param("2031-01-01", False, id="nobody's"),
    ],
)
@pytest.mark.parametrize("name", ["topic.bicep", "topic.json"])
def test_a_version_is_known_where_a_library_uses_it(
    tmp_path: Path, libraries: Path, name: str, version: str, known: bool
) -> None:
    text = (
        TOPIC if name.endswith("bicep") else '"type": "Microsoft.EventGrid/systemTopics",\n  "apiVersion": "2025-02-15"'
    )
    told = list(unknown_versions(libraries, infra(tmp_path, text.replace("2025-02-15", version), name)))
    assert (told == []) is known


def test_a_provider_that_has_no_library_here_is_told(tmp_path: Path, libraries: Path) -> None:
    text = "resource x 'Microsoft.New/things@2025-02-15' = {\n}\n"
    (told,) = unknown_versions(libraries, infra(tmp_path, text))
    assert "Microsoft.New/things@2025-02-15" in told
