"""How often a copy of a figure, or a screenshot of part of a page, finds its page: by copy, by its words, and both.

    python benchmarks/picture_questions.py [--library DIR] [--json FILE]

Each figure of the library, and the upper half of every fourth page, is made into a question: smaller, recompressed,
with a margin, or cut at its edges by a tenth. Without `--library`, the samples of `data/samples` are added to a new
one.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps

from pagesight.ingest import add
from pagesight.retrieval import Library, create_library, open_library
from pagesight.retrieval.figures import figures_of
from pagesight.retrieval.picture_query import PictureQuery, read_picture
from pagesight.retrieval.pictures import cut, decode
from pagesight.retrieval.types import Box

WAYS: dict[str, dict[str, float] | None] = {
    "copy": {"perceptual": 1.0},
    "words": {"lexical": 1.0, "dense": 0.5, "words": 1.0},
    "both": None,
}
"""Weights of the fusion; `None`: those that are shipped."""


def pictures(library: Library) -> Iterator[tuple[str, str, Image.Image]]:
    """What is asked: kind, page, picture."""
    for document in library.documents():
        for page in library.catalog.pages_of(document.id):
            shown = decode(library.page_image(page))
            size = page.width, page.height
            for row in figures_of(library.catalog, [page.id])[page.id]:
                if row.figure.kind != "page":
                    yield "figure", page.id, cut(shown, row.figure.box, size)
            if page.number % 4 == 1:
                yield "half a page", page.id, cut(shown, Box(0, 0, page.width, page.height / 2), size)


def versions(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    yield "two thirds the size", image.resize((max(image.width * 2 // 3, 1), max(image.height * 2 // 3, 1)))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=35)
    yield "JPEG at quality 35", Image.open(stream)
    yield "white margin", ImageOps.expand(image, max(image.size) // 8, "white")
    x, y = image.width // 10, image.height // 10
    yield "edges cut by a tenth", image.crop((x, y, image.width - x, image.height - y))


def measure(library: Library) -> dict[str, dict[str, list[bool]]]:
    """Kind and version to way to whether the page came first."""
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for kind, page, image in pictures(library):
        for version, changed in versions(image):
            query = read_picture(changed)
            for way, weights in WAYS.items():
                found[f"{kind}, {version}"][way].append(first(library, query, weights) == page)
    return found


def first(library: Library, query: PictureQuery, weights: dict[str, float] | None) -> str | None:
    """The best page; `None` where no channel of this way has anything to say."""
    words = query.words(library.lexical)
    if weights and "words" in weights and not words:
        return None
    hits = library.retrieve(image=query, k=1, weights=weights)
    return hits[0].page.id if hits else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.library:
            library = open_library(arguments.library)
        else:
            library = create_library(Path(scratch) / "library")
            list(add(library, [Path(__file__).parents[1] / "data" / "samples"]))
        found = measure(library)
    table = {
        kind: {"questions": len(ways["both"])} | {way: round(sum(ways[way]) / len(ways[way]), 3) for way in WAYS}
        for kind, ways in found.items()
    }
    print(f"{'page found first':38} {'n':>4} " + " ".join(f"{way:>6}" for way in WAYS))
    for kind, row in table.items():
        print(f"{kind:38} {row['questions']:4} " + " ".join(f"{row[way]:6.3f}" for way in WAYS))
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
