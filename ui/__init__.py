"""SHOW: the command line and the Streamlit page."""

if __name__ == "ui":
    raise ImportError("import pagesight.ui; install the checkout once with: pip install -e .")
