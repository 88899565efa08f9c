"""The page: `pagesight ui`, or `streamlit run ui/app.py`. The library is the one that PAGESIGHT_LIBRARY names."""

from __future__ import annotations

from pathlib import Path

# No text of a document ever goes in here.
STYLE = """<style>
[data-testid=stMainBlockContainer] { max-width: 64rem; padding-top: 5rem; }
/* Right-to-left text begins at the right, whatever stands around it. */
[data-testid=stText] span, [data-testid=stMarkdownContainer] p { unicode-bidi: plaintext; }
/* Captions are read, too: Streamlit 1.67 prints them with less contrast than WCAG's AA asks for (axe-core says). */
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p { color: inherit; opacity: .85; }
/* White on the dark theme's amber has a contrast of 3.2; this is the colour of the page's own buttons, in both. */
button[data-testid^=stBaseButton-primary] { background: #92400e; border-color: #92400e; color: #fff; }
/* "Press Enter to submit" lies over the text on a narrow screen. */
[data-testid=InputInstructions] { display: none; }
</style>"""


def main() -> None:
    import streamlit as st

    from pagesight.ui.views import documents, lab, search, settings

    # A file of ours: for an icon by name or an emoji, every visitor's browser would ask a server of Google's or a CDN.
    icon = str(Path(__file__).parent / "browser" / "icon.svg")
    st.set_page_config(page_title="pagesight", page_icon=icon, layout="centered")
    st.html(STYLE)
    views = [
        st.Page(search.show, title="Search", icon=":material/search:", url_path="search", default=True),
        st.Page(documents.show, title="Library", icon=":material/description:", url_path="library"),
        st.Page(lab.show, title="Lab", icon=":material/science:", url_path="lab"),
        st.Page(settings.show, title="Settings", icon=":material/settings:", url_path="settings"),
    ]
    st.navigation(views, position="top").run()


if __name__ == "__main__":
    main()
