"""Court decisions as `Decision`s: issue n, holding n and the citations of n joined by their number.

Where the numbers disagree, what matches is kept and the rest is dropped by name. Gives up the judgment text (the
snapshot has none), citations without an issue, and the difference between a joined case (병합) and a counterclaim
(반소).
"""

import re

from haechi.parsing.json_fields import Malformed, as_date, id_at, optional_text, text_at
from haechi.parsing.raw import RawDocument
from haechi.parsing.statute_types import Parsed
from haechi.records.decision import Decision, Section
from haechi.records.dropped import Dropped
from haechi.text.normalize import clean, one_line

_MARK = re.compile(r"(?:\[\d{1,2}\][\s,]*)+")
_NUMBER = re.compile(r"\[(\d{1,2})\]")
_CASE = re.compile(r"(?:(\d{2,4}[가-힣]{1,4})\s*)?(\d+(?:-\d+)?)")
_NOTE = re.compile(r"\([^()]*\)")


def parse_decision(raw: RawDocument) -> Parsed[Decision]:
    """The decision, or the reason why it has nothing to offer; its units are its numbered sections."""
    value = raw.value
    try:
        serial = id_at(value, "판례일련번호" if "판례일련번호" in value else "판례정보일련번호")
        issues, holdings, citations = (
            split_sections(clean(optional_text(value, key))) for key in ("판시사항", "판결요지", "참조조문")
        )
        if not any((issues, holdings, citations)):
            return _nothing(raw, "blank_precedent", optional_text(value, "사건번호"))
        if not (issues or holdings):
            return _nothing(raw, "citations_only", citations[min(citations)])
        date = as_date(text_at(value, "선고일자"))
        if not date:
            return _nothing(raw, "bad_date", f"선고일자 {value['선고일자']!r}")
        name, court = one_line(optional_text(value, "사건명")), one_line(optional_text(value, "법원명"))
        kind, cases = one_line(optional_text(value, "판결유형")), case_numbers(optional_text(value, "사건번호"))
    except Malformed as bad:
        return _nothing(raw, bad.reason, bad.detail)

    numbers = issues or holdings
    sections = tuple(
        Section(number, issues.get(number, ""), holdings.get(number, ""), citations.get(number, "")) for number in sorted(numbers)
    )
    lost = [("holding_without_issue", n, holdings[n]) for n in sorted(set(holdings) - set(numbers))]
    lost += [("citations_without_issue", n, citations[n]) for n in sorted(set(citations) - set(numbers))]
    dropped = tuple(Dropped(raw.source, f"PREC_{serial}[{n}]", reason, text) for reason, n, text in lost)
    decision = Decision(serial, name, cases, court, kind, date, sections, raw.source)
    return Parsed(decision, len(sections) + len(dropped), dropped)


def split_sections(text: str) -> dict[int, str]:
    """The text of each [n]; a text without numbers is number 0; stacked numbers [1][2] share theirs."""
    sections: dict[int, str] = {}
    marks = [mark for mark in _MARK.finditer(text) if text[: mark.start()].rstrip(" ")[-1:] in ("", "\n", "/")]
    before = text[: marks[0].start()].strip(" \n/") if marks else text
    if before and marks and marks[0][0].startswith("[2]"):
        sections[1] = before  # the first number was left out
    elif before or not marks:
        return {0: text} if text else {}
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        part = text[mark.end() : end].strip(" \n/")
        for number in map(int, _NUMBER.findall(mark[0])):
            if part:
                sections[number] = f"{sections[number]} / {part}" if number in sections else part
    return sections


def case_numbers(text: str) -> tuple[str, ...]:
    """`2010마1554,1555` is 2010마1554 and 2010마1555; notes such as (병합) and the seat (창원) are left out."""
    cases: list[str] = []
    prefix = ""
    for part in _NOTE.sub(" ", clean(text)).split(","):
        found = _CASE.search(part.strip())
        if not found:
            continue
        prefix = found[1] or prefix
        if prefix and (case := f"{prefix}{found[2]}") not in cases:
            cases.append(case)
    return tuple(cases)


def _nothing(raw: RawDocument, reason: str, detail: str) -> Parsed[Decision]:
    return Parsed(None, 1, (Dropped(raw.source, raw.position, reason, clean(detail)),))
