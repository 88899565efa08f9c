"""Evaluating a library: which pages questions mean, what is measured of each channel, and two runs compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pagesight.retrieval import Box, Document, Library
from pagesight.retrieval.catalog import page_id
from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.evaluation import (
    Answered,
    GoldBox,
    LeftOut,
    Names,
    Question,
    Report,
    Target,
    compare_reports,
    evaluate,
    read_report,
    score_run,
)
from pagesight.retrieval.evaluation.report import Scored

REVENUE = Question("q1", "What was the net revenue in 2021?", (Target("annual-report.pdf", 1),))
PUMP = Question("q2", "How much water does the pump deliver?", (Target("annual-report.pdf", 2),))
BUDGET = Question("q3", "Скільки становить бюджет міста на освіту?", (Target("план.pdf", 1),))
TYPED = replace(REVENUE, groups={"type": ("text", "table"), "lang": ("en",)})


def document(number: int, *sources: str, pages: int = 3) -> Document:
    return Document(f"{number:064x}", "Größe", pages, "indexed", None, sources, 1, "")


BOOKS = [document(1, "/a/bericht.pdf"), document(2, "/b/bericht.pdf"), document(3, "/b/план.pdf", "/c/copy.pdf")]


def asked(*targets: Target, **fields: object) -> Question:
    return Question("ä", "Wie?", targets, **fields)  # type: ignore[arg-type]


def test_documents_are_known_by_file_name_path_and_id():
    names = Names(BOOKS)
    third = BOOKS[2].id
    assert [names.document(name) for name in ("план.pdf", "b/план.pdf", "copy.pdf", third)] == [third] * 4
    assert names.document("a/bericht.pdf") == BOOKS[0].id
    assert names.document("нема.pdf") is None
    assert names.document("") is None
    with pytest.raises(QueryError, match=r"bericht\.pdf names 2 documents"):
        names.document("bericht.pdf")


def test_what_a_question_wants_becomes_pages_of_the_library():
    names, third = Names(BOOKS), BOOKS[2].id
    aim = names.aim(asked(Target("план.pdf", 2), Target("copy.pdf", 3, grade=2), every=True, inside="план.pdf"))
    assert aim.wanted.grades == {f"{third}/2": 1, f"{third}/3": 2}
    assert (aim.wanted.every, aim.documents, aim.inside) == (True, {third}, third)
    assert names.aim(asked(Target("план.pdf", None))).wanted.grades == {third: 1}


def test_what_is_not_in_the_library_is_missed_or_names_itself():
    names = Names(BOOKS)
    half = names.aim(asked(Target("план.pdf", 1), Target("нема.pdf", 1), every=True))
    assert len(half.wanted.grades) == 2, "the other one counts as not found"
    for question, reason in (
        (asked(Target("нема.pdf", 1)), "its document is not in the library"),
        (asked(Target("план.pdf", 4)), "план.pdf has no page 4, only 3"),
        (asked(Target("bericht.pdf", 1)), "bericht.pdf names 2 documents"),
        (asked(Target("план.pdf", 1), inside="нема.pdf"), "its document is not in the library"),
    ):
        with pytest.raises(QueryError, match=reason):
            names.aim(question)
    assert names.missing([asked(Target("нема.pdf", 1), Target("план.pdf", 1), Target("bericht.pdf", 1))]) == [
        "нема.pdf"
    ]


def test_pages_have_one_name_in_runs_and_are_known_by_it_again():
    names = Names(BOOKS)
    names.document("b/план.pdf")
    pages = [page_id(book.id, 2) for book in BOOKS]
    assert names.name(pages[2]) == "b/план.pdf/2", "as the questions call it"
    assert names.name(pages[0]) == pages[0], "two documents have its file name"
    assert [names.unit(names.name(page)) for page in pages] == pages
    assert Names(BOOKS).name(BOOKS[2].id) == "copy.pdf"
    assert names.unit("нема.pdf/1") == "нема.pdf/1"


def test_every_channel_and_fusion_is_measured(library: Library):
    answers: list[Answered | LeftOut] = []
    report = evaluate(library, [REVENUE, PUMP, BUDGET], on_answer=answers.append)
    assert report.systems() == ["lexical", "dense", "words", "document", "fused", "rrf", "equal"]
    assert report.main() == "fused"
    means = report.means("fused")
    assert (means["ndcg@5"].mean, means["success@5"].mean, means["document@1"].mean) == (1, 1, 1)
    assert means["mrr"].questions == 3
    assert all(report.milliseconds(system) for system in report.systems())
    first = answers[0]
    assert isinstance(first, Answered)
    ranked = [one.page for one in library.rank(REVENUE.text)]
    assert list(first.orders["fused"]) == ranked, "what people get is what is measured"
    assert set(first.orders["lexical"]) <= set(ranked)


def test_a_channel_alone_has_no_fusion_and_ranks_as_it_does_alone(library: Library):
    answers: list[Answered | LeftOut] = []
    report = evaluate(library, [REVENUE], ["words"], on_answer=answers.append)
    assert report.systems() == ["words"]
    (one,) = answers
    assert isinstance(one, Answered)
    alone = library.retrieve(REVENUE.text, k=3, weights={"words": 1})
    assert list(one.orders["words"][:3]) == [hit.page.id for hit in alone]
    with pytest.raises(QueryError, match="There is no channel 'größe' here; there are lexical, dense, words"):
        evaluate(library, [REVENUE], ["größe"])


def test_inside_a_document_only_its_pages_are_ranked(library: Library):
    answers: list[Answered | LeftOut] = []
    report = evaluate(library, [replace(PUMP, inside="annual-report.pdf")], on_answer=answers.append)
    (one,) = answers
    assert isinstance(one, Answered)
    assert {page.split("/")[0] for page in one.orders["fused"]} == one.aim.documents
    assert "document@1" not in report.means("fused"), "it is given"


def test_questions_that_are_left_out_are_counted_and_named(library: Library):
    lost = Question("q8", "Was?", (Target("нема.pdf", 1),))
    void = Question("q9", "Was?", (), left_out="nothing answers it")
    report = evaluate(library, [REVENUE, lost, void])
    assert [one.id for one in report.scored] == ["q1"]
    assert report.reasons() == {"its document is not in the library": ["q8"], "nothing answers it": ["q9"]}
    assert report.missing == ("нема.pdf",)


def test_results_are_shown_by_type_and_language(library: Library):
    report = evaluate(library, [TYPED, replace(BUDGET, groups={"type": ("text",), "lang": ("uk",)})])
    assert report.groups() == {"type": ["text", "table"], "lang": ["en", "uk"]}
    assert report.means("fused", "type", "text")["mrr"].questions == 2
    assert report.means("fused", "lang", "uk")["mrr"].questions == 1


def test_a_whole_document_is_found_with_its_first_page(library: Library):
    whole = replace(PUMP, targets=(Target("annual-report.pdf", None),), every=True)
    means = evaluate(library, [whole]).means("fused")
    assert (means["recall@1"].mean, means["ndcg@10"].mean) == (1, 1)


def test_evidence_is_measured_where_people_drew_boxes(library: Library):
    page = library.page("annual-report.pdf", 1)
    place = next(one.box for one in library.evidence(REVENUE.text, page.id) if "4,512" in one.text)
    gold = GoldBox("annual-report.pdf", 1, place)
    half = Box(*(edge / 2 for edge in place))
    scaled = GoldBox("annual-report.pdf", 1, half, (page.width / 2, page.height / 2))
    away = GoldBox("annual-report.pdf", 1, Box(0, 0, 5, 5))
    for boxes, expected in (((gold,), 1), ((scaled,), 1), ((away,), 0), ((away, gold), 1)):
        means = evaluate(library, [replace(REVENUE, boxes=boxes)]).means("fused")
        assert means["box_hit"].mean == expected
        assert means["box_iou"].mean == pytest.approx(expected, abs=1e-4)
    assert "box_hit" not in evaluate(library, [REVENUE]).means("fused")


def report_of(values: Mapping[str, float], system: str = "fused") -> Report:
    """Questions with their reciprocal ranks."""
    return Report(tuple(Scored(id_, {}, {system: {"mrr": value}}) for id_, value in values.items()), ())


def test_a_report_is_read_as_it_was_written(tmp_path: Path):
    file = tmp_path / "звіт.json"
    file.write_text(json.dumps(report_of({"ä": 1 / 3, "b": 1.0}).to_dict()))
    assert read_report(file) == {"ä": {"fused": {"mrr": 1 / 3}}, "b": {"fused": {"mrr": 1.0}}}
    for broken in (
        "{",
        "[]",
        '{"questions": [{"id": 1}]}',
        '{"questions": [{"id": 1, "values": {"a": {"mrr": "x"}}}]}',
    ):
        file.write_text(broken)
        with pytest.raises(QueryError, match="is no report of `pagesight eval --json`"):
            read_report(file)
    file.write_text('{"format": 99, "questions": []}')
    with pytest.raises(QueryError, match="of another version"):
        read_report(file)
    with pytest.raises(QueryError, match="Cannot read"):
        read_report(tmp_path)


def values_of(report: Report) -> dict[str, Mapping[str, Mapping[str, float]]]:
    return {one.id: one.values for one in report.scored}


def test_two_runs_are_compared_on_the_questions_that_both_have():
    first = values_of(report_of({f"ä{n}": 0.2 for n in range(10)} | {"nur": 1.0}))
    second = values_of(report_of({f"ä{n}": 0.5 for n in reversed(range(10))}))
    found = compare_reports(first, second)
    assert (found.systems, found.questions, found.only) == (("fused", "fused"), 10, (1, 0))
    one = found.differences["mrr"]
    assert (one.first, one.second, one.change.mean) == (
        pytest.approx(0.2),
        pytest.approx(0.5),
        pytest.approx(0.3),
    )
    assert one.p < 0.01
    assert found.to_dict()["measures"]["mrr"]["difference"]["questions"] == 10


def test_what_cannot_be_compared_is_said():
    one, other = values_of(report_of({"ä": 1.0})), values_of(report_of({"b": 1.0}))
    with pytest.raises(QueryError, match="no question in common"):
        compare_reports(one, other)
    with pytest.raises(QueryError, match="There is no 'rrf' in a report; there are fused"):
        compare_reports(one, one, ("fused", "rrf"))
    several = {"ä": {"lexical": {"mrr": 1.0}, "words": {"mrr": 0.0}}}
    with pytest.raises(QueryError, match=r"lexical, words and lexical, words; say which .* --channel"):
        compare_reports(several, several)
    assert compare_reports(several, several, ("lexical", "words")).differences["mrr"].change.mean == -1
    assert compare_reports(one, values_of(report_of({"ä": 0.0}, "run"))).systems == ("fused", "run")


def test_a_run_from_elsewhere_scores_as_the_librarys_own(library: Library):
    questions = [REVENUE, PUMP, BUDGET]
    names = Names(library.documents())
    run: dict[str, list[str]] = {}

    def note(one: Answered | LeftOut) -> None:
        assert isinstance(one, Answered)
        run[one.question.id] = [names.name(page) for page in one.orders["dense"]]

    report = evaluate(library, questions, on_answer=note)
    for scored in (score_run(run, questions, names), score_run(run, questions)):
        assert scored.means("run") == report.means("dense")


def test_a_run_without_a_library_is_compared_by_names():
    question = Question("ä", "Wie?", (Target("bücher/a.pdf", 2), Target("MED-1", None)), every=True)
    found = score_run({"ä": ["MED-1", "b.pdf/1", "x/a.pdf/2"]}, [question]).means("run")
    assert (found["recall@1"].mean, found["recall@5"].mean) == (0.5, 1)
    lost = replace(question, id="b")
    assert score_run({"ä": ["MED-1"]}, [question, lost]).means("run")["success@5"].mean == 0.5
    with pytest.raises(QueryError, match="The run answers none of the questions"):
        score_run({"zz": ["MED-1"]}, [question])
