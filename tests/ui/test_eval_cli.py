"""`pagesight eval`, as a person or a script meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from looking import TARIFF
from typer.testing import CliRunner, Result

from pagesight.retrieval import Library
from pagesight.retrieval.errors import QueryError
from pagesight.ui.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, open_shared: Callable[[Path], Library], tmp_path: Path) -> Run:
    """The command `eval` with these arguments, in a folder of its own."""
    monkeypatch.setattr("pagesight.retrieval.opening.open_library", lambda path, settings: open_shared(path))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["eval", *map(str, arguments)])


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    lines = [
        {"id": "t1", "question": f"{TARIFF}?", "doc": "тарифи.pdf", "pages": [2], "type": "text", "lang": "en"},
        {
            "id": "t2",
            "question": "How long does a lion sleep?",
            "doc": "hostile.pdf",
            "pages": [1],
            "type": "[red]table",
        },
        {"id": "t3", "question": "Was ist mit [b]Löwen[/b]?", "doc": "fehlt.pdf", "pages": [1]},
        {"id": "t4", "question": "Wer?", "doc": None, "pages": [], "answerable": False},
    ]
    file = tmp_path / "питання.jsonl"
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return file


def test_a_library_is_measured_by_channel_fusion_and_group(run: Run, built: Path, questions: Path, tmp_path: Path):
    found = run("--questions", questions, "--library", built, "--json", "звіт.json", "--run", "run.trec")
    assert (found.exit_code, found.exception) == (0, None)
    assert "2 of 4 questions scored." in found.stdout
    head = next(line for line in found.stdout.splitlines() if line.startswith("measure"))
    assert head.split() == ["measure", "lexical", "dense", "words", "document", "fused", "rrf", "equal"]
    assert "ms p50 / p95" in found.stdout
    assert "type [red]table" in found.stdout, "names from the file are text, not markup"
    assert "left out: t3: its document is not in the library" in found.stderr
    assert "not in the library: fehlt.pdf" in found.stderr
    assert "left out: t4: nothing answers it" in found.stderr
    report = json.loads((tmp_path / "звіт.json").read_text(encoding="utf-8"))
    assert (report["scored"], report["missing_documents"]) == (2, ["fehlt.pdf"])
    assert report["systems"]["fused"]["measures"]["success@5"] == {"mean": 1, "low": 1, "high": 1, "questions": 2}
    assert set(report["systems"]["words"]["milliseconds"]) == {"p50", "p95"}
    first = (tmp_path / "run.trec").read_text(encoding="utf-8").splitlines()[0].split()
    assert (first[0], first[2], first[3]) == ("t1", "тарифи.pdf/2", "1")


def test_a_run_file_scores_as_the_run_that_wrote_it(run: Run, built: Path, questions: Path):
    asked = run("-q", questions, "-l", built, "--run", "run.trec", "--json", "-")
    expected = json.loads(asked.stdout)["systems"]["fused"]["measures"]
    found = json.loads(run("-q", questions, "--run-in", "run.trec", "-l", built, "--json", "-").stdout)
    assert found["systems"]["run"]["measures"] == expected
    # Without a library nobody knows that a document is not there: its question is one that found nothing.
    found = json.loads(run("-q", questions, "--run-in", "run.trec", "--json", "-").stdout)
    assert found["scored"] == 3
    assert found["systems"]["run"]["measures"]["mrr"]["mean"] == pytest.approx(2 / 3, abs=1e-6)


def test_a_run_calls_documents_as_the_questions_do(run: Run, built: Path, open_shared: Callable[[Path], Library]):
    with open_shared(built) as library:
        (document,) = library.resolve("hostile.pdf")
    line = {"id": "t1", "question": "How long does a lion sleep?", "doc": document, "pages": [1]}
    Path("за id.jsonl").write_text(json.dumps(line), encoding="utf-8")
    run("-q", "за id.jsonl", "-l", built, "--run", "run.trec")
    found = json.loads(run("-q", "за id.jsonl", "--run-in", "run.trec", "--json", "-").stdout)
    assert found["systems"]["run"]["measures"]["mrr"]["mean"] == 1


def test_one_channel_is_measured_alone(run: Run, built: Path, questions: Path):
    found = run("-q", questions, "-l", built, "--channel", "lexical", "--json", "-")
    assert list(json.loads(found.stdout)["systems"]) == ["lexical"]
    unknown = run("-q", questions, "-l", built, "--channel", "größe")
    assert isinstance(unknown.exception, QueryError)


def test_two_reports_are_compared(run: Run, built: Path, questions: Path):
    run("-q", questions, "-l", built, "--json", "a.json")
    found = run("--compare", "a.json", "a.json", "--channel", "lexical", "--channel", "fused", "--json", "c.json")
    assert found.exit_code == 0
    assert "A lexical" in found.stdout
    assert "2 questions in both." in found.stdout
    compared = json.loads(Path("c.json").read_text(encoding="utf-8"))
    assert compared["systems"] == ["lexical", "fused"]
    assert compared["measures"]["mrr"]["p"] == 1
    lost = run("--compare", "a.json", "нема.json")
    assert isinstance(lost.exception, QueryError)
    assert "Cannot read нема.json" in str(lost.exception)


def test_questions_are_made_and_can_be_measured(run: Run, library: Library):
    made = run("--make-questions", "нові.jsonl", "-l", library.path, "--count", 2)
    assert made.exit_code == 0
    assert made.stdout == "2 questions (2 from tables): read and correct them before use.\n"
    lines = [json.loads(line) for line in Path("нові.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(line["doc"], line["made"]) for line in lines} == {("umsatz tabelle.pdf", "tables")}
    assert run("-q", "нові.jsonl", "-l", library.path, "--channel", "lexical").exit_code == 0


def test_where_nothing_can_be_asked_no_file_is_written(run: Run, built: Path):
    made = run("--make-questions", "нові.jsonl", "-l", built)  # one size of print, and no tables
    assert "No questions could be made" in str(made.exception)
    assert not Path("нові.jsonl").exists()


def test_a_beir_folder_is_measured_by_its_grades(run: Run, built: Path, tmp_path: Path):
    (tmp_path / "beir" / "qrels").mkdir(parents=True)
    (tmp_path / "beir" / "queries.jsonl").write_text(json.dumps({"_id": "1", "text": TARIFF}), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\n1\tтарифи.pdf/2\t2\n1\thostile.pdf\t1\n"
    (tmp_path / "beir" / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    found = json.loads(run("-q", "beir", "-l", built, "--json", "-").stdout)["systems"]["fused"]["measures"]
    assert (found["ndcg@1"]["mean"], found["recall@1"]["mean"], found["recall@5"]["mean"]) == (1, 0.5, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Say what to do"),
        (("--make-questions", "ä.jsonl", "-q", "b.jsonl"), "--make-questions and --questions are different things"),
        (("--compare", "a", "b", "--channel", "a", "--channel", "b", "--channel", "c"), "Two runs are compared"),
        (("-q", "нема.jsonl", "--run-in", "x"), "Cannot read нема.jsonl"),
        (("-q", "a.jsonl", "--run-in", "x", "--run", "y"), "--run-in goes with --questions, and without --run"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run: Run, arguments: tuple[str, ...], said: str):
    found = run(*arguments)
    assert isinstance(found.exception, QueryError)
    assert said in str(found.exception)
    assert "\n" not in str(found.exception)


def test_questions_about_another_library_alone_are_an_error(run: Run, built: Path, questions: Path):
    other = questions.with_name("інші.jsonl")
    other.write_text('{"question": "Was?", "doc": "fehlt.pdf", "pages": [1]}\n', encoding="utf-8")
    found = run("-q", other, "-l", built)
    assert isinstance(found.exception, QueryError)
    assert "None of the questions can be scored" in str(found.exception)
    assert "not in the library: fehlt.pdf" in found.stderr
