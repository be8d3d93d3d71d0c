"""Files of other formats as `Content`: each content once, through the row store, in processes that may hang or die.

A reader is named by its format, its version here and the packages that it reads with; all of that is in a row's key.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from haechi.parsing.content import Content, unpacked
from haechi.parsing.formats import FORMATS
from haechi.parsing.json_fields import Malformed
from haechi.parsing.worker_pool import TRANSIENT, Pool
from haechi.records.dropped import Dropped
from haechi.rowstore.encoding import Keys
from haechi.rowstore.namespaces import DOCUMENTS
from haechi.rowstore.store import Row, Store, Tally, open_store
from haechi.runtime.environment import workers
from haechi.runtime.progress import track

MOST_BYTES = 256 * 1024 * 1024
_BATCH = 64  # files whose answers are written together
INSTALL = "pip install 'haechi[documents]'"


def convert_all(folder: Path, sources: Sequence[str]) -> dict[str, Content | Dropped]:
    """Every file's content, or why it has none, by its path below the folder."""
    answers: dict[str, Mapping[str, Any]] = {}
    keys: dict[str, bytes] = {}
    for source in sources:
        try:
            keys[source] = _key(folder, source)
        except Malformed as bad:
            answers[source] = {"reason": bad.reason, "detail": bad.detail}
    if keys:
        with open_store() as store:
            rows = store.get(DOCUMENTS, list(keys.values()))
            missing = {key: source for source, key in reversed(keys.items()) if key not in rows}
            store.tally[DOCUMENTS.name] = Tally(hits=len(keys) - len(missing), computed=len(missing))
            rows |= _made(store, folder, missing)
        answers |= {source: rows[key] for source, key in keys.items()}
    return {source: _result(source, answers[source]) for source in sources}


def _result(source: str, answer: Mapping[str, Any]) -> Content | Dropped:
    return Dropped(source, "", answer["reason"], answer["detail"]) if "reason" in answer else unpacked(answer)


def _made(store: Store, folder: Path, missing: Mapping[bytes, str]) -> dict[bytes, Any]:
    """What no run has read yet; what another host may read (it hung, it died) is not written down."""
    made: dict[bytes, Any] = {}
    if not missing:
        return made
    order = sorted(missing.items(), key=lambda one: one[1])
    with closing(Pool(min(workers(), len(order)))) as pool:
        jobs = [(folder / source, _name(source)) for _, source in order]
        answers = zip(order, track(pool.map(jobs), "reading documents", len(jobs)), strict=True)
        for batch in _batches(answers):
            rows = [Row(key, answer) for (key, _), answer in batch if answer.get("reason") not in TRANSIENT]
            store.put(DOCUMENTS, rows, {"readers": sorted({_name(source) for (_, source), _ in batch})})
            made.update((key, answer) for (key, _), answer in batch)
    return made


def _batches(answers: Iterator[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for answer in answers:
        batch.append(answer)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _key(folder: Path, source: str) -> bytes:
    """The row's key: reader, packages, content."""
    name = _name(source)
    packages = _versions(name)
    try:
        if (size := (folder / source).stat().st_size) > MOST_BYTES:
            raise Malformed("too_large", f"has {size:,} bytes, at most {MOST_BYTES:,} are read: divide it")
        data = (folder / source).read_bytes()
    except OSError as error:
        raise Malformed("unreadable_file", f"can't be opened ({error.strerror})") from error
    if not data.strip():
        raise Malformed("empty_file", "is empty")
    reader = {"reader": FORMATS[name].read.__name__, "version": FORMATS[name].version, "packages": packages}
    return Keys(reader).of(content=hashlib.sha256(data).hexdigest())


def _versions(name: str) -> dict[str, str]:
    try:
        return {package: version(package) for package in FORMATS[name].packages}
    except PackageNotFoundError as error:
        raise Malformed("needs_extra", f"is read with the extra `documents`: {INSTALL}") from error


def _name(source: str) -> str:
    return source.rsplit(".", 1)[-1].lower()
