"""Follow-ups without a model: carried over when something is missing, left alone when nothing is."""

import pytest
from fakes import words_of

from pagesight.generation.conversation import documents_meant, standalone
from pagesight.retrieval import Answer, Box, Citation, Hit, Page

BEFORE = "What was the net revenue of the Größenwahn AG in 2021?"


def said(question: str, *documents: str, cited: tuple[str, ...] = ()) -> Answer:
    pages = {name: Page(f"{name}/1", name, f"/{name}.pdf", "ä", 1, 612, 792, 0, "", "layer") for name in documents}
    hits = tuple(Hit(page, 1.0, rank) for rank, page in enumerate(pages.values(), start=1))
    box = words_of("Größe")[0].box
    citations = tuple(Citation(1, 0, 1, pages[name], (Box(*box),), "") for name in cited)
    return Answer(question, "4,512", citations, hits, "scripted")


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("And in 2020?", "What was the net revenue of the Größenwahn AG in 2020?"),
        ("What about 2019?", "What was the net revenue of the Größenwahn AG in 2019?"),
        ("Who audits it?", "Who audits it? (Größenwahn AG 2021)"),
        ("And the employees?", "And the employees? (Größenwahn AG 2021)"),
        ("How is that revenue split?", "How is that revenue split? (Größenwahn AG 2021)"),
        ("And Zürich?", "And Zürich? (net revenue 2021)"),
        ("How many penguins breed in winter?", "How many penguins breed in winter?"),
        ("And how many penguins breed in winter?", "And how many penguins breed in winter?"),
        ("А скільки їх?", "А скільки їх? (Größenwahn AG 2021)"),
        ("In 2020, was that different?", "In 2020, was that different? (Größenwahn AG)"),
    ],
)
def test_a_follow_up_is_made_whole_and_a_whole_question_stays(question: str, asked: str):
    assert standalone([said("Something else?"), said(BEFORE)], question) == asked


def test_the_first_question_stays_as_it_is():
    assert standalone([], "And in 2020?") == "And in 2020?"


def test_only_this_document_means_what_the_last_answer_stands_on():
    last = said(BEFORE, "a", "ä", cited=("ä", "ä"))
    assert documents_meant([last], "Who audits it, only in this document?") == ["ä"]
    assert documents_meant([said(BEFORE, "a", "ä")], "What else does this document say... only this document?") == ["a"]
    assert documents_meant([last], "Who audits it?") is None
    assert documents_meant([], "only in this document?") is None
    assert documents_meant([said(BEFORE)], "only in this document?") is None
