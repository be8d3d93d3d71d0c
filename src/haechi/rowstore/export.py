"""Rows as files that DVC can track: a folder of sorted JSONL, vectors beside it as .npy, and a manifest that vouches for them.

The same rows give the same bytes, whatever order they were made in and whenever. An import is all or nothing.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

import numpy as np
import orjson

from haechi.rowstore import encoding, schema
from haechi.rowstore.namespaces import ALL, Namespace
from haechi.rowstore.store import Store, connect
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import FileFacts, atomic_folder, read_record, read_records, sha256_file, write_json, write_jsonl

MANIFEST = "manifest.json"
FORMAT = "haechi rows"
CHUNK = 1_000

OnConflict = Literal["refuse", "keep"]


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A line of an export; `dim` stands in place of the value where that lies in the .npy file of that dimension."""

    key: str
    value: Any
    dim: int
    cost: float
    origin: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """What an export holds."""

    format: str
    schema: int
    files: dict[str, FileFacts]


@dataclass(frozen=True, slots=True)
class Packed:
    """A row as it lies in a store, with its provenance written out."""

    key: bytes
    data: bytes
    cost: float
    origin: bytes


@dataclass(frozen=True)
class Imported:
    """What an import did in one namespace."""

    new: int
    known: int
    conflicts: int


def export_rows(store: Store, namespaces: Sequence[Namespace], folder: Path) -> dict[str, int]:
    """Write the namespaces to a folder, which takes the place of an earlier export; rows by namespace."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise HaechiError(f"{folder}: holds something else than an export of rows; name another folder")
    counts = {}
    with atomic_folder(folder) as new:
        facts: dict[str, FileFacts] = {}
        for namespace in namespaces:
            vectors = _Vectors(new, namespace, _dims(store, namespace))
            file = f"{namespace.name}.jsonl"
            facts[file] = write_jsonl(new / file, vectors.divert(packed_rows(store, namespace)))
            facts |= vectors.close()
            counts[namespace.name] = facts[file].rows
        write_json(new / MANIFEST, Manifest(FORMAT, schema.VERSION, facts))
    return counts


def import_rows(store: Store, source: Path, on_conflict: OnConflict = "refuse") -> dict[str, Imported]:
    """Take over the rows of an export, or of another store's file, in one transaction; on any error nothing is changed."""
    if source.is_file():
        other = connect(source)
        try:
            return _merge(store, [(namespace, packed_rows(other, namespace)) for namespace in ALL], source, on_conflict)
        finally:
            other.db.close()
    manifest = _checked(source)
    parts = [(n, _lines(source, n, manifest)) for n in ALL if f"{n.name}.jsonl" in manifest.files]
    return _merge(store, parts, source, on_conflict)


def packed_rows(store: Store, namespace: Namespace) -> Iterator[Packed]:
    """All rows of a namespace in order of key."""
    query = f"SELECT key, value, cost, facts FROM {namespace.name} JOIN origins ON origins.id = origin ORDER BY key"
    return (Packed(*row) for row in store.rows(query))


def _merge(
    store: Store, parts: Sequence[tuple[Namespace, Iterator[Packed]]], source: Path, on_conflict: OnConflict
) -> dict[str, Imported]:
    done = {}
    with store.transaction(durable=True):
        for namespace, rows in parts:
            new = known = conflicts = 0
            while chunk := list(itertools.islice(rows, CHUNK)):
                there = store.packed(namespace, [row.key for row in chunk])
                for row in chunk:
                    if row.key not in there:
                        continue
                    known += 1
                    if there[row.key] != row.data:
                        conflicts += 1
                        if on_conflict == "refuse":
                            raise HaechiError(
                                f"{source}: {namespace.name} row {row.key.hex()[:16]} has another value than in {store.path}; "
                                "nothing was imported (`--keep` imports the rest and keeps what is there)"
                            )
                fresh = [row for row in chunk if row.key not in there]
                for origin in dict.fromkeys(row.origin for row in fresh):
                    same = [(row.key, row.data, row.cost) for row in fresh if row.origin == origin]
                    new += store.insert(namespace, same, orjson.loads(origin))
            done[namespace.name] = Imported(new, known, conflicts)
    return done


