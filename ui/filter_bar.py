"""The row under the question: filters, how many pages, and what writes the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import streamlit as st

from ..generation.models import GENERATORS
from ..retrieval import Library
from .address import COUNTS, ID_DIGITS, Asked, write_address
from .cards import file_name
from .fact_filters import chosen_facts, fact_filters
from .filters import FIELDS, Described, count, describe, figure_tags, offers, options, page_languages
from .plain import plain
from .session import CHOSEN, answer_settings

_CHOICES = (*FIELDS, "figures", "languages")
"""Fields of `Asked` that are chosen among values."""


def filter_bar(library: Library, asked: Asked) -> None:
    """Show the filters as the address has them; a change goes into the address."""
    described = describe(library)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.popover("Filters", icon=":material/filter_list:"):
            _documents(described, asked)
            for name, field in FIELDS.items():
                found = options(field, described)
                if len(found) > 1 or field.asked(asked):
                    _choose(f"filter-{name}", field.label, found, field.asked(asked), asked)
            languages = page_languages(library)
            if len(languages) > 1 or asked.languages:
                _choose("filter-languages", "Languages of pages", languages, asked.languages, asked)
            tags = figure_tags(library)
            if tags:
                _choose("filter-figures", "Figures that show", tags, asked.figures, asked)
            _dates(asked)
            fact_filters(offers(library, asked), asked, _changed)
            st.button("Clear filters", key="filter-clear", on_click=_clear, args=(asked,), disabled=not count(asked))
        st.session_state["most"] = asked.most
        st.selectbox("Pages", COUNTS, key="most", width=110, on_change=_changed, args=(asked,))
        if asked.answer:
            st.session_state["generator"] = answer_settings(library).generator
            st.selectbox("Answers by", GENERATORS, key="generator", width=180, on_change=_chose_generator)
    chosen = count(asked)
    if chosen:
        st.caption(f"{chosen} filter{'s' if chosen > 1 else ''} on: {plain(_summary(described, asked))}")


def _documents(described: Sequence[Described], asked: Asked) -> None:
    names: dict[str, str] = {}
    taken: set[str] = set()
    for one in described:
        document = one.document
        name = f"{document.title} — {file_name(document.sources[0])}" if document.sources else document.title
        # Streamlit tells options apart by what they show.
        names[document.id] = f"{name} ({document.id[:8]})" if name in taken else name
        taken.add(name)
    st.session_state["filter-documents"] = [id_ for id_ in names if any(map(id_.startswith, asked.documents))]
    st.multiselect(
        "Documents",
        list(names),
        key="filter-documents",
        format_func=names.__getitem__,
        on_change=_changed,
        args=(asked,),
        placeholder="All documents",
    )


def _choose(key: str, label: str, found: Sequence[str], chosen: tuple[str, ...], asked: Asked) -> None:
    st.session_state[key] = [value for value in found if value in chosen]
    st.multiselect(label, found, key=key, on_change=_changed, args=(asked,), placeholder="All")


def _dates(asked: Asked) -> None:
    since, until = st.columns(2)
    for column, key, label, value in (
        (since, "filter-since", "Files changed since", asked.since),
        (until, "filter-until", "and until", asked.until),
    ):
        st.session_state[key] = date.fromisoformat(value) if value else None
        column.date_input(label, key=key, on_change=_changed, args=(asked,), min_value=date(1970, 1, 1))


def _changed(asked: Asked) -> None:
    """Put what the widgets hold into the address. Those that are not shown leave what they stand for as it was."""
    state = st.session_state
    values = {name: tuple(state[f"filter-{name}"]) for name in _CHOICES if f"filter-{name}" in state}
    dates = {name: state[f"filter-{name}"] for name in ("since", "until")}
    _go(
        replace(
            asked,
            most=state["most"],
            documents=tuple(id_[:ID_DIGITS] for id_ in state["filter-documents"]),
            **values,
            **{name: day.isoformat() if day else "" for name, day in dates.items()},
            facts=chosen_facts(asked),
        )
    )


def _clear(asked: Asked) -> None:
    cleared = dict.fromkeys((*_CHOICES, "documents", "facts"), ())
    _go(replace(asked, **cleared, since="", until=""))


def _go(asked: Asked) -> None:
    st.query_params.from_dict(write_address(asked))


def _chose_generator() -> None:
    st.session_state[CHOSEN] = st.session_state.get(CHOSEN, {}) | {"generator": st.session_state["generator"]}


def _summary(described: Sequence[Described], asked: Asked) -> str:
    titles = [one.document.title for one in described if any(map(one.document.id.startswith, asked.documents))]
    parts = [*titles, *(value for field in FIELDS.values() for value in field.asked(asked)), *asked.figures]
    parts += [*asked.languages, *(f"{key} {sign} {value}" for key, sign, value in asked.facts)]
    parts += [f"since {asked.since}"] if asked.since else []
    parts += [f"until {asked.until}"] if asked.until else []
    return ", ".join(parts) or "documents that are no longer here"
