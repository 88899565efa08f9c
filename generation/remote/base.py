"""What all services have in common: retries, counts, errors. An adapter asks once and reads the stream."""

from __future__ import annotations

import ipaddress
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from ...retrieval.errors import GeneratorError
from ...retrieval.types import Usage
from ..chat import Limits, Prompt
from .connection import Connection
from .errors import Failure, Service, error_of, failure_of

TRIES = 4
FIRST_WAIT = 0.5
"""Seconds before the second try; doubled for each one after it."""
PLACEHOLDER = "none"
"""The key for a server that wants none: the SDKs insist on one. A key from a variable goes to its own provider only."""

Habits = frozenset[str]
"""What a server was found not to take: names of parameters that requests do without, or put otherwise."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars for a million tokens."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars.

        >>> Prices(2.5, 10.0).of(2000, 100)
        0.006
        """
        return (input_tokens * self.input + output_tokens * self.output) / 1_000_000


@dataclass(slots=True)
class Tally:
    """What a stream says besides text, as an adapter reads it."""

    events: int = 0
    end: Literal["stop", "length", "refused"] | None = None
    """`None` until the service said that the answer is complete."""
    refusal: str = ""
    """Why it was refused, in the service's words."""
    input_tokens: int | None = None
    output_tokens: int | None = None


