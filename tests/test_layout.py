"""The shape of the project: its packages, which room may import which, and what an installed copy holds."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("retrieval", "ingest", "generation", "ui")
MAY_IMPORT = {
    "retrieval": {"retrieval"},
    "ingest": {"ingest", "retrieval"},
    "generation": {"generation", "retrieval"},
    "ui": {"ui", "ingest", "generation", "retrieval"},
}
FILES = sorted(file.relative_to(ROOT) for room in ROOMS for file in (ROOT / room).rglob("*.py"))


def module_name(file: Path) -> str:
    """`retrieval/stores/faiss_store.py` is `pagesight.retrieval.stores.faiss_store`."""
    parts = file.with_suffix("").parts
    return ".".join(("pagesight", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imported_modules(name: str, source: str, *, package: bool) -> Iterator[str]:
    """Full names of the modules that a module imports anywhere, also inside functions and for types only."""
    here = name.split(".") if package else name.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            parent = ".".join(filter(None, (base, node.module)))
            yield from (f"{parent}.{alias.name}" for alias in node.names)


def wrong_imports(room: str, modules: Iterator[str]) -> list[str]:
    wrong = []
    for module in modules:
        top, _, rest = module.partition(".")
        target = rest.split(".")[0] if top == "pagesight" else top if top in ROOMS else None
        if target is not None and (top != "pagesight" or target not in MAY_IMPORT[room]):
            wrong.append(module)
    return wrong


@pytest.mark.parametrize("file", FILES, ids=str)
def test_rooms_import_in_one_direction(file: Path):
    source = (ROOT / file).read_text(encoding="utf-8")
    imports = imported_modules(module_name(file), source, package=file.name == "__init__.py")
    assert wrong_imports(file.parts[0], imports) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pagesight.retrieval.search", "from ..ingest.pdf import größe"),
        ("pagesight.retrieval.stores.faiss_store", "from ...ingest import add"),
        ("pagesight.retrieval.search", "from .. import generation"),
        ("pagesight.retrieval.search", "import pagesight.ui.cli"),
        ("pagesight.retrieval.search", "def f():\n    from pagesight import ingest"),
        ("pagesight.ingest.pdf", "from ..generation.units import quotable_units"),
        ("pagesight.generation.models", "if TYPE_CHECKING:\n    from ..ingest import add"),
        ("pagesight.generation.models", "from retrieval.types import Hit"),
    ],
)
def test_the_check_of_directions_sees_every_way_to_import(module: str, source: str):
    assert wrong_imports(module.split(".")[1], imported_modules(module, source, package=False))


def test_the_packages_that_are_installed_are_those_on_disk():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    on_disk = {module_name(file) for file in FILES if file.name == "__init__.py"}
    assert sorted(settings["packages"]) == sorted(on_disk)
    assert settings["package-dir"] == {f"pagesight.{room}": room for room in ROOMS}
    folders = {file.parent for file in FILES}
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders), "a folder with modules is a package"
    assert all((ROOT / room / "py.typed").is_file() for room in ROOMS)


@pytest.mark.parametrize(
    "module",
    [module_name(file) for file in FILES if ">>> " in (ROOT / file).read_text(encoding="utf-8")],
)
def test_examples_in_docstrings_are_true(module: str):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def run(code: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": "", "PYTHONUTF8": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "module",
    [
        "pagesight.retrieval",
        "pagesight.ingest",
        "pagesight.generation",
        "pagesight.ui.cli",
        "pagesight.ingest.worker",
    ],
)
def test_importing_loads_nothing_heavy(module: str, tmp_path: Path):
    heavy = {"torch", "transformers", "sentence_transformers", "chromadb", "streamlit", "faiss", "onnxruntime"}
    done = run(f"import {module}, sys; print(sorted({heavy!r} & sys.modules.keys()))", tmp_path)
    assert done.stderr == ""
    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_never_imported_by_its_folder_name(room: str):
    done = run(f"import {room}")
    assert done.returncode == 1
    assert f"ImportError: import pagesight.{room}; install the checkout once with: pip install -e ." in done.stderr


def test_a_wheel_claims_one_name_and_holds_everything(tmp_path: Path):
    pytest.importorskip("setuptools", minversion="77", reason="the wheel is built with setuptools>=77, without network")
    for name in (*ROOMS, "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path / name)
    build = "import setuptools.build_meta as backend; print(backend.build_wheel('räder'))"
    (tmp_path / "räder").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "räder").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pagesight"}
    assert len(tops) == 2
    data = [
        file.relative_to(ROOT)
        for room in ROOMS
        for pattern in ("*.json", "*.sql", "*.js", "*.css", "*.svg", "py.typed")
        for file in (ROOT / room).rglob(pattern)
    ]
    assert {file.name for file in data} >= {"schema.sql", "fusion.json", "abstention.json", "viewer.js", "py.typed"}
    missing = {f"pagesight/{file.as_posix()}" for file in [*FILES, *data]} - names
    assert missing == set()
