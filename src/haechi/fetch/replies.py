"""What the national law information service answers, as values: a page of a list, or a record in the shape of the raw data.

Pure functions of parsed JSON. The service wraps the same thing in several ways and gives a single row without its list;
both are read here. Gives up judging the content of a record: whether it holds anything useful is the law room's matter.
"""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A kind of record that the service keeps."""

    name: str
    """As the command line says it."""
    code: str
    """As the service says it; also the key of the rows in a list."""
    row_id: str
    """The key of the id in a row of a list."""
    id_places: tuple[tuple[str, ...], ...]
    """Where a record holds its id."""
    id_width: int = 0
    """Ids have at least so many digits; a number in JSON has lost its leading zeros."""


TARGETS = {
    target.name: target
    for target in (
        Target("laws", "law", "법령ID", (("법령", "기본정보", "법령ID"),), 6),
        Target("admin-rules", "admrul", "행정규칙일련번호", (("AdmRulService", "행정규칙기본정보", "행정규칙일련번호"),)),
        Target("precedents", "prec", "판례일련번호", (("판례일련번호",), ("판례정보일련번호",))),
    )
}

_LISTS = ("LawSearch", "AdmRulSearch", "PrecSearch", "검색결과")
_PRECEDENTS = ("PrecService", "판례")
_PRECEDENT_KEYS = {
    "판례일련번호": ("판례일련번호", "판례정보일련번호"),
    "사건명": ("사건명",),
    "사건번호": ("사건번호",),
    "법원명": ("법원명",),
    "사건유형": ("사건유형", "사건종류명"),
    "판결유형": ("판결유형",),
    "선고일자": ("선고일자",),
    "판시사항": ("판시사항",),
    "판결요지": ("판결요지",),
    "판결본문": ("판결본문", "판례내용"),
    "참조조문": ("참조조문",),
    "참조판례": ("참조판례",),
}
_DIGITS = re.compile(r"[0-9]+")
_DATE = re.compile(r"(\d{4})\D(\d{2})\D(\d{2})\.?")
_EXCERPT = 120  # characters of the service's own words


class WrongReply(Exception):
    """Valid JSON, but not what was asked for; the reason is what it is instead."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Page:
    """One page of a list; total counts the whole list and is None where the service doesn't say."""

    total: int | None
    ids: tuple[str, ...]


def parse_list(payload: Any, target: Target) -> Page:
    """The ids on a page of a list, under any of its wrappers."""
    for wrapper in _LISTS:
        if isinstance(payload, dict) and wrapper in payload:
            payload = payload[wrapper]
    if isinstance(payload, list):
        return Page(None, _row_ids(payload, target))
    if not isinstance(payload, dict):
        raise WrongReply(_said(payload))
    total = payload.get("totalCnt", payload.get("total"))
    rows = payload.get(target.code)
    if total is None and rows is None:
        raise WrongReply(_said(payload))
    if isinstance(rows, dict):
        rows = [rows]
    if rows and not isinstance(rows, list):
        raise WrongReply(f"{target.code} in a list is no list of rows")
    return Page(_count(total), _row_ids(rows or [], target))


def unwrap(payload: Any, target: Target) -> dict[str, Any]:
    """The record as src/haechi/parsing reads it, without what else the reply holds."""
    if not isinstance(payload, dict):
        raise WrongReply(_said(payload))
    if target.code == "prec":
        return _precedent(payload)
    key = target.id_places[0][0]
    if not isinstance(payload.get(key), dict):
        raise WrongReply(_said(payload))
    return {key: payload[key]}


def id_of(record: Any, target: Target) -> str | None:
    """The id that a record holds; None if it is no record of this kind."""
    for place in target.id_places:
        value = record
        for key in place:
            value = value.get(key) if isinstance(value, dict) else None
        if (found := _id(value, target)) is not None:
            return found
    return None


def refusal(payload: Any) -> str | None:
    """What the service says where it refuses to serve at all (an unknown key, an address it doesn't know)."""
    if isinstance(payload, dict) and isinstance(payload.get("result"), str) and "msg" in payload:
        return _said(payload)
    return None


def _row_ids(rows: list[Any], target: Target) -> tuple[str, ...]:
    ids = []
    for row in rows:
        found = _id(row.get(target.row_id), target) if isinstance(row, dict) else None
        if found is None:
            raise WrongReply(f"a row of the list without {target.row_id}")
        ids.append(found)
    return tuple(ids)


def _id(value: Any, target: Target) -> str | None:
    """Digits only: an id becomes a file name."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text.zfill(target.id_width) if _DIGITS.fullmatch(text) else None


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if not _DIGITS.fullmatch(str(value).strip()):
        raise WrongReply("a total that is no number")
    return int(value)


def _precedent(payload: dict[str, Any]) -> dict[str, Any]:
    for wrapper in _PRECEDENTS:
        if isinstance(payload.get(wrapper), dict):
            payload = payload[wrapper]
    if not any(key in payload for key in _PRECEDENT_KEYS["판례일련번호"]):
        raise WrongReply(_said(payload))
    record = {}
    for key, names in _PRECEDENT_KEYS.items():
        texts = [_text(payload.get(name), name) for name in names]
        record[key] = next((text for text in texts if text.strip()), "")
    if date := _DATE.fullmatch(record["선고일자"].strip()):
        record["선고일자"] = "".join(date.groups())
    return record


def _text(value: Any, name: str) -> str:
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise WrongReply(f"{name} is no text")


def _said(payload: Any) -> str:
    """The texts of a reply in its own words, else what kind of value it is."""
    if not isinstance(payload, dict):
        return f"a {type(payload).__name__} instead of an object"
    texts = [" ".join(value.split()) for value in payload.values() if isinstance(value, str) and value.strip()]
    said = " ".join(texts) if texts else f"an object with the keys {', '.join(payload) or '(none)'}"
    return said[:_EXCERPT]
