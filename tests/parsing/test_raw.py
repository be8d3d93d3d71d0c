"""Whatever lies in the folder, reading goes on and says what it met."""

from pathlib import Path

import pytest
from parsing.law_examples import decision, document, law, library, query, rule, write

from haechi.parsing.raw import RawDocument, kind_of, place, read_raw
from haechi.records.dropped import Dropped
from haechi.runtime.errors import HaechiError


def test_kinds_are_told_by_content() -> None:
    """The file name says nothing."""
    kinds = [kind_of(value()) for value in (law, rule, decision, document, query)]

    assert kinds == ["law", "admin", "precedent", "document", "query"]


def test_files_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    """Two runs read the same."""
    found = list(read_raw(library(tmp_path)))

    assert [row.source for row in found] == [
        "docs/manual.jsonl",
        "docs/manual.jsonl",
        "docs/note.txt",
        "laws/000777.json",
        "precedents/900001.json",
        "rules/42.json",
    ]
    assert all(isinstance(row, RawDocument) for row in found)


@pytest.mark.parametrize("make", ["missing", "empty"])
def test_no_documents_is_one_sentence(tmp_path: Path, make: str) -> None:
    """A wrong path is the user's to mend."""
    with pytest.raises(HaechiError, match="no such folder" if make == "missing" else "no raw documents"):
        list(read_raw(tmp_path / "not" if make == "missing" else tmp_path))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b'{"\xeb\xb2\x95\xeb\xa0\xb9": {', "not_json"),
        ("a.json", "민법".encode("cp949"), "not_json"),
        ("a.jsonl", "민법".encode("cp949"), "not_json"),
        ("a.txt", b"\xff\xfe\xdc", "not_utf8"),
        ("a.txt", "민법".encode()[:-1], "not_utf8"),
        ("a.md", "naïve café".encode("latin1"), "not_utf8"),
        ("a.json", b"", "empty_file"),
        ("a.json", b" \n ", "empty_file"),
        ("a.json", b"[]", "wrong_top_level"),
        ("a.json", b"7", "wrong_top_level"),
        ("a.json", b'"text"', "wrong_top_level"),
        ("a.json", b"[1]", "wrong_top_level"),
        ("a.json", b"null", "wrong_top_level"),
        ("a.json", b'{"other": 1}', "unknown_type"),
        ("a.doc", b"x", "unknown_suffix"),
        ("a.pdf", b" ", "empty_file"),
        ("a.pdf", b"%PDF-1.7", "damaged_file"),
        ("a.csv", b"\xff", "not_utf8"),
        ("a.csv", b"id,name\n1,a", "no_columns"),
        ("noext", b"x", "unknown_suffix"),
        ("a.json", b'{"a": "\x00"}', "not_json"),
        ("a.json", b"[" * 5000, "not_json"),
        ("a.json", b'{"a": NaN}', "not_json"),
        ("a.jsonl", b'{"id": 1', "not_json"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    """One `Dropped` each, with a fixed reason."""
    (tmp_path / name).write_bytes(data)

    (found,) = read_raw(tmp_path)

    assert isinstance(found, Dropped)
    assert (found.source, found.reason) == (name, reason)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.docx", b"PK", "can't be opened (File is not a zip file): it may be cut short; save it again"),
        ("a.doc", b"x", "haechi reads .json .jsonl .txt .md .csv .tsv .pdf .docx .pptx .xlsx .hwp .hwpx .epub .html: convert it"),
        ("a.csv", b"name;value\n", "needs the columns `id` and `text`, named in its first line; it has name, value"),
        ("a.txt", b"\xff\xfe", "is not UTF-8 (byte 0): save it as UTF-8"),
        ("a.txt", b" ", "is empty"),
        ("a.jsonl", b"\n", "is empty"),
        ("a.json", b"{", "is not JSON ("),
        ("a.json", b'{"name": 1}', "is no kind of README's `Your own documents`: its keys are name"),
    ],
)
def test_what_can_be_done_is_said(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    """In the detail, after the file's name."""
    (tmp_path / name).write_bytes(data)

    (found,) = read_raw(tmp_path)

    assert isinstance(found, Dropped)
    assert found.detail.startswith(said)


def test_a_file_of_text_is_called_by_its_heading_or_its_name(tmp_path: Path) -> None:
    """Its id is its path either way."""
    write(tmp_path, "docs/공기청정기_사용-설명서.txt", "# 켠다.")
    write(tmp_path, "docs/manual.md", "# 공기청정기\n\n**켠다**.")
    write(tmp_path, "docs/no_heading.MD", "끈다.")

    rows = [row for row in read_raw(tmp_path) if isinstance(row, RawDocument)]
    assert [row.content.text if row.content else row.value["content"] for row in rows] == ["켠다.", "끈다.", "# 켠다."]
    assert [(row.value["docid"], row.value["title"]) for row in rows] == [
        ("docs/manual", "공기청정기"),
        ("docs/no_heading", "no heading"),
        ("docs/공기청정기_사용-설명서", "공기청정기 사용 설명서"),
    ]


@pytest.mark.parametrize(
    ("position", "told"), [("", "a.json"), ("3", "a.json:3"), ("[0]", "a.json[0]"), ("제3조", "a.json 제3조")]
)
def test_a_place_is_a_file_and_where_in_it(position: str, told: str) -> None:
    assert place("a.json", position) == told


def test_a_bad_line_costs_that_line(tmp_path: Path) -> None:
    """The lines around it are read, and its number is told."""
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "1", "text": "a"}\n{"id": \n\n{"id": "2", "text": "b"}\n\xff\n')

    found = [(row.position, getattr(row, "reason", "")) for row in read_raw(tmp_path)]

    assert found == [("1", ""), ("2", "not_json"), ("4", ""), ("5", "not_utf8")]


def test_a_list_of_documents_is_read_one_by_one(tmp_path: Path) -> None:
    """Positions are indices."""
    write(tmp_path, "a.json", [document(), 3])

    assert [(type(row), row.position) for row in read_raw(tmp_path)] == [(RawDocument, "[0]"), (Dropped, "[1]")]


def test_files_about_the_data_are_passed_over(tmp_path: Path) -> None:
    """README, LICENSE and hidden files are no documents."""
    library(tmp_path)
    for name in ("README.md", "readme.ko.md", "LICENSE", ".gitignore", ".hidden/a.json", "laws.dvc"):
        write(tmp_path, name, "x")

    assert len(list(read_raw(tmp_path))) == 6


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Windows editors write one."""
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"id": "1", "text": "a"}')

    (found,) = read_raw(tmp_path)

    assert isinstance(found, RawDocument)


def test_a_wrapped_decision_is_unwrapped(tmp_path: Path) -> None:
    """The service answers {"PrecService": …}."""
    write(tmp_path, "a.json", {"PrecService": decision()})

    (found,) = read_raw(tmp_path)

    assert isinstance(found, RawDocument)
    assert found.kind == "precedent"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "민법 제1조, 民法"),
        ("a.md", "# 민법\n민법 제1조"),
        ("a.json", '{"id": "1", "text": "민법"}'),
        ("a.jsonl", '{"id": "1", "text": "민법"}'),
        ("a.csv", "id,text\n1,민법"),
    ],
)
@pytest.mark.parametrize("encoding", ["cp949", "euc-kr"])
def test_text_in_the_encoding_of_older_programs_is_read_and_told_apart(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))

    (found,) = read_raw(tmp_path)

    assert isinstance(found, RawDocument)
    assert found.encoding == "cp949"
    assert "민법" in (found.content.text if found.content else found.value.get("content", found.value.get("text", "")))


def test_utf_16_with_its_mark_is_read(tmp_path: Path) -> None:
    """Notepad calls it Unicode."""
    (tmp_path / "a.txt").write_bytes("민법".encode("utf-16"))

    (found,) = read_raw(tmp_path)

    assert isinstance(found, RawDocument)
    assert (found.value["content"], found.encoding) == ("민법", "utf-16")


def test_rows_of_a_table_are_documents_by_the_names_of_their_columns(tmp_path: Path) -> None:
    """In any order, beside others; a quoted cell may hold lines; the position is the line at which the row ends."""
    (tmp_path / "a.csv").write_text('\ufeffNote,Text,ID,title\nx,"두 줄\n이다",7,제목\n,,,\ny,글,b,\n', encoding="utf-8")
    (tmp_path / "b.tsv").write_text("docid\tcontent\nc\t글, 그리고 글\n", encoding="utf-8")
    (tmp_path / "c.csv").write_text("id;text\nd;반점 대신\n", encoding="utf-8")

    rows = [row for row in read_raw(tmp_path) if isinstance(row, RawDocument)]

    assert [(row.source, row.position, row.value) for row in rows] == [
        ("a.csv", "3", {"docid": "7", "title": "제목", "content": "두 줄\n이다"}),
        ("a.csv", "5", {"docid": "b", "title": "", "content": "글"}),
        ("b.tsv", "2", {"docid": "c", "content": "글, 그리고 글"}),
        ("c.csv", "2", {"docid": "d", "content": "반점 대신"}),
    ]
