"""How fast documents are added, and what holds it up: the encoder, alone and in the pipeline; memory as documents grow.

    python benchmarks/ingest.py --documents DIR [--pages 200] [--long 2000] [--json FILE]

`--documents` has born-digital PDFs, of which the first `--pages` pages are taken, whole files. Measured, one after the
other, on the same passages: sentence-transformers' `encode` as it comes (float32), this project's encoder in batches as
`add` makes them, also in float32, and `add` itself, reading, writing and all. The encoders run twice and the faster
time counts; `add` runs once, into a new library. `cosine` compares the passages' vectors of the two encoders, the least
and the mean, where a passage fits the encoder's window. Memory is the most that the process that adds had, and the most
that its reader had, over a document of 200 pages and one of `--long` pages, each in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pypdfium2

from pagesight.ingest import add
from pagesight.ingest.batches import BATCH
from pagesight.ingest.documents import open_document
from pagesight.ingest.parsed import ParseOptions
from pagesight.retrieval import Settings, create_library
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.encoders.words import WordsEncoder
from pagesight.retrieval.types import PageContent

SHORT = 200


def chosen(folder: Path, most: int) -> tuple[list[Path], list[PageContent]]:
    """Whole files with up to so many pages together, and what encoders see of them."""
    files, pages = [], []
    for file in sorted(folder.rglob("*.pdf")):
        with open_document(file, options=ParseOptions(ocr="off", dpi=36)) as document:
            if len(pages) + document.info.pages > most:
                continue
            files.append(file)
            for number in range(1, document.info.pages + 1):
                page = document.read_page(number)
                pages.append(PageContent("", "", page.words, page.passages, b"", page.width, page.height))
    return files, pages


def fastest(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def encoders(pages: Sequence[PageContent]) -> dict[str, float]:
    """Pages a second of both encoders, and how alike their vectors are."""
    texts = [
        " ".join(word.text for word in page.words[passage.first : passage.last])
        for page in pages
        for passage in page.passages
    ]
    plain = SentenceEncoder(dtype="float32")._model
    ours, exact = WordsEncoder(SentenceEncoder()), WordsEncoder(SentenceEncoder(dtype="float32"))
    batches = [pages[begin : begin + BATCH] for begin in range(0, len(pages), BATCH)]
    plain.encode(texts[:8])
    ours.encode_pages(batches[0])
    plainly: list[np.ndarray] = []
    quickly: list[np.ndarray] = []

    def run_plain() -> None:
        plainly[:] = [plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)]

    def run_float32() -> None:
        for batch in batches:
            exact.encode_pages(batch)

    def run_ours() -> None:
        found = [vectors.passages for batch in batches for vectors in ours.encode_pages(batch)]
        quickly[:] = [rows for rows in found if rows is not None and len(rows)]

    seconds = fastest(run_plain), fastest(run_ours), fastest(run_float32)
    cosines = (plainly[0] * np.concatenate(quickly)).sum(1)
    sizes = [len(tokens) for tokens in plain.tokenizer(texts)["input_ids"]]
    cosines = cosines[np.array(sizes) <= plain.max_seq_length]  # of longer ones the plain encoder leaves out the rest
    return {
        "passages": len(texts),
        "plain_pages_s": len(pages) / seconds[0],
        "encoder_pages_s": len(pages) / seconds[1],
        "encoder_over_plain": seconds[0] / seconds[1],
        "float32_over_plain": seconds[0] / seconds[2],
        "cosine_least": float(cosines.min()),
        "cosine_mean": float(cosines.mean()),
    }


def adding(files: Sequence[Path]) -> tuple[int, float]:
    """Pages, and seconds that adding them took."""
    with tempfile.TemporaryDirectory() as folder:
        library = create_library(Path(folder) / "library", Settings(ocr="off"))
        library.page_encoder.encode_query("warm")
        started = time.perf_counter()
        pages = sum(outcome.pages for outcome in add(library, files))
        return pages, time.perf_counter() - started


def peak(source: Path, pages: int) -> tuple[float, float]:
    """MB that adding a document of so many pages needs at most: this process, its reader. Its pages are another's."""
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.pdf"
        given, made = pypdfium2.PdfDocument(source), pypdfium2.PdfDocument.new()
        while len(made) < pages:
            made.import_pages(given, list(range(min(len(given), pages - len(made)))))
        made.save(long)
        made.close()
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_peak, (long,))


def _peak(document: Path) -> tuple[float, float]:
    adding([document])
    sizes = (resource.getrusage(who).ru_maxrss / 1e3 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own, reader = sizes
    return own, reader


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast documents are added, and what holds it up.")
    parser.add_argument("--documents", type=Path, required=True, help="folder with born-digital PDFs")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--long", type=int, default=2000, help="pages of the long document; 0 measures no memory")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    files, pages = chosen(arguments.documents, arguments.pages)
    result: dict[str, object] = {"machine": platform.processor() or platform.machine(), "files": len(files)}
    result |= {"pages": len(pages)} | encoders(pages)
    added, seconds = adding(files)
    result |= {"add_pages_s": added / seconds}
    for other in ("plain", "encoder"):
        result[f"add_over_{other}"] = added / seconds / float(str(result[f"{other}_pages_s"]))
    if arguments.long:
        short, long = peak(files[0], SHORT), peak(files[0], arguments.long)
        for name, few, many in zip(("own", "reader"), short, long, strict=True):
            result |= {f"{name}_mb_{SHORT}": few, f"{name}_mb_{arguments.long}": many, f"{name}_growth": many / few}
    for name, value in result.items():
        print(f"{name:20} {value:.4g}" if isinstance(value, float) else f"{name:20} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
