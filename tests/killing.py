"""Work that is killed at a step of its choice, as a power cut would, but for what the disk had not been told."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def survives(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed before the `step`th call that changes the disk; whether it got through.

    Nothing is flushed: what a killed process has written stays, and flushing takes most of the time.
    """
    child = os.fork()
    if child == 0:
        left = [step]
        os.fsync = lambda handle: None

        def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*args: Any, **kwargs: Any) -> Any:
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
                return function(*args, **kwargs)

            return counted

        for place, name in (
            (os, "fsync"),
            (os, "open"),
            (os, "unlink"),
            (os, "rmdir"),
            (Path, "replace"),
            (Path, "mkdir"),
        ):
            setattr(place, name, deadly(getattr(place, name)))
        status = 1
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - said, and then told by the status
            traceback.print_exc()
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), "the work itself failed"
    return status == 0
