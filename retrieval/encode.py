"""Optional channels into a library that is there: pages are encoded from their stored pictures, no file is read again.

What a store holds is what is done: a run that was killed goes on where it stood, page by page, and readers use what is
there meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from .errors import ModelUnavailable
from .figures import FigureRow, figures_of, set_tags
from .optional import OptionalChannel, find_image, find_visual, require
from .pictures import cut, decode
from .protocols import ImageEncoder, PageEncoder
from .settings import Settings
from .types import PageContent, Vectors

if TYPE_CHECKING:
    from pathlib import Path

    from .library import Library

BATCH = 8
"""Pages written together; the encoder cuts them smaller where its memory asks for it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Some pages of a document were encoded, or were there already."""

    document: str
    source: str
    pages: int
    """Pages of the document that the channel has now."""
    of: int
    new: int
    """Pages that this step encoded."""
    library_done: int
    """Pages of all documents so far that the channel has."""
    library_pages: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: what `pagesight encode --json` prints, one object a step."""
        return asdict(self)


def encode(
    path: Path, channel: OptionalChannel, settings: Settings | None = None, *, rebuild: bool = False
) -> Generator[Encoded]:
    """Add a channel to the library at `path`, or go on with it; yields after each batch of pages, and may end there.

    `rebuild` throws the channel's vectors away first, for another encoder. Raises `ModelUnavailable` when the model is
    not there, and `EncoderMismatch` when the library's vectors come from another one and `rebuild` is not asked for.
    """
    from .opening import open_library

    settings = settings or Settings()
    find = find_visual if channel == "visual" else find_image
    # With the channel off a library opens whatever encoder its vectors come from.
    with open_library(path, settings.model_copy(update={channel: "off"})) as library, library.writer():
        manifest = library.manifest
        begun = channel in manifest.encoders and not rebuild
        part = find(settings, manifest if begun else None)
        if part.encoder is None or part.spec is None:
            raise ModelUnavailable(part.off or f"There is no model for the channel {channel!r}.")
        require(settings, channel, part)
        if rebuild:
            for document in library.documents():
                for store in _stores(library, channel):
                    store.remove(document.id)
        manifest.with_channel(channel, part.encoder.id, part.spec).write(path)
        if channel == "visual":
            library.visual.encoder = str(part.encoder.id)
        documents = library.documents()
        done, total = 0, sum(document.pages for document in documents)
        for document in documents:
            left = _missing_pages(library, channel, document.id)
            there = document.pages - len(left)  # pages that could not be read count as done: nothing can be
            source = document.sources[0]
            if not left:
                yield Encoded(document.id, source, there, document.pages, 0, done + there, total)
            for contents in _ahead(library, left):
                _encode_pages(library, channel, part.encoder, document.id, contents)
                there += len(contents)
                yield Encoded(document.id, source, there, document.pages, len(contents), done + there, total)
            done += document.pages


def missing(library: Library, channel: OptionalChannel) -> int:
    """Pages of the library that the channel has not seen."""
    return sum(len(_missing_pages(library, channel, document.id)) for document in library.documents())


def add_visual(library: Library, document: str, encoder: PageEncoder, contents: Sequence[PageContent]) -> None:
    """Encode pages and store their rows."""
    library.visual.add(document, encoder.encode_pages(contents))


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """Figures with their vectors, and what they show."""

    rows: Sequence[FigureRow]
    vectors: Vectors
    """`(figures, dim)`."""
    tags: dict[str, tuple[str, ...]]
    """By figure id; pages taken as pictures have none."""


def encode_images(
    library: Library, encoder: ImageEncoder, contents: Sequence[PageContent], rows: Sequence[FigureRow]
) -> EncodedImages:
    """Encode the figures of pages, and pages as pictures."""
    from .encoders.figure_tags import DEFAULT_LABELS, tag

    pictures = {content.id: decode(content.image) for content in contents}
    size = {content.id: (content.width, content.height) for content in contents}
    vectors = encoder.encode_images([cut(pictures[row.page], row.figure.box, size[row.page]) for row in rows])
    figures = [i for i, row in enumerate(rows) if row.figure.kind != "page"]
    labels = library.settings.figure_labels or DEFAULT_LABELS
    shown = tag(encoder, vectors[figures], labels) if figures else []
    return EncodedImages(rows, vectors, {rows[i].id: found for i, found in zip(figures, shown, strict=True)})


def store_images(library: Library, document: str, images: EncodedImages) -> None:
    """Store the vectors of figures and of whole pages, apart."""
    for store, whole in ((library.images.figures, False), (library.images.pages, True)):
        chosen = [i for i, row in enumerate(images.rows) if (row.figure.kind == "page") == whole]
        rows = [images.rows[i] for i in chosen]
        store.add(document, [row.page for row in rows], [row.id for row in rows], images.vectors[chosen])


def _encode_pages(
    library: Library,
    channel: OptionalChannel,
    encoder: PageEncoder | ImageEncoder,
    document: str,
    contents: Sequence[PageContent],
) -> None:
    if channel == "visual":
        add_visual(library, document, cast("PageEncoder", encoder), contents)
        return
    of_pages = figures_of(library.catalog, [content.id for content in contents])
    rows = [row for found in of_pages.values() for row in found]
    images = encode_images(library, cast("ImageEncoder", encoder), contents, rows)
    set_tags(library.catalog, images.tags)  # before the vectors: these say that the page is done
    store_images(library, document, images)


def _ahead(library: Library, pages: Sequence[str]) -> Iterator[list[PageContent]]:
    """The pages in batches; the next batch is read while the caller encodes the one before."""
    batches = [pages[begin : begin + BATCH] for begin in range(0, len(pages), BATCH)]
    if not batches:
        return
    with ThreadPoolExecutor(1, "pagesight-encode") as pool:
        coming = pool.submit(library.contents, batches[0])
        for following in [*batches[1:], None]:
            contents = coming.result()
            if following is not None:
                coming = pool.submit(library.contents, following)
            yield contents


def _missing_pages(library: Library, channel: OptionalChannel, document: str) -> list[str]:
    rows = library.catalog.rows(
        "SELECT id FROM pages WHERE document = ? AND image_sha IS NOT NULL ORDER BY number", (document,)
    )
    pictured = [id_ for (id_,) in rows]
    if channel == "visual":
        there = library.visual.stored(pictured)
        return [page for page in pictured if page not in there]
    keys = library.images.figures.keys(document) | library.images.pages.keys(document)
    wanted = figures_of(library.catalog, pictured)
    return [page for page in pictured if any(row.id not in keys for row in wanted[page])]


def _stores(library: Library, channel: OptionalChannel):
    return (library.visual,) if channel == "visual" else (library.images.figures, library.images.pages)
