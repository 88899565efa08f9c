"""Mail (EML): who wrote what to whom and when, and what it says; attachments by their names only."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html import escape

from .markup import Markup, clean_html
from .texts import decode, plain_markup

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MALFORMED = (MessageError, ValueError, LookupError, TypeError, AttributeError)
"""What the parser of headers raises for some that are broken."""


def mail_markup(data: bytes) -> Markup:
    """A message as a table of its headers, its text (or, where it has none, its HTML), and its attachments' names."""
    message = message_from_bytes(data, policy=policy.default)
    headers = {name: text for name in _SHOWN if (text := _header(message, name))}
    rows = "".join(
        f"<tr><td><b>{name}</b></td><td>{escape(text, quote=False)}</td></tr>" for name, text in headers.items()
    )
    names = [escape(name, quote=False) for name in _attachments(message)]
    listed = "<p><b>Attachments</b></p><ul>" + "".join(f"<li>{name}</li>" for name in names) + "</ul>" if names else ""
    properties = {"Author": headers.get("From", ""), "CreationDate": _made(message)}
    return Markup(
        f"<table>{rows}</table><hr>{_body(message)}{listed}",
        headers.get("Subject", ""),
        {name: text for name, text in properties.items() if text},
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except _MALFORMED:
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return " ".join(str(raw).encode("utf-8", "replace").decode().split())


def _made(message: EmailMessage) -> str:
    try:
        return f"D:{parsedate_to_datetime(_header(message, 'Date')):%Y%m%d}"
    except _MALFORMED:
        return ""


def _body(message: EmailMessage) -> str:
    for kind in ("plain", "html"):
        try:
            part = message.get_body(preferencelist=(kind,))
        except _MALFORMED:
            part = None
        if not isinstance(part, EmailMessage) or part.get_content_maintype() != "text":
            continue
        content = part.get_payload(decode=True)
        text = decode(content if isinstance(content, bytes) else b"", part.get_content_charset())
        drawn = plain_markup(text) if kind == "plain" else clean_html(text)
        if text.strip() and drawn.body.strip():
            return drawn.body
    return ""


def _attachments(message: EmailMessage) -> list[str]:
    names: list[str] = []
    try:
        for part in message.iter_attachments():
            inside = part.get_content() if part.get_content_type() == "message/rfc822" else None
            subject = _header(inside, "Subject") if isinstance(inside, EmailMessage) else ""
            names.append(part.get_filename() or subject or part.get_content_type())
    except _MALFORMED:
        pass
    return names
