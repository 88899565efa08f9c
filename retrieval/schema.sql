-- The catalog: the single source of truth of a library. A row in an index without its row here does not exist.

CREATE TABLE documents (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,       -- SHA-256 of the bytes
    title       TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    pages       INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('indexed', 'partial')),
    reason      TEXT,
    added       TEXT NOT NULL,              -- UTC, ISO 8601
    seconds     REAL NOT NULL
);

-- Where documents were last seen. The same bytes under two names are one document with two sources; a file that
-- could not be read is a source without a document.
CREATE TABLE sources (
    path        TEXT PRIMARY KEY,
    document    TEXT REFERENCES documents (id) ON DELETE CASCADE,
    bytes       INTEGER,
    modified    INTEGER,                    -- nanoseconds, as the file system has it
    reason      TEXT,                       -- why it could not be read
    seen        TEXT NOT NULL               -- UTC, ISO 8601
);
CREATE INDEX sources_document ON sources (document);

CREATE TABLE pages (
    id          TEXT PRIMARY KEY,           -- document id, '/', page number
    document    TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    number      INTEGER NOT NULL,           -- 1-based
    width       REAL NOT NULL,              -- points, as displayed
    height      REAL NOT NULL,
    rotation    INTEGER NOT NULL,
    text        TEXT,                       -- NULL: not looked, because the page could not be read
    text_origin TEXT NOT NULL CHECK (text_origin IN ('layer', 'ocr', 'none')),
    words       BLOB,                       -- see packed_words.py
    passages    TEXT NOT NULL DEFAULT '[]', -- JSON: [[first word, last word + 1], ...]
    image_sha   TEXT,                       -- SHA-256 of the page's picture; NULL: there is none
    failure     TEXT,                       -- why the page could not be read
    language    TEXT,                       -- ISO 639-1; NULL: too little text to tell
    UNIQUE (document, number)
);
-- What filters and lists ask for, without going through the texts.
CREATE INDEX pages_language ON pages (document, language, id) WHERE text IS NOT NULL;

-- What is known of documents beside their text. In a library a key has one type.
CREATE TABLE metadata (
    key         TEXT NOT NULL,              -- see metadata.py, read_key
    document    TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    origin      INTEGER NOT NULL,           -- who says so: 0 the file itself, 1 a metadata file beside it, 2 a person
    type        TEXT NOT NULL CHECK (type IN ('text', 'number', 'date', 'boolean')),
    value       NOT NULL,                   -- a date is ISO 8601, a boolean 0 or 1
    PRIMARY KEY (key, document, origin)
) WITHOUT ROWID;
CREATE INDEX metadata_document ON metadata (document);
-- What counts: a person's word before a file's.
CREATE VIEW facts AS SELECT key, document, type, value, max(origin) AS origin FROM metadata GROUP BY key, document;

-- Pictures on pages, and pages as pictures: what a question that is a picture is compared with.
CREATE TABLE figures (
    id          TEXT PRIMARY KEY,           -- page id, '#', number on the page
    page        TEXT NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL CHECK (kind IN ('picture', 'drawing', 'page')),
    x0          REAL NOT NULL,              -- points, as displayed
    y0          REAL NOT NULL,
    x1          REAL NOT NULL,
    y1          REAL NOT NULL,
    hash        INTEGER,                    -- perceptual, 64 bits, read as signed; NULL: nothing to see
    tags        TEXT NOT NULL DEFAULT '[]'  -- JSON
);
CREATE INDEX figures_page ON figures (page);

-- What a writer has begun with the indexes and not finished. Opening the library for writing purges these documents
-- from every index, but for drafts that can be gone on with; a document that is committed has no row here.
CREATE TABLE jobs (
    document    TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('add', 'remove')),
    begun       TEXT NOT NULL,
    made        TEXT NOT NULL DEFAULT ''    -- see drafts.py
);

-- Pages of documents that are being added; committing moves them.
CREATE TABLE draft_pages AS SELECT * FROM pages LIMIT 0;
CREATE INDEX draft_pages_document ON draft_pages (document, number);
CREATE TABLE draft_figures AS SELECT * FROM figures LIMIT 0;
CREATE INDEX draft_figures_page ON draft_figures (page);

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counters VALUES ('generation', 0);
