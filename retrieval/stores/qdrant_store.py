"""Pages of many vectors in Qdrant: for libraries past one machine, which the server shards and replicates.

A page is a point: `rows`, all its vectors, compared by the engine's MaxSim; `pooled`, some 32 centres of them, for the
first of two stages; and as its payload what else is known of it. A page's id makes its point's, so that adding a page
again replaces it. The engine knows nothing of groups (`scoring.grouped_maxsim`): where a page has several, its rows are
fetched and scored here.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ..errors import EncoderMismatch, LibraryError
from ..maxsim import pool
from ..scoring import grouped_maxsim
from ..types import PageVectors, QueryVectors, Vectors

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

T = TypeVar("T")

EXACT_PAGES = 200
"""Up to so many pages are compared with all their rows; of more, so many come through the first stage."""

_PER_REQUEST = 2_000_000
"""Numbers sent at once, unless one page has more: 24 MB as JSON, where a server takes 32."""

_FETCHED = 16
"""Pages whose rows are fetched at once."""

_SCROLLED = 1000


def connect(url: str, key: str | None = None) -> QdrantClient:
    """A client of a server. Nothing is sent before the first call of a store. Raises `LibraryError`."""
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise LibraryError(
            "Qdrant's client is not installed; install it with: pip install 'pagesight[qdrant]'"
        ) from None
    # Its check of versions would call the server now, and only warn where it is down.
    return QdrantClient(url=url, api_key=key, check_compatibility=False)


class QdrantStore:
    """A `MultiVectorStore`. Adding and removing return when the server has done it, for all who ask after that.

    The server takes a request whole or not at all. Pages added together are one request while they are no more than
    `_PER_REQUEST` numbers; otherwise each page is whole, and adding them all again after a failure mends the rest.
    """

    def __init__(self, client: QdrantClient, collection: str) -> None:
        self._client, self._name = client, collection
        self.encoder: str | None = None
        self._there = False

    def add(self, document: str, pages: Sequence[PageVectors]) -> None:
        from qdrant_client import models

        filled = [page for page in pages if len(page.rows)]
        if not filled:
            return
        self._begin(filled[0].rows.shape[1])
        for part in _parts(filled):
            points = [
                models.PointStruct(
                    id=_id(page.id),
                    vector={"rows": page.rows.tolist(), "pooled": pool(page.rows).tolist()},
                    payload={
                        "page": page.id,
                        "document": document,
                        "several": len(set(page.groups.tolist())) > 1,
                        "groups": _packed(page.groups.astype("<i4")),
                        "boxes": _packed(page.boxes.astype("<f4")),
                    },
                )
                for page in part
            ]
            with self._talking():
                self._client.upsert(self._name, points, wait=True)

    def score(self, query: QueryVectors, pages: Collection[str] | None = None) -> dict[str, float]:
        if not self._exists():
            return {}
        wanted = self.pages() if pages is None else pages
        if not len(query.rows):
            return dict.fromkeys(wanted if pages is None else self.stored(wanted), 0.0)
        scores: dict[str, float] = {}
        for some in _some(list(wanted), EXACT_PAGES):
            scores |= self._scored(query, self._ask(query, len(some), some, exact=True))
        return scores

    def search(
        self,
        query: QueryVectors,
        limit: int,
        pages: Collection[str] | None = None,
        *,
        exclude: Collection[str] = (),
        exact: bool = False,
    ) -> dict[str, float]:
        """Of more than `EXACT_PAGES`, those with the best pooled rows are compared: four times the limit, and no fewer
        than that number.
        """
        if limit < 1 or not len(query.rows) or not self._exists():
            return {}
        whole = exact or (pages is not None and len(pages) <= EXACT_PAGES)
        with self._talking():
            most = self._client.count(self._name).count if exact else max(4 * limit, EXACT_PAGES)
        # A page's score is of MaxSim over it and over its best group, which is no more: MaxSim bounds it. A floor
        # leaves so little that this says nothing: then twice as many as are wanted are compared.
        bounded = self._ask(query, most, pages, exact=whole, exclude=exclude)
        scores: dict[str, float] = {}
        if query.floor is not None and not exact:
            bounded = bounded[: max(2 * limit, _FETCHED)]
        for some in _some(bounded, max(limit, _FETCHED)):
            sure = query.floor is None and len(scores) >= limit and sorted(scores.values())[-limit] >= some[0][1]
            if sure:
                break
            scores |= self._scored(query, some)
        best = sorted(scores, key=lambda page: (-scores[page], page))[:limit]
        return {page: scores[page] for page in best}

    def similarities(self, query: QueryVectors, page: str) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        if not self._exists():
            return None
        for rows, payload in self._fetch([page], "boxes"):
            return rows @ query.rows.T, _unpacked(payload["boxes"], "<f4").reshape(-1, 4)
        return None

    def stored(self, pages: Collection[str]) -> set[str]:
        found: set[str] = set()
        for some in _some(list(pages), _SCROLLED) if self._exists() else ():
            with self._talking():
                records = self._client.retrieve(self._name, [_id(page) for page in some], with_payload=["page"])
            found |= {(record.payload or {})["page"] for record in records}
        return found

    def pages(self) -> set[str]:
        found: set[str] = set()
        offset: Any = None
        while self._exists():
            with self._talking():
                records, offset = self._client.scroll(
                    self._name, limit=_SCROLLED, offset=offset, with_payload=["page"], with_vectors=False
                )
            found |= {(record.payload or {})["page"] for record in records}
            if offset is None:
                break
        return found

    def remove(self, document: str) -> None:
        from qdrant_client import models

        if not self._exists():
            return
        own = models.FieldCondition(key="document", match=models.MatchValue(value=document))
        with self._talking():
            self._client.delete(self._name, models.FilterSelector(filter=models.Filter(must=[own])), wait=True)

    def verify(self) -> Iterator[str]:
        """Nothing: the server looks after its bytes."""
        return iter(())

    def drop_damaged(self) -> None:
        """Nothing, as `verify` finds nothing."""

    def tend(self) -> None:
        """Nothing to do: the server builds its graph by itself."""

    def compact(self) -> None:
        """Qdrant's optimizer does it as it sees fit."""

    def _ask(
        self,
        query: QueryVectors,
        limit: int,
        pages: Collection[str] | None,
        *,
        exact: bool,
        exclude: Collection[str] = (),
    ) -> list[tuple[str, float, bool]]:
        """The best pages by the engine's MaxSim over all rows, best first, and whether each has several groups."""
        from qdrant_client import models

        # A token counts by its weight: that of the largest of its products is the largest of its weighted ones.
        tokens = (query.rows * query.weights[:, None]).tolist()
        among = None if pages is None else models.HasIdCondition(has_id=[_id(page) for page in pages])
        apart = models.HasIdCondition(has_id=[_id(page) for page in exclude]) if exclude else None
        within = models.Filter(must=among, must_not=apart) if among or apart else None
        first = None if exact else models.Prefetch(query=tokens, using="pooled", limit=limit, filter=within)
        with self._talking():
            found = self._client.query_points(
                self._name,
                prefetch=first,
                query=tokens,
                using="rows",
                query_filter=within,
                limit=limit,
                with_payload=["page", "several"],
            )
        said = [(point.payload or {}, point.score) for point in found.points]
        return [(payload["page"], score, payload["several"]) for payload, score in said]

    def _scored(self, query: QueryVectors, found: Sequence[tuple[str, float, bool]]) -> dict[str, float]:
        """`found`: pages, their MaxSim, and whether they have several groups."""
        whole = {page: score for page, score, several in found if not several and query.floor is None}
        return whole | self._grouped(query, [page for page, _, _ in found if page not in whole])

    def _grouped(self, query: QueryVectors, pages: Sequence[str]) -> dict[str, float]:
        scores: dict[str, float] = {}
        for some in _some(pages, _FETCHED):
            for rows, payload in self._fetch(some, "groups"):
                groups = _unpacked(payload["groups"], "<i4")
                one = np.zeros(len(rows), np.int32)
                scores[payload["page"]] = float(
                    grouped_maxsim(rows @ query.rows.T, groups, one, query.weights, query.floor)[0]
                )
        return scores

    def _fetch(self, pages: Sequence[str], what: str) -> Iterator[tuple[Vectors, dict[str, Any]]]:
        """The rows and payload of these pages, those that are stored."""
        with self._talking():
            records = self._client.retrieve(
                self._name, [_id(page) for page in pages], with_payload=["page", what], with_vectors=["rows"]
            )
        for record in records:
            assert isinstance(record.vector, dict)
            yield np.array(record.vector["rows"], np.float32), record.payload or {}

    def _exists(self) -> bool:
        if not self._there:
            with self._talking():
                self._there = self._client.collection_exists(self._name)
        return self._there

    def _begin(self, dim: int) -> None:
        """A collection for vectors of this many dimensions; an empty one of another size is replaced."""
        if self._exists():
            with self._talking():
                vectors = self._client.get_collection(self._name).config.params.vectors
                assert isinstance(vectors, dict)
                if vectors["rows"].size == dim:
                    return
                if self._client.count(self._name).count:
                    raise EncoderMismatch(
                        f"The collection {self._name} holds vectors of {vectors['rows'].size} dimensions, not {dim}; "
                        "build it anew."
                    )
                self._client.delete_collection(self._name)
        self._create(dim)

    def _create(self, dim: int) -> None:
        from qdrant_client import models

        def many(*, on_disk: bool, graph: models.HnswConfigDiff | None = None) -> models.VectorParams:
            return models.VectorParams(
                size=dim,
                distance=models.Distance.DOT,
                on_disk=on_disk,
                hnsw_config=graph,
                multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            )

        # All rows are for rescoring: a graph over them would cost more than all else.
        vectors = {"pooled": many(on_disk=False), "rows": many(on_disk=True, graph=models.HnswConfigDiff(m=0))}
        with self._talking():
            self._client.create_collection(self._name, vectors_config=vectors)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """What goes wrong between here and the server, said for people; keys are never part of it."""
        from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

        try:
            yield
        except UnexpectedResponse as error:
            if error.status_code in (401, 403):
                raise LibraryError(
                    f"The Qdrant server{self._where()} wants a key, or another one; give the one it was set up with."
                ) from None
            raise LibraryError(
                f"The Qdrant server{self._where()} answered {error.status_code}; see its log."
            ) from error
        except (ResponseHandlingException, ApiException) as error:
            raise LibraryError(f"No Qdrant server answers{self._where()}; start it, or mend its address.") from error

    def _where(self) -> str:
        address = urlsplit(str(self._client.init_options.get("url") or ""))
        port = f":{address.port}" if address.port else ""
        return f" at {address.scheme}://{address.hostname}{port}" if address.hostname else ""


def _id(page: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"pagesight:{page}"))


def _parts(pages: Sequence[PageVectors]) -> Iterator[list[PageVectors]]:
    part: list[PageVectors] = []
    numbers = 0
    for page in pages:
        if part and numbers + page.rows.size > _PER_REQUEST:
            yield part
            part, numbers = [], 0
        part.append(page)
        numbers += page.rows.size
    yield part


def _some(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


def _unpacked(text: str, dtype: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype)
