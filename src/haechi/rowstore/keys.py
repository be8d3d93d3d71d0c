"""A row's key: the sha256 of the canonical JSON of everything that determines its value.

Whoever forgets a part here reuses another model's rows; whoever adds one that doesn't matter pays again.
"""

import hashlib
from collections.abc import Mapping

import orjson


class Keys:
    """Makes the keys of rows that share their fixed parts (a model, a prompt) and differ in others (a text)."""

    def __init__(self, fixed: Mapping[str, object]) -> None:
        self._fixed = dict(fixed)

    def of(self, **varying: object) -> bytes:
        """The key of the row with these parts; the order of parts doesn't matter."""
        if shared := self._fixed.keys() & varying.keys():
            raise ValueError(f"parts of a key named twice: {', '.join(sorted(shared))}")
        return hashlib.sha256(orjson.dumps({**self._fixed, **varying}, option=orjson.OPT_SORT_KEYS)).digest()
