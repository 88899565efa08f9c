"""What can go wrong, as one tree.

    PagesightError
    ├── LibraryError             the library on disk
    │   ├── LibraryNotFound          no library at that path
    │   ├── LibraryLocked            another process is writing to it
    │   ├── DiskFull                 its disk takes nothing more
    │   ├── EncoderMismatch          it was built with another encoder
    │   └── CorruptFile              a file of it does not match its checksum
    ├── DocumentError            one document that cannot be read; the run goes on without it
    │   ├── DocumentEncrypted        it needs a password, or another one
    │   └── DocumentUnreadable       broken, empty, not a document, too large, no permission
    ├── QueryError               a question, filter or limit that makes no sense
    ├── MetadataError            a key or value that cannot be kept of a document
    ├── ModelUnavailable         a model that is not on this machine
    │   └── PageTooLarge             a page that finds no room in its memory alone
    └── GeneratorError           a model that writes answers cannot be reached, or failed

Each message says what happened, to what, and what to do next; it is shown to people as it stands.
"""

MEND = "mend it with: pagesight doctor --repair"
"""What to do about a part of a library that is damaged and can be made again."""


class PagesightError(Exception):
    """Anything this package raises on purpose."""


class LibraryError(PagesightError):
    """The library on disk cannot be used."""


class LibraryNotFound(LibraryError):
    """There is no library at that path."""


class LibraryLocked(LibraryError):
    """Another process is writing to the library."""


class DiskFull(LibraryError):
    """The disk of the library has no room left, or this user may not use more of it. What was committed is kept."""


class EncoderMismatch(LibraryError):
    """The library was built with an encoder other than the one at hand."""


class CorruptFile(LibraryError):
    """A file of the library does not match its checksum."""


class DocumentError(PagesightError):
    """One document cannot be read. Ingest records it as an outcome and goes on."""


class DocumentEncrypted(DocumentError):
    """The document needs a password, or another one than was given."""


class DocumentUnreadable(DocumentError):
    """The document is broken, empty, of an unknown kind, too large, or may not be read."""


class QueryError(PagesightError):
    """A question, filter or limit that makes no sense."""


class MetadataError(PagesightError):
    """A key or value that cannot be kept of a document."""


class ModelUnavailable(PagesightError):
    """A model that this needs is not on this machine."""


class PageTooLarge(ModelUnavailable):
    """A page needs more memory than the model has, also when it is encoded alone. Ingest goes on without it."""


class GeneratorError(PagesightError):
    """A model that writes answers cannot be reached, or failed; the pages that were found are still there."""
