"""Finding pages: what comes first, why, and where on the page."""

import json
from pathlib import Path

import pytest
from drafts import empty_library, write

import pagesight.retrieval.opening as opening
from pagesight.retrieval import Hit, Library, retrieve
from pagesight.retrieval.errors import QueryError


def place(hit: Hit) -> tuple[str, int]:
    return Path(hit.page.source).name, hit.page.number


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("What was the net revenue in 2021?", ("annual-report.pdf", 1)),
        ("How many people work for the firm?", ("annual-report.pdf", 1)),
        ("PS-400 m³", ("annual-report.pdf", 2)),
        ("When do birds nest at the South Pole?", ("annual-report.pdf", 3)),
        ("Umsatz in Thüringen", ("umsatz tabelle.pdf", 1)),
        ("Скільки становить бюджет міста на освіту?", ("план.pdf", 1)),
        ("서울 매출", ("보고서.pdf", 1)),
    ],
)
def test_the_page_that_answers_comes_first(library: Library, question: str, page: tuple[str, int]):
    assert place(library.retrieve(question, k=3)[0]) == page


def test_hits_come_in_order_with_what_each_channel_thinks(library: Library):
    hits = library.retrieve("What was the net revenue in 2021?", k=4)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert hit.channels.keys() - {"document"} == {"lexical", "dense", "words"}
        assert all(entry.rank >= 1 for entry in hit.channels.values())
    assert all(hits[0].channels[name].rank == 1 for name in ("lexical", "dense", "words"))


def test_evidence_lies_on_the_page_over_the_words_that_it_names(library: Library):
    for question in ("What was the net revenue in 2021?", "valve VX-12 pressure", "бюджет на освіту", "서울의 매출은"):
        hit = library.retrieve(question, k=1)[0]
        words = library.page_words(hit.page.id)
        assert hit.evidence
        for one in hit.evidence:
            assert 0 <= one.box.x0 < one.box.x1 <= hit.page.width
            assert 0 <= one.box.y0 < one.box.y1 <= hit.page.height
            assert 0 < one.strength <= 1.001
            inside = [word.text for word in words if one.box.union(word.box) == one.box]
            assert one.text in " ".join(inside)
    assert "revenue" in library.retrieve("What was the net revenue in 2021?", k=1)[0].evidence[0].text


def test_a_hit_is_plain_json(library: Library):
    hits = library.retrieve("Бюджет міста", k=2)
    (first,) = json.loads(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False))
    assert first["source"].endswith("план.pdf")
    assert first["page_size"] == [612, 792]
    assert len(first["evidence"][0]["box"]) == 4


def test_k_says_how_many(library: Library):
    assert len(library.retrieve("Größe der Pumpen", k=2)) == 2
    assert len(library.retrieve("Größe der Pumpen", k=1000)) == 7
    for k in (0, -1, 1001):
        with pytest.raises(QueryError, match=f"k is {k}; it must lie between 1 and 1000"):
            library.retrieve("Größe", k=k)


@pytest.mark.parametrize("question", ["", "  ", "\n\t\u3000"])
def test_an_empty_question_is_refused(library: Library, question: str):
    with pytest.raises(QueryError, match="empty"):
        library.retrieve(question)


@pytest.mark.parametrize("question", ["?", "…!", '"', "\0", "caf\udce9", "the", "ä" * 10_000, "Größe " * 2_000])
def test_any_other_question_is_answered_somehow(library: Library, question: str):
    for hit in library.retrieve(question, k=3):
        assert hit.score == hit.score, "not NaN"


def test_a_search_can_be_narrowed_by_name_path_id_and_list(library: Library, sample_files: Path):
    report, plan = (library.page(name, 1) for name in ("annual-report.pdf", "план.pdf"))
    inside = [("annual-report.pdf", n) for n in (1, 2, 3)]
    path = f"{sample_files.name}/annual-report.pdf"
    for name in ("annual-report.pdf", path, report.source, report.document, report.document[:10]):
        assert sorted(map(place, library.retrieve("Größe of the city", k=9, where={"document": name}))) == inside
    hits = library.retrieve("Größe of the city", k=9, where={"document": ["план.pdf", report.document]})
    assert sorted(map(place, hits)) == [*inside, ("план.pdf", 1)]
    assert plan.document in {hit.page.document for hit in hits}
    assert library.retrieve("бюджет", where={"document": []}) == []
    assert len(library.retrieve("Größe of the city", k=9, where={})) == 7


