"""Questions around an evaluation: does training resemble the test, how much data is needed, and what do people say."""

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.checkout import ROOT
from ruamel.yaml import YAML
from small_law import PASSAGES, key

from haechi.comparison import learning_curve, test_reads
from haechi.comparison.alignment import align, divergence
from haechi.comparison.judging_pool import Judged, judged_rate, pooled, read_sheet, sheet
from haechi.comparison.learning_curve import part, unit_of
from haechi.evaluation.params import EvaluateParams
from haechi.pipeline.dvc_yaml import stage_command
from haechi.records.mined import MinedExample
from haechi.records.query import TestQuery
from haechi.records.result import QueryResult
from haechi.retrieval.run import Run
from haechi.runtime.errors import BadRecord, HaechiError
from haechi.runtime.files import read_records, write_json, write_jsonl, write_text
from haechi.runtime.params import load_section
from haechi.scoring.per_query import write_rows

QUERIES = [
    TestQuery(f"t{i}", f"우물 {i} 이용의 효력 여부", (key(4),), "precedent", f"g{i}", "", f"t{i}", False, False) for i in range(9)
]


def example(number: int, source: str = "precedent", article: int = 4) -> MinedExample:
    text = next(p.text for p in PASSAGES if p.id == key(article))
    query_id = f"Q_{number}" if source == "question" else f"PREC_{number // 2}_s{number % 2 + 1}"
    return MinedExample(
        query=f"우물 {number} 이용의 책임 여부",
        pos=(text,),
        neg=(),
        pos_scores=(1.0,),
        neg_scores=(),
        query_id=query_id,
        pos_ids=(key(article),),
        neg_ids=(),
        neg_reasons=(),
        related=(),
        source=source,
    )


# Alignment


def test_training_that_resembles_the_test_diverges_nowhere() -> None:
    found = align([example(i) for i in range(9)], QUERIES, PASSAGES, frozenset())

    assert found.broken == ()
    assert max(facet.divergence for facet in found.facets) == pytest.approx(0.0, abs=1e-9)


def test_training_on_another_task_shows_in_the_facets_that_differ() -> None:
    other = [replace(example(i, "question"), query=f"{i}?") for i in range(9)]
    by_name = {facet.name: facet.divergence for facet in align(other, QUERIES, PASSAGES, frozenset()).facets}

    assert by_name["source"] == by_name["query style"] == by_name["query length"] == pytest.approx(1.0)
    assert by_name["answer length"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (replace(example(1), query=QUERIES[3].query_text), "PREC_0_s2 is the text of test query t3"),
        (example(1, article=2), "is answered by LAW_000001_제2조, which is held out"),
        (replace(example(1), pos=(), pos_ids=()), "has no positive"),
    ],
)
def test_what_must_hold_is_named_when_it_does_not(broken: MinedExample, sentence: str) -> None:
    found = align([example(0), broken], QUERIES, PASSAGES, frozenset({key(2)}))

    assert len(found.broken) == 1
    assert sentence in found.broken[0]


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1), min_size=1),
)
def test_divergence_is_symmetric_between_zero_and_one(first: dict[str, float], second: dict[str, float]) -> None:
    one, two = ({k: v / sum(side.values()) for k, v in side.items()} for side in (first, second))

    assert divergence(one, two) == pytest.approx(divergence(two, one))
    assert 0.0 <= divergence(one, two) <= 1.0 + 1e-9
    assert divergence(one, one) == pytest.approx(0.0, abs=1e-12)


# The learning curve

EXAMPLES = [example(i) for i in range(40)] + [example(i, "question") for i in range(30)]


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5), st.sampled_from(("decisions", "questions")))
def test_a_larger_share_holds_the_smaller_one_and_leaves_the_other_kind_alone(one: float, two: float, seed: int, of) -> None:
    (small, few), (large, many) = (part(EXAMPLES, of, share, seed) for share in sorted((one, two)))

    assert {e.query_id for e in small} <= {e.query_id for e in large}
    assert few <= many
    other = [e for e in EXAMPLES if (e.source == "question") != (of == "questions")]
    assert [e for e in small if e in other] == other
    if of == "decisions":
        kept = {unit_of(e) for e in small if e.source != "question"}
        assert sum(e.source != "question" for e in small) == 2 * len(kept), "a decision comes with all of its sections"


