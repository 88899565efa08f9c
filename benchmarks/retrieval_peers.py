"""Finding pages side by side with default pipelines of others, on the same text and the same sentence encoder.

    pip install langchain-classic langchain-community langchain-chroma langchain-text-splitters rank-bm25 \\
        llama-index-core llama-index-retrievers-bm25 llama-index-vector-stores-chroma bm25s
    python benchmarks/retrieval_peers.py --eval DIR --cache DIR [--sets NAME …] [--json FILE]

`--eval` and `--cache` are those of `retrieval_quality.py`, which has to run first: the libraries' texts, OCR included,
are what all get, page by page. LangChain: `RecursiveCharacterTextSplitter` of 1,000 letters with 200 shared, as its
tutorials have it, into Chroma, and `EnsembleRetriever` of that and its `BM25Retriever`, half and half. LlamaIndex: its
`SentenceSplitter` as it comes, into Chroma, and `QueryFusionRetriever` of that and its `BM25Retriever` by reciprocal
ranks. bm25s: pages, with its English stop words and a stemmer, as its README has it. Each gives its best 50 chunks; a
page is as good as its best chunk. Inside a document each has an index of that document alone. `behind` is the mean
difference to `fused`, with its 95% interval over questions and the p of a paired test; a peer that is not installed is
left out, and said.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from retrieval_quality import SETS, open_set, questions_of

from pagesight.retrieval import Library
from pagesight.retrieval.encoders.sentence import SentenceEncoder
from pagesight.retrieval.errors import QueryError
from pagesight.retrieval.evaluation.asking import score_order
from pagesight.retrieval.evaluation.chance import difference_of
from pagesight.retrieval.evaluation.naming import Aim, Names

CHUNKS = 50
SHOWN = ("ndcg@5", "recall@5")
Rank = Callable[[str], list[str]]
"""A question to page ids, best first; a page may come more than once."""
Texts = Sequence[tuple[str, str]]
"""Page ids and texts."""


class Unavailable(Exception):
    """A peer is not installed."""


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unavailable(str(error)) from error


def langchain(texts: Texts, encoder: SentenceEncoder, *, hybrid: bool) -> Rank:
    documents = _import("langchain_core.documents")
    splitter = _import("langchain_text_splitters").RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    chroma = _import("langchain_chroma").Chroma

    class Embeddings(_import("langchain_core.embeddings").Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return encoder.encode_document(texts).tolist()

        def embed_query(self, text: str) -> list[float]:
            return encoder.encode_query([text])[0].tolist()

    chunks = splitter.split_documents([documents.Document(text, metadata={"page": page}) for page, text in texts])
    store = chroma(collection_name=f"c{id(chunks)}", embedding_function=Embeddings())
    for begin in range(0, len(chunks), 5000):
        store.add_documents(chunks[begin : begin + 5000])
    retriever = store.as_retriever(search_kwargs={"k": CHUNKS})
    if hybrid:
        words = _import("langchain_community.retrievers").BM25Retriever.from_documents(chunks, k=CHUNKS)
        ensemble = _import("langchain_classic.retrievers").EnsembleRetriever
        retriever = ensemble(retrievers=[words, retriever], weights=[0.5, 0.5])
    return lambda question: [found.metadata["page"] for found in retriever.invoke(question)]


def llama_index(texts: Texts, encoder: SentenceEncoder, *, hybrid: bool) -> Rank:
    core = _import("llama_index.core")
    chroma = _import("llama_index.vector_stores.chroma").ChromaVectorStore
    client = _import("chromadb").EphemeralClient()
    base = _import("llama_index.core.base.embeddings.base").BaseEmbedding

    class Embedding(base):
        def _get_query_embedding(self, query: str) -> list[float]:
            return encoder.encode_query([query])[0].tolist()

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return encoder.encode_document([text])[0].tolist()

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return encoder.encode_document(texts).tolist()

    documents = [core.Document(text=text, metadata={"page": page}) for page, text in texts]
    for document in documents:  # what is embedded and matched is the text alone, as for everybody else
        document.excluded_embed_metadata_keys = document.excluded_llm_metadata_keys = ["page"]
    nodes = _import("llama_index.core.node_parser").SentenceSplitter().get_nodes_from_documents(documents)
    embedding = Embedding(embed_batch_size=64)
    store = chroma(chroma_collection=client.create_collection(f"l{id(nodes)}"))
    context = core.StorageContext.from_defaults(vector_store=store)
    index = core.VectorStoreIndex(nodes, storage_context=context, embed_model=embedding)
    most = min(CHUNKS, len(nodes))
    retriever = index.as_retriever(similarity_top_k=most)
    if hybrid:
        words = _import("llama_index.retrievers.bm25").BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=most)
        fusion = _import("llama_index.core.retrievers").QueryFusionRetriever
        model = _import("llama_index.core.llms").MockLLM()
        retriever = fusion(
            [retriever, words],
            llm=model,
            num_queries=1,
            similarity_top_k=most,
            mode="reciprocal_rerank",
            use_async=False,
        )
    return lambda question: [found.node.metadata["page"] for found in retriever.retrieve(question)]


def bm25s(texts: Texts, encoder: SentenceEncoder) -> Rank:
    engine = _import("bm25s")
    stemmer = _import("Stemmer").Stemmer("english")
    index = engine.BM25()
    index.index(engine.tokenize([text for _, text in texts], stopwords="en", stemmer=stemmer, show_progress=False))

    def rank(question: str) -> list[str]:
        asked = engine.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        found, _ = index.retrieve(asked, k=min(CHUNKS, len(texts)), show_progress=False)
        return [texts[int(i)][0] for i in found[0]]

    return rank


PEERS: dict[str, Callable[[Texts, SentenceEncoder], Rank]] = {
    "LangChain, vectors": lambda texts, encoder: langchain(texts, encoder, hybrid=False),
    "LangChain, hybrid": lambda texts, encoder: langchain(texts, encoder, hybrid=True),
    "LlamaIndex, vectors": lambda texts, encoder: llama_index(texts, encoder, hybrid=False),
    "LlamaIndex, hybrid": lambda texts, encoder: llama_index(texts, encoder, hybrid=True),
    "bm25s": bm25s,
}


def aims(library: Library, folder: Path, name: str) -> Iterator[tuple[str, Aim]]:
    names = Names(library.documents())
    for question in questions_of(folder, name):
        if question.left_out is None:
            try:
                yield question.text, names.aim(question)
            except QueryError:
                continue


def texts_of(library: Library, document: str | None) -> Texts:
    rows = library.catalog.rows("SELECT id, document, text FROM pages WHERE text IS NOT NULL ORDER BY document, number")
    return [(page, text or " ") for page, owner, text in rows if document in (None, owner)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    encoder = SentenceEncoder()
    result: dict[str, Any] = {}
    for name in arguments.sets:
        with open_set(arguments.eval, arguments.cache, name) as library:
            asked = list(aims(library, arguments.eval, name))
            ours = [
                score_order(
                    [one.page for one in library.rank(text, {"document": aim.inside} if aim.inside else None)], aim
                )
                for text, aim in asked
            ]
            table = {"fused": ours}
            for peer, make in PEERS.items():
                try:
                    made = {
                        inside: make(texts_of(library, inside), encoder) for inside in {aim.inside for _, aim in asked}
                    }
                except Unavailable as error:
                    print(f"{peer}: left out, {error}")
                    continue
                table[peer] = [score_order(list(dict.fromkeys(made[aim.inside](text))), aim) for text, aim in asked]
        print(f"{name}: {len(asked)} questions", flush=True)
        result[name] = {}
        for system, values in table.items():
            cells = []
            for shown in SHOWN:
                found = difference_of([one[shown] for one in values], [one[shown] for one in ours])
                change = found.change
                result[name][f"{system}: {shown}"] = {"mean": found.first, "behind": change.to_dict(), "p": found.p}
                behind = f" (behind {change.mean:.3f}, {change.low:.3f} to {change.high:.3f}, p {found.p:.3f})"
                cells.append(f"{shown} {found.first:.3f}{'' if system == 'fused' else behind}")
            print(f"  {system:20}", *cells, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