class RemoteChat(ABC):
    """A `ChatModel` behind an address. Nothing is sent before `stream` is iterated; threads may share it."""

    provider: ClassVar[str]
    extra: ClassVar[str]
    """What installs the SDK: `pagesight[extra]`."""
    variables: ClassVar[str]
    """What the SDK reads the key from."""
    home: ClassVar[str]
    """The provider's own address."""

    def __init__(
        self,
        model: str,
        *,
        url: str | None = None,
        key: SecretStr | None = None,
        seconds: float = 120.0,
        context: int | None = None,
        prices: Prices | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        """`seconds` is the longest time without a word, `context` the tokens of prompt and answer together.

        Raises `GeneratorError` for an address that is none, or that has a key, a password or a query in it.
        """
        self.model = model
        self._url = (url or self.home).rstrip("/")
        self._key = key
        self._seconds = seconds
        self._context = context
        self._prices = prices
        self._sleep = sleep
        self._habits: Habits = frozenset()
        host, origin, self._local = _host(self._url)
        given = "PAGESIGHT_GENERATOR_KEY" if key is not None or url else f"PAGESIGHT_GENERATOR_KEY or {self.variables}"
        self._service = Service(host, model, url is None, origin, given, seconds)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def name(self) -> str:
        return f"{self.provider if self._service.own else self._service.host} {self.model}"

    @property
    @abstractmethod
    def limits(self) -> Limits: ...

    @abstractmethod
    def _errors(self) -> tuple[type[Exception], ...]:
        """What the SDK raises, besides httpx2's errors and `ValueError`. Raises `ImportError` if it is missing."""

    @abstractmethod
    def _write(self, connection: Connection, prompt: Prompt, tally: Tally, habits: Habits) -> Iterator[str]:
        """Ask once and yield the text as it comes, counting the rest into `tally`."""

    def _adapt(self, failure: Failure, prompt: Prompt, habits: Habits) -> Habits | None:
        """How to put the request otherwise, so that the server takes it; `None`: no way is known."""
        return None

    def stream(self, prompt: Prompt) -> Iterator[str | Usage]:
        """See `ChatModel.stream`. Tries again only while nothing was yielded."""
        try:
            expected = (*self._errors(), httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ValueError)
        except ImportError:
            expected = ()
        if not expected:
            raise GeneratorError(
                f"{self.provider} needs its package, which is not installed; pip install 'pagesight[{self.extra}]'."
            )
        habits, tries = self._habits, 1
        while True:
            tally, wrote, failure = Tally(), False, None
            with Connection(self._seconds, own=self._service.own, local=self._local) as connection:
                try:
                    for piece in self._write(connection, prompt, tally, habits):
                        wrote = True
                        yield piece
                except expected as error:
                    # Raised outside of this block: the SDK's exception holds the request, and that the key.
                    failure = failure_of(error, connection.response, keyed=bool(connection.secrets))
            # After the answer's end nothing is missed but perhaps what it took.
            if failure is None or (tally.end is not None and failure.kind in ("lost", "silent")):
                self._habits = habits
                yield from self._conclude(tally, wrote, prompt)
                return
            adapted = None if wrote else self._adapt(failure, prompt, habits)
            if adapted is not None:
                habits = adapted
                continue
            # Nobody waits for an hour: a service that asks for more than the time-out gets no other try.
            too_late = failure.wait is not None and failure.wait > self._seconds
            if wrote or not failure.passes or tries == TRIES or too_late:
                raise error_of(failure, self._service, tries, connection.secrets)
            backoff = FIRST_WAIT * 2 ** (tries - 1) * random.uniform(1, 1.25)
            self._sleep(backoff if failure.wait is None else failure.wait)
            tries += 1

    def _conclude(self, tally: Tally, wrote: bool, prompt: Prompt) -> Iterator[Usage]:
        """What the answer took; or the error that its end is."""
        host = self._service.host
        if tally.events == 0:
            raise error_of(Failure("garbage"), self._service, 1, [])
        if tally.end is None:
            raise error_of(Failure("lost"), self._service, 1, [])
        if not wrote and tally.end == "length":
            raise GeneratorError(
                f"{self.model} at {host} wrote nothing within {prompt.max_tokens} tokens, of which thinking takes its "
                "share; raise PAGESIGHT_GENERATOR_TOKENS."
            )
        if not wrote and tally.end == "refused":
            why = f": {' '.join(tally.refusal.split())[:200]!r}" if tally.refusal else ""
            raise GeneratorError(f"{self.model} at {host} refused to answer{why}; ask otherwise, or another model.")
        if not wrote:
            raise GeneratorError(f"{self.model} at {host} answered with nothing; ask again, or another model.")
        if tally.input_tokens is None and tally.output_tokens is None:
            return
        dollars = None
        if self._prices is not None and tally.input_tokens is not None and tally.output_tokens is not None:
            dollars = self._prices.of(tally.input_tokens, tally.output_tokens)
        yield Usage(tally.input_tokens, tally.output_tokens, dollars)

    def _given_key(self) -> str | None:
        """The key to hand to the SDK; `None` lets it read its own variable, for its own address only."""
        key = "" if self._key is None else self._key.get_secret_value().strip()
        return key or (None if self._service.own else PLACEHOLDER)

    def _note_key(self, key: str | None, connection: Connection) -> None:
        """Keep the key that the SDK settled on out of errors.

        Raises `GeneratorError` for one that is none: HTTP's own error about such a header would quote it.
        """
        if not key:
            raise error_of(Failure("keyless"), self._service, 1, [])
        if not (key.isascii() and key.isprintable() and " " not in key):
            del key
            host, keys = self._service.host, self._service.keys
            raise GeneratorError(f"The key for {host} has spaces or letters that no key has; check {keys}.")
        connection.secrets.append(key)


def _host(url: str) -> tuple[str, str, bool]:
    """Host with port, origin, and whether that is this machine. Raises `GeneratorError`, never with the address.

    >>> _host("http://localhost:11434/v1")
    ('localhost:11434', 'http://localhost:11434', True)
    """
    wrong = "PAGESIGHT_GENERATOR_URL must be an address such as http://localhost:11434/v1, without key, user or query."
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname
    except ValueError:
        raise GeneratorError(wrong) from None
    if parts.scheme not in ("http", "https") or not name or "@" in parts.netloc or parts.query or parts.fragment:
        raise GeneratorError(wrong)
    host = f"[{name}]" if ":" in name else name
    host = f"{host}:{port}" if port else host
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name == "localhost"
    return host, f"{parts.scheme}://{host}", local
