"""What goes into the package, and that the same goes in as the same bytes."""

import ast
import importlib.metadata
import re
import shutil
import subprocess
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from package import archive, byte_code, contents, libraries
from package.build import build

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("file", "needed"),
    [
        pytest.param("msal/application.py", True, id="code"),
        pytest.param("msgspec/_core.cpython-313-x86_64-linux-gnu.so", True, id="compiled code"),
        pytest.param("certifi/cacert.pem", True, id="data that code reads"),
        pytest.param("msal-1.39.0.dist-info/METADATA", True, id="versions and requirements, which telemetry looks up"),
        pytest.param("opentelemetry_api-1.45.1.dist-info/entry_points.txt", True, id="entry points"),
        pytest.param("idna-3.20.dist-info/licenses/LICENSE.md", True, id="licences, which go with the code"),
        pytest.param("azure/core/testing/__init__.py", True, id="code that only sounds like tests"),
        pytest.param("bin/normalizer", False, id="commands"),
        pytest.param("wrapt-stubs/__init__.pyi", False, id="a package of stubs"),
        pytest.param("multidict/_multidict.pyi", False, id="a stub beside code"),
        pytest.param("msal/py.typed", False, id="the mark of typed code"),
        pytest.param("aiohttp/_http_parser.pyx", False, id="a source of compiled code"),
        pytest.param("certifi/tests/test_certify.py", False, id="a library's tests"),
        pytest.param("msal/__pycache__/application.cpython-313.pyc", False, id="byte code that somebody else made"),
        pytest.param("msal-1.39.0.dist-info/RECORD", False, id="the list of what was installed"),
    ],
)
def test_of_a_library_goes_in_what_can_matter_at_run_time(file: str, needed: bool) -> None:
    assert contents.is_needed(PurePosixPath(file)) is needed


def test_of_the_app_goes_in_the_code_and_nothing_of_what_is_around_it() -> None:
    files = {str(file) for file in contents.of_the_app(ROOT)}
    assert files >= {"function_app.py", "host.json", "requirements.txt", "functions/handlers/restart_pods.sh"}
    assert {file.partition("/")[0] for file in files} <= {*contents._TOP, "functions"}
    assert not [file for file in files if "__pycache__" in file]
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "functions").rglob("*.py")} <= files


def test_what_func_publishes_is_the_same_app() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    kept = set(git("ls-files")) - set(git("ls-files", "--cached", "--ignored", "--exclude-from=.funcignore"))
    assert kept == set(git("ls-files")) & {str(file) for file in contents.of_the_app(ROOT)}


def git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def a_tree(root: Path, kept: Path) -> Path:
    """A small app with one small library, which is there as if pip had brought it."""
    (root / "functions").mkdir(parents=True)
    (root / "functions" / "__init__.py").write_text("NAMES = {'a', 'b', 'c', 'd'}\n")
    (root / "function_app.py").write_text("import functions\n\nif 'a' in {'a', 'b', 'c'}:\n    app = functions\n")
    (root / "host.json").write_text("{}")
    (root / "notes.txt").write_text("not for Azure")
    (root / "requirements.txt").write_text("small==1\n")
    folder = kept / installed_name(root)
    (folder / "small").mkdir(parents=True)
    (folder / "small" / "__init__.py").write_text("def answer() -> int:\n    return 42\n")
    return root


def installed_name(root: Path) -> str:
    """The name of the folder in which the libraries of a tree are looked for."""
    seen: list[Path] = []

    def note(_: Path, target: Path) -> None:
        target.mkdir()
        seen.append(target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libraries, "_install", note)
        folder = libraries.installed(root / "requirements.txt", root / "kept")
    shutil.rmtree(root / "kept")
    assert seen
    return folder.name


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    first = build(a_tree(tmp_path / "one", tmp_path / "a"), tmp_path / "a")
    second = build(a_tree(tmp_path / "quite" / "another", tmp_path / "b"), tmp_path / "b")
    for path in second.folder.rglob("*"):
        path.touch()
    archive.write(second.folder, second.archive)
    assert first.archive.read_bytes() == second.archive.read_bytes()
    assert zipfile.ZipFile(first.archive).namelist() == [
        ".python_packages/lib/site-packages/small/__init__.py",
        ".python_packages/lib/site-packages/small/__pycache__/__init__.cpython-313.pyc",
        "__pycache__/function_app.cpython-313.pyc",
        "function_app.py",
        "functions/__init__.py",
        "functions/__pycache__/__init__.cpython-313.pyc",
        "host.json",
        "requirements.txt",
    ]