def test_all_of_it_is_all_and_nothing_to_grow_is_an_error() -> None:
    assert part(EXAMPLES, "decisions", 1.0, 7) == (EXAMPLES, 20)
    with pytest.raises(HaechiError, match="no questions among"):
        part(EXAMPLES[:5], "questions", 0.5, 7)


def test_a_decision_is_one_unit_with_all_its_issues_and_holdings() -> None:
    ids = ["PREC_1_s1", "PREC_1_s1_h", "PREC_1_s2", "PREC_1_s2_h", "PREC_2_s10", "PREC_2_s10_h"]
    sources = ["holding" if id.endswith("_h") else "precedent" for id in ids]
    examples = [replace(example(0, source), query_id=id) for id, source in zip(ids, sources, strict=True)]

    assert part(examples, "decisions", 1.0, 7) == (examples, 2)
    half, n = part(examples, "decisions", 0.5, 7)
    assert n == 1
    assert [e.query_id for e in half] in (ids[:4], ids[4:])


PARAMS = load_section(ROOT / "params.yaml", "evaluate", EvaluateParams)


FACETS = {"articles": ("seen",), "law": ("가",), "year": ("2022",)}


def result(query: int, rank: int) -> QueryResult:
    return QueryResult(f"t{query}", "precedent", f"g{query}", True, ("a",), FACETS, {"tuned": (rank,)}, {"tuned": ("a",)})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([5] * 20, [1] * 20, "more decisions helped"),
        ([1] * 20, [5] * 20, "more decisions made it worse"),
        ([1, 2] * 10, [2, 1] * 10, "whether more decisions help is open"),
    ],
)
def test_a_learning_curve_ends_with_whether_more_data_helped(before: list[int], after: list[int], said: str) -> None:
    few, many = ([result(query, rank) for query, rank in enumerate(ranks)] for ranks in (before, after))
    told = learning_curve.conclusion((47, few), (187, many), "decisions", PARAMS)

    assert told.startswith("From 47 to 187 decisions: ")
    assert said in told


def test_the_models_of_a_learning_curve_count_among_those_that_the_test_set_was_read_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / learning_curve.EXAMPLES, EXAMPLES)
    shutil.copy(ROOT / "params.yaml", tmp_path)

    def scored(root: Path, work: Path, stage: str) -> None:
        mark = len((work / learning_curve.EXAMPLES).read_bytes())
        write_json(work / learning_curve.METRICS, {"testset": "t", "encoder": f"model of {mark} bytes"})
        write_rows(work / learning_curve.PER_QUERY, [result(query, query + 1) for query in range(9)])

    monkeypatch.setattr(learning_curve, "_run", scored)
    learning_curve.measure_curve(tmp_path, "decisions", [0.5, 1.0], 7)

    reads = list(read_records(tmp_path / test_reads.LEDGER, test_reads.Read))
    assert [(read.testset, read.revision) for read in reads] == [("t", "learning-curve")] * 2
    assert len({read.encoder for read in reads}) == 2


@pytest.mark.parametrize("stage", learning_curve.STAGES)
def test_a_stage_that_runs_beside_the_pipeline_writes_none_of_its_outputs(stage: str, tmp_path: Path) -> None:
    (tmp_path / "data/mined").mkdir(parents=True)
    (tmp_path / learning_curve.EXAMPLES).touch()
    words = stage_command(ROOT, stage, tmp_path)
    entry = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    outs = [out if isinstance(out, str) else next(iter(out)) for out in [*entry["outs"], *entry["metrics"]]]

    assert outs
    assert [out for out in outs if out in words or str(tmp_path / out) not in words] == []
    assert (str(tmp_path / learning_curve.EXAMPLES) in words) == (stage == "train")


