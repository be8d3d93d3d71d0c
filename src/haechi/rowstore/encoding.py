"""A row's key and value as bytes.

A key is the sha256 of the canonical JSON of everything that determines the value: whoever forgets a part here reuses another
model's rows; whoever adds one that doesn't matter pays again. A value is JSON, or float16 numbers packed little-endian.
"""

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from haechi.rowstore.namespaces import Namespace
from haechi.runtime.errors import HaechiError


class Keys:
    """Makes the keys of rows that share their fixed parts (a model, a prompt) and differ in others (a text)."""

    def __init__(self, fixed: Mapping[str, object]) -> None:
        self._fixed = dict(fixed)

    def of(self, **varying: object) -> bytes:
        """The key of the row with these parts; the order of parts doesn't matter."""
        if shared := self._fixed.keys() & varying.keys():
            raise ValueError(f"parts of a key named twice: {', '.join(sorted(shared))}")
        return hashlib.sha256(orjson.dumps({**self._fixed, **varying}, option=orjson.OPT_SORT_KEYS)).digest()


def packed(namespace: Namespace, value: Any) -> bytes:
    """The bytes of a value."""
    if namespace.codec == "json":
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused below
        vector = np.asarray(value).astype("<f2")
    if vector.ndim != 1 or not np.isfinite(vector).all():
        raise HaechiError(f"rows: a vector for {namespace.name} is not one row of finite float16 numbers")
    return vector.tobytes()


def unpacked(namespace: Namespace, data: bytes) -> Any:
    """The value of the bytes: a JSON value, or a float16 vector."""
    return orjson.loads(data) if namespace.codec == "json" else np.frombuffer(data, dtype="<f2")


def checksum(key: bytes, data: bytes) -> int:
    """What `haechi rows verify` holds a row against."""
    return zlib.crc32(data, zlib.crc32(key))