def test_azd_which_zips_the_folder_is_told_to_leave_nothing_out(tmp_path: Path) -> None:
    package = build(a_tree(tmp_path / "one", tmp_path / "a"), tmp_path / "a")
    lines = (package.folder / ".funcignore").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == []


def test_what_was_in_the_package_before_does_not_stay(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "one", tmp_path / "a")
    (root / "functions" / "gone.py").write_text("")
    build(root, tmp_path / "a")
    (root / "functions" / "gone.py").unlink()
    assert "functions/gone.py" not in zipfile.ZipFile(build(root, tmp_path / "a").archive).namelist()


def test_a_package_of_the_same_sources_is_left_as_it_is(tmp_path: Path) -> None:
    root = a_tree(tmp_path / "one", tmp_path / "a")
    first = build(root, tmp_path / "a").archive.stat().st_mtime_ns
    (root / "function_app.py").touch()
    (root / "notes.txt").write_text("nothing of the package's")
    assert build(root, tmp_path / "a").archive.stat().st_mtime_ns == first


@pytest.mark.parametrize("lost", ["package", "tether.zip", "package.made-of"])
def test_a_package_of_which_a_part_is_gone_is_built_anew(tmp_path: Path, lost: str) -> None:
    root = a_tree(tmp_path / "one", tmp_path / "a")
    package = build(root, tmp_path / "a")
    (tmp_path / "a" / lost).rename(tmp_path / "elsewhere")
    build(root, tmp_path / "a")
    assert (package.folder / "function_app.py").is_file()
    assert zipfile.ZipFile(package.archive).testzip() is None


def test_a_build_that_broke_off_is_not_taken_for_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = a_tree(tmp_path / "one", tmp_path / "a")
    build(root, tmp_path / "a")
    (root / "function_app.py").write_text("import functions\n")
    with monkeypatch.context() as patch:
        patch.setattr(byte_code, "PYTHON", (3, 12))
        with pytest.raises(byte_code.WrongPython):
            build(root, tmp_path / "a")
    (root / "function_app.py").write_text("import functions\n\nif 'a' in {'a', 'b', 'c'}:\n    app = functions\n")
    package = build(root, tmp_path / "a")
    assert list(package.folder.rglob("*.pyc"))


def test_byte_code_is_never_compared_with_its_source(tmp_path: Path) -> None:
    package = build(a_tree(tmp_path / "one", tmp_path / "a"), tmp_path / "a")
    compiled = list(package.folder.rglob("*.pyc"))
    assert len(compiled) == len(list(package.folder.rglob("*.py")))
    # PEP 552: the second word of a .pyc is a set of flags; 1 is a hash in place of a time, 2 would have it checked.
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}


def test_byte_code_names_no_folder_of_whoever_built_it(tmp_path: Path) -> None:
    package = build(a_tree(tmp_path / "one", tmp_path / "a"), tmp_path / "a")
    assert not [path for path in package.folder.rglob("*.pyc") if str(tmp_path).encode() in path.read_bytes()]


def test_another_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_code, "PYTHON", (3, 12))
    with pytest.raises(byte_code.WrongPython, match=r"CPython 3\.12"):
        byte_code.compile_all(tmp_path)


def test_a_library_that_is_not_to_be_had_is_named_and_nothing_half_done_stays(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("./nowhere/to-be-found.whl\n")
    with pytest.raises(libraries.CannotInstall, match="to-be-found"):
        libraries.installed(requirements, tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir() if path.suffix != ".unfinished"] == []


def test_the_package_is_for_the_python_that_the_repository_names() -> None:
    assert (ROOT / ".python-version").read_text().strip() == ".".join(map(str, libraries.PYTHON))


def imported() -> set[str]:
    """The modules that the app imports, where it starts or anywhere else."""
    names: set[str] = set()
    for path in [ROOT / "function_app.py", *(ROOT / "functions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return names


def test_every_library_that_is_required_is_imported_somewhere() -> None:
    wanted = re.findall(r"^([a-z][a-z0-9-]+)$", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    names = imported()
    unused = [
        library
        for library in wanted
        if not any(name == module or name.startswith(f"{module}.") for module in modules_of(library) for name in names)
    ]
    assert unused == ["aiohttp"]  # the transport of azure-core, which imports it by itself


def modules_of(library: str) -> set[str]:
    """The importable names of an installed library: the folders that hold its code, the outermost that are its own."""
    files = importlib.metadata.files(library) or []
    packages = {".".join(file.parent.parts) for file in files if file.name == "__init__.py"}
    return {name for name in packages if name.rpartition(".")[0] not in packages}
