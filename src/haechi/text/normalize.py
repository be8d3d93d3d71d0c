"""Clean legal text: Unicode, tags, amendment notes, spaces; and the folding that is used for matching only.

Normalises to NFC, never NFKC: NFKC turns ① into 1 and glues it to the next word. Keeps line breaks, hanja, middle
dots and quotation marks as they are written. Gives up the content of `<img>` (it has none) and the wording of
amendment notes.
"""

import html
import re
import unicodedata

CIRCLED = {
    **{chr(0x2460 + n): n + 1 for n in range(20)},  # ① to ⑳
    **{chr(0x3251 + n): n + 21 for n in range(15)},  # ㉑ to ㉟ stand in another Unicode block
    **{chr(0x32B1 + n): n + 36 for n in range(15)},  # ㊱ to ㊿
}

_BREAK = re.compile(r"<\s*/?\s*(?:br|p|tr|div|li)\b[^<>]*>", re.IGNORECASE)
# Only names of real tags: rules write <별지 제1호 서식> and that is text.
_TAG = re.compile(
    r"<\s*/?\s*(?:img|a|span|b|i|u|s|font|sup|sub|strong|em|table|tbody|thead|td|th|ul|ol|html|body|head|hr|input)\b[^<>]*>",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")

_DATE = r"\d{4}\s*[.ㆍ·년-]"
# <삭제 2016. 6. 28.> stands in place of the text, so the word stays for the deletion rule to see.
_DELETED_TAG = re.compile(r"<[\s\d.]*삭\s*제[^<>＞]*[>＞]")
_AMENDMENT_TAG = re.compile(
    rf"<\s*(?:{_DATE}|제\d+(?:조|항|호)\S*에서\s*이동|종전|(?:단서|후단|전단|본문|본항|본호|본절|본장|본조|제목|전문)?\s*(?:개정|신설))[^<>]*>"
)
_AMENDMENT_NOTE = re.compile(
    r"\[\s*(?:(?:본[조항호목장절관편]|전문|제목|단서)\s*(?:신설|개정)|신설|개정|시행일|종전|제\d+조(?:의\d+)?(?:에서|로|으로)?\s*이동)"
    r"(?:[^\[\]<>]|<[^<>]*>)*\]"
)
_DELETED = re.compile(r"삭\s*제(?:\s*(?:<[^<>]*>|\([\d.,\s]*\)|\[[^\[\]]*\]))*\s*\.?")

_FOLDED_AWAY = re.compile(r"[\s\u00b7\u318d\u30fb\u2022\u2027\u22c5\uff65\u1197\u119e‘’“”'\"「」『』〈〉《》`´]+")


def clean(text: str) -> str:
    """The text without tags, entities, control characters and runs of spaces; line breaks stay."""
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    text = "\n".join(line for raw in text.splitlines() if (line := _tidy(raw)))
    # Last, because an entity may be half of a composed character.
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """`clean`, with line breaks as spaces: for names and titles."""
    return clean(text).replace("\n", " ")


def strip_amendments(text: str) -> str:
    """Clean text without notes such as <개정 2020.2.4> and [전문개정 2011.3.7]; a <삭제 …> tag leaves the word 삭제."""
    if "<" in text:
        text = _DELETED_TAG.sub("삭제", text)
    if "[" in text:  # before the tags, because a note may hold a tag: [제2조에서 이동 <2010.1.1>]
        text = _AMENDMENT_NOTE.sub("", text)
    if "<" in text:
        text = _AMENDMENT_TAG.sub("", text)
    return clean(text)


def is_deleted(body: str) -> bool:
    """Whether a body, its own label taken off, says nothing but 삭제: 삭제 <2004.1.29>.

    Anchored at both ends, so a live provision about deletion stays: 해당 정보를 삭제하여야 한다.
    """
    return _DELETED.fullmatch(_DELETED_TAG.sub("삭제", body).strip()) is not None


def fold(text: str) -> str:
    """The text as it is compared with another: without spaces, middle dots and quotation marks."""
    return _FOLDED_AWAY.sub("", unicodedata.normalize("NFC", text)).casefold()


def _tidy(line: str) -> str:
    # Twice as fast as a regular expression for spaces, and this is where the time of reading goes.
    line = " ".join(line.split())
    return line if line.isprintable() else " ".join(_CONTROL.sub("", line).split())
