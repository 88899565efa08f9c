"""What a service's failures are called: one line for people, that names the host and never a key or an address's query.

A failure is taken down as plain text and numbers as soon as it is caught, because the SDKs' exceptions hold requests
with their headers, and the key is one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2

from ...retrieval.errors import GeneratorError

RETRIED = frozenset({429, 500, 502, 503, 529})
"""HTTP statuses that pass by themselves; 529 is Anthropic's for overloaded."""
STATUS_OF_KIND = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500, "authentication_error": 401}
"""Anthropic reports what goes wrong inside a stream by a word, under status 200."""
TOO_LONG = re.compile(
    r"context.?(length|window|size)|too long|maximum.{0,40}tokens|token.{0,20}(count|limit).{0,20}exceed", re.I
)
"""What OpenAI, vLLM, llama.cpp, Anthropic and Gemini say when a prompt does not fit: all answer 400."""
BAD_KEY = re.compile(r"API_KEY_INVALID|API key (not valid|expired)", re.I)
"""Gemini answers 400 to a wrong key."""
SHOWN = 200
"""Characters of a service's own words that are worth showing."""


@dataclass(frozen=True, slots=True)
class Service:
    """The other end, as errors call it."""

    host: str
    """`api.openai.com`, `localhost:11434`."""
    model: str
    own: bool
    """The provider's own address, not one from the settings."""
    origin: str
    """`http://localhost:11434`: an address without its path."""
    keys: str
    """Where the key comes from: `PAGESIGHT_GENERATOR_KEY`, and the variable that the SDK reads where it does."""
    seconds: float
    """Longest time without a word."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try came to nothing."""

    kind: Literal["status", "unreachable", "untrusted", "silent", "lost", "garbage", "keyless", "unsendable"]
    status: int | None = None
    """HTTP's, or what the stream said in its place."""
    text: str = ""
    """What the service said about it."""
    wait: float | None = None
    """Seconds after which it wants to be asked again."""

    @property
    def passes(self) -> bool:
        """Asking again may help."""
        if self.kind == "status":
            return self.status in RETRIED and "insufficient_quota" not in self.text
        return self.kind == "unreachable"

    @property
    def too_long(self) -> bool:
        return self.status == 413 or (self.status in (400, 422) and TOO_LONG.search(self.text) is not None)


