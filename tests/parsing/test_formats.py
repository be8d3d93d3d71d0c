"""One manual in twelve formats reads as the same sections; a broken file has a reason; a reader that hangs or dies costs its file."""

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import made_documents as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parsing.law_examples import params

from haechi.parsing import convert as conversion
from haechi.parsing import worker_pool
from haechi.parsing.content import Block, Content, packed, unpacked
from haechi.parsing.formats import FORMATS, convert
from haechi.parsing.ingest import complaints, not_utf8, preprocess, read_corpus
from haechi.parsing.sections import sections
from haechi.rowstore.namespaces import DOCUMENTS
from haechi.rowstore.store import open_store

STRUCTURED = ("docx", "pptx", "html", "hwp", "hwpx", "epub", "pdf")
TABLES = ("docx", "pptx", "html", "hwp", "hwpx", "epub", "xlsx")


def read(suffix: str, outline: made.Outline = made.MANUAL) -> Content:
    return unpacked(convert(suffix, made.MAKERS[suffix](outline)))


@pytest.mark.parametrize("suffix", STRUCTURED)
def test_headings_are_sections_and_their_words_are_all_there(suffix: str) -> None:
    """Slides have one level alone, and so have the chapters of the book made here."""
    body = read(suffix)
    flat = suffix in ("pptx", "epub")
    paths = [section.path for section in sections(body.blocks) if section.path]

    assert paths == [("설치",), ("청소",), ("필터 교체",) if flat else ("청소", "필터 교체")]
    for part in made.MANUAL.parts:
        for words in (*part.paragraphs, *(cell for row in part.rows for cell in row)):
            assert words in body.text
    assert "alert" not in body.text


@pytest.mark.parametrize("suffix", [suffix for suffix in STRUCTURED if not suffix.startswith("hwp")])
def test_the_title_is_the_documents_own(suffix: str) -> None:
    """The HWP files made here show it as text in ordinary print."""
    assert read(suffix).title == made.MANUAL.title


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_keeps_its_rows(suffix: str) -> None:
    assert [block.text for block in read(suffix).blocks if block.kind == "table"] == ["부품 | 주기\n필터 | 매월\n겉면 | 매주"]


def test_pages_and_slides_are_told() -> None:
    pages = {block.page for block in read("pdf", made.made_up(1, parts=30)).blocks}
    assert pages == set(range(1, max(pages) + 1))
    assert len(pages) > 1
    assert {block.text: block.page for block in read("pptx").blocks if block.kind == "heading"} == {
        "설치": 2,
        "청소": 3,
        "필터 교체": 4,
    }


def test_one_document_in_three_formats_has_linked_passages(tmp_path: Path) -> None:
    """By what they say, whatever their files are called: none of them is a negative of another."""
    for suffix in ("pdf", "docx", "html", "hwp"):
        (tmp_path / f"manual.{suffix}").write_bytes(made.MAKERS[suffix](made.made_up(7)))

    doc = preprocess(read_corpus(tmp_path), params("article", max_chars=2000)).doc

    by_body = {passage.body for passage in doc}
    linked = [
        passage
        for passage in doc
        if {twin.rpartition("_")[0] for twin in passage.twins} | {passage.parent_id}
        == {f"DOC_manual.{s}" for s in ("pdf", "docx", "html", "hwp")}
    ]
    assert {passage.article_key for passage in doc} == {f"DOC_manual.{s}" for s in ("pdf", "docx", "html", "hwp")}
    assert len(linked) >= 12, by_body


@pytest.mark.parametrize("name", [name for name, (suffix, *_) in made.BROKEN.items() if suffix in FORMATS])
def test_what_is_broken_is_named(name: str) -> None:
    suffix, reason, make = made.BROKEN[name]
    answer = convert(suffix, make())

    assert answer.get("reason") == reason or (reason == "empty_document" and not answer["blocks"])
    assert reason == "empty_document" or len(answer["detail"]) <= 120


