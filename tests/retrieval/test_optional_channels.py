"""Optional channels in a library: built in, added later, off with a reason; on tiny checkpoints of the real models."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_clip
import tiny_models
import tiny_rerankers
from fakes import random_page
from PIL import Image
from sharing import share_encoder

import pagesight.retrieval.encode as encode_module
from pagesight.ingest import add
from pagesight.ingest.restore import Restorer
from pagesight.retrieval import Library, Settings, create_library, open_library
from pagesight.retrieval.checkup import check
from pagesight.retrieval.encode import encode, missing
from pagesight.retrieval.encoders import device
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import EncoderMismatch, LibraryLocked, ModelUnavailable, QueryError
from pagesight.retrieval.evaluation import Answered, LeftOut, Question, Target, evaluate
from pagesight.retrieval.figures import figures_of
from pagesight.retrieval.pictures import cut, decode
from pagesight.retrieval.repair import repair
from pagesight.retrieval.types import PageVectors

QUESTION = "What was the net revenue in 2021, in Zürich?"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one tiny model of each family that the tests below name, built when asked for."""
    return tmp_path_factory.mktemp("modèles")


def tiny(models: Path, family: str) -> str:
    folder = models / family
    if not folder.is_dir():
        build = getattr(tiny_clip, family) if family in ("clip", "siglip") else None
        build(folder) if build else tiny_models.build(family, folder)
    return str(folder)


@pytest.fixture
def two_files(sample_files: Path, tmp_path: Path) -> list[Path]:
    return [sample_files / "annual-report.pdf", sample_files / "план.pdf"]


@pytest.fixture
def build(tmp_path: Path, minilm: SentenceEncoder) -> Callable[..., Library]:
    """Makes a library, or opens it, with these settings."""

    def build(**settings: Any) -> Library:
        return share_encoder(create_library(tmp_path / "бібліотека", Settings(**settings)), minilm)

    return build


def added(library: Library, files: list[Path]) -> Library:
    assert {outcome.state for outcome in add(library, files)} == {"indexed"}
    return library


@pytest.mark.parametrize("family", sorted(tiny_models.FAMILIES))
def test_pages_go_through_a_model_of_each_family_to_evidence_boxes(
    family: str, models: Path, build: Callable[..., Library], two_files: list[Path]
):
    with added(build(visual=tiny(models, family)), two_files[:1]) as library:
        assert library.manifest.encoders.keys() == {"dense", "words", "visual"}
        hits = library.retrieve(QUESTION, k=3)
        for hit in hits:
            assert hit.channels.keys() == {"lexical", "dense", "words", "visual"}
            places = [place for place in hit.evidence if place.channel == "visual"]
            assert places
            for place in places:
                assert -1 <= place.box.x0 < place.box.x1 <= hit.page.width + 1
                assert -1 <= place.box.y0 < place.box.y1 <= hit.page.height + 1
        assert sorted(hit.channels["visual"].rank for hit in hits) == [1, 2, 3]


def test_the_patch_over_a_word_that_the_model_finds_there_is_hot(
    models: Path, build: Callable[..., Library], two_files: list[Path]
):
    with added(build(), two_files[:1]) as plain:
        page = plain.page("annual-report.pdf", 1)
        assert plain.heat(QUESTION, page.id) is None
        path = plain.path
    settings = Settings(visual=tiny(models, "ColQwen2"))
    list(encode(path, "visual", settings))
    with open_library(path, settings) as library:
        seen = library.heat(QUESTION, page.id)
        assert seen is not None
        assert seen.words[-2:] == ("in", "Zürich")
        assert seen.strengths.shape == (len(seen.boxes), len(seen.words))
        # The same patches, one of which is like "Zürich" now: the one over that word.
        query = library._visual.encode_query(QUESTION)  # type: ignore[union-attr]
        word = next(word for word in library.page_words(page.id) if "Zürich" in word.text)
        x, y = (word.box.x0 + word.box.x1) / 2, (word.box.y0 + word.box.y1) / 2
        left, top, right, bottom = seen.boxes.T
        (over,) = np.flatnonzero((left <= x) & (x < right) & (top <= y) & (y < bottom))
        rows = np.zeros((len(seen.boxes), query.rows.shape[1]), np.float32)
        rows[over] = query.rows[query.tokens.index("Zürich")]
        library.visual.remove(page.document)
        library.visual.add(page.document, [PageVectors(page.id, rows, seen.boxes, np.zeros(len(rows), np.int32))])
        found = library.heat(QUESTION, page.id)
        assert found is not None
        assert np.flatnonzero(found.strengths[:, -1] > 0.5).tolist() == [over]
        assert found.peaks[-1] == pytest.approx(1, abs=0.01)
        assert found.together.argmax() == over


