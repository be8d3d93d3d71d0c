"""What is searched: vectors and word weights of a corpus, made once and kept under `.haechi/index`.

The folder is named by everything that decides its content (model, corpus, BM25's knobs, Kiwi), so another model or a changed
corpus never meets an index that isn't its own: it gets a new one. Only the last few are kept.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from haechi.inference.cached_encoder import Encoder
from haechi.inference.cached_tokens import Tokens
from haechi.models.load import AnyEncoder
from haechi.records.passage import Passage
from haechi.retrieval.bm25 import Postings, postings
from haechi.retrieval.dense import Vectors, unit
from haechi.retrieval.params import RetrievalParams
from haechi.rowstore.store import open_store
from haechi.runtime.environment import home
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import atomic_folder, read_json, read_records, sha256_file, write_json
from haechi.runtime.locks import writing
from haechi.runtime.progress import say, track
from haechi.serving.vectors import vectors_of
from haechi.text.morphemes import versions

SCHEMA = 1
FACTS, VECTORS, WORDS = "index.json", "vectors.npy", "words.json"
ARRAYS = ("weights", "passages", "begins")
KEPT = 8
"""So many indexes stay; the one that was opened longest ago goes first."""
MADE = 2_048  # passages embedded at once


@dataclass(frozen=True)
class Index:
    """A corpus in the order of its ids, with what search needs of it."""

    passages: Sequence[Passage]
    vectors: Vectors
    words: Postings
    model: str
    """The hash of the model folder."""


def read_corpus(corpus: Path) -> list[Passage]:
    """The passages, in the order of their ids."""
    if not corpus.is_file():
        raise HaechiError(f"{corpus}: no such file; make it with `dvc repro merge_corpus`")
    passages = sorted(read_records(corpus, Passage), key=lambda passage: passage.id)
    if not passages:
        raise HaechiError(f"{corpus}: holds no passage, so there is nothing to search")
    return passages


def open_index(
    passages: Sequence[Passage],
    corpus: Path,
    model: str,
    encoder: AnyEncoder,
    params: RetrievalParams,
    vectors: Path | None = None,
) -> Index:
    """The kept index of the model of this hash and this corpus; made first where there is none.

    `vectors`: what `haechi embed` wrote.
    """
    facts = {
        "schema": SCHEMA,
        "model": model,
        "corpus": sha256_file(corpus),
        "bm25": asdict(params),
        "words": versions(),
    }
    given = vectors_of(vectors, passages, model) if vectors else None
    name = hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    folder = home() / "index" / name
    if not (folder / FACTS).is_file():
        with writing(folder):
            if not (folder / FACTS).is_file():  # another process may have made it while this one waited
                say(f"making the index of {len(passages)} passages, once for this model and corpus")
                _make(folder, passages, encoder, params, facts, given)
                _prune(folder.parent, folder)
    try:
        os.utime(folder / FACTS)
        kept = np.load(folder / VECTORS, mmap_mode="r")
        parts = [np.load(folder / f"{part}.npy") for part in ARRAYS]
        numbers = {word: number for number, word in enumerate(read_json(folder / WORDS))}
    except (OSError, ValueError, EOFError, HaechiError) as error:
        raise HaechiError(f"{folder}: the kept index is damaged ({error}); remove this folder and it is made again") from error
    if kept.shape[0] != len(passages) or parts[2].shape[0] < len(numbers):
        raise HaechiError(
            f"{folder}: the kept index is damaged (parts differ in length); remove this folder and it is made again"
        )
    return Index(passages, kept, Postings(parts[0], parts[1], parts[2], numbers), model)


def rounded(vectors: Vectors) -> Vectors:
    """As the row store gives them back, so that a search here ranks as evaluate does."""
    return unit(vectors.astype(np.float16).astype(np.float32))


def _make(
    folder: Path,
    passages: Sequence[Passage],
    encoder: AnyEncoder,
    params: RetrievalParams,
    facts: Mapping[str, object],
    given: Vectors | None,
) -> None:
    texts = [passage.text for passage in passages]
    with open_store() as store:
        words = postings(Tokens(store).each(texts), params)
        if given is not None:
            vectors = rounded(given)
        else:
            stored = Encoder(encoder, store)  # what evaluate made is there already
            vectors = np.concatenate([stored.passages(chunk) for chunk in track(_chunks(texts), "passages")])
    with atomic_folder(folder) as new:
        np.save(new / VECTORS, vectors)
        for part in ARRAYS:
            np.save(new / f"{part}.npy", getattr(words, part))
        write_json(new / WORDS, sorted(words.numbers, key=lambda word: words.numbers[word]))
        write_json(new / FACTS, facts)


def _chunks(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + MADE] for start in range(0, len(texts), MADE)]


def _prune(root: Path, mine: Path) -> None:
    """Remove all but the last few indexes; whoever has one open keeps its files until it ends."""
    with suppress(OSError):
        others = sorted((path for path in root.iterdir() if path != mine and (path / FACTS).is_file()), key=_opened, reverse=True)
        for old in others[KEPT - 1 :]:
            shutil.rmtree(old)


def _opened(folder: Path) -> float:
    return (folder / FACTS).stat().st_mtime
