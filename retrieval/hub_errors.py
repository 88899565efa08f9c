"""What goes wrong when a model is fetched, in one line for the person who reads it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ModelUnavailable


@contextmanager
def explained(model: str) -> Iterator[None]:
    """Turns errors of huggingface_hub and of the network, inside it, into `ModelUnavailable`."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except (HTTPError, OfflineModeIsEnabled, EntryNotFoundError, HFValidationError, OSError) as error:
        raise ModelUnavailable(_sentence(model, error)) from error


def _sentence(model: str, error: BaseException) -> str:
    from httpx2 import TimeoutException, TransportError
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    causes = list(_causes(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return f"Cannot fetch {model}: HF_HUB_OFFLINE is set; unset it, or name a folder that holds the model."
    if any(isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in causes):
        return f"Cannot fetch {model}: the disk is full; make room, then run the same command: it goes on from there."
    if isinstance(error, HFValidationError):
        return f"There is no model {model!r}: a name on the hub is an owner and a name, such as vidore/colSmol-256M."
    if isinstance(error, GatedRepoError):
        return f"{model} is gated: accept its licence on its page on the hub, then set HF_TOKEN to a token of yours."
    if isinstance(error, RevisionNotFoundError):
        return f"The hub has {model}, but not in the revision that was asked for; check what follows the @."
    if isinstance(error, RepositoryNotFoundError):
        return f"The hub has no model {model}, or keeps it private: check the name, or set HF_TOKEN."
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return f"The hub refuses to hand out {model} (status {status}): check HF_TOKEN and whether it may read it."
        return f"The hub failed while {model} was fetched (status {status}); run the same command later."
    if any(isinstance(cause, TransportError) for cause in causes):
        what = "does not answer" if isinstance(error, TimeoutException) else "cannot be reached"
        return (
            f"Cannot fetch {model}: the hub {what} ({_first_line(error)}); check the network and HF_ENDPOINT. "
            "What has arrived is kept."
        )
    return f"Cannot fetch {model}: {_first_line(error)}; run the same command again: it goes on from there."


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
