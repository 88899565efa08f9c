"""The command line. Results on stdout, progress and notes on stderr; nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..retrieval.errors import LibraryNotFound, MetadataError, PagesightError, QueryError
from ..retrieval.terminal import shown
from .add_cli import add
from .ask_cli import ask, ask_once, chat, search
from .cli_options import (
    FAILED,
    WRONG_USAGE,
    JsonOption,
    LibraryOption,
    ModelsOption,
    ProfileOption,
    count,
    open_for,
    plain,
    print_json,
    settings_for,
    short,
    step_counter,
    tell,
    where_for,
)
from .eval_cli import evaluate
from .extract_cli import app as extract_app
from .meta_cli import app as meta_app
from .models_cli import app as models_app
from .reading_cli import analyze_app, compare, describe, summary

if TYPE_CHECKING:
    from ..retrieval.library import Library

app = typer.Typer(
    name="pagesight",
    help="Search a pile of documents by what their pages say and show, with answers that cite the place on the page.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pagesight {version('pagesight')}")
        raise typer.Exit


@app.callback()
def root(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the `pagesight` command: an error made for people is one line, not a traceback."""
    try:
        app(prog_name="pagesight")
    except PagesightError as error:
        print(f"pagesight: {shown(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(WRONG_USAGE if isinstance(error, QueryError | MetadataError | LibraryNotFound) else FAILED)
    except KeyboardInterrupt:
        print("pagesight: stopped", file=sys.stderr)  # noqa: T201
        sys.exit(130)


for command in (add, search, ask, chat, describe, compare, summary):
    app.command()(command)
app.command("eval")(evaluate)
for group in (extract_app, analyze_app, models_app, meta_app):
    app.add_typer(group)


@app.command("list")
def list_documents(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the documents of a library, and the files that could not be read."""
    from ..retrieval.metadata import as_json as json_value

    opened = open_for(library)
    failed = [source for source in opened.catalog.sources() if source.document is None]
    if as_json:
        print_json(
            [
                {
                    "id": document.id,
                    "title": document.title,
                    "sources": list(document.sources),
                    "pages": document.pages,
                    "state": document.state,
                    "reason": document.reason,
                    "bytes": document.bytes,
                    "added": document.added,
                    "languages": dict(document.languages),
                    "metadata": {key: json_value(value) for key, value in document.metadata.items()},
                }
                for document in opened.documents()
            ]
            + [{"sources": [source.path], "state": "failed", "reason": source.reason} for source in failed]
        )
        return
    for document in opened.documents():
        reason = f" ({document.reason})" if document.reason else ""
        names = ", ".join(short(source) for source in document.sources)
        tell(f"{document.id[:12]}  {document.state:8} {count(document.pages, 'page'):>9}  {names}{reason}")
    for source in failed:
        tell(f"{'-' * 12}  failed   {source.reason}")


@app.command()
def remove(
    names: Annotated[list[str] | None, typer.Argument(help="Documents: file name, path or id.")] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="FILTER", help="All documents of which this holds, as with 'search': 'year < 2015'."),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from a library, from every index and from its disk.

    The original files stay where they are; copies that were uploaded on the search page are deleted.
    """
    if not names and where is None:
        raise QueryError("Name the documents to remove, or say of which with --where.")
    opened = open_for(library)
    sources = _sources_of(opened, names or [])
    if where is not None:
        sources = list(dict.fromkeys([*sources, *_sources_where(opened, where)]))
    with opened.writer() as writer:
        removed = writer.remove_sources(sources)
    if as_json:
        print_json({"sources": sources, "documents": removed})
    else:
        for source in sources:
            typer.echo(f"removed {short(source)}")


@app.command()
def compact(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Take what was removed out of all files of a library, and give its room back to the disk.

    Searching goes on meanwhile. A library compacts itself when much of it was removed; run this to be sure now.
    """
    opened = open_for(library)
    with opened.writer() as writer:
        done = writer.compact()
    if as_json:
        print_json(done.to_dict())
    else:
        before, after = (sum(sizes.values()) / 1e6 for sizes in (done.before, done.after))
        typer.echo(
            f"{before:,.1f} MB before, {after:,.1f} MB after; nothing of removed documents is left in its files."
        )


@app.command()
def encode(
    channel: Annotated[str, typer.Option("--channel", help="The channel to add: visual or image.")],
    library: LibraryOption = None,
    profile: ProfileOption = None,
    models: ModelsOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Throw its vectors away first, for another model.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a channel to a library from its stored pages, without reading the documents again.

    Stopped, it goes on where it stood; the library can be searched meanwhile. With --json, one object a step:
    document, source, pages, of, new.
    """
    if channel not in ("visual", "image"):
        raise QueryError(f"There is no channel {channel!r} to add; there are visual and image.")
    from .progress import encode_with_progress

    settings = settings_for(library, profile, models)
    new = 0
    for step in encode_with_progress(settings, channel, rebuild=rebuild):
        new += step.new
        if as_json:
            print_json(step.to_dict())
    if not as_json:
        typer.echo(f"{count(new, 'page')} encoded; the channel {channel} is on.")


@app.command()
def ui(
    library: LibraryOption = None,
    port: Annotated[int, typer.Option(help="Where the page is served, on this machine only.")] = 8501,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Serve the search page."""
    raise typer.Exit(_serve(settings_for(library).library, port, headless=headless))


@app.command()
def doctor(
    library: LibraryOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended in the library first.")] = False,
    password: Annotated[str | None, typer.Option(help="For encrypted documents, to draw their pages again.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what works on this machine: the channels, the encoder, OCR, and the library when there is one.

    Of a library every file is read and compared with the catalog; searching and adding go on meanwhile. The exit status
    is 1 when something is wrong. --repair makes indexes again from the catalog and page pictures from the documents'
    files, and removes what belongs to no document; stopped, it goes on when it is run again.
    """
    from .doctor import examine, mend

    settings = settings_for(library)
    if repair:
        mend(settings, password, lambda line: typer.echo(plain(line), err=True))
    with step_counter() as on_step:
        findings = examine(settings, on_step)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok ' if finding.ok else 'NO '} {finding.name:10} {finding.note}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else FAILED)


@app.command()
def demo(
    samples: Annotated[Path, typer.Option(help="Folder of documents to show.")] = Path("data/samples"),
    library: LibraryOption = None,
    question: Annotated[str, typer.Option(help="The question that is asked.")] = (
        "Why were so many Tarnwick sailings cancelled in early 2024?"
    ),
    port: Annotated[int, typer.Option(help="Where the page is served, on this machine only.")] = 8501,
    headless: Annotated[bool, typer.Option("--headless", help="Stop before serving the page.")] = False,
) -> None:
    """Add the sample documents, ask one question, and serve the search page."""
    if not samples.is_dir():
        raise QueryError(f"There is no folder {samples}; run this in a checkout, or name one with --samples.")
    library = library or Path("data/libraries/demo")
    try:
        add([samples], library)
    except typer.Exit as ended:
        if ended.exit_code:
            raise
    typer.echo(f"\n{question}\n")
    ask_once(open_for(library), question, 5, None, as_json=False)
    if not headless:
        raise typer.Exit(_serve(library, port, headless=False))


def _serve(library: Path, port: int, *, headless: bool) -> int:
    # Asked before, because Streamlit says it without a way out, and the browser would open what is there already.
    if _answers(port):
        raise QueryError(f"Something else is served on port {port}; name another one, for example --port {port + 1}.")
    script = files("pagesight.ui").joinpath("app.py")
    typer.echo(f"The search page of {library}: http://localhost:{port} (Ctrl-C stops it)", err=True)
    # The rest, telemetry off among it, stands in .streamlit/config.toml beside the script.
    # Headless always: otherwise Streamlit shows its own advertisements to developers. The browser is opened here.
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.address=localhost"]
    command += [f"--server.port={port}", "--server.headless=true"]
    environment = os.environ | {"PAGESIGHT_LIBRARY": str(library.absolute())}
    with subprocess.Popen(command, env=environment) as server:
        try:
            if not headless:
                _open_browser(server, port)
            return server.wait()
        except KeyboardInterrupt:
            return 0


def _open_browser(server: subprocess.Popen[bytes], port: int) -> None:
    """Open the page as soon as the server answers; not at all when it ends before."""
    while server.poll() is None:
        if _answers(port):
            webbrowser.open(f"http://localhost:{port}")
            return
        time.sleep(0.2)


def _answers(port: int) -> bool:
    """Whether anybody on this machine listens there."""
    with suppress(OSError), socket.create_connection(("localhost", port), timeout=1):
        return True
    return False


def _sources_where(library: Library, where: str) -> list[str]:
    """The paths of the documents that a filter lets through. Raises `QueryError` for a filter of pages."""
    filters = where_for(None, where)
    of_pages = filters.keys() & {"language", "figure"}
    if of_pages:
        raise QueryError(f"{min(of_pages)!r} is said of pages, and whole documents are removed; name them.")
    wanted = library.scope(filters).documents or ()
    found = [path for one in library.documents() if one.id in wanted for path in one.sources]
    if not found:
        typer.echo("No document fits that filter.", err=True)
    return found


def _sources_of(library: Library, names: list[str]) -> list[str]:
    """The paths that names stand for: of documents, or of files that could not be read."""
    unread = {source.path for source in library.catalog.sources() if source.document is None}
    by_id = {document.id: document.sources for document in library.documents()}
    found: list[str] = []
    for name in names:
        matching = [path for path in unread if path == name or Path(path).name == name]
        found += matching or [path for id_ in library.resolve(name) for path in by_id[id_]]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    main()
