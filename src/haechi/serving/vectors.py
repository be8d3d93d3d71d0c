"""What `haechi embed` writes into a folder, and how whoever uses it makes sure that it belongs to them."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from haechi.records.passage import Passage
from haechi.retrieval.dense import Vectors
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json

VECTORS, IDS, INDEX, FACTS = "vectors.npy", "ids.txt", "index.faiss", "embed.json"


class Row(NamedTuple):
    """A text with its id."""

    id: str
    text: str


class Facts(msgspec.Struct, frozen=True):
    """embed.json: what decides the vectors."""

    model: str
    """The hash of the model folder, or of the weights of a model of the hub."""
    task: str
    texts: str
    """One sha256 over ids and texts, in order."""
    rows: int
    dim: int


def hash_of(rows: Iterable[Row]) -> str:
    """One sha256 over ids and texts, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(msgspec.json.encode(row))
    return digest.hexdigest()


def vectors_of(folder: Path, passages: Sequence[Passage], model: str) -> Vectors:
    """The vectors of these passages from a folder of `haechi embed`; of another model or other texts, one sentence."""
    if not (folder / FACTS).is_file():
        raise HaechiError(f"{folder}: holds no {FACTS}; make it with `haechi embed CORPUS --out {folder}`")
    try:
        facts = msgspec.convert(read_json(folder / FACTS), Facts)
        ids = (folder / IDS).read_text(encoding="utf-8").splitlines()
        vectors = np.load(folder / VECTORS, mmap_mode="r")
    except (msgspec.ValidationError, OSError, ValueError, EOFError) as error:
        raise HaechiError(f"{folder}: not a whole folder of vectors ({error}); make it again with `haechi embed`") from error
    if facts.model != model:
        raise HaechiError(f"{folder}: vectors of model {facts.model}, and this is model {model}; embed the corpus with this one")
    if facts.task != "document":
        raise HaechiError(f"{folder}: vectors of queries; passages are embedded with `--as document`")
    places = {id: place for place, id in enumerate(ids)}
    by_id = {passage.id: passage.text for passage in passages}
    same = len(ids) == len(vectors) == len(by_id) and by_id.keys() == places.keys()
    if not same or hash_of(Row(id, by_id[id]) for id in ids) != facts.texts:
        raise HaechiError(f"{folder}: vectors of other texts than those of this corpus; embed it again")
    return np.asarray(vectors[[places[passage.id] for passage in passages]])