@pytest.mark.slow
def test_a_folder_of_all_formats_loses_no_count(tmp_path: Path) -> None:
    """Sound and broken files side by side: no crash, each broken one named with its reason, the second run reads nothing."""
    for at, (suffix, make) in enumerate(made.MAKERS.items()):
        for copy in range(2):
            (tmp_path / f"{at}-{copy}.{suffix}").write_bytes(
                make(made.made_up(100 * at + copy))
                .replace(b"\n0,", f"\n{at}{copy},".encode())
                .replace(b"\n0\t", f"\n{at}{copy}\t".encode())
            )
    expected = {}
    for at, (suffix, reason, make_broken) in enumerate(made.BROKEN.values()):
        (tmp_path / f"broken-{at}.{suffix}").write_bytes(make_broken())
        expected[f"broken-{at}.{suffix}"] = reason

    corpus = read_corpus(tmp_path)
    result = preprocess(corpus, params("article", max_bad_share=0.6))

    assert {row.source: row.reason for row in corpus.dropped} == expected
    assert len(corpus.documents) == 24
    assert result.counts.read == sum(result.counts.kept.values()) + sum(result.counts.dropped.values())
    assert not_utf8(corpus) == "4 files, such as 11-0.txt, are not UTF-8 (CP949 or UTF-16) and converted while reading"
    with open_store() as store:
        rows = store.count(DOCUMENTS)
    assert read_corpus(tmp_path) == corpus
    with open_store() as store:
        assert store.count(DOCUMENTS) == rows


def test_what_was_read_once_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under another name too; what it says comes from the store."""
    page = made.MAKERS["html"](made.MANUAL)
    (tmp_path / "a.html").write_bytes(page)
    first = read_corpus(tmp_path).documents[0]
    (tmp_path / "b.htm").write_bytes(page)
    monkeypatch.setattr(conversion, "Pool", None)

    assert [document.blocks for document in read_corpus(tmp_path).documents] == [first.blocks] * 2
    assert capsys.readouterr().out.splitlines() == [
        "rows: documents 0 from the store, 1 made",
        "rows: documents 2 from the store, 0 made",
    ]


def test_without_the_extra_a_file_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is opened for it; an HTML page needs no extra."""

    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    for suffix in ("pdf", "hwp", "html"):
        (tmp_path / f"a.{suffix}").write_bytes(made.MAKERS[suffix](made.MANUAL))
    monkeypatch.setattr(conversion, "version", missing)
    corpus = read_corpus(tmp_path)

    assert complaints(corpus) == [
        f"a.{suffix}: is read with the extra `documents`: pip install 'haechi[documents]'" for suffix in ("hwp", "pdf")
    ]
    assert [document.source for document in corpus.documents] == ["a.html"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "reason"), [("while True: pass", "took_too_long"), ("import os; os._exit(3)", "reader_died")]
)
def test_a_reader_that_hangs_or_dies_costs_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, reason: str
) -> None:
    """It is not written down, because another machine may manage; the next document has a fresh worker."""
    spoilt = tmp_path / "spoilt.py"
    spoilt.write_text(
        "import haechi.parsing.formats as formats\nfrom dataclasses import replace\nread = formats.FORMATS['html'].read\n"
        f"def spoil(data):\n    if b'spoil' in data:\n        {behaviour}\n    return read(data)\n"
        "formats.FORMATS = {**formats.FORMATS, 'html': replace(formats.FORMATS['html'], read=spoil)}\n"
        "from haechi.parsing.worker import main\nmain()\n"
    )
    monkeypatch.setattr(worker_pool, "SECONDS", 10.0)
    monkeypatch.setattr(worker_pool.worker, "__name__", "spoilt")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    raw = tmp_path / "raw"
    raw.mkdir()
    for name, text in (("a", "<p>가"), ("b", "<p>spoil"), ("c", "<p>나")):
        (raw / f"{name}.html").write_text(text, encoding="utf-8")
    corpus = read_corpus(raw)

    assert [(row.source, row.reason) for row in corpus.dropped] == [("b.html", reason)]
    assert [document.text for document in corpus.documents] == ["가", "나"]
    with open_store() as store:
        assert store.count(DOCUMENTS) == 2


