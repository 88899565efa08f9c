"""`python -m pagesight.ingest PATH… --library DIR [--json]`: adding documents from a script, without a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..retrieval.errors import PagesightError
from ..retrieval.library import create_library
from ..retrieval.settings import Settings
from .pipeline import add


def main() -> int:
    """Exit status: 0 all added, 1 some failed or the library cannot be written, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pagesight.ingest", description="Add documents to a library.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, and folders with files in them")
    parser.add_argument("--library", type=Path, help="folder of the library; PAGESIGHT_LIBRARY when not given")
    parser.add_argument("--password", help="for encrypted documents")
    parser.add_argument("--json", action="store_true", help="one JSON object a document on stdout")
    arguments = parser.parse_args()
    settings = Settings() if arguments.library is None else Settings(library=arguments.library)
    failed = 0
    try:
        library = create_library(settings.library, settings)
        for outcome in add(library, arguments.paths, password=arguments.password):
            failed += outcome.state == "failed"
            line = f"{outcome.state} {outcome.path}" if outcome.reason is None else f"{outcome.state} {outcome.reason}"
            sys.stdout.write((json.dumps(outcome.to_dict(), ensure_ascii=False) if arguments.json else line) + "\n")
            sys.stdout.flush()
    except PagesightError as error:
        sys.stderr.write(f"pagesight: {error}\n")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
