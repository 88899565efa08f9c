"""One try's connection: closed with everything it opened, whatever the SDK on top of it leaves half read."""

from __future__ import annotations

import ssl
from functools import cache
from types import TracebackType

import httpx2

CONNECT_SECONDS = 15.0
"""Longest time that a connection takes; a model may think for minutes, a network does not."""
TELLTALES = ("x-goog-api-client", "x-server-timeout")
"""Headers that say which system and versions this is, with `x-stainless-*`; nobody needs them. Gemini's service cuts
an answer off after `x-server-timeout` seconds in all, where ours is the time without a word."""
ACCOUNT = ("openai-organization", "openai-project")
"""Of an account at OpenAI, from its SDK's variables; another server need not know them."""


class Connection:
    """An HTTP client for an SDK, and the last response that came through it.

    Time-outs are set on each request here, because each SDK has its own idea of them. Redirects are not followed: the
    key would go along to wherever they point, in headers that httpx does not know to be secret.
    """

    def __init__(self, seconds: float, *, own: bool, local: bool):
        self._timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)).as_dict()
        self._own = own
        self.response: httpx2.Response | None = None
        self.secrets: list[str] = []
        """Keys that the SDK sends, wherever it has them from: no error may repeat them."""
        self.client = httpx2.Client(
            event_hooks={"request": [self._prepare], "response": [self._note]},
            follow_redirects=False,
            verify=_certificates(),
            trust_env=not local,  # a proxy for the outer world does not know this machine's servers
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if self.response is not None:
            self.response.close()
        self.client.close()

    def _prepare(self, request: httpx2.Request) -> None:
        request.extensions = {**request.extensions, "timeout": self._timeout}
        for name in list(request.headers):
            if name.startswith("x-stainless-") or name in TELLTALES or (name in ACCOUNT and not self._own):
                del request.headers[name]
        request.headers["user-agent"] = "pagesight"

    def _note(self, response: httpx2.Response) -> None:
        self.response = response


@cache
def _certificates() -> ssl.SSLContext:
    """What is trusted; read once, because that takes 40 ms."""
    return httpx2.create_ssl_context()