def test_a_channel_added_later_is_as_if_it_had_been_there(
    models: Path, build: Callable[..., Library], two_files: list[Path], tmp_path: Path
):
    visual, image = tiny(models, "ColQwen2"), tiny(models, "clip")
    with added(build(), two_files) as plain:
        before = plain.retrieve(QUESTION, k=5)
    path, settings = plain.path, Settings(visual=visual, image=image)
    for channel in ("visual", "image"):
        steps = list(encode(path, channel, settings))
        assert sum(step.new for step in steps) == steps[-1].library_pages == steps[-1].library_done == 4
    with create_library(tmp_path / "neu", settings) as other:
        added(other, two_files)
        later = open_library(path, settings)
        assert later.manifest == other.manifest
        query = other._visual.encode_query(QUESTION)  # type: ignore[union-attr]
        assert later.visual.score(query) == pytest.approx(other.visual.score(query), abs=1e-5)
        vector = np.eye(1, tiny_clip.DIM, dtype=np.float32)[0]
        for store in ("figures", "pages"):
            now, then = (getattr(one.images, store).search(vector, 99) for one in (later, other))
            assert dict(now) == pytest.approx(dict(then), abs=1e-5)
        for page in (page.id for document in other.documents() for page in other.catalog.pages_of(document.id)):
            assert figures_of(later.catalog, [page]) == figures_of(other.catalog, [page])
    # without the models the library is what it was
    with open_library(path, Settings(visual="off", image="off")) as off:
        assert off.retrieve(QUESTION, k=5) == before


def test_encoding_goes_on_where_it_was_killed_and_is_searchable_meanwhile(
    models: Path,
    build: Callable[..., Library],
    two_files: list[Path],
    minilm: SentenceEncoder,
    monkeypatch: pytest.MonkeyPatch,
):
    settings = Settings(visual=tiny(models, "ColQwen2"))
    path = added(build(), two_files).path
    monkeypatch.setattr(encode_module, "BATCH", 1)
    steps = encode(path, "visual", settings)
    first = next(steps)
    assert (first.new, first.library_done, first.library_pages) == (1, 1, 4)
    with share_encoder(open_library(path, settings), minilm) as meanwhile:
        assert missing(meanwhile, "visual") == 3
        hits = meanwhile.retrieve(QUESTION, k=4)
        assert sum("visual" in hit.channels for hit in hits) == 1
        with pytest.raises(LibraryLocked):
            next(encode(path, "visual", settings))
    steps.close()
    assert sum(step.new for step in encode(path, "visual", settings)) == 3
    assert [step.new for step in encode(path, "visual", settings)] == [0, 0]


def test_documents_added_without_the_model_are_caught_up_with(
    models: Path, build: Callable[..., Library], two_files: list[Path]
):
    settings = {"visual": tiny(models, "ColQwen2"), "image": tiny(models, "clip")}
    path = added(build(**settings), two_files[:1]).path
    with added(open_library(path, Settings(visual="off", image="off")), two_files[1:]) as library:
        assert (missing(library, "visual"), missing(library, "image")) == (1, 1)
    for channel in ("visual", "image"):
        assert sum(step.new for step in encode(path, channel)) == 1  # the library knows its model


def test_a_library_finds_its_own_model_again_and_refuses_another(
    models: Path, build: Callable[..., Library], two_files: list[Path]
):
    one, other = tiny(models, "ColQwen2"), tiny(models, "ColIdefics3")
    path = added(build(visual=one, visual_pooling=2), two_files[:1]).path
    with open_library(path) as library:
        assert library.visual_part.encoder is not None
        assert library.visual_part.spec == library.manifest.models["visual"]
        assert library.manifest.models["visual"].pool_factor == 2
    for settings in (Settings(visual=other), Settings(visual=one, visual_pooling=1)):
        with pytest.raises(EncoderMismatch, match="--channel visual --rebuild"):
            open_library(path, settings)
        with pytest.raises(EncoderMismatch):
            next(encode(path, "visual", settings))
    assert sum(step.new for step in encode(path, "visual", Settings(visual=other), rebuild=True)) == 3
    with open_library(path) as library:
        assert library.manifest.models["visual"].model == other
        assert "visual" in library.retrieve(QUESTION, k=1)[0].channels


def test_removing_a_document_reaches_the_optional_channels_with_or_without_their_models(
    models: Path, build: Callable[..., Library], two_files: list[Path]
):
    path = added(build(visual=tiny(models, "ColQwen2"), image=tiny(models, "clip")), two_files).path
    with open_library(path, Settings(visual="off", image="off")) as library:
        gone, kept = library.documents()[0].id, library.documents()[1].id
        pages = {document: [page.id for page in library.catalog.pages_of(document)] for document in (gone, kept)}
        assert library.visual.stored(pages[gone])
        with library.writer() as writer:
            writer.remove_sources(list(library.documents()[0].sources))
        assert library.visual.stored(pages[gone]) == set()
        assert library.visual.stored(pages[kept]) == set(pages[kept])
        for store in (library.images.figures, library.images.pages):
            assert store.keys(gone) == set()
        assert library.images.pages.keys(kept)


