"""Bytes as text: UTF-8, UTF-16 with its mark, or CP949 (EUC-KR is a part of it) where it reads as Korean."""

import codecs
import re

from haechi.parsing.json_fields import Malformed

_HANGUL = re.compile("[가-힣]")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_KOREAN = frozenset({"cp949", "euc-kr", "euckr", "ks_c_5601-1987", "uhc", "windows-949", "ms949", "ksc5601"})


def decode(data: bytes, named: str = "") -> tuple[str, str]:
    """The text, and `cp949` or `utf-16` where it was no UTF-8; `named` is the encoding that the file itself claims."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and len(data) > 2:
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise _no_text(error) from error
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode(), ""
    except UnicodeDecodeError as error:
        return _as_korean(data, error, named.lower() in _KOREAN), "cp949"


def _as_korean(data: bytes, error: UnicodeDecodeError, claimed: bool) -> str:
    """Most of what is not ASCII must be Hangul then: much else can be read as CP949 too."""
    try:
        text = data.decode("cp949")
    except UnicodeDecodeError:
        raise _no_text(error) from error
    if claimed or 2 * len(_HANGUL.findall(text)) > len(_BEYOND_ASCII.findall(text)):
        return text
    raise _no_text(error)


def _no_text(error: UnicodeDecodeError) -> Malformed:
    return Malformed("not_utf8", f"is not UTF-8 (byte {error.start}): save it as UTF-8")
