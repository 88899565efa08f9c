"""Filters by metadata: choices for text, ranges for numbers and dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date

import streamlit as st

from ..retrieval.errors import MetadataError
from ..retrieval.metadata import read_value, spelled
from ..retrieval.types import MetadataValue
from .address import Asked, Fact
from .filters import Offer
from .plain import plain

_SIGNS = {"is": "=", "from": ">=", "to": "<="}
"""The last part of a widget's key to what it compares by; keys of metadata have no `|` in them."""


def fact_filters(found: Sequence[Offer], asked: Asked, changed: Callable[[Asked], None]) -> None:
    """Show a filter for each key, as the address has it."""
    for offer in found:
        if offer.type in ("text", "boolean"):
            _choices(offer, asked, changed)
        else:
            _range(offer, asked, changed)


def chosen_facts(asked: Asked) -> tuple[Fact, ...]:
    """What the widgets hold now. Comparisons that no widget shows stay as they are."""
    found: list[Fact] = []
    shown: set[tuple[str, str]] = set()
    for name in sorted(map(str, st.session_state)):
        if name.startswith("fact|"):
            _, key, end = name.split("|")
            shown.add((key, _SIGNS[end]))
            held = st.session_state[name]
            values = held if isinstance(held, list) else [] if held is None else [held]
            found += [Fact(key, _SIGNS[end], value if isinstance(value, str) else spelled(value)) for value in values]
    return tuple(fact for fact in asked.facts if (fact.key, fact.sign) not in shown) + tuple(found)


def _choices(offer: Offer, asked: Asked, changed: Callable[[Asked], None]) -> None:
    name = f"fact|{offer.key}|is"
    wanted = [fact.value for fact in asked.facts if fact.key == offer.key and fact.sign == "="]
    there = [spelled(value) for value in offer.values]
    options = [*there, *(value for value in wanted if value not in there)]
    st.session_state[name] = wanted
    st.multiselect(plain(offer.key), options, key=name, on_change=changed, args=(asked,), placeholder="All")


def _range(offer: Offer, asked: Asked, changed: Callable[[Asked], None]) -> None:
    ends = zip(st.columns(2), ("from", "to"), (offer.values[0], offer.values[-1]), strict=True)
    for column, end, edge in ends:
        name = f"fact|{offer.key}|{end}"
        held = _held(offer, asked, _SIGNS[end])
        st.session_state[name] = held
        label = f"{plain(offer.key)} {end}"
        if offer.type == "date":
            days = [day for day in (*offer.values, held) if isinstance(day, date)]
            column.date_input(
                label, key=name, on_change=changed, args=(asked,), min_value=min(days), max_value=max(days)
            )
        else:
            column.number_input(label, key=name, on_change=changed, args=(asked,), placeholder=spelled(edge), step=None)


def _held(offer: Offer, asked: Asked, sign: str) -> MetadataValue | None:
    for fact in asked.facts:
        if (fact.key, fact.sign) == (offer.key, sign):
            with suppress(MetadataError):  # links are typed and cut by people
                value = read_value(fact.value, offer.type)
                return float(value) if isinstance(value, int | float) else value
    return None
