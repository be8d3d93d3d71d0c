import csv
import io
from pathlib import Path

import pytest
from small_law import passage

from haechi.comparison.question_sheet import COLUMNS, drawn, labelled_queries, question_sheet
from haechi.records.question import Question
from haechi.runtime.errors import HaechiError

PASSAGES = {f"DOC_{n}_1": passage(f"DOC_{n}_1", f"=제목 {n}\n본문 {n}", article_key=f"DOC_{n}", type="doc") for n in range(9)}
QUESTIONS = [
    Question(f"Q_{n}_{i}", f"DOC_{n}_1", f"DOC_{n}", f"{n}의 {i}번 질문", "plain", "offline") for n in range(9) for i in range(3)
]
KEYS = {p.article_key for p in PASSAGES.values()}


def filled(path: Path, answers: dict[int, tuple[str, str]], encoding: str = "utf-8-sig") -> Path:
    """The exported sheet as a person saves it."""
    rows = list(csv.DictReader(io.StringIO(question_sheet(drawn(QUESTIONS, 9, 7), PASSAGES))))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for number, row in enumerate(rows):
        question, also = answers.get(number, ("", ""))
        writer.writerow(row | {"question": question, "also": also})
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def test_each_text_is_asked_about_once_and_more_rows_hold_the_fewer() -> None:
    few, many = drawn(QUESTIONS, 4, 7), drawn(QUESTIONS[::-1], 9, 7)

    assert len({q.article_key for q in many}) == 9
    assert many[:4] == few
    assert drawn(QUESTIONS, 4, 8) != few


def test_no_cell_is_a_formula() -> None:
    cells = [cell for row in csv.reader(io.StringIO(question_sheet(drawn(QUESTIONS, 9, 7), PASSAGES))) for cell in row]

    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp949"])
def test_what_a_person_filled_in_becomes_labelled_queries(tmp_path: Path, encoding: str) -> None:
    asked = drawn(QUESTIONS, 9, 7)
    other = next(key for key in sorted(KEYS) if key != asked[2].article_key)
    sheet = filled(tmp_path / "sheet.csv", {0: ("  언제\n되나요? ", ""), 2: ("얼마인가요?", f"{other}; ")}, encoding)

    assert labelled_queries(sheet, KEYS) == [
        {"query": "언제 되나요?", "positives": [asked[0].article_key]},
        {"query": "얼마인가요?", "positives": [asked[2].article_key, other]},
    ]


def test_a_key_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(HaechiError, match=r"sheet.csv:\d+.*DOC_99"):
        labelled_queries(filled(tmp_path / "sheet.csv", {1: ("어디인가요?", "DOC_99")}), KEYS)


@pytest.mark.parametrize(
    ("text", "sentence"), [("a,b\n1,2\n", "expected the columns"), ("document,question\nDOC_1,\n", "no question is filled in")]
)
def test_a_sheet_that_holds_no_questions_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "sheet.csv").write_text(text)

    with pytest.raises(HaechiError, match=sentence) as caught:
        labelled_queries(tmp_path / "sheet.csv", KEYS)
    assert "\n" not in str(caught.value)
