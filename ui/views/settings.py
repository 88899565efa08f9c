"""Settings and health: what is on and why not, what writes answers, what is on disk, and which versions these are."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

import streamlit as st
from pydantic import SecretStr

from ...retrieval.files import disk_use
from ...retrieval.library import Library
from ...retrieval.settings import GeneratorName, Settings
from ..doctor import examine
from ..plain import plain
from ..session import CHOSEN, library_path, opened_library, shown_errors

PACKAGES = (
    "pagesight",
    "streamlit",
    "torch",
    "sentence-transformers",
    "faiss-cpu",
    "chromadb",
    "pypdfium2",
    "rapidocr",
)
NO_KEY = "none"
"""Sent to a server that the visitor named without a key: never the key that this machine has for another one."""

NAMES = {
    "catalog.sqlite": "Catalog",
    "pages": "Page pictures",
    "lexical": "Words (BM25)",
    "chroma": "Passage vectors",
    "faiss": "Passage vectors",
    "multivectors": "Late interaction",
    "journal.sqlite": "Conversations and test questions",
    "uploads": "Uploaded files",
}


def show() -> None:
    st.title("Settings and health")
    with shown_errors():
        _health()
    with shown_errors(), opened_library() as library:
        _generator(library.settings if library is not None else Settings())
        if library is not None:
            _disk(library)
    with st.expander("Versions"):
        st.text("\n".join([f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in PACKAGES)]))


def _health() -> None:
    settings = Settings()
    st.caption(f"Profile: {plain(settings.profile)}. Library: {plain(str(library_path()))}")
    with st.spinner("Looking…"):
        findings = examine(settings, every_file=False)
    st.dataframe(
        {
            "Part": [finding.name for finding in findings],
            "State": [_state(finding.ok, finding.note) for finding in findings],
            "Why": [finding.note for finding in findings],
        },
        hide_index=True,
        key="health",
        column_config={
            "Part": st.column_config.TextColumn(width="small"),
            "State": st.column_config.TextColumn(width="small"),
        },
        alt="The parts of pagesight, whether they are on, and why not",
    )
    st.caption("The command “pagesight doctor” compares every file with its checksum and with the catalog.")
    for finding in findings:
        if not finding.ok:
            st.warning(f"**{plain(finding.name)}**: {plain(finding.note)}", icon=":material/report:")


def _state(ok: bool, note: str) -> str:
    if not ok:
        return "✗ broken"
    return "– off" if note.startswith("off") else "✓ on"


def _generator(settings: Settings) -> None:
    st.subheader("What writes answers")
    chosen: dict[str, Any] = st.session_state.get(CHOSEN, {})
    now = settings.model_copy(update=chosen)
    with st.form("generator-form", border=True):
        names = get_args(GeneratorName)
        name = st.selectbox("Generator", names, index=names.index(now.generator), key="generator-name")
        model = st.text_input("Model", now.generator_model or "", key="generator-model")
        # Who visits from elsewhere names no address: this machine would call it from inside its own network.
        here = st.context.ip_address is None
        url = st.text_input(
            "Address of the server, for openai",
            now.generator_url or "",
            key="generator-url",
            disabled=not here,
            help=None if here else "It can be changed from the machine that serves this page.",
        )
        key = st.text_input(
            "Key of the service",
            type="password",
            autocomplete="off",
            key="generator-key",
            placeholder="A key is set" if now.generator_key else "Without one, that of the service's own variable",
            help="It is kept in this server's memory until your visit ends, and never shown.",
        )
        sent = st.form_submit_button("Use for my visit", type="primary")
    if sent:
        st.session_state[CHOSEN] = choice(
            settings,
            chosen,
            name or now.generator,
            model or "",
            (url or "") if here else (settings.generator_url or ""),
            key or "",
        )
        st.toast("Used from the next question on.", icon=":material/check:")
    st.caption("Only openai, anthropic and gemini send anything away: the question and the pages found.")


def choice(settings: Settings, chosen: dict[str, Any], name: str, model: str, url: str, key: str) -> dict[str, Any]:
    """The settings that a visitor's form stands for. A server of the visitor's own never gets this machine's key."""
    update: dict[str, Any] = {
        "generator": name,
        "generator_model": model.strip() or None,
        "generator_url": url.strip() or None,
    }
    if key.strip():
        update["generator_key"] = SecretStr(key.strip())
    elif (url.strip() or None) == chosen.get("generator_url", settings.generator_url):
        update |= {"generator_key": chosen["generator_key"]} if "generator_key" in chosen else {}
    elif (url.strip() or None) != settings.generator_url:
        update["generator_key"] = SecretStr(NO_KEY)
    return update


def _disk(library: Library) -> None:
    st.subheader("On disk")
    use = {NAMES[name]: size for name, size in disk_use(library.path).items() if name in NAMES}
    st.dataframe(
        {"Part": list(use), "Size": list(use.values())},
        hide_index=True,
        key="disk",
        column_config={"Size": st.column_config.NumberColumn(format="bytes", width="small")},
        alt="What the library takes up on disk",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
