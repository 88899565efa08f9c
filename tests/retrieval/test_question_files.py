"""Files of questions and of runs, well-formed and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.evaluation import Question, Target, format_run, read_questions, read_run
from pagesight.retrieval.types import Box

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of these lines; objects become JSON."""

    def write(name: str, *lines: object) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
        file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return file

    return write


def one(write: Write, **fields: object) -> Question:
    (question,) = read_questions(write("q.jsonl", {"question": "Скільки?", **fields}))
    return question


def test_a_line_with_all_there_is(write: Write):
    question = one(
        write,
        id=7,
        doc="звіт.pdf",
        pages=[3, 4, 3],
        match="all",
        scope="doc",
        lang="uk",
        type=["table", "chart"],
        set="ä",
        boxes=[{"page": 3, "box": [1, 2, 3, 4]}],
        answerable=True,
    )
    assert (question.id, question.text) == ("7", "Скільки?")
    assert question.targets == (Target("звіт.pdf", 3), Target("звіт.pdf", 4))
    assert (question.every, question.inside, question.left_out) == (True, "звіт.pdf", None)
    assert question.groups == {"type": ("table", "chart"), "lang": ("uk",), "set": ("ä",)}
    assert [(gold.page, gold.box, gold.size) for gold in question.boxes] == [(3, Box(1, 2, 3, 4), None)]


def test_a_line_with_the_least_there_can_be(write: Write):
    question = one(write, doc="a.pdf", pages=[1])
    assert question.id == "line-1"
    assert (question.every, question.inside, question.boxes, question.groups) == (False, None, (), {})


def test_other_files_names_for_fields_are_read(write: Write):
    boxes = [{"page": 1, "bbox": [0, 0, 9, 9], "page_size": [720, 405]}]
    question = one(write, document="a.pdf", pages=[1], boxes=boxes, sources=["Table"], unknown={"größe": 1})
    assert question.targets == (Target("a.pdf", 1),)
    assert question.boxes[0].size == (720, 405)
    assert question.groups == {"type": ("Table",)}
    refs = [{"doc": "b.pdf", "page": 2}, {"doc": "c.pdf", "pages": [5, 6]}, {"doc": "a.pdf", "page": 1}]
    found = one(write, doc="a.pdf", pages=[1], refs=refs)
    assert [(target.document, target.page) for target in found.targets] == [
        ("a.pdf", 1),
        ("b.pdf", 2),
        ("c.pdf", 5),
        ("c.pdf", 6),
    ]


def test_questions_that_cannot_be_scored_say_why(write: Write):
    assert one(write, answerable=False, doc=None, pages=None).left_out == "nothing answers it"
    assert one(write, doc="a.pdf", pages=[1], page_truth="disputed").left_out == "its page is disputed"
    assert one(write, doc="a.pdf", pages=[]).left_out == "it names no page"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": "wie', "this is no JSON"),
        ("[1]", "this is no JSON object"),
        ('{"doc": "a.pdf", "pages": [1]}', "question: field required"),
        ('{"question": "  ", "doc": "a.pdf"}', "question:"),
        ('{"question": "ä", "doc": "a.pdf", "pages": [0]}', "pages: they count from 1"),
        ('{"question": "ä", "doc": "a.pdf", "pages": ["drei"]}', "pages.0:"),
        ('{"question": "ä", "pages": [1]}', "doc: the document"),
        ('{"question": "ä", "doc": "a.pdf", "pages": [1], "match": "most"}', "match:"),
        ('{"question": "ä", "doc": "a.pdf", "boxes": [{"page": 1, "box": [1, 2]}]}', "boxes.0.box"),
        ('{"question": "ä", "doc": "a.pdf", "pages": [1], "id": "ok"}', "the id 'ok' is that of line 1, too"),
        ("[" * 100_000, "this is no JSON"),
    ],
)
def test_a_broken_line_is_named_with_its_file(write: Write, line: str, said: str):
    file = write("питання.jsonl", {"id": "ok", "question": "ä?", "doc": "a.pdf", "pages": [1]}, "", line)
    with pytest.raises(QueryError, match=r"питання\.jsonl, line 3: ") as error:
        read_questions(file)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_none_are_said(write: Write, tmp_path: Path):
    with pytest.raises(QueryError, match=r"Cannot read .*нема"):
        read_questions(tmp_path / "нема.jsonl")
    with pytest.raises(QueryError, match="There are no questions in"):
        read_questions(write("leer.jsonl", "", ""))
    (tmp_path / "latin").write_bytes(b'{"question": "gr\xf6sse"}')
    with pytest.raises(QueryError, match="it is not UTF-8 text"):
        read_questions(tmp_path / "latin")
    with pytest.raises(QueryError, match="is no BEIR folder"):
        read_questions(tmp_path)