def test_a_learning_curve_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_jsonl(tmp_path / learning_curve.EXAMPLES, EXAMPLES)
    write_text(tmp_path / ".haechi/curve/old.bin", "left by a run that was killed")
    seen = []

    def fails(root: Path, work: Path, stage: str) -> None:
        seen.extend(file.name for file in work.rglob("*") if file.is_file())
        raise HaechiError(f"learning-curve: stage {stage} failed")

    monkeypatch.setattr(learning_curve, "_run", fails)
    with pytest.raises(HaechiError, match="stage train failed"):
        learning_curve.measure_curve(tmp_path, "decisions", [0.5], 7)

    assert seen == ["train.jsonl"]
    assert not (tmp_path / ".haechi/curve").exists()


def test_a_stages_own_command_gets_other_paths(tmp_path: Path) -> None:
    words = stage_command(ROOT, "evaluate", tmp_path, {"--encoder": tmp_path / "e"})

    assert words[words.index("--encoder") + 1] == str(tmp_path / "e")
    assert words[words.index("--metrics") + 1] == str(tmp_path / "metrics/evaluate.json")
    assert words[words.index("--testset") + 1] == "data/testset"
    with pytest.raises(HaechiError, match="stage train has no --colour"):
        stage_command(ROOT, "train", tmp_path, {"--colour": tmp_path})


# The pool

RUNS = {
    "bm25": Run({q.query_id: [(f"a{i}", -float(i)) for i in range(4)] for q in QUERIES}),
    "tuned": Run({q.query_id: [(f"a{i}", -float(i)) for i in range(2, 6)] for q in QUERIES}),
}
TEXTS = {q.query_id: q.query_text for q in QUERIES}


def filled(text: str, answers: dict[str, str]) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    out = io.StringIO()
    csv.writer(out).writerows([rows[0], *([*row[:3], answers.get(row[2], "")] for row in rows[1:])])
    return out.getvalue()


def test_the_sheet_is_blind_and_comes_back_whole(tmp_path: Path) -> None:
    pairs = pooled(RUNS, list(TEXTS), 4, 3, 7)
    text = sheet(pairs, TEXTS, {})
    write_text(tmp_path / "s.csv", filled(text, {f"a{i}": "1" if i == 4 else "0" for i in range(6)}))
    found = read_sheet(tmp_path / "s.csv", RUNS, 3)

    assert len({q for q, _ in pairs}) == 4
    assert len(pairs) == 4 * 5, "each article once, whoever found it"
    assert not any(word in text for word in ("bm25", "tuned", "t0"))
    asked = [q for q, _ in pairs]
    assert asked == sorted(asked, key=asked.index), "a reader meets each query once"
    assert any(keys != sorted(keys) for q in set(asked) if (keys := [key for query, key in pairs if query == q]))
    assert found.pairs == set(pairs)
    assert found.relevant == {q: frozenset({"a4"}) for q, _ in pairs}


def test_a_formula_in_a_text_stays_a_text() -> None:
    assert "'=HYPERLINK" in sheet([("t0", "a1")], TEXTS, {"a1": '=HYPERLINK("x")'})


@pytest.mark.parametrize(("answer", "sentence"), [("maybe", "expected 1 or 0, found maybe"), ("1", "an item of today's runs")])
def test_an_answer_that_can_not_be_read_is_named_with_its_line(answer: str, sentence: str, tmp_path: Path) -> None:
    item = sheet([("t0", "a1")], TEXTS, {}).splitlines()[1].split(",")[0] if answer == "maybe" else "unknown"
    write_text(tmp_path / "s.csv", f"item,query,passage,relevant\n{item},q,p,{answer}\n")

    with pytest.raises(BadRecord, match=rf"s.csv:2: .*{sentence}"):
        read_sheet(tmp_path / "s.csv", RUNS, 3)


def test_the_judged_rate_counts_what_is_known() -> None:
    """Of tuned's a2 a3 a4 the sheet knows a2, the court cites a3: two of three."""
    judged = Judged({}, frozenset({("t0", "a2")}))

    assert judged_rate(RUNS["tuned"], judged, {"t0": ("a3",)}, 3) == pytest.approx(2 / 3)
