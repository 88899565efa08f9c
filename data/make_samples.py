"""Write the sample documents and the questions about them.

    python data/make_samples.py [--out DIR]

DIR (default: the folder of this file) gets `samples/`, eleven documents, and `questions.jsonl`. Everything is invented
and drawn here; nothing is copied. The same libraries write the same bytes, so `git diff` shows what a change did.
Boxes of the questions are looked up in the finished files, so they never drift from what is drawn.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pypdfium2 as pdfium
from PIL import Image
from samples_src import (
    annual_report,
    data_sheet,
    guide_he,
    inspection_report,
    invoice,
    paper,
    plan_uk,
    poster,
    report_ko,
    scanned_letter,
    slide_deck,
    unanswerable,
)
from samples_src.kit import Ask, Marks, register_fonts
from samples_src.locate import find, padded

DOCUMENTS: tuple[ModuleType, ...] = (
    annual_report,
    slide_deck,
    scanned_letter,
    invoice,
    paper,
    data_sheet,
    inspection_report,
    plan_uk,
    report_ko,
    guide_he,
    poster,
)

# What the committed files were made with. Another compressor, rasterizer or font changes bytes without changing a
# word, so the test compares bytes under these and words under others.
MADE_WITH = {
    "koreanize-matplotlib": "0.1.1",
    "matplotlib": "3.11.2",
    "numpy": "2.4.6",
    "pillow": "12.3.0",
    "pypdfium2": "5.15.2",
    "python-bidi": "0.6.12",
    "reportlab": "5.1.0",
    "zlib": "1.2.13",
    "machine": "Linux x86_64",
}


def tools() -> dict[str, str]:
    """The same list for this machine."""
    packages = [name for name in MADE_WITH if name not in ("zlib", "machine")]
    return {
        **{name: importlib.metadata.version(name) for name in packages},
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def size(document: Path, number: int) -> tuple[float, float]:
    """Width and height of a page in points, as displayed; a picture counts 72 points to its stated inch."""
    if document.suffix == ".pdf":
        with pdfium.PdfDocument(document) as pdf:
            return pdf[number - 1].get_size()
    with Image.open(document) as picture:
        dpi = picture.info.get("dpi", (144, 144))
        return picture.width * 72 / dpi[0], picture.height * 72 / dpi[1]


def answered(ask: Ask, document: Path, marks: Marks) -> dict[str, object]:
    """One answerable question as it stands in questions.jsonl."""
    if ask.mark:
        page, region = marks[ask.mark]
        boxes = [region]
        if page != ask.page:
            raise SystemExit(f"{document.name}: {ask.mark!r} stands on page {page}, not {ask.page}: mend the question.")
    else:
        boxes = find(document, ask.page, ask.evidence or "")
    width, height = size(document, ask.page)
    return {
        "question": ask.question,
        "answer": ask.answer,
        "document": document.name,
        "pages": [ask.page],
        "boxes": [{"page": ask.page, "box": padded(box, width, height)} for box in boxes],
        "evidence": ask.evidence,
        "source": ask.source,
        "lang": ask.lang,
        "answerable": True,
    }


def unanswered(question: str, lang: str) -> dict[str, object]:
    """One question without an answer as it stands in questions.jsonl."""
    nothing = {"answer": None, "document": None, "pages": [], "boxes": [], "evidence": None, "source": None}
    return {"question": question, **nothing, "lang": lang, "answerable": False}


def make(out: Path) -> list[dict[str, object]]:
    """Write every document and the questions below `out`; returns the questions."""
    samples = out / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    register_fonts()
    rows: list[dict[str, object]] = []
    for source in DOCUMENTS:
        marks = Marks()
        source.build(samples / source.NAME, marks)
        rows += [answered(ask, samples / source.NAME, marks) for ask in source.ASKS]
    rows += [unanswered(question, lang) for question, lang in unanswerable.QUESTIONS]
    questions = [{"id": f"q{number:03}", **row} for number, row in enumerate(rows, 1)]
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in questions]
    (out / "questions.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
    return questions


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the sample documents and the questions about them.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="the data folder: gets samples/ and questions.jsonl"
    )
    out = parser.parse_args(arguments).out
    questions = make(out)
    for source in DOCUMENTS:
        path = out / "samples" / source.NAME
        print(f"{path.stat().st_size:>9,}  {path}")
    print(f"{len(questions):>9,}  questions in {out / 'questions.jsonl'}")
    if other := {name: version for name, version in tools().items() if MADE_WITH[name] != version}:
        print(f"Bytes may differ from the committed files, which were not made with {other}.", file=sys.stderr)


if __name__ == "__main__":
    main()