def beir(write: Write, *judged: str) -> Path:
    write("beir/queries.jsonl", {"_id": "q1", "text": "Wie groß?"}, {"_id": "q2", "text": "Wie alt?"})
    return write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore", *judged).parent.parent


def test_a_beir_folder_has_graded_questions(write: Write):
    folder = beir(write, "q1\tbücher/a.pdf/12\t2", "q1\tMED-10\t1", "q1\tb.pdf/1\t0", "q2\tb.pdf/2\t0")
    first, second = read_questions(folder)
    assert (first.id, first.text, first.every) == ("q1", "Wie groß?", True)
    assert first.targets == (Target("bücher/a.pdf", 12, 2), Target("MED-10", None, 1))
    assert second.left_out == "nothing is relevant to it"


def test_the_test_judgements_count_or_those_that_are_named(write: Write):
    folder = beir(write, "q1\ta.pdf/1\t1")
    dev = write("beir/qrels/dev.tsv", "q2\ta.pdf/2\t1")
    assert [one.id for one in read_questions(folder)] == ["q1"]
    assert [one.id for one in read_questions(dev)] == ["q2"]
    (folder / "qrels" / "test.tsv").unlink()
    write("beir/qrels/train.tsv", "q1\ta.pdf/3\t1")
    assert {one.id for one in read_questions(folder)} == {"q1", "q2"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q1\ta.pdf/1", "query-id, corpus-id and score"),
        ("q1\ta.pdf/1\tviel", "query-id, corpus-id and score"),
        ("q9\ta.pdf/1\t1", "there is no query 'q9'"),
    ],
)
def test_a_broken_judgement_is_named_with_its_file(write: Write, line: str, said: str):
    with pytest.raises(QueryError, match=r"test\.tsv, line 3: ") as error:
        read_questions(beir(write, "q1\ta.pdf/1\t1", line))
    assert said in str(error.value)


def test_a_broken_query_is_named_with_its_file(write: Write):
    folder = beir(write, "q1\ta.pdf/1\t1")
    write("beir/queries.jsonl", {"_id": "q1", "text": "ä"}, {"_id": "q2"})
    with pytest.raises(QueryError, match=r"queries\.jsonl, line 2: a query needs _id and text"):
        read_questions(folder)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(st.dictionaries(NAMES, st.lists(NAMES, unique=True, min_size=1, max_size=6), max_size=4))
def test_a_run_that_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, run: dict[str, list[str]]):
    file = tmp_path_factory.mktemp("лауф") / "run.trec"
    file.write_bytes(format_run(run).encode())
    assert read_run(file, run) == run


def test_a_run_from_elsewhere_is_sorted_by_score_then_rank(write: Write):
    file = write(
        "r.trec", "q1 Q0 b.pdf/1 3 1.5 ä", "q1 Q0 a%20ä.pdf/2 9 1e2 ä", "q1 Q0 c.pdf/1 2 1.5 ä", "100% Q0 x 1 1 ä"
    )
    assert read_run(file, ["q1", "100%"]) == {"q1": ["a ä.pdf/2", "c.pdf/1", "b.pdf/1"], "100%": ["x"]}


@pytest.mark.parametrize("line", ["q1 Q0 a.pdf/1 1 0.5", "q1 Q0 a.pdf/1 eins 0.5 t", "q1 Q0 a.pdf/1 1 nan t", "q1"])
def test_a_broken_line_of_a_run_is_named_with_its_file(write: Write, line: str):
    with pytest.raises(QueryError, match=r"läufe\.trec, line 2: this is not 'query Q0 page rank score tag'"):
        read_run(write("läufe.trec", "q1 Q0 a.pdf/1 1 0.5 t", line))
