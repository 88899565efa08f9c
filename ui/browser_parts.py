"""The parts of the page that the browser draws: their HTML, CSS and JavaScript in `browser/`, and pictures for them.

They get plain values and set text as text only; nothing of a document ever becomes markup or code.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal

from streamlit.components.v2 import component
from streamlit.runtime import get_instance

Name = Literal["ask", "results", "answer", "viewer"]
SCRIPTS: dict[Name, tuple[str, ...]] = {"viewer": ("common", "patches", "viewer")}
"""Files that a part is made of, in order; of one that is not here, `common` and its own."""


def part(name: Name, key: str, data: dict[str, Any], *events: str) -> dict[str, Any]:
    """Show a part. Returns what happened in it since the last run, by event; `None` for what did not.

    An event is also in `st.session_state[key]` while callbacks run.
    """
    shown = _renderer(name)(key=key, data=data, **{f"on_{event}_change": _nothing for event in events})
    return {event: getattr(shown, event, None) for event in events}


def media_address(data: bytes, kind: str, place: str) -> str:
    """Where the browser finds a file that is kept while this visit shows it. `place` tells it from the visit's others.

    Streamlit's own `st.image` does the same; a part draws its pictures itself, so it needs the address.
    """
    return get_instance().media_file_mgr.add(data, kind, place)


@cache
def _renderer(name: Name) -> Any:
    folder = files("pagesight.ui").joinpath("browser")
    scripts = [f"{script}.js" for script in SCRIPTS.get(name, ("common", name))]
    css, *js = (folder.joinpath(file).read_text(encoding="utf-8") for file in (f"{name}.css", *scripts))
    return component(f"pagesight_{name}", css=css, js="".join(js))


def _nothing() -> None:
    """An event is registered by having a callback; all there is to do happens where the part is shown."""
