"""`python -m pagesight.ingest PATH… --library DIR [--json]`: adding documents from a script, without a terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..retrieval.errors import PagesightError
from ..retrieval.opening import create_library
from ..retrieval.settings import Settings
from ..retrieval.terminal import shown, shown_json
from .pipeline import Progress, add
from .report import Report


def main() -> int:
    """Exit status: 0 all added, 1 some failed or the library cannot be written, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pagesight.ingest", description="Add documents to a library.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, and folders with files in them")
    parser.add_argument("--library", type=Path, help="folder of the library; PAGESIGHT_LIBRARY when not given")
    parser.add_argument("--password", help="for encrypted documents")
    parser.add_argument(
        "--include", action="append", default=[], help="of what is in folders only what fits, as '*.pdf'"
    )
    parser.add_argument("--exclude", action="append", default=[], help="of what is in folders nothing that fits")
    parser.add_argument("--prune", action="store_true", help="remove documents whose files left these folders")
    parser.add_argument("--retry-failed", action="store_true", help="try what could not be read before again")
    parser.add_argument("--json", action="store_true", help="one JSON object a line: page, document, summary")
    arguments = parser.parse_args()
    settings = Settings() if arguments.library is None else Settings(library=arguments.library)
    report = Report()

    def tell(event: dict[str, object], line: str = "") -> None:
        text = shown_json(event) if arguments.json else shown(line)
        if text:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def on_progress(progress: Progress) -> None:
        tell(report.page(progress))

    try:
        for outcome in add(
            create_library(settings.library, settings),
            arguments.paths,
            password=arguments.password,
            include=arguments.include,
            exclude=arguments.exclude,
            prune=arguments.prune,
            retry_failed=arguments.retry_failed,
            on_progress=on_progress,
        ):
            tell(report.document(outcome), f"{outcome.state} {outcome.reason or outcome.path}")
    except PagesightError as error:
        sys.stderr.write(f"pagesight: {shown(str(error))}\n")
        return 1
    tell(report.summary())
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
