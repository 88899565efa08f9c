"""A hub on this machine: the part of the protocol of huggingface_hub that fetching models speaks, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".onnx", ".h5")
"""Files that the hub keeps outside of git (LFS): they are known by their SHA-256."""
CHUNK = 65_536


def commit_of(name: str) -> str:
    """The one commit of a model."""
    return hashlib.sha1(name.encode()).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()


def safetensors(values: int, name: str = "gewicht") -> bytes:
    """A valid safetensors file with one tensor of float32 numbers."""
    body = bytes(range(256)) * (values * 4 // 256 + 1)
    header = {name: {"dtype": "F32", "shape": [values], "data_offsets": [0, values * 4]}}
    text = json.dumps(header, ensure_ascii=False).encode()
    return len(text).to_bytes(8, "little") + text + body[: values * 4]


@dataclass
class Hub:
    """Models by name, as path to bytes; what was asked for; and how the hub misbehaves."""

    models: dict[str, dict[str, bytes]]
    gated: set[str] = field(default_factory=set)
    """Names that want the token `hf_gut`."""
    stall_after: int | None = None
    """Bytes of a large file after which the hub falls silent."""
    spoil: bool = False
    """Hand out large files with a wrong byte in them."""
    status: int | None = None
    """Answer everything with this status."""
    address: str = ""
    requests: list[str] = field(default_factory=list)
    """`METHOD path`, with ` bytes=…` after it where a part was asked for."""
    sent: int = 0
    """Bytes of large files."""
    woken: threading.Event = field(default_factory=threading.Event)

    def fetched(self) -> list[str]:
        """Paths of the files whose contents were asked for."""
        gets = [line.split()[1] for line in self.requests if line.startswith("GET") and "/resolve/" in line]
        return [line.partition("/resolve/")[2].partition("/")[2] for line in gets]

    def listing(self, name: str) -> dict[str, Any]:
        siblings = []
        for path, data in self.models[name].items():
            entry: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
            if path.endswith(LARGE):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append(entry)
        return {"id": name, "modelId": name, "sha": commit_of(name), "private": False, "siblings": siblings}


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Run the hub until the block ends; `hub.address` is where."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.woken.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Not on stderr."""

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if self.hub.status:
            return self._refuse(self.hub.status)
        api = path.startswith("api/models/")
        owner, short, *rest = path.removeprefix("api/models/").split("/")
        name = f"{owner}/{short}"
        if name not in self.hub.models:
            return self._refuse(401 if self.headers.get("Authorization") is None else 404, "RepoNotFound")
        if name in self.hub.gated and self.headers.get("Authorization") != "Bearer hf_gut":
            return self._refuse(401 if self.headers.get("Authorization") is None else 403, "GatedRepo")
        revision = rest[1] if len(rest) > 1 else "main"
        if revision not in ("main", commit_of(name)):
            return self._refuse(404, "RevisionNotFound")
        if api:
            return self._send(json.dumps(self.hub.listing(name)).encode(), {"Content-Type": "application/json"}, body)
        return self._file(name, "/".join(rest[2:]), body)

    def _file(self, name: str, path: str, body: bool) -> None:
        if path not in self.hub.models[name]:
            self._refuse(404, "EntryNotFound")
            return
        data = self.hub.models[name][path]
        large = path.endswith(LARGE)
        known_by = hashlib.sha256(data).hexdigest() if large else git_sha1(data)
        headers = {"ETag": f'"{known_by}"', "X-Repo-Commit": commit_of(name), "Accept-Ranges": "bytes"}
        if large:
            headers |= {"X-Linked-Etag": f'"{known_by}"', "X-Linked-Size": str(len(data))}
            if self.hub.spoil:
                data = data[:-1] + bytes([data[-1] ^ 1])
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._send(data[start:], headers, body, status=206 if start else 200, large=large)

    def _send(
        self, data: bytes, headers: dict[str, str], body: bool, *, status: int = 200, large: bool = False
    ) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(data))}).items():
            self.send_header(key, value)
        self.end_headers()
        if not body:
            return
        try:
            for start in range(0, len(data), CHUNK):
                if large and self.hub.stall_after is not None and self.hub.sent >= self.hub.stall_after:
                    self.hub.woken.wait()
                    self.close_connection = True
                    return
                self.wfile.write(data[start : start + CHUNK])
                self.wfile.flush()
                if large:
                    self.hub.sent += len(data[start : start + CHUNK])
        except OSError:
            self.close_connection = True  # whoever asked is gone

    def _refuse(self, status: int, code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()


CHILD = """
import contextlib, io, json, sys, traceback
for line in sys.stdin:
    code, sys.argv[1:] = json.loads(line)
    out, err, status = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(code, {})
        except SystemExit as ended:
            status = ended.code or 0
        except Exception:
            status = 1
            traceback.print_exc()
    print(json.dumps([status, out.getvalue(), err.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Done:
    status: int
    stdout: str
    stderr: str
    """Also the traceback of what was not caught."""


Run = Callable[..., Done]
"""`run(hub or its address, code, *arguments, **environment)`."""


def environment(home: Path, address: str, **more: str) -> dict[str, str]:
    """Of a process that takes models from this hub into a cache of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(("HF_", "HUGGING"))}
    kept |= {"HF_HOME": str(home), "HF_ENDPOINT": address, "NO_PROXY": "127.0.0.1", "PYTHONUTF8": "1"}
    return kept | {"HF_HUB_ETAG_TIMEOUT": "3", "HF_HUB_DOWNLOAD_TIMEOUT": "3"} | more


@contextmanager
def children(home: Path) -> Iterator[Run]:
    """Runs code in a process with a hub, a cache and settings, which huggingface_hub reads once, on import.

    Code with the same ones runs in the same process: importing takes a second.
    """
    started: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def run(hub: Hub | str, code: str, *arguments: str, **more: str) -> Done:
        address = hub if isinstance(hub, str) else hub.address
        key = (address, *map(str, more.items()))
        if key not in started:
            started[key] = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", CHILD],
                env=environment(home, address, **more),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        stdin, stdout = started[key].stdin, started[key].stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([code, arguments]) + "\n")
        stdin.flush()
        return Done(*json.loads(stdout.readline()))

    try:
        yield run
    finally:
        for child in started.values():
            with child:
                child.kill()