def _checked(folder: Path) -> Manifest:
    if not (folder / MANIFEST).exists():
        raise HaechiError(f"{folder}: no export of rows (it has no {MANIFEST})")
    manifest = read_record(folder / MANIFEST, Manifest, "the manifest of an export of rows")
    if manifest.format != FORMAT or not 1 <= manifest.schema <= schema.VERSION:  # older ones lack a kind of row, no more
        raise HaechiError(
            f"{folder}: an export of {manifest.format!r} version {manifest.schema}, "
            f"but this haechi reads {FORMAT!r} version {schema.VERSION}"
        )
    for name, facts in manifest.files.items():
        if Path(name).name != name or not (folder / name).is_file() or sha256_file(folder / name) != facts.sha256:
            raise HaechiError(f"{folder / name}: not the file that {MANIFEST} describes; export again")
    return manifest


def _lines(folder: Path, namespace: Namespace, manifest: Manifest) -> Iterator[Packed]:
    file = folder / f"{namespace.name}.jsonl"
    vectors: dict[int, Iterator[Any]] = {}
    last = b""
    for row in read_records(file, ExportedRow):
        try:
            key = bytes.fromhex(row.key)
        except ValueError as error:
            raise HaechiError(f"{file}: {row.key!r} is no key") from error
        if len(key) != 32 or key <= last:
            raise HaechiError(f"{file}: key {row.key[:16]} is not 32 bytes long or not after the one before it; export again")
        last = key
        value = row.value
        if namespace.codec == "vector":
            if row.dim not in vectors:
                if (name := f"{namespace.name}-{row.dim}.npy") not in manifest.files:
                    raise HaechiError(f"{file}: its vectors of {row.dim} numbers are missing ({name}); export again")
                vectors[row.dim] = iter(np.load(folder / name, mmap_mode="r", allow_pickle=False))
            value = next(vectors[row.dim], None)
            if value is None or len(value) != row.dim:
                raise HaechiError(f"{file}: has more rows than its .npy file of {row.dim} numbers; export again")
        yield Packed(key, encoding.packed(namespace, value), row.cost, orjson.dumps(row.origin, option=orjson.OPT_SORT_KEYS))


class _Vectors:
    """Takes the vectors out of a stream of rows into one .npy file a dimension, which is written as it comes."""

    def __init__(self, folder: Path, namespace: Namespace, dims: dict[int, int]) -> None:
        self._namespace, self._dims = namespace, dims
        self._paths = {dim: folder / f"{namespace.name}-{dim}.npy" for dim in dims}
        self._files: dict[int, IO[bytes]] = {dim: _npy(path, dims[dim], dim) for dim, path in self._paths.items()}

    def divert(self, rows: Iterator[Packed]) -> Iterator[ExportedRow]:
        for row in rows:
            origin = orjson.loads(row.origin)
            if self._namespace.codec == "json":
                yield ExportedRow(row.key.hex(), orjson.loads(row.data), 0, row.cost, origin)
            else:
                dim = len(row.data) // 2
                self._files[dim].write(row.data)
                yield ExportedRow(row.key.hex(), None, dim, row.cost, origin)

    def close(self) -> dict[str, FileFacts]:
        for file in self._files.values():
            file.close()
        return {path.name: FileFacts(self._dims[dim], sha256_file(path)) for dim, path in self._paths.items()}


def _dims(store: Store, namespace: Namespace) -> dict[int, int]:
    if namespace.codec == "json":
        return {}
    return dict(store.rows(f"SELECT length(value) / 2, count(*) FROM {namespace.name} GROUP BY 1 ORDER BY 1"))


def _npy(path: Path, rows: int, dim: int) -> BinaryIO:
    stream = path.open("wb")
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, dim)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream
