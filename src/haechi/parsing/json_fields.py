"""Typed access to JSON whose shapes vary: one row may come as a dict or a list, a text as a string or as nested lists.

Converts shapes, never kinds: a number where a text belongs is `Malformed`, because ids have leading zeros that it has
lost.
"""

from collections.abc import Iterator
from typing import Any

LONGEST_ID = 200


class Malformed(Exception):
    """A value of another kind than the format has; carries the reason and the detail of a `Dropped`."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")


def table_at(record: dict[str, Any], key: str) -> dict[str, Any]:
    """The dict under `key`."""
    value = _at(record, key)
    if not isinstance(value, dict):
        raise Malformed("wrong_type", f"{key} is a {type(value).__name__}, expected an object")
    return value


def text_at(record: dict[str, Any], key: str) -> str:
    """The text under `key`; it may be empty."""
    value = _at(record, key)
    if not isinstance(value, str):
        raise Malformed("wrong_type", f"{key} is a {type(value).__name__}, expected a text")
    return value


def optional_text(record: dict[str, Any], key: str) -> str:
    """The text under `key`, empty where the key is absent."""
    return "" if record.get(key) is None else text_at(record, key)


def filled_text(record: dict[str, Any], key: str) -> str:
    """The text under `key`, which must not be blank."""
    if not (text := text_at(record, key).strip()):
        raise Malformed("blank_key", f"{key} is blank")
    return text


def id_at(record: dict[str, Any], key: str) -> str:
    """The text under `key` as part of an id: every passage, pair and search result carries it, so it must be short."""
    return short_id(filled_text(record, key), key)


def short_id(text: str, what: str) -> str:
    """The text, which must be no longer than an id may be."""
    if len(text) > LONGEST_ID:
        raise Malformed("long_id", f"{what} has {len(text):,} characters, at most {LONGEST_ID} are allowed: shorten it")
    return text


def rows(record: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The rows under `key`: a list, a single row that lost its list, nested lists, or nothing."""
    found = list(_flat(record.get(key)))
    for value in found:
        if not isinstance(value, dict):
            raise Malformed("wrong_type", f"{key} holds a {type(value).__name__}, expected objects")
    return found


def lines(record: dict[str, Any], key: str) -> str:
    """The text under `key`: a string, or (nested) lists of lines; empty where absent."""
    found = list(_flat(record.get(key)))
    for value in found:
        if not isinstance(value, str):
            raise Malformed("wrong_type", f"{key} holds a {type(value).__name__}, expected text")
    return "\n".join(found)


def date_at(record: dict[str, Any], key: str) -> str:
    """The date under `key` as YYYYMMDD, empty where it is absent or no date."""
    return as_date(optional_text(record, key))


def as_date(text: str) -> str:
    """YYYYMMDD, or empty where the text is no date."""
    digits = text.strip().replace(".", "").replace("-", "")
    valid = len(digits) == 8 and digits.isascii() and digits.isdigit()
    return digits if valid and "01" <= digits[4:6] <= "12" and "01" <= digits[6:] <= "31" else ""


def _at(record: dict[str, Any], key: str) -> Any:
    if key not in record or record[key] is None:
        raise Malformed("missing_key", f"{key} is missing")
    return record[key]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from _flat(inner)
    elif value is not None:
        yield value