def failure_of(error: Exception, response: httpx2.Response | None, *, keyed: bool) -> Failure:
    """What happened, by an SDK's exception, the last response there was, and whether a key had been found by then."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)):
            untrusted = "CERTIFICATE" in str(cause) or "SSL" in str(cause)
            return Failure("untrusted" if untrusted else "unreachable")
        if isinstance(cause, httpx2.TimeoutException):
            return Failure("silent")
        if isinstance(cause, httpx2.TransportError):
            return Failure("lost")
        if isinstance(cause, (httpx2.DecodingError, httpx2.InvalidURL)):
            return Failure("garbage")
    if response is None:  # nothing was sent; without a key, because the SDK's variables and files have none
        return Failure("unsendable" if keyed else "keyless", text=type(error).__name__)
    if response.status_code >= 300:
        body = _body(response)
        return Failure("status", response.status_code, body, _wait(response, body))
    status = next(filter(None, map(_status_in_stream, chain)), None)
    if status is not None:
        return Failure("status", status, _plain(getattr(error, "body", None) or getattr(error, "details", None)))
    if any(isinstance(cause, ValueError) for cause in chain):  # not JSON, not UTF-8, not the shape that was promised
        return Failure("garbage", text=response.headers.get("content-type", ""))
    return Failure("status", None, str(getattr(error, "message", "")))


def error_of(failure: Failure, service: Service, tries: int, secrets: list[str]) -> GeneratorError:
    """The failure as people read it."""
    return GeneratorError(_clean(_sentence(failure, service, tries), secrets))


def _sentence(failure: Failure, service: Service, tries: int) -> str:
    host, status = service.host, failure.status
    said = _message(failure.text)
    quoted = f": {said[:SHOWN]!r}" if said else ""
    again = f" {tries} times" if tries > 1 else ""
    if failure.kind == "keyless":
        return f"There is no key for {host}; set {service.keys}."
    if failure.kind == "unsendable":
        return f"The question and its pages cannot be sent to {host} ({failure.text}): some of their text is broken."
    if failure.kind == "unreachable":
        if service.own:
            return f"Cannot reach {host}: is this machine online?"
        return f"Cannot reach {host}: is the server running at {service.origin}? PAGESIGHT_GENERATOR_URL names it."
    if failure.kind == "untrusted":
        return f"Cannot reach {host}: no secure connection could be made; check its certificate, or the proxy between."
    if failure.kind == "silent":
        return (
            f"{host} said nothing for {service.seconds:g} s; ask again, or raise PAGESIGHT_GENERATOR_SECONDS "
            "for a slow model."
        )
    if failure.kind == "lost":
        return f"{host} broke off before its answer was complete; ask again."
    if failure.kind == "garbage":
        kind = f" ({failure.text})" if failure.text else ""
        return (
            f"{host} sent what is not JSON, or not an answer of this protocol{kind}; "
            "check that PAGESIGHT_GENERATOR_URL is the address of its API."
        )
    if failure.too_long:
        return (
            f"The question and its pages are too long for {service.model} at {host}; show fewer pages, or tell "
            "PAGESIGHT_GENERATOR_CONTEXT how many tokens it takes."
        )
    if status == 401 or (status == 400 and BAD_KEY.search(failure.text)):
        return f"{host} refused the key ({status}); check {service.keys}."
    if status == 403:
        return f"{host} does not let this key use {service.model} (403); check {service.keys}."
    if status == 404:
        path = "" if service.own else ", and PAGESIGHT_GENERATOR_URL (most end in /v1)"
        return f"{host} knows no model {service.model!r} (404); check PAGESIGHT_GENERATOR_MODEL{path}."
    if status == 429 and "insufficient_quota" in failure.text:
        return f"{host} refuses more requests: the account's quota is used up (429); check its plan and billing."
    if status == 429:
        when = f" in {failure.wait:.0f} s" if failure.wait else " later"
        return f"{host} refused{again}: too many requests (429); ask again{when}."
    if status is not None and 300 <= status < 400:
        return f"{host} sends to another address ({status}); put the final one into PAGESIGHT_GENERATOR_URL."
    if status in RETRIED:
        return f"{host} failed{again} ({status}){quoted}; ask again later."
    if status is None:
        return f"{host} stopped with an error{quoted}; ask again."
    return f"{host} refused the request ({status}){quoted}; check that {service.model} takes pages like these."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and what it was raised from; not what happened to be handled then, which may be the caller's."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _status_in_stream(error: BaseException) -> int | None:
    """The status that an error event names: OpenAI's and Gemini's `code`, Anthropic's kind."""
    body = getattr(error, "body", None) or getattr(error, "details", None)
    if not isinstance(body, dict):
        return None
    nested = body.get("error")
    inner = nested if isinstance(nested, dict) else body
    code = inner.get("code")
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and code >= 300 else STATUS_OF_KIND.get(str(inner.get("type")))


def _body(response: httpx2.Response) -> str:
    """The text of an error's body; empty where it cannot be had any more."""
    try:
        response.read()
    except (httpx2.HTTPError, httpx2.StreamError):
        return ""
    return response.text


def _plain(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, default=str) if isinstance(body, (dict, list)) else str(body or "")


def _message(text: str) -> str:
    """What a body says in words: the innermost `message`, `detail` or `error`; all of it where it is not JSON."""
    try:
        body: Any = json.loads(text)
    except ValueError:
        return "" if "<html" in text.lower() else " ".join(text.split())
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail") or ""
    return " ".join((body if isinstance(body, str) else _plain(body)).split())


def _wait(response: httpx2.Response, body: str) -> float | None:
    """Seconds, by `Retry-After` (a number or a date), or by the `retryDelay` in Gemini's body."""
    said = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", said):
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        delay = re.search(r'"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"', body)
        return float(delay[1]) if delay else None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _clean(sentence: str, secrets: list[str]) -> str:
    """One line, without what a service may have repeated of the key or of an address's query."""
    for secret in filter(None, secrets):
        sentence = sentence.replace(secret, "…")
    sentence = re.sub(r"(https?://[^\s'\"?]*)\?[^\s'\"]+", r"\1", sentence)
    return " ".join(sentence.split())