def test_nothing_of_the_extra_is_imported_here(tmp_path: Path) -> None:
    """Neither where no such file is, nor where one is: workers read it."""
    (tmp_path / "a.md").write_text("# 글\n글이다.", encoding="utf-8")
    (tmp_path / "a.docx").write_bytes(made.docx(made.MANUAL))
    program = (
        "import sys; from pathlib import Path; from haechi.parsing.ingest import read_corpus; "
        f"assert len(read_corpus(Path({str(tmp_path)!r})).documents) == 2; "
        "print(sorted({'docx', 'pptx', 'lxml', 'dochan', 'pypdfium2', 'python_calamine'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_worker_has_no_keys_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    process = worker_pool._start()
    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    process.kill()
    process.communicate()

    assert b"secret" not in environment


def test_entities_are_not_resolved_and_no_file_is_opened(tmp_path: Path) -> None:
    """A book that asks for a file of the machine has no word of it."""
    (tmp_path / "secret").write_text("몰래", encoding="utf-8")
    package = f'<!DOCTYPE p [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><package><metadata><title>책 &x;</title></metadata></package>'
    container = '<container><rootfiles><rootfile full-path="p.opf"/></rootfiles></container>'
    answer = convert("epub", made.zipped({"META-INF/container.xml": container, "p.opf": package}))

    assert "몰래" not in json.dumps(answer, ensure_ascii=False)


@pytest.mark.slow
def test_a_document_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    """As text; what no document should hold is refused by its size alone."""
    (tmp_path / "a.txt").write_text("물을 준다. 나무를 벤다.\n" * 1_600_000, encoding="utf-8")
    assert (tmp_path / "a.txt").stat().st_size > 50e6

    assert len(read_corpus(tmp_path).documents) == 1


def test_a_file_beyond_the_limit_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "MOST_BYTES", 100)
    (tmp_path / "a.html").write_text("<p>" + "가" * 100, encoding="utf-8")

    (dropped,) = read_corpus(tmp_path).dropped
    assert (dropped.reason, dropped.detail) == ("too_large", "has 303 bytes, at most 100 are read: divide it")


@settings(max_examples=200)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=300), st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", made.OLE]))
def test_any_bytes_are_read_or_named(suffix: str, data: bytes, magic: bytes) -> None:
    answer = convert(suffix, magic + data)

    assert {"reason", "detail"} <= set(answer) or unpacked(json.loads(json.dumps(answer)))


BROKEN_COPY = st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8))


@settings(max_examples=60)
@given(st.sampled_from(["pdf", "docx", "xlsx", "hwp", "hwpx", "epub", "pptx"]), BROKEN_COPY)
def test_damage_anywhere_never_crashes(suffix: str, damage: tuple[float, bytes]) -> None:
    """Some of what is damaged is still read."""
    data = bytearray(SOUND[suffix])
    at = int(damage[0] * (len(data) - len(damage[1])))
    data[at : at + len(damage[1])] = damage[1]

    assert set(convert(suffix, bytes(data))) in ({"reason", "detail"}, {"title", "blocks"})


SOUND = {suffix: make(made.MANUAL) for suffix, make in made.MAKERS.items() if suffix in FORMATS}


@given(
    st.builds(
        Content,
        st.text(max_size=5),
        st.lists(
            st.builds(
                Block, st.sampled_from(["text", "heading", "table"]), st.text(max_size=5), st.integers(0, 6), st.integers(0, 9)
            ),
            max_size=3,
        ).map(tuple),
    )
)
def test_content_goes_to_the_store_and_back(body: Content) -> None:
    assert unpacked(json.loads(json.dumps(packed(body)))) == body
