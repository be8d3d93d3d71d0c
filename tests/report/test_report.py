"""What the report says, of any run."""

import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.made import ATTACK, change, page_of, project, read_table
from ruamel.yaml import YAML

from haechi.cli.report import write_report
from haechi.pipeline.stage_details import STAGES, file_of
from haechi.records.passage import Passage
from haechi.records.result import QueryResult
from haechi.report import style
from haechi.report.checks import checks
from haechi.report.conclusion import answer
from haechi.report.examples import Shelf, marked
from haechi.report.graph import EDGES
from haechi.report.inputs import Places, Results, gather
from haechi.report.report import as_json
from haechi.report.slices import Slice, hybrid_told, sliced
from haechi.runtime.errors import UsageError
from haechi.runtime.files import write_jsonl
from haechi.scoring.verdict import verdict

ROOT = Path(__file__).parents[2]


def words_of(page: str) -> str:
    """The page without its tags, scripts and styles."""
    return unescape(re.sub(r"<[^>]+>", "", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)))


def score(row: QueryResult, system: str) -> float:
    """nDCG@10 of a query with one answer."""
    [gold] = row.gold
    ranks = [rank for rank in row.ranks[system] if rank <= 10]
    return 1.0 / math.log2(1 + ranks[0]) if ranks and gold else 0.0


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are put together as ever, but not laid out as SVG, which takes most of a page's time; for tests of the words."""
    monkeypatch.setattr(style, "svg", lambda figure: '<svg viewBox="0 0 1 1"><text>words</text></svg>')


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the usual run."""
    return page_of(project(tmp_path_factory.mktemp("usual"))).page


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize(
    ("base", "tuned", "said"),
    [(0.1, 0.95, "The tuned model is better"), (0.95, 0.1, "the tuned model is worse"), (0.5, 0.5, "This test can't tell")],
)
def test_the_headline_is_the_verdict_of_the_terminal(tmp_path: Path, base: float, tuned: float, said: str) -> None:
    root = project(tmp_path, base, tuned)
    results = gather(Places.below(root))
    told = answer(results, sliced(results.rows, 0.95), checks(results))

    assert said in words_of(page_of(root).page)
    assert told is not None
    assert told.judgement.split()[0] in verdict(results.metrics["evaluate"]).lower()
    assert said in told.closing()


@pytest.mark.slow
def test_two_pages_of_one_run_are_the_same_bytes_and_so_are_the_pictures(tmp_path: Path) -> None:
    one, two = project(tmp_path / "one"), project(tmp_path / "deeper" / "two")
    first, second = page_of(one, tmp_path / "a"), page_of(two, tmp_path / "b")

    assert first.page == second.page
    assert str(tmp_path) not in first.page
    names = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert len(names) == 36
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)


@pytest.mark.slow
def test_every_candidate_stands_in_the_table_of_the_selection_with_its_interval_the_best_first(tmp_path: Path) -> None:
    root = project(tmp_path)
    page_of(root, tmp_path / "pictures")
    rows = read_table(tmp_path / "pictures" / "selection.csv")

    assert [row["candidate"] for row in rows] == ["step-000004", "step-000008", "base"]
    assert rows[0] == {"candidate": "step-000004", "score": "0.5", "low": "0.4", "high": "0.6"}


def test_nothing_in_the_page_asks_the_network(page: str) -> None:
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", page))

    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"<link|@import|src=|url\((?!#)", page)


@pytest.mark.slow
def test_texts_of_documents_never_become_tags(page: str, tmp_path: Path) -> None:
    attacked = page_of(project(tmp_path, attack=ATTACK)).page

    assert attacked.count("<script") == page.count("<script") == 3
    assert attacked.count("</script") == 3
    assert attacked.count("<img") == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=6,
    )
)
def test_embedded_json_is_the_value_and_never_ends_its_tag(value: object) -> None:
    text = as_json(value)

    assert orjson.loads(str(text)) == value
    assert not set(text) & set("<>&\u2028\u2029")


@given(st.text("가나다라 .(", max_size=40), st.lists(st.text("가나다라.(", min_size=1, max_size=3), max_size=4))
def test_marking_loses_and_adds_no_letter(text: str, stems: list[str]) -> None:
    pieces = marked(text, sorted(stems, key=lambda stem: -len(stem)))

    assert "".join(pieces) == text
    assert all(piece in stems for piece in pieces[1::2])


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_input_is_named_with_the_command_that_makes_it_and_the_rest_is_shown(tmp_path: Path, stage: str) -> None:
    root = project(tmp_path)
    (root / file_of(stage)).unlink()
    made = page_of(root)

    assert [one.file for one in made.results.missing] == [file_of(stage).as_posix()]
    assert f"<code>{file_of(stage)}</code>" in made.page
    assert f"<code>dvc repro {stage}</code>" in made.page
    assert ("No answer yet." in words_of(made.page)) is (stage == "evaluate")


def test_an_empty_folder_gives_a_page_that_says_what_to_run(tmp_path: Path) -> None:
    made = page_of(tmp_path)

    assert "No answer yet." in words_of(made.page)
    assert len(made.results.missing) > 12
    assert "<figure" not in made.page


def test_every_input_that_the_report_knows_is_used(tmp_path: Path) -> None:
    assert gather(Places.below(project(tmp_path))).missing == []


def levels(root: Path) -> dict[str, str]:
    return {check.name.en: check.level for check in checks(gather(Places.below(root)))}


@pytest.mark.parametrize(
    ("stage", "values", "name", "level"),
    [
        ("make_pairs", {"leakage": {"exact_text": 2}}, "Leaks from test to training", "bad"),
        ("make_pairs", {"testset": "other"}, "One test set throughout", "bad"),
        ("select", {"encoder": "other"}, "The model that was scored is the one that was chosen", "bad"),
        ("select", {"chosen": "base"}, "Choice of the checkpoint", "bad"),
        ("train", {"verdict": "failed"}, "Health of the training run", "bad"),
        ("train", {"verdict": "suspicious"}, "Health of the training run", "mind"),
        ("train", {"verdict": None}, "Health of the training run", "unknown"),
        ("evaluate", {"gold_not_in_corpus": 3}, "Answers that the corpus lacks", "mind"),
        ("preprocess", {"dropped": {"blank": 60}}, "Documents set aside", "mind"),
    ],
)
def test_what_is_wrong_is_seen(tmp_path: Path, stage: str, values: dict[str, object], name: str, level: str) -> None:
    root = project(tmp_path)
    assert set(levels(root).values()) == {"good"}

    change(root, stage, **values)

    assert levels(root)[name] == level
    assert {key for key, results in levels(root).items() if results != "good"} == {name}


@pytest.mark.usefixtures("blank")
def test_the_worst_finding_stands_beside_the_answer(tmp_path: Path) -> None:
    root = project(tmp_path)
    change(root, "make_pairs", leakage={"exact_text": 2})

    assert "can't be believed" in words_of(page_of(root).page).partition("What now?")[0]


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_a_control_is_never_called_unsuspicious_and_nobody_is_told_to_adopt_it(tmp_path: Path) -> None:
    root = project(tmp_path)
    change(root, "train", next=["dvc repro", "haechi compare HEAD workspace"])
    assert "Nothing suspicious was found" in words_of(page_of(root).page)
    assert "haechi compare HEAD workspace" in words_of(page_of(root).page).partition("Pipeline, parameters")[0]

    (root / "params.yaml").write_text("train:\n  lr: 0.006\n  shuffle_labels: true\n", encoding="utf-8")
    text = words_of(page_of(root).page)
    assert "Nothing suspicious was found" not in text
    assert "haechi compare HEAD workspace" not in text.partition("Pipeline, parameters")[0]
    assert "Shuffled on purpose" in text.partition("What now?")[0]


@pytest.mark.slow
def test_every_finding_that_rejects_stands_beside_the_answer_and_no_point_has_a_tick(tmp_path: Path) -> None:
    root = project(tmp_path)
    change(root, "make_pairs", leakage={"exact_text": 2})
    change(root, "train", verdict="failed", reasons=["the training loss did not fall"])
    answered = page_of(root).page.partition('id="answer"')[2].partition("</section>")[0]

    assert "believed" in answered
    assert "did not fall" in answered
    assert "✓" not in answered


def test_both_languages_say_the_same_number_of_things(page: str) -> None:
    spans = {code: re.findall(rf'<span class="{code}" lang="{code}">(.*?)</span>', page) for code in ("en", "ko")}

    assert len(spans["en"]) == len(spans["ko"]) > 100
    assert not [text for text in spans["en"] if re.search("[가-힣]", text) and text != "한국어"]


@pytest.mark.usefixtures("blank")
def test_systems_that_score_the_same_on_every_query_are_called_the_same(tmp_path: Path) -> None:
    root = project(tmp_path)
    same = {"value": 0.0, "low": 0.0, "high": 0.0, "p_holm": 1.0, "wins": 0, "ties": 50, "losses": 0}
    before = gather(Places.below(root)).stage("evaluate")["difference"]
    change(root, "evaluate", difference=before | {"hybrid-tuned": {"ndcg@10": same}})
    row = page_of(root).page.partition("0 / 50 / 0")[2].partition("</tr>")[0]

    assert "the same" in row
    assert "같음" in row


@pytest.mark.usefixtures("blank")
def test_candidates_have_korean_names_wherever_they_stand(tmp_path: Path) -> None:
    root = project(tmp_path)
    one = gather(Places.below(root)).stage("select")["candidates"]["step-000004"]
    names = ("base", "step-000004", "average", "uniform soup", "greedy soup", "base to step-000004 at 0.75")
    why = "가장 가까운 것은 base to step-000004 at 0.75, 그다음은 average"
    change(root, "select", candidates=dict.fromkeys(names, one), why_ko=why, chosen="greedy soup")
    korean = " ".join(re.findall(r'<span class="ko" lang="ko">(.*?)</span>', page_of(root).page))

    for name in ("가중치 평균(average)", "균등 수프", "탐욕 수프", "기본 모델과 step-000004의 0.75 지점"):
        assert name in korean
    assert "가장 가까운 것은 기본 모델과 step-000004의 0.75 지점, 그다음은 가중치 평균(average)" in korean
    assert not re.search(r"soup|base to| average", korean)
    assert "정답이 학습에 나온 질의" in korean


@pytest.mark.usefixtures("blank")
def test_queries_that_name_their_answer_are_told_beside_the_count(tmp_path: Path) -> None:
    root = project(tmp_path)
    queries = gather(Places.below(root)).queries.values()
    named = [replace(q, names_positive=q.query_id in ("PREC_0", "PREC_1")) for q in queries]
    write_jsonl(root / "data/testset/queries.jsonl", named)

    assert "decisions 50; of the decisions 2 name their answer" in words_of(page_of(root).page)


def test_the_graph_is_that_of_dvc_yaml() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    names = {name: {key: _names(stage.get(key)) for key in ("deps", "outs", "metrics")} for name, stage in stages.items()}
    direct = {
        (a, b)
        for a in stages
        for b in stages
        if a != b and any(_under(out, dep) for key in ("outs", "metrics") for out in names[a][key] for dep in names[b]["deps"])
    }
    after = {a: {b for first, b in direct if first == a} for a in stages}

    def beyond(name: str) -> set[str]:
        return after[name] | {far for near in after[name] for far in beyond(near)}

    assert set(EDGES) == {(a, b) for a, b in direct if not any(b in beyond(near) for near in after[a])}


def _names(entries: list[object] | None) -> list[str]:
    return [name for entry in entries or [] for name in ([entry] if isinstance(entry, str) else list(entry))]  # type: ignore[call-overload]


def _under(one: str, two: str) -> bool:
    return f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/")


@pytest.mark.slow
@pytest.mark.usefixtures("blank")
def test_the_local_page_tells_times_and_stays_out_of_the_tracked_file(tmp_path: Path) -> None:
    root = project(tmp_path)
    log = {
        "stage": "train",
        "ok": True,
        "seconds": 7200.0,
        "ended": "2026-01-01T00:00:00+00:00",
        "host": "seoul",
        "device": "cpu",
        "memory_mb": 5,
    }
    (root / ".haechi").mkdir()
    (root / ".haechi/stages.log.jsonl").write_bytes(orjson.dumps(log) + b"\n{half a li")
    write_report(root, root / "reports/local.html")
    text = words_of((root / "reports/local.html").read_text(encoding="utf-8"))

    assert "Device hours of all runs: 2.000." in text
    assert "seoul" in text
    assert "seoul" not in page_of(root).page
    with pytest.raises(UsageError, match="take another name"):
        write_report(root, root / "reports/report.html")
    with pytest.raises(UsageError, match="is no project"):
        write_report(tmp_path / "nowhere", tmp_path / "x.html")


def slice_of(n: int, **means: float) -> Slice:
    return Slice("title", n, {"popularity": 1.0, **means}, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("one", "over", "behind"),
    [
        (slice_of(50, base=0.2, bm25=0.6, tuned=0.5, hybrid=0.585), -0.015, True),
        (slice_of(50, base=0.6, bm25=0.2, tuned=0.5, hybrid=0.595), -0.005, False),
        (slice_of(49, base=0.2, bm25=0.6, tuned=0.5, hybrid=0.3), -0.3, False),
        (slice_of(50, tuned=0.5, hybrid=0.7), 0.2, False),
        (slice_of(50, base=0.2, bm25=0.6, tuned=0.5), None, False),
    ],
)
def test_the_hybrid_is_set_against_the_best_single_system_and_marked_where_enough_was_asked(
    one: Slice, over: float | None, behind: bool
) -> None:
    assert one.over_best == (None if over is None else pytest.approx(over))
    assert one.hybrid_behind is behind


def test_how_many_slices_the_hybrid_falls_behind_on_is_told() -> None:
    ahead, below, small = (slice_of(n, tuned=0.5, hybrid=score) for n, score in ((60, 0.6), (60, 0.4), (20, 0.4)))

    assert (told := hybrid_told([ahead, below, small]))
    assert "Of the 2 kinds with 50 questions or more" in told.en
    assert "by more than 0.01 on 1 (marked !)." in told.en
    assert "1개입니다(! 표시)" in told.ko
    assert (none := hybrid_told([ahead, small]))
    assert none.en.endswith("on none.")
    assert hybrid_told([small]) is None
    assert hybrid_told([slice_of(60, tuned=0.5)]) is None


def test_the_table_of_slices_has_the_hybrid_of_the_evaluation(page: str, tmp_path: Path) -> None:
    results = gather(Places.below(project(tmp_path)))
    one = next(one for one in sliced(results.rows, 0.95) if one.name == "title")
    gaps = [score(row, "hybrid") - score(row, "tuned") for row in results.rows if row.suite == "title"]

    [table] = re.findall(r'<table class="sorts" id="slice-table".*?</table>', page, re.DOTALL)
    row = next(row for row in table.split("<tr>") if "suite: article titles" in row)
    assert f"<td>{one.means['hybrid']:.3f}</td>" in row
    assert f'data-value="{one.over_best}">{one.over_best:+.3f}</td>' in row
    assert sum(gaps) / len(gaps) == pytest.approx(one.means["hybrid"] - one.means["tuned"])
    assert one.hybrid_low <= sum(gaps) / len(gaps) <= one.hybrid_high


def test_a_run_without_an_untuned_model_has_no_answer() -> None:
    assert answer(replace(Results(), metrics={"evaluate": {"difference": {}}}), [], []) is None


def test_a_document_is_shown_with_its_headings_and_its_page() -> None:
    passage = Passage("DOC_a_1", "DOC_a", "DOC_a", "doc", "설명서 > 청소\n필터를 씻는다.", "설명서", "", "", "", "a.pdf", page=4)
    assert Shelf([passage]).article("DOC_a", "필터", 100)["name"] == "설명서 > 청소, p. 4"
    assert Shelf([replace(passage, page=0)]).article("DOC_a", "필터", 100)["name"] == "설명서 > 청소"