@pytest.mark.parametrize("name", ["nichts.pdf", "", "report.pdf", "deadbeefdeadbeef", "/", "annual-report.pd", "*"])
def test_a_document_that_is_not_there_is_named(library: Library, name: str):
    with pytest.raises(QueryError, match="There is no document"):
        library.retrieve("Größe", where={"document": name})
    with pytest.raises(QueryError, match="There is no document"):
        library.retrieve("Größe", where={"document": ["план.pdf", name]})


def test_unknown_filters_and_channels_are_named(library: Library):
    with pytest.raises(QueryError, match="no filter 'größe'"):
        library.retrieve("Größe", where={"größe": "3"})
    with pytest.raises(QueryError, match="no channel 'bilder'"):
        library.retrieve("Größe", weights={"bilder": 1})


def test_weights_choose_the_channels(library: Library):
    for channel in ("lexical", "dense", "words"):
        hits = library.retrieve("Where do penguins breed, Größenwahn?", k=7, weights={channel: 1})
        assert [hit.channels[channel].rank for hit in hits] == sorted(hit.channels[channel].rank for hit in hits)


def test_a_channel_is_off_for_a_language_it_does_not_know(library: Library):
    """MiniLM has learnt English; in other alphabets it ranks at random, and the words alone decide."""
    for question, page in (("Скільки становить бюджет міста", "план.pdf"), ("서울의 매출은 얼마입니까", "보고서.pdf")):
        assert library.page_encoder.coverage(question) < 0.2
        (hit, *_) = library.retrieve(question, k=1)
        assert Path(hit.page.source).name == page
        only = library.retrieve(question, k=1, weights={"lexical": 1})
        assert place(only[0]) == place(hit)
    assert library.page_encoder.coverage("What was the revenue?") == 1


def test_a_page_scores_the_same_whatever_else_is_in_the_library(library_copy: Library):
    question = "What was the net revenue in 2021 in Zürich?"
    before = {hit.page.id: hit.channels for hit in library_copy.retrieve(question, k=100)}
    real = library_copy.page_encoder
    library_copy.page_encoder = empty_library(library_copy.path).page_encoder
    with library_copy.writer() as writer:
        write(writer, "ff" * 32, "/viel.pdf", *[f"Seite {n} über ganz andere Größen und revenue" for n in range(30)])
    library_copy.page_encoder = real
    after = {hit.page.id: hit.channels for hit in library_copy.retrieve(question, k=100)}
    assert len(after) == len(before) + 30
    for page, channels in before.items():
        for name in ("words", "dense"):
            assert after[page][name].score == pytest.approx(channels[name].score, abs=1e-5)


def test_a_page_scores_the_same_in_a_narrowed_search(library: Library):
    question = "What was the net revenue in 2021 in Zürich?"
    whole = {hit.page.id: hit.channels for hit in library.retrieve(question, k=100)}
    for hit in library.retrieve(question, k=100, where={"document": "annual-report.pdf"}):
        for name in ("words", "dense", "lexical"):
            assert hit.channels[name].score == pytest.approx(whole[hit.page.id][name].score, abs=1e-5)


def test_a_library_is_searched_in_one_line(library: Library, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(opening, "_shared", {str(library.path.resolve()): library}.get)
    hits = retrieve("Бюджет міста", library=str(library.path), k=2, where={"document": "план.pdf"})
    assert [place(hit) for hit in hits] == [("план.pdf", 1)]


def test_the_one_liner_opens_a_library_once(library: Library):
    assert opening._shared(str(library.path)) is opening._shared(str(library.path))
