"""Disks of a few megabytes, in memory, which can be filled and made read-only. Only root may mount them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def small_disk(folder: Path, megabytes: float) -> Iterator[Path]:
    """A disk mounted at a folder; skips the test where nobody may mount one."""
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk, on a system that has such")
    folder.mkdir(exist_ok=True)
    options = f"size={round(megabytes * 1024)}k,mode=777"
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)
