"""How values lie in the store: JSON bytes, or float16 numbers packed little-endian."""

import zlib
from typing import Any

import numpy as np
import orjson

from haechi.rowstore.namespaces import Namespace
from haechi.runtime.errors import HaechiError


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
