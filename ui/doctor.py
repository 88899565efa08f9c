"""What works on this machine, and the command that mends what does not."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ..retrieval.drafts import drafts
from ..retrieval.encode import missing
from ..retrieval.encoders.sentence import SentenceEncoder
from ..retrieval.errors import LibraryNotFound, PagesightError
from ..retrieval.library import open_library
from ..retrieval.manifest import read_manifest
from ..retrieval.maxsim.dispatch import NOT_COMPILED, chosen_path
from ..retrieval.migrate import migrate
from ..retrieval.optional import OPTIONAL, find_image, find_reranker, find_visual
from ..retrieval.settings import Settings, VectorStoreName
from ..retrieval.sqlite_files import may_write
from ..retrieval.vector_stores import built_with, described, verify


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    note: str

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "ok": self.ok, "note": self.note}


def examine(settings: Settings) -> list[Finding]:
    """Look at the channels, what they need, and the library when there is one. Loads no model."""
    findings = [Finding("lexical", True, "on: BM25, needs nothing")]
    try:
        encoder = SentenceEncoder(None if settings.encoder is None else str(settings.encoder)).id
    except PagesightError as error:
        findings += [Finding("dense", False, str(error)), Finding("words", False, str(error))]
    else:
        findings += [
            Finding("dense", True, f"on: {encoder} in {described(_vector_store(settings))}"),
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
    if importlib.util.find_spec("rapidocr") is None:
        findings.append(Finding("ocr", False, "RapidOCR is missing; install it with: pip install rapidocr onnxruntime"))
    else:
        findings.append(Finding("ocr", True, f"RapidOCR {version('rapidocr')}, used: {settings.ocr}"))
    findings.append(Finding("answers", True, "extractive: quotes with citations, no model to download"))
    findings.append(_library(settings))
    return findings


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


def _library(settings: Settings) -> Finding:
    try:
        with open_library(settings.library, settings) as library:
            pictures = (library.images.figures, library.images.pages)
            damaged = list(verify((library.words, library.visual, library.dense, *pictures)))
            behind = {
                channel: missing(library, channel) for channel in OPTIONAL if channel in library.manifest.encoders
            }
            waiting = [draft for draft in drafts(library.catalog) if not draft.outdated]
            left = len(library.catalog.jobs()) - len(waiting)
            documents = library.documents()
    except LibraryNotFound as error:
        return Finding("library", True, str(error))  # none yet is no fault
    except PagesightError as error:
        return Finding("library", False, str(error))
    if damaged:
        return Finding("library", False, " ".join(damaged))
    pages = sum(document.pages for document in documents)
    note = f"{settings.library}: {len(documents)} documents, {pages} pages"
    if not may_write(settings.library / "catalog.sqlite"):
        note += "; it may only be read here"
    if left:
        note += f"; {left} documents were left unfinished and are cleared away by the next add"
    if waiting:
        pages = sum(draft.pages for draft in waiting)
        note += f"; {len(waiting)} documents stopped after {pages} pages and go on when they are added again"
    for channel, pages_left in behind.items():
        if pages_left:
            note += f"; {pages_left} pages lack the channel {channel}: pagesight encode --channel {channel}"
    return Finding("library", True, note)