def test_damaged_vectors_of_optional_channels_are_named_and_encoded_again(
    models: Path, build: Callable[..., Library], two_files: list[Path]
):
    path = added(build(visual=tiny(models, "ColQwen2"), image=tiny(models, "clip")), two_files).path
    rows = next((path / "multivectors" / "visual").glob("*/rows.u8"))
    rows.write_bytes(bytes(reversed(rows.read_bytes())))
    with open_library(path) as library:
        before = {store: store.documents() for store in (library.images.figures, library.images.pages)}
        document = library.documents()[0].id
        library.images.pages.remove(document)
        found = {finding.name: finding for finding in check(library)}
        assert not found["visual"].ok
        assert "rows.u8 is damaged at the page" in found["visual"].note
        assert found["image"].ok, "pages that a channel has not seen are no fault"
        assert "pagesight encode --channel image" in found["image"].note
        repair(library, Restorer(library))
        assert [finding.note for finding in check(library) if finding.name in ("visual", "image")] == ["", ""]
        assert {store: store.documents() for store in before} == before
    with open_library(path, Settings(visual="off", image="off")) as library:
        library.visual.remove(document)
        repair(library, Restorer(library))  # without the models, what is missing waits
        assert all(finding.ok for finding in check(library))
        there = library.visual.pages()
        assert len(there) < sum(one.pages for one in library.documents())
        stray = f"{library.documents()[1].id}/99"
        library.visual.add(library.documents()[1].id, [random_page(stray, seed=1, rows=2, dim=128)])
        repair(library, Restorer(library))
        assert library.visual.pages() == there | {stray}, "nobody could make again what is right of it"


def test_a_model_that_is_not_there_is_named_with_the_way_out_and_costs_only_its_channel(
    models: Path, build: Callable[..., Library], two_files: list[Path], tmp_path: Path
):
    with pytest.raises(ModelUnavailable, match="pagesight models pull größe/nirgends"):
        build(visual="größe/nirgends")
    assert not (tmp_path / "бібліотека").exists()
    path = added(build(), two_files[:1]).path
    with open_library(path, Settings(visual="größe/nirgends")) as library:
        assert "models pull größe/nirgends" in str(library.visual_part.off)
        assert library.retrieve(QUESTION, k=1)
        with pytest.raises(ModelUnavailable, match="models pull"):
            next(iter(add(library, two_files)))
    with open_library(path, Settings(visual=tiny(models, "ColQwen2"))) as library:
        assert "pagesight encode --channel visual" in str(library.visual_part.off)
        assert "visual" not in library.retrieve(QUESTION, k=1)[0].channels


