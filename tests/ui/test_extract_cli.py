"""The commands that extract, compare and summarise, as a person or a script meets them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pagesight.generation import models
from pagesight.generation.chat import Limits, Prompt
from pagesight.retrieval import Library
from pagesight.retrieval.errors import PagesightError, QueryError
from pagesight.retrieval.types import Usage
from pagesight.ui.cli import app

Run = Callable[..., Result]
TABLE = "umsatz tabelle.pdf"
ROWS = [
    ["Region", "Umsatz", "Anteil"],
    ["Bavaria", "120 €", "40 %"],
    ["Saxony", "60 €", "20 %"],
    ["Thüringen", "120 €", "40 %"],
]


class ScriptedChat:
    name = "scripted ä"
    limits = Limits(8000)

    def __init__(self, reply: str) -> None:
        self.reply = reply

    def stream(self, prompt: Prompt) -> Iterator[str | Usage]:
        yield self.reply


@pytest.fixture
def run(library: Library, monkeypatch: pytest.MonkeyPatch, open_shared: Callable[[Path], Library]) -> Run:
    """The command line with these arguments, over the shared library; `reply`: what its model says, `None` for none."""
    monkeypatch.setattr("pagesight.retrieval.opening.open_library", lambda path, settings: open_shared(path))

    def run(*arguments: object, reply: str | None = None) -> Result:
        chat = None if reply is None else ScriptedChat(reply)
        monkeypatch.setattr(models, "make_chat", lambda settings: chat, raising=False)
        return CliRunner().invoke(app, [*map(str, arguments), "-l", str(library.path)])

    return run


def test_tables_are_written_as_csv_json_and_markdown(run: Run):
    found = run("extract", "tables", TABLE)
    assert found.exit_code == 0
    assert list(csv.reader(io.StringIO(found.stdout))) == ROWS
    assert "1 table in" in found.stderr
    (entry,) = json.loads(run("extract", "tables", TABLE, "--page", 1, "--format", "json").stdout)
    assert (entry["page"], entry["table"], len(entry["rows"]), entry["columns"]) == (1, 1, 4, 3)
    assert [cell["text"] for cell in entry["rows"][3]] == ROWS[3]
    assert run("extract", "tables", TABLE, "-f", "markdown").stdout.startswith("| Region | Umsatz | Anteil |\n| --- |")
    assert run("extract", "tables", "план.pdf").stdout == ""


def test_tables_go_into_a_file_or_a_folder(run: Run, tmp_path: Path):
    file = tmp_path / "neu" / "größe.csv"
    assert run("extract", "tables", TABLE, "-o", file).exit_code == 0
    assert list(csv.reader(file.read_text(encoding="utf-8").splitlines())) == ROWS
    assert run("extract", "tables", TABLE, "-o", tmp_path / "таблиці").exit_code == 0
    assert [file.name for file in (tmp_path / "таблиці").iterdir()] == ["umsatz-tabelle-page-1-table-1.csv"]
    found = run("extract", "tables", TABLE, "-o", file / "unten.csv")
    assert isinstance(found.exception, QueryError)
    assert "Cannot write" in str(found.exception)


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    file = tmp_path / "схема.json"
    properties = {"region": {"type": "string", "title": "Thüringen"}, "iban": {"type": "string"}}
    file.write_text(json.dumps({"type": "object", "properties": properties}), encoding="utf-8")
    return file


def test_fields_are_extracted_with_and_without_a_model(run: Run, schema: Path):
    reply = json.dumps({"data": {"region": "Saxony", "iban": None}, "pages": [{"path": "/region", "page": 1}]})
    found = json.loads(run("extract", "fields", TABLE, "--schema", schema, reply=reply).stdout)
    assert (found["model"], found["data"]) == ("scripted ä", {"region": "Saxony"})
    assert found["fields"][0]["place"]["quote"] == "Saxony"
    found = json.loads(run("extract", "fields", TABLE, "--schema", schema).stdout)
    assert (found["model"], found["data"]) == ("labels", {"region": "120 €"})
    assert "| /region | 120 € | yes |" in run("extract", "fields", TABLE, "-s", schema, "-f", "markdown").stdout


def test_documents_are_compared(run: Run):
    found = run("compare", "план.pdf", TABLE)
    assert found.exit_code == 0
    assert "- page 1: План розвитку міста" in found.stdout
    assert "the same" in run("compare", TABLE, TABLE).stdout
    entry = json.loads(run("compare", "план.pdf", TABLE, "--summary", "--json", reply="Усе інше.").stdout)
    assert (entry["summary"], entry["model"]) == ("Усе інше.", "scripted ä")


def test_a_summary_is_written_with_its_citations(run: Run, tmp_path: Path):
    found = run("summary", "план.pdf", reply="Бюджет на освіту 12 мільйонів [1].")
    assert "Бюджет на освіту 12 мільйонів \\[1\\]." in found.stdout
    assert "| 1 | план.pdf | 1 |" in found.stdout
    entry = json.loads(run("summary", "план.pdf", "-q", "Де школа?", "-f", "json", reply="Тут [1].").stdout)
    assert (entry["question"], entry["answer"]) == ("Де школа?", "Тут [1].")


def test_a_page_without_figures_has_none_to_describe(run: Run):
    found = run("describe", "план.pdf", "--page", 1, reply="{}")
    assert (found.exit_code, found.stdout) == (0, "")
    assert "no figure" in found.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("describe", "план.pdf", "-p", 1),
        ("analyze", "chart", "план.pdf", "-p", 1),
        ("summary", "план.pdf"),
        ("compare", "план.pdf", TABLE, "--summary"),
    ],
)
def test_a_command_that_needs_a_model_says_what_to_set(run: Run, arguments: tuple[object, ...]):
    error = run(*arguments).exception
    assert isinstance(error, QueryError)
    assert "--generator" in str(error)
    assert "PAGESIGHT_GENERATOR_MODEL" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("extract", "tables", "немає.pdf"), "немає.pdf"),
        (("extract", "tables", TABLE, "--page", 7), "no page 7"),
        (("extract", "fields", TABLE, "--schema", "немає.json"), "Cannot read the schema"),
        (("analyze", "chart", "план.pdf", "-p", 1), "no figure"),
    ],
)
def test_a_wrong_call_is_one_line(run: Run, arguments: tuple[object, ...], told: str):
    error = run(*arguments, reply="{}").exception
    assert isinstance(error, PagesightError)
    assert told in str(error)


def test_a_schema_that_is_no_json_is_named(run: Run, tmp_path: Path):
    for text in ("{größe", "[1]"):
        (tmp_path / "größe.json").write_text(text, encoding="utf-8")
        assert "größe.json is no JSON" in str(run("extract", "fields", TABLE, "-s", tmp_path / "größe.json").exception)
