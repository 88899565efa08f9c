"""Running LibreOffice, when it is installed: no window, no network, no macros, and nothing of it left behind.

Each document gets a user profile of its own, which goes with it: conversions disturb neither one another nor the
LibreOffice that somebody has open, and what a document does to its profile ends with it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ..retrieval.errors import DocumentUnreadable

CONVERT_SECONDS = 300.0
"""For making a PDF of one document. A text of 300 pages takes some ten seconds."""

_PROGRAMS = ("soffice", "libreoffice", "/Applications/LibreOffice.app/Contents/MacOS/soffice")
_INSTALL = "apt install libreoffice, brew install --cask libreoffice, or libreoffice.org/download"

_COMMON = "/org.openoffice.Office.Common"
_SECURITY = f"{_COMMON}/Security/Scripting"
_INET = "/org.openoffice.Inet/Settings"
_SETTINGS = (
    # (path, property, value): documents are hostile, so nothing in them runs, and nothing beside them is loaded
    (_SECURITY, "DisableMacrosExecution", "true"),
    (_SECURITY, "MacroSecurityLevel", "3"),
    (_SECURITY, "DisableActiveContent", "true"),
    (_SECURITY, "DisablePythonRuntime", "true"),
    (_SECURITY, "DisableOLEAutomation", "true"),
    (_SECURITY, "BlockUntrustedRefererLinks", "true"),
    ("/org.openoffice.Office.Java/VirtualMachine", "Enable", "false"),
    ("/org.openoffice.Office.Writer/Content/Update", "Link", "0"),  # never
    ("/org.openoffice.Office.Calc/Content/Update", "Link", "2"),  # never
    # a proxy at which nobody listens: the discard port of this machine
    (_INET, "ooInetProxyType", "2"),
    (_INET, "ooInetNoProxy", ""),
    *((_INET, f"ooInet{name}ProxyName", "127.0.0.1") for name in ("HTTP", "HTTPS", "FTP")),
    *((_INET, f"ooInet{name}ProxyPort", "9") for name in ("HTTP", "HTTPS", "FTP")),
    (f"{_COMMON}/Misc", "FirstRun", "false"),
    (f"{_COMMON}/Misc", "CrashReport", "false"),
    (f"{_COMMON}/Misc", "CollectUsageInformation", "false"),
    (f"{_COMMON}/Misc", "UseLocking", "false"),
    (f"{_COMMON}/Misc", "UseOpenCL", "false"),
    ("/org.openoffice.Office.Recovery/AutoSave", "Enabled", "false"),
    ("/org.openoffice.Office.Recovery/RecoveryInfo", "Enabled", "false"),
)
_DEAD_PROXY = "http://127.0.0.1:9"


def find_libreoffice() -> str | None:
    """The program, or `None` where it is not installed."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def not_installed() -> str:
    """What to do where it is not installed, as a part of a sentence."""
    return f"LibreOffice is not installed; install it ({_INSTALL})"


@lru_cache(maxsize=1)
def libreoffice_version() -> str | None:
    """For example `LibreOffice 7.4.7.2`; `None` where it is not installed or does not start."""
    program = find_libreoffice()
    if program is None:
        return None
    with TemporaryDirectory(prefix="pagesight-office-") as folder:
        command = [program, *_arguments(Path(folder)), "--version"]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=30, check=False, env=_environment(Path(folder)), cwd=folder
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    found = re.search(rb"LibreOffice \d[\d.]*", done.stdout)
    return found.group().decode() if found else None


class LibreOffice:
    """LibreOffice for one document, in a folder that whoever made it takes away."""

    def __init__(self, folder: Path) -> None:
        """Raises `DocumentUnreadable` where it is not installed."""
        program = find_libreoffice()
        if program is None:
            raise DocumentUnreadable(
                f"pages of such a file are drawn by LibreOffice, and {not_installed()}, then add it again "
                "(pagesight add --retry-failed)"
            )
        self._folder = folder
        self._command = [program, *_arguments(folder)]
        self._ends = time.monotonic() + CONVERT_SECONDS
        settings = folder / "profile" / "user" / "registrymodifications.xcu"
        settings.parent.mkdir(parents=True)
        settings.write_text(_registry(), encoding="utf-8")

    def convert(self, source: Path, to: str, *, reads: str | None = None) -> Path:
        """Make a file with the suffix `to` of another, in a folder of its own.

        `reads` names the filter that reads it, where LibreOffice's own choice is not meant. Raises
        `DocumentUnreadable` with the reason alone.
        """
        made = self._folder / f"made-{to}"
        made.mkdir()
        filters = [] if reads is None else [f"--infilter={reads}"]
        command = [*self._command, *filters, "--convert-to", to, "--outdir", os.fspath(made), os.fspath(source)]
        try:
            ended = _run(command, self._folder, self._ends)
        except OSError as error:
            raise DocumentUnreadable(f"LibreOffice does not start ({error.strerror}); install it anew") from error
        if not ended:
            raise DocumentUnreadable(
                f"LibreOffice took longer than {CONVERT_SECONDS:g} s to draw its pages; split it, or save it as PDF"
            )
        file = made / f"{source.stem}.{to}"
        if not file.is_file():  # its exit status is 0 whatever happened
            raise DocumentUnreadable(
                "LibreOffice cannot open it: it is broken or protected by a password; open it in an Office program "
                "and save it as PDF"
            )
        return file


def _arguments(folder: Path) -> list[str]:
    profile = (folder.absolute() / "profile").as_uri()
    return [
        f"-env:UserInstallation={profile}",
        *("--headless", "--invisible", "--norestore", "--nologo", "--nodefault", "--nolockcheck"),
        "--nofirststartwizard",
    ]


def _environment(folder: Path) -> dict[str, str]:
    """What LibreOffice gets to see: nothing of this process's secrets, no screen, no network."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy"), _DEAD_PROXY)
    place = os.fspath(folder)
    return kept | proxies | {"HOME": place, "TMPDIR": place, "LC_ALL": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}


def _registry() -> str:
    items = "".join(
        f'<item oor:path="{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>\n'
        for path, name, value in _SETTINGS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
        f"{items}</oor:items>\n"
    )


def _run(command: list[str], folder: Path, ends: float) -> bool:
    """Run it, with everything it starts, until it ends; whether it did so in time.

    It does not outlive whoever asked: the reader's group of processes is killed as a whole, and where nobody is left to
    do that, this process sees it by its parent.
    """
    nothing = subprocess.DEVNULL
    parent = os.getppid()
    process = subprocess.Popen(
        command, stdin=nothing, stdout=nothing, stderr=nothing, cwd=folder, env=_environment(folder)
    )
    try:
        while time.monotonic() < ends and os.getppid() == parent:
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            return True
        return False
    finally:
        _kill_tree(process)


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    import psutil

    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    for one in (process, *below):
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
