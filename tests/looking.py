"""What tests of the page share: how to ask it something, and what stands on it then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pagesight.retrieval import Answer, Hit, Library
from pagesight.ui import answers, browser_parts
from pagesight.ui.plain import JOINER
from pagesight.ui.views import search

APP = Path(__file__).parents[1] / "ui" / "app.py"
HOSTILE = "<script>alert(1)</script> **bold** $x$ :smile:"
TARIFF = "The zebra tariff is 41 euros per month."
QUESTION = "What is the zebra tariff?"

# Guarded as `app.py` is: the process that reads uploads imports the script that is running.
VIEW = """
if __name__ == "__main__":
    from pagesight.ui.views import {0}

    {0}.show()
"""


def ask(app: AppTest, question: str, **address: str | list[str]) -> AppTest:
    """Follow a link to a question."""
    app.query_params.clear()
    for name, value in {"q": question, **address}.items():
        app.query_params[name] = value
    return app.run()


def sends(monkeypatch: pytest.MonkeyPatch, name: str, **events: object) -> None:
    """Let a part of the browser report something in the next run."""
    real, left = browser_parts.part, dict(events)

    def part(of: Any, key: str, data: dict[str, Any], *names: str) -> dict[str, Any]:
        done = real(of, key, data, *names)
        return done | {event: left.pop(event) for event in list(left)} if of == name else done

    for module in (search, answers):
        monkeypatch.setattr(module, "part", part)


def part_data(app: AppTest, name: str) -> dict[str, Any]:
    """What a part of the browser was given; it fails when the part is not there."""
    protos: list[Any] = [element.proto for element in app.get("bidi_component")]
    (found,) = [proto for proto in protos if proto.component_name == f"pagesight_{name}"]
    return json.loads(found.json or found.mixed.json)


def cards(app: AppTest) -> list[dict[str, Any]]:
    return part_data(app, "results")["cards"]


def has_part(app: AppTest, name: str) -> bool:
    protos: list[Any] = [element.proto for element in app.get("bidi_component")]
    return any(proto.component_name == f"pagesight_{name}" for proto in protos)


def markdown_of(app: AppTest) -> list[str]:
    """Everything on the page that Streamlit reads as Markdown."""
    labels = [widget.label for kind in (app.button, app.text_input, app.selectbox, app.multiselect) for widget in kind]
    blocks = [
        element.value for kind in (app.markdown, app.caption, app.error, app.info, app.warning) for element in kind
    ]
    return labels + blocks + [element.value for kind in (app.success, app.title, app.subheader) for element in kind]


def said(app: AppTest) -> str:
    return (
        "\n".join([*markdown_of(app), *(element.value for element in app.text)]).replace("\\", "").replace(JOINER, "")
    )


def buttons(app: AppTest, label: str) -> list[Any]:
    return [button for button in app.button if button.label == label]


def faked(monkeypatch: pytest.MonkeyPatch, *pieces: str, **changes: Any) -> list[str]:
    """Let answers be these pieces. Returns the questions asked, as they come."""
    asked: list[str] = []

    def stream(library: Library, question: str, hits: Sequence[Hit], **_: object) -> Iterator[str | Answer]:
        asked.append(question)
        yield from pieces
        yield Answer(
            **{"question": question, "text": "".join(pieces), "citations": (), "hits": tuple(hits), "model": "fake"}
            | changes
        )

    monkeypatch.setattr(answers, "stream_answer", stream)
    return asked
