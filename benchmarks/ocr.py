"""How fast pictures of pages are read, and how well, against RapidOCR as it comes.

    python benchmarks/ocr.py [--pictures DIR] [--documents DIR] [--pages 12] [--languages ukr+eng] [--json FILE]

`--pictures` has pictures of pages without a text layer: seconds a page, the engines in turn, page by page.
`--documents` has born-digital PDFs: pages of theirs with at least 80 words are drawn and read back, and compared with
the text layer; recall and precision count words, each as often as it stands on the page. Without either, the pages of
`data/samples`. With `--languages` Tesseract, which must be installed with them, reads them, too. RapidOCR runs with
its defaults (all cores, its classifier of upside-down lines, word boxes off); all read a page before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from PIL import Image

from pagesight.ingest.documents import open_document
from pagesight.ingest.ocr import OCR_DPI, OcrEngine, RapidOcr, Tesseract
from pagesight.ingest.parsed import ParseOptions

ROOT = Path(__file__).parents[1]
LEAST_WORDS = 80
A_DOCUMENT = 3
"""Pages of one document at most."""

Read = Callable[[Image.Image], list[str]]


def as_it_comes() -> Read:
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})

    def read(image: Image.Image) -> list[str]:
        found: Any = engine(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))
        lines = found.txts
        return [str(word) for word in " ".join(lines or ()).split()]

    return read


def ours(engine: OcrEngine) -> Read:
    return lambda image: [word.text for word in engine.read(image)]


def drawn(folder: Path, most: int) -> list[tuple[Image.Image, Counter[str]]]:
    """Pages of documents as pictures, and the words that their text layer says are on them."""
    pages: list[tuple[Image.Image, Counter[str]]] = []
    for file in sorted(folder.rglob("*.pdf")):
        with open_document(file, options=ParseOptions(ocr="off", dpi=36)) as document:
            numbers = range(2, document.info.pages + 1, max(1, document.info.pages // A_DOCUMENT))
            found = [page for number in numbers if len((page := document.read_page(number)).words) >= LEAST_WORDS]
        with pypdfium2.PdfDocument(file) as pdf:
            for page in found[:A_DOCUMENT]:
                shown: Any = pdf[page.number - 1]
                image = shown.render(scale=OCR_DPI / 72).to_pil().convert("RGB")
                pages.append((image, Counter(word.text for word in page.words)))
    step = max(1, len(pages) // most)
    return pages[::step][:most]


def pictures(folder: Path, most: int) -> list[Image.Image]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    return [Image.open(file).convert("RGB") for file in files[:: max(1, len(files) // most)][:most]]


def timed(engines: Sequence[Read], images: Sequence[Image.Image]) -> tuple[list[float], list[list[Counter[str]]]]:
    """Seconds of each engine for all pictures, which they read in turn, and the words that they read."""
    seconds = [0.0 for _ in engines]
    words: list[list[Counter[str]]] = [[] for _ in engines]
    for engine in engines:
        engine(images[0])
    for image in images:
        for i, engine in enumerate(engines):
            started = time.perf_counter()
            found = engine(image)
            seconds[i] += time.perf_counter() - started
            words[i].append(Counter(found))
    return seconds, words


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast pictures of pages are read, and how well.")
    parser.add_argument("--pictures", type=Path, help="folder with pictures of pages")
    parser.add_argument("--documents", type=Path, help="folder with born-digital PDFs")
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--languages", help="of Tesseract, by its names, joined by +; without it, it does not run")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    engines = {"RapidOCR": as_it_comes(), "ours": ours(RapidOcr())}
    if arguments.languages:
        engines["Tesseract"] = ours(Tesseract(arguments.languages))
    result: dict[str, object] = {"machine": platform.processor() or platform.machine()}
    pages = drawn(arguments.documents or ROOT / "data" / "samples", arguments.pages)
    sets = {"drawn": [image for image, _ in pages]}
    if arguments.pictures:
        sets["pictures"] = pictures(arguments.pictures, arguments.pages)
    for name, images in sets.items():
        seconds, words = timed(list(engines.values()), images)
        each = {engine: one / len(images) for engine, one in zip(engines, seconds, strict=True)}
        result[name] = {"pages": len(images), "seconds_a_page": each, "faster": each["RapidOCR"] / each["ours"]}
        print(f"{name}: {len(images)} pages, seconds a page:", *(f"{one} {spent:.2f}" for one, spent in each.items()))
        if name == "drawn":
            for engine, found in zip(engines, words, strict=True):
                same = sum((one & page[1]).total() for one, page in zip(found, pages, strict=True))
                recall = same / sum(page[1].total() for page in pages)
                precision = same / sum(one.total() for one in found)
                result[f"{engine}_words"] = {"recall": recall, "precision": precision}
                print(f"{engine}: recall {recall:.4f}, precision {precision:.4f} of the text layer's words")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
