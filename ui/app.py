"""The page: `pagesight ui`, or `streamlit run ui/app.py`. The library is the one that PAGESIGHT_LIBRARY names."""

from __future__ import annotations

# No text of a document ever goes in here.
STYLE = """<style>
[data-testid=stMainBlockContainer] { max-width: 58rem; padding-top: 5rem; }
/* Right-to-left text begins at the right, whatever stands around it. */
[data-testid=stText] span, [data-testid=stMarkdownContainer] p { unicode-bidi: plaintext; }
/* White pages on a white background have an edge. */
[data-testid=stImage] img { border: 1px solid rgb(128 128 128 / 40%); border-radius: 2px; }
/* "Press Enter to submit" lies over the question on a narrow screen. */
[data-testid=InputInstructions] { display: none; }
</style>"""


def main() -> None:
    # Imported here: the process that reads files is spawned, and spawning imports this script once more.
    import streamlit as st

    from pagesight.ui.views import documents, search

    st.set_page_config(page_title="pagesight", page_icon=":material/find_in_page:", layout="centered")
    st.html(STYLE)
    views = [
        st.Page(search.show, title="Search", icon=":material/search:", url_path="search", default=True),
        st.Page(documents.show, title="Documents", icon=":material/description:", url_path="documents"),
    ]
    st.navigation(views, position="top").run()


if __name__ == "__main__":
    main()
