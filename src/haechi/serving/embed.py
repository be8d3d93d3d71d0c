"""`haechi embed`: texts to vectors, ids and a FAISS index; goes on where it was killed.

Vectors are written block by block into a file beside the target that has its full length from the start, and what is done is
noted after each block. Blocks begin at fixed places, so a run that was killed gives the same bytes as one that wasn't.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from haechi.models.load import AnyEncoder, folder_hash, open_base, open_encoder, weight_hash
from haechi.retrieval.dense import Task, encode
from haechi.runtime.errors import HaechiError, UsageError
from haechi.runtime.files import atomic_folder, read_json, remove, write_json, write_text
from haechi.runtime.locks import writing
from haechi.runtime.progress import say, track
from haechi.serving.texts import read_texts
from haechi.serving.vectors import FACTS, IDS, INDEX, VECTORS, Facts, Row, hash_of

BLOCK = 1_024
DONE = "done.json"


@dataclass(frozen=True)
class Source:
    """A file of texts and where ids and texts stand in it."""

    path: Path
    id_field: str = "id"
    text_field: str = "text"

    def rows(self) -> Iterator[Row]:
        """Its texts, read anew."""
        return read_texts(self.path, self.id_field, self.text_field)


@dataclass(frozen=True)
class Model:
    """What embeds, and the hash that names it."""

    encoder: AnyEncoder
    hash: str


def open_model(name: str) -> Model:
    """A model folder of any kind, an alias or a hub id."""
    folder = Path(name)
    if folder.is_dir():
        return Model(open_encoder(folder), folder_hash(folder))
    model = open_base(name)
    return Model(model, weight_hash(model)[:16])


def embed(source: Source, opened: Callable[[], Model], task: Task, out: Path, with_faiss: bool) -> Facts:
    """Write vectors.npy, ids.txt, embed.json and, if asked for, index.faiss into `out`; vectors have length 1."""
    faiss = _faiss() if with_faiss else None
    if out.exists() and not (out / FACTS).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: holds something else than vectors; name a new folder")
    ids = _ids(source)
    with writing(out):
        model = opened()
        dim = encode(model.encoder, ["해치"], task).shape[1]
        facts = Facts(model.hash, task, hash_of(source.rows()), len(ids), dim)
        if _facts(out) == facts and (faiss is None or (out / INDEX).is_file()):
            say(f"{out}: holds these vectors already")
            return facts
        part = out.parent / f".{out.name}.part"
        _encode(source, model.encoder, task, facts, part)
        write_text(part / IDS, "".join(f"{id}\n" for id in ids))
        if faiss:
            _index(faiss, part)
        with atomic_folder(out) as new:
            for name in (VECTORS, IDS, FACTS, *([INDEX] if faiss else [])):
                (part / name).rename(new / name)
        remove(part)
    return facts


def _ids(source: Source) -> list[str]:
    first: dict[str, int] = {}
    for number, row in enumerate(source.rows(), start=1):
        if first.setdefault(row.id, number) != number:
            raise HaechiError(f"{source.path}: id {row.id} occurs twice, as text {first[row.id]} and as text {number}")
    if not first:
        raise HaechiError(f"{source.path}: holds no text")
    return list(first)


def _encode(source: Source, encoder: AnyEncoder, task: Task, facts: Facts, part: Path) -> None:
    """Fill the vectors of `part`, from where a killed run with the same texts and model left them."""
    done = _done(part, facts)
    if done:
        say(f"going on after {done} of {facts.rows} texts")
        vectors = np.lib.format.open_memmap(part / VECTORS, mode="r+")
    else:
        remove(part)
        part.mkdir(parents=True)
        write_json(part / FACTS, msgspec.to_builtins(facts))
        vectors = np.lib.format.open_memmap(part / VECTORS, mode="w+", dtype=np.float32, shape=(facts.rows, facts.dim))
    rows = islice(source.rows(), done, None)
    for start in track(range(done, facts.rows, BLOCK), "texts, a thousand at a time"):
        texts = [row.text for row in islice(rows, BLOCK)]
        vectors[start : start + len(texts)] = encode(encoder, texts, task)
        vectors.flush()
        write_json(part / DONE, start + len(texts))


def _done(part: Path, facts: Facts) -> int:
    """How many texts a killed run has done; 0 where it was another task, or nothing whole is left."""
    if _facts(part) != facts or not (part / DONE).is_file():
        return 0
    try:
        shape = np.load(part / VECTORS, mmap_mode="r").shape
    except (OSError, ValueError, EOFError):
        return 0
    return int(read_json(part / DONE)) if shape == (facts.rows, facts.dim) else 0


def _facts(folder: Path) -> Facts | None:
    try:
        return msgspec.convert(read_json(folder / FACTS), Facts)
    except (HaechiError, msgspec.ValidationError):
        return None


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UsageError("embed: FAISS is not installed; `pip install faiss-cpu`, or do without with --no-faiss") from error
    return faiss


def _index(faiss: Any, part: Path) -> None:
    """An exact index by inner product, which is the cosine here; the n-th vector has the id in the n-th line of ids.txt."""
    vectors = np.load(part / VECTORS, mmap_mode="r")
    index = faiss.IndexFlatIP(vectors.shape[1])
    for start in range(0, len(vectors), BLOCK):
        index.add(np.ascontiguousarray(vectors[start : start + BLOCK]))
    faiss.write_index(index, str(part / INDEX))
