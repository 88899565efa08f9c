"""What works on this machine, and the command that mends what does not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

from ..ingest.libreoffice import libreoffice_version
from ..ingest.libreoffice import not_installed as libreoffice_not_installed
from ..ingest.poppler import INSTALL as INSTALL_POPPLER
from ..ingest.poppler import has_poppler
from ..retrieval.checkup import Finding, OnStep, check, overview
from ..retrieval.encoders.sentence import SentenceEncoder
from ..retrieval.errors import MEND, CorruptFile, LibraryNotFound, PagesightError
from ..retrieval.manifest import read_manifest
from ..retrieval.manifest_repair import manifest_lost, mend_manifest
from ..retrieval.maxsim.dispatch import NOT_COMPILED, chosen_path
from ..retrieval.migrate import migrate
from ..retrieval.opening import open_library
from ..retrieval.optional import find_image, find_reranker, find_visual
from ..retrieval.repair import repair
from ..retrieval.settings import Settings, VectorStoreName
from ..retrieval.tesseract import require as require_tesseract
from ..retrieval.vector_stores import built_with, described


def examine(settings: Settings, on_step: OnStep = lambda *_: None, *, every_file: bool = True) -> list[Finding]:
    """Look at the channels, what they need, and the library when there is one. Loads no model and writes nothing.

    Without `every_file`, which takes as long as reading them all, the library is opened and its catalog asked.
    """
    findings = [Finding("lexical", True, "on: BM25, needs nothing")]
    try:
        encoder = SentenceEncoder(None if settings.encoder is None else str(settings.encoder)).id
    except PagesightError as error:
        findings += [Finding("dense", False, str(error)), Finding("words", False, str(error))]
    else:
        findings += [
            Finding("dense", True, f"on: {encoder} in {described(_vector_store(settings), settings)}"),
            Finding("words", True, f"on: late interaction over words, {encoder}"),
        ]
    try:
        migrate(settings.library)
        manifest = read_manifest(settings.library)
    except PagesightError:
        manifest = None
    for channel, find in (("visual", find_visual), ("image", find_image)):
        try:
            part = find(settings, manifest)
        except PagesightError as error:
            findings.append(Finding(channel, False, str(error)))
            continue
        on = None if part.encoder is None else f"on: {part.encoder.id}, {_device(settings)}"
        # Off is a fault only where a model was asked for.
        findings.append(Finding(channel, part.encoder is not None or part.spec is None, on or part.off or ""))
    reranker, off = find_reranker(settings)
    wanted = settings.reranker not in (None, "off") or settings.profile == "visual"
    findings.append(Finding("reranker", reranker is not None or not wanted, off or f"on: {reranker and reranker.name}"))
    findings.append(Finding("perceptual", True, "on for questions that are pictures: finds copies, needs nothing"))
    findings.append(_kernel())
    findings.append(_ocr(settings))
    findings += _converters()
    findings.append(Finding("answers", True, "extractive: quotes with citations, no model to download"))
    return _with_library(findings, settings, on_step, every_file)


def _ocr(settings: Settings) -> Finding:
    if settings.ocr_engine == "tesseract":
        try:
            tesseract = require_tesseract(settings.ocr_languages)
        except PagesightError as error:
            return Finding("ocr", False, str(error))
        return Finding("ocr", True, f"Tesseract {tesseract}, {settings.ocr_languages}; used: {settings.ocr}")
    if importlib.util.find_spec("rapidocr") is None:
        return Finding("ocr", False, "RapidOCR is missing; install it with: pip install rapidocr onnxruntime")
    return Finding("ocr", True, f"RapidOCR {version('rapidocr')}, Latin, Chinese, Japanese; used: {settings.ocr}")


def _converters() -> list[Finding]:
    office = libreoffice_version()
    kinds = "Office files, web pages, Markdown, text and mail"
    missing = f"PDF and pictures; for {kinds}: {libreoffice_not_installed()}"
    poppler = "Poppler reads PDFs that PDFium refuses"
    missing_poppler = f"Poppler is not installed ({INSTALL_POPPLER}); PDFs that PDFium refuses fail"
    return [
        Finding("formats", True, f"PDF, pictures, and by {office}: {kinds}" if office else missing),
        Finding("poppler", True, poppler if has_poppler() else missing_poppler),
    ]


def _kernel() -> Finding:
    choice = chosen_path()
    # Not compiled is slow, and no fault; compiled and wrong is one.
    sound = choice.passed_over[:1] in ((), (NOT_COMPILED,))
    return Finding("maxsim", sound, "; ".join((f"{choice.path}, checked against numpy", *choice.passed_over)))


def _vector_store(settings: Settings) -> VectorStoreName:
    there = (settings.library / "library.json").is_file()
    return built_with(settings.library) if there else settings.vector_store


def _device(settings: Settings) -> str:
    from ..retrieval.encoders.device import choose_runtime

    runtime = choose_runtime(settings.device, settings.dtype, settings.attention)
    return f"{runtime.device}, {runtime.dtype}, {runtime.attention}"


def mend(settings: Settings, password: str | None = None, say: Callable[[str], None] = lambda _: None) -> None:
    """Mend the library as far as that goes; `say` is told what was done. Raises `LibraryError`."""
    from ..ingest.restore import Restorer

    if manifest_lost(settings.library):
        mend_manifest(settings.library, settings)
        say("library.json is written anew")
    with open_library(settings.library, settings) as library:
        repair(library, Restorer(library, password), say)


def _with_library(findings: list[Finding], settings: Settings, on_step: OnStep, every_file: bool) -> list[Finding]:
    """The findings, and what there is to say of the library: of a channel, in its own finding."""
    try:
        if manifest_lost(settings.library):
            raise CorruptFile(f"{settings.library / 'library.json'} is missing or damaged; {MEND}")
        with open_library(settings.library, settings) as library:
            looked = check(library, on_step) if every_file else [overview(library)]
            found = {one.name: one for one in looked}
    except LibraryNotFound as error:
        return [*findings, Finding("library", True, str(error))]  # none yet is no fault
    except PagesightError as error:
        return [*findings, Finding("library", False, str(error))]
    joined = []
    for one in findings:
        of_library = found.pop(one.name, None)
        notes = [one.note, *([of_library.note] if of_library and of_library.note else [])]
        joined.append(replace(one, ok=one.ok and (of_library is None or of_library.ok), note="; ".join(notes)))
    return [*joined, *found.values()]