def test_a_reranker_reads_the_best_pages_and_its_opinion_is_shown(
    models: Path, library_folder: Path, minilm: SentenceEncoder
):
    folder = tiny_rerankers.bert(models / "reranker")
    with share_encoder(open_library(library_folder, Settings(reranker=str(folder))), minilm) as library:
        hits = library.retrieve(QUESTION, k=5)
        scores = [hit.channels["reranker"].score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert [hit.channels["reranker"].rank for hit in hits] == [1, 2, 3, 4, 5]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    with share_encoder(open_library(library_folder), minilm) as library:
        assert all("reranker" not in hit.channels for hit in library.retrieve(QUESTION, k=5))


def test_what_does_not_fit_in_memory_is_refused_before_it_begins(
    models: Path, build: Callable[..., Library], two_files: list[Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(device, "free_memory", lambda _: 1_000_000_000)
    path = build().path
    with pytest.raises(ModelUnavailable, match=r"Not enough memory for ColQwen2.* the profile 'embedded'"):
        next(encode(path, "visual", Settings(visual=tiny(models, "ColQwen2"))))
    monkeypatch.setattr(device, "free_memory", lambda _: 100_000_000_000)
    with build(visual=tiny(models, "ColQwen2")) as nothing_yet:
        assert "visual" not in nothing_yet.manifest.encoders  # that library was made without


# Questions that are pictures


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, minilm: SentenceEncoder, models: Path) -> Iterator[Library]:
    """The demo's slides and paper, with CLIP."""
    samples = Path(__file__).parents[2] / "data" / "samples"
    settings = Settings(image=tiny(models, "clip"), figure_labels=("chart", "Fähre"))
    with create_library(tmp_path_factory.mktemp("drawn") / "library", settings) as library:
        share_encoder(library, minilm)
        added(library, [samples / "slide-deck.pdf", samples / "paper.pdf", samples / "plan-uk.pdf"])
        yield library


def jpeg(picture: Image.Image, scale: float = 0.6) -> bytes:
    stream = io.BytesIO()
    size = round(picture.width * scale), round(picture.height * scale)
    picture.resize(size).save(stream, "JPEG", quality=40)
    return stream.getvalue()


def figures(library: Library) -> Iterator[tuple[str, Any, Image.Image]]:
    for document in library.documents():
        for page in library.catalog.pages_of(document.id):
            for row in figures_of(library.catalog, [page.id])[page.id]:
                if row.figure.kind != "page":
                    image = cut(decode(library.page_image(page)), row.figure.box, (page.width, page.height))
                    yield page.id, row.figure, image


def test_a_small_bad_copy_of_a_figure_finds_its_page_and_its_place(drawn: Library):
    found = list(figures(drawn))
    assert len(found) >= 8
    for page, figure, image in found:
        for channel in ("perceptual", None):
            weights = {channel: 1.0} if channel else None
            hit = drawn.retrieve(image=jpeg(image), k=1, weights=weights)[0]
            assert hit.page.id == page
        assert (hit.evidence[0].channel, hit.evidence[0].box) == ("perceptual", figure.box)


def test_a_picture_of_a_whole_page_is_read_and_found(drawn: Library):
    document = next(one for one in drawn.documents() if one.sources[0].endswith("paper.pdf"))
    page = drawn.catalog.pages_of(document.id)[2]
    hit = drawn.retrieve(image=drawn.page_image(page), k=1)[0]
    assert hit.page.id == page.id
    assert {"lexical", "dense", "words", "perceptual", "image"} <= hit.channels.keys()


def test_a_picture_without_words_asks_no_text_channel(drawn: Library):
    hits = drawn.retrieve(image=Image.new("RGB", (80, 60), "navy"), k=3)
    assert hits
    assert all(hit.channels.keys() <= {"perceptual", "image"} for hit in hits)


def test_words_and_picture_together_use_every_channel(drawn: Library):
    image = next(figures(drawn))[2]
    hit = drawn.retrieve("deliveries in Zürich", image=jpeg(image), k=1)[0]
    assert hit.channels.keys() - {"document"} == {"lexical", "dense", "words", "perceptual", "image"}


def test_a_description_is_compared_with_figures_only(drawn: Library):
    hits = drawn.retrieve("ein Diagramm der Fähre", k=20, weights={"image": 1.0})
    with_figures = {page for page, *_ in figures(drawn)}
    assert {hit.page.id for hit in hits if "image" in hit.channels} == with_figures


def test_a_description_is_evaluated_with_the_channel_for_pictures(drawn: Library):
    page = drawn.page(drawn.documents()[0].id, 1)
    answers: list[Answered | LeftOut] = []
    question = Question("ä", "ein Fährschiff", (Target(page.document, 1),))
    report = evaluate(drawn, [question], on_answer=answers.append)
    assert {"lexical", "dense", "words", "image", "fused"} <= set(report.systems())
    (one,) = answers
    assert isinstance(one, Answered)
    ranked = drawn.rank(question.text)
    assert list(one.orders["fused"]) == [found.page for found in ranked]
    assert one.scores["image"] == {
        found.page: found.channels["image"].score for found in ranked if "image" in found.channels
    }


def test_pages_are_filtered_by_what_their_figures_show(drawn: Library):
    tags = {tag for _, figure, _ in figures(drawn) for tag in figure.tags}
    assert tags <= {"chart", "Fähre"}
    for tag in tags:
        pages = {page for page, figure, _ in figures(drawn) if tag in figure.tags}
        assert set(drawn.scope({"figure": tag}).pages) == pages
    both = drawn.scope({"figure": sorted(tags), "document": "paper.pdf"})
    assert set(both.pages) == {p for p, *_ in figures(drawn) if p in drawn.scope({"document": "paper.pdf"}).pages}
    assert not drawn.scope({"figure": "nichts"}).pages


@pytest.mark.parametrize("picture", [b"", b"no picture, \xc3\xa4", Path("/nirgends/größe.png")])
def test_what_is_no_picture_is_refused_in_a_line(drawn: Library, picture: bytes | Path):
    with pytest.raises(QueryError, match="cannot be opened as a picture"):
        drawn.retrieve(image=picture)


def test_a_manifest_keeps_what_the_vectors_depend_on(models: Path, build: Callable[..., Library]):
    path = build(visual=tiny(models, "ColQwen2"), visual_max_pixels=100_000, visual_text=True).path
    entry = json.loads((path / "library.json").read_text())["models"]["visual"]
    assert entry == {
        "model": tiny(models, "ColQwen2"),
        "max_pixels": 100_000,
        "pool_factor": 1,
        "page_text": True,
    }
