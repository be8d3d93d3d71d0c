"""What the report advises, over every combination of what its checks may find: a model that one of them rejects is never praised."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from report.made import change, project

from haechi.report.checks import checks
from haechi.report.conclusion import answer
from haechi.report.decision import RULES, Decision, Findings, decide
from haechi.report.inputs import Places, gather
from haechi.report.slices import Slice, sliced
from haechi.text.bilingual import Words

PERFECT = Findings(
    over_base="better",
    over_bm25="better",
    hybrid="no",
    trade=Words("", ""),
    training="good",
    leaks=False,
    mixed=False,
    shuffled=False,
    base_kept=False,
    unlearned=False,
    behind=None,
    lost=None,
    doubts=False,
    remedy="dvc exp run -S train.lr=0.003",
    made=False,
)
KIND = Words("titles of articles", "조문 제목 질의")
TRADE = Words(
    "+0.269 for titles of articles, -0.017 for issues of decisions (may be chance)",
    "조문 제목 질의 +0.269, 판결 쟁점 -0.017(우연일 수 있음)",
)
PRAISE = re.compile(r"Yes|files to deploy|[Dd]eploy it together|^The tuned model is better|예, |배포할 파일|쓰십시오")


def every() -> Iterator[Findings]:
    """All combinations: some 65,000."""
    kinds = get_type_hints(Findings)
    values = [
        [getattr(PERFECT, name)] if name in ("remedy", "trade") else [False, True] if kind is bool else list(get_args(kind))
        for name, kind in kinds.items()
    ]
    values = [[None, KIND] if Words in column else column for column in values]
    for combination in product(*values):
        yield Findings(**dict(zip(kinds, combination, strict=True)))


@cache
def decided() -> list[tuple[Findings, Decision]]:
    """Each with what is decided."""
    return [(results, decide(results)) for results in every()]


def rejected(results: Findings) -> bool:
    return (
        results.over_base != "better"
        or results.over_bm25 == "below"
        or results.training == "failed"
        or any((results.leaks, results.mixed, results.shuffled, results.base_kept, results.unlearned))
    )


def reserved(results: Findings) -> bool:
    return bool(
        results.over_bm25 != "better"
        or results.training != "good"
        or results.behind
        or results.lost
        or results.doubts
        or results.made
    )


def praises(told: Decision) -> bool:
    words = [told.headline.en, told.headline.ko, told.advice.en, told.advice.ko]
    return told.level == "good" or any(PRAISE.search(text) for text in words)


@pytest.mark.slow
def test_no_combination_praises_a_model_that_a_check_rejects_and_none_is_green_with_a_reservation() -> None:
    seen = set()
    for results, told in decided():
        assert praises(told) is not rejected(results), results
        assert (told.level == "good") is (not rejected(results) and not reserved(results)), results
        assert not re.search("[{}]", "".join((*told.headline, *told.advice))), results
        seen.add(told.headline)
        assert ("real users ask otherwise" in told.headline.en and "--questions-only" in told.advice.en) is results.made
    assert len(seen) == 2 * len({rule.headline for rule in RULES}), "every rule is reached"


def test_with_bm25_is_advised_only_where_that_gives_more() -> None:
    for results, decision in decided():
        told = decision.advice.en
        assert ("hybrid) it scores higher" in told or "Deploy it together with BM25" in told) <= (
            results.hybrid in ("helps", "trades")
        )
        assert ("Deploy it together" in told) is (results.hybrid == "helps" and not rejected(results))
        assert ("Whether to deploy it together" in told) is (results.hybrid == "trades" and not rejected(results))
        if results.hybrid == "same" and results.behind and not rejected(results):
            assert "validation gave BM25 no weight" in told


@pytest.mark.parametrize(
    ("finding", "headline", "advice"),
    [
        ({"leaks": True}, "These figures can't be believed", "haechi testset refresh"),
        ({"mixed": True}, "These figures don't belong together", "dvc repro"),
        ({"shuffled": True}, "This is a control with shuffled labels", "so much of a gain is not learned from the labels"),
        ({"shuffled": True, "over_base": "can't tell"}, "This is a control", "no gain over the untuned model, as it should be"),
        ({"base_kept": True}, "No: the untuned model was kept.", "train.lr=0.003"),
        ({"training": "failed"}, "No: the training failed its own checks.", "Don't deploy"),
        ({"over_base": "worse"}, "No: the tuned model is worse.", "Don't deploy"),
        ({"over_base": "can't tell"}, "This test can't tell.", "Don't decide"),
        ({"over_bm25": "below"}, "scores lower than word search", "Don't deploy"),
        ({"over_bm25": "below", "hybrid": "helps"}, "the tuned model alone scores lower", "joined with BM25"),
        ({"unlearned": True}, "lost other abilities", "Don't deploy"),
        ({"training": "suspicious"}, "its training looks suspicious", "Read the points"),
        ({"training": "unknown"}, "look at the points below", "Read the points"),
        ({"over_bm25": "open"}, "whether it beats word search (BM25) is open", "Read the points"),
        ({"behind": KIND}, "for titles of articles, word search (BM25) is better", "offer word search (BM25) beside it"),
        ({"behind": KIND, "hybrid": "helps"}, "for titles of articles", "together with BM25 (hybrid)"),
        ({"behind": KIND, "hybrid": "same"}, "for titles of articles", "validation gave BM25 no weight"),
        (
            {"hybrid": "helps", "trade": TRADE},
            "Yes",
            "Deploy it together with BM25 (hybrid). Against the model alone that is +0.269 for titles of articles, -0.017 for issues",
        ),
        (
            {"hybrid": "trades", "trade": TRADE},
            "Yes",
            "depends on what your users ask for; against the model alone that is +0.269",
        ),
        ({"behind": KIND, "hybrid": "trades", "trade": TRADE}, "for titles of articles", "depends on what your users ask for"),
        ({"over_bm25": "below", "hybrid": "trades"}, "the tuned model alone scores lower", "joined with BM25"),
        ({"lost": KIND}, "for titles of articles, the untuned one was better", "Read the points"),
        ({"doubts": True}, "look at the points below", "Read the points"),
        ({}, "Yes. The tuned model is better.", "models/encoder"),
    ],
)
def test_each_finding_changes_the_headline_or_the_advice(finding: dict[str, Any], headline: str, advice: str) -> None:
    told = decide(replace(PERFECT, **finding))

    assert headline in told.headline.en
    assert advice in told.advice.en
    assert (told == decide(PERFECT)) is (not finding)


def answered(root: Path, slices: list[Slice] | None = None) -> Any:
    results = gather(Places.below(root))
    return answer(results, sliced(results.rows, 0.95) if slices is None else slices, checks(results))


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("train", {"verdict": "failed", "reasons": ["the training loss did not fall"]}),
    ("make_pairs", {"leakage": {"exact_text": 2}}),
    ("make_pairs", {"testset": "other"}),
    ("select", {"encoder": "other"}),
    ("select", {"chosen": "base"}),
]


@pytest.mark.parametrize(("stage", "values"), WRONG)
def test_what_the_stages_wrote_reaches_the_decision(tmp_path: Path, stage: str, values: dict[str, Any]) -> None:
    root = project(tmp_path)
    assert praises(answered(root).decision)

    change(root, stage, **values)

    assert answered(root).decision.level == "bad"
    assert not praises(answered(root).decision)


def test_shuffled_labels_are_read_from_the_parameters(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "params.yaml").write_text("train:\n  lr: 0.006\n  shuffle_labels: true\n", encoding="utf-8")

    assert "control with shuffled labels" in answered(root).closing()
    assert not praises(answered(root).decision)


def test_the_advice_of_a_failed_training_is_passed_on_and_adoption_is_not(tmp_path: Path) -> None:
    root = project(tmp_path)
    change(root, "train", verdict="failed", next=["dvc repro", "dvc exp run -S train.lr=0.006"])
    assert "`dvc exp run -S train.lr=0.006`" in answered(root).decision.advice.en

    change(root, "train", next=["dvc repro", "haechi compare HEAD workspace"])
    assert "`dvc exp run -n lr-0.5 -S train.lr=0.5`" in answered(root).decision.advice.en, "half of the rate in params.yaml"


def kind(name: str, n: int, base: float, bm25: float, tuned: float, hybrid: float = 0.0) -> Slice:
    """A slice whose differences are all beyond chance."""
    gap, lead = tuned - base, tuned - bm25
    means = {"base": base, "bm25": bm25, "tuned": tuned, "hybrid": hybrid}
    return Slice(name, n, means, tuned - 0.01, tuned + 0.01, gap - 0.01, gap + 0.01, lead - 0.01, lead + 0.01)


def test_a_kind_of_question_on_which_bm25_is_better_is_told_in_the_headline(tmp_path: Path) -> None:
    root = project(tmp_path)
    told = answered(root, [kind("law/가", 40, 0.2, 0.3, 0.6), kind("title", 40, 0.65, 0.94, 0.69)])

    assert "not everywhere: for titles of articles, word search (BM25) is better" in told.decision.headline.en
    assert "조문 제목 질의에서는 키워드 검색(BM25)이 더 낫습니다" in told.decision.headline.ko
    assert any("0.940 against 0.690" in point.said.en for point in told.points)


def test_a_slice_that_lost_is_told_and_a_small_one_is_not(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert "style" not in answered(root, [kind("style/what", 14, 0.9, 0.1, 0.5)]).decision.headline.en

    told = answered(root, [kind("style/what", 15, 0.9, 0.1, 0.5)]).decision
    assert "for questions of the kind “form of the query: meaning" in told.headline.en
    assert told.level == "mind"


def test_a_hybrid_that_scores_as_the_tuned_model_is_not_advised(tmp_path: Path) -> None:
    root = project(tmp_path)
    behind = [kind("title", 40, 0.65, 0.94, 0.69, hybrid=0.69)]
    same = {"value": 0.0, "low": 0.0, "high": 0.0, "p_holm": 1.0, "wins": 0, "ties": 50, "losses": 0}
    scores = gather(Places.below(root)).stage("evaluate")
    change(root, "evaluate", difference=scores["difference"] | {"hybrid-tuned": {"ndcg@10": same}})

    told = answered(root, behind).closing()
    assert "together with BM25" not in told
    assert "validation gave BM25 no weight" in told


@pytest.mark.parametrize(
    ("title", "user", "verdict"),
    [
        ((0.95, 0.2, 0.3), (0.5, -0.05, 0.08), "helps"),
        ((0.95, 0.2, 0.3), (0.3, -0.3, -0.1), "trades"),
        ((0.72, -0.02, 0.08), (0.5, -0.05, 0.08), "no"),
    ],
    ids=["one gains", "one gains and one loses", "neither is beyond chance"],
)
def test_the_hybrid_is_judged_by_all_suites(
    tmp_path: Path, title: tuple[float, float, float], user: tuple[float, float, float], verdict: str
) -> None:
    """The headline loses within chance; BM25 alone is better on titles and on nothing else."""
    root = project(tmp_path)
    differ(root, hybrid_tuned=OPEN, hybrid_bm25=HIGHER, tuned_bm25=HIGHER)
    slices = [
        replace(kind("title", 40, 0.6, 0.65, 0.7, hybrid=title[0]), hybrid_low=title[1], hybrid_high=title[2]),
        replace(kind("user", 38, 0.1, 0.1, 0.45, hybrid=user[0]), hybrid_low=user[1], hybrid_high=user[2]),
        replace(kind("law/가", 60, 0.1, 0.1, 0.9, hybrid=0.1), hybrid_low=-0.9, hybrid_high=-0.7),
    ]

    told = answered(root, slices).closing()

    assert ("Deploy it together with BM25" in told) is (verdict == "helps")
    assert ("depends on what your users ask for" in told) is (verdict == "trades")
    if verdict != "no":
        assert f"+0.250 for titles of articles, {'+0.050' if verdict == 'helps' else '-0.006'} for" in told
        assert "-0.006 for issues of decisions (may be chance)" in told
        assert ("-0.150 for users' queries" in told) is (verdict == "trades")
        assert "law" not in told


def test_where_the_hybrid_costs_nothing_no_figures_are_told(tmp_path: Path) -> None:
    root = project(tmp_path)
    differ(root, hybrid_tuned=HIGHER, hybrid_bm25=HIGHER, tuned_bm25=HIGHER)

    told = answered(root, [replace(kind("title", 40, 0.6, 0.65, 0.7, hybrid=0.9), hybrid_low=0.1, hybrid_high=0.3)]).closing()

    assert told.endswith("Deploy it together with BM25 (hybrid).")


NOTHING = {"value": 0.0, "low": 0.0, "high": 0.0, "p_holm": 1.0, "wins": 0, "ties": 50, "losses": 0, "detectable": 0.0}
OPEN = {"value": -0.006, "low": -0.048, "high": 0.037, "p_holm": 0.8, "wins": 9, "ties": 31, "losses": 10}
LOWER = {"value": -0.1, "low": -0.14, "high": -0.06, "p_holm": 0.001, "wins": 2, "ties": 18, "losses": 30}
HIGHER = {"value": 0.1, "low": 0.06, "high": 0.14, "p_holm": 0.001, "wins": 30, "ties": 18, "losses": 2}


def differ(root: Path, **gaps: dict[str, float]) -> None:
    """Put other differences into what evaluate wrote."""
    before = gather(Places.below(root)).stage("evaluate")["difference"]
    change(root, "evaluate", difference=before | {name.replace("_", "-"): {"ndcg@10": gap} for name, gap in gaps.items()})


def test_a_difference_that_may_be_chance_is_never_called_lower(tmp_path: Path) -> None:
    root = project(tmp_path)
    differ(root, tuned_bm25=OPEN)
    told = answered(root)
    said = [point for point in told.points if "BM25" in point.said.en and "-0.006" in point.said.en]

    assert [(point.level, "is open" in point.said.en) for point in said] == [("mind", True)]
    assert "whether it beats word search (BM25) is open" in told.decision.headline.en

    differ(root, tuned_bm25=LOWER)
    assert "scores lower than word search (BM25)" in answered(root).decision.headline.en


def test_on_articles_kept_out_word_search_is_called_higher_only_beyond_chance(tmp_path: Path) -> None:
    root = project(tmp_path)

    def said(tuned: float, lead: tuple[float, float]) -> str:
        means = {"base": 0.2, "bm25": 0.31, "tuned": tuned}
        told = answered(root, [Slice("unseen", 40, means, tuned, tuned, 0.01, 0.2, *lead)])
        return " ".join(point.said.en for point in told.points)

    assert "word search scores higher" not in said(0.3, (-0.05, 0.03))
    assert "word search scores higher" in said(0.2, (-0.15, -0.05))


def test_where_the_base_was_kept_nothing_is_said_of_gains(tmp_path: Path) -> None:
    root = project(tmp_path)
    change(root, "select", chosen="base")
    differ(root, tuned_base=NOTHING, tuned_bm25=LOWER, hybrid_bm25=NOTHING, hybrid_tuned=HIGHER)
    told = answered(root)
    english, korean = (" ".join(point.said[place] for point in told.points) for place in (0, 1))

    assert told.points[0].said.en == "The model that was scored is the untuned one, so there is no gain to judge."
    assert not re.search("chance|would show|better|So the gain|Joined", english)
    assert not re.search("우연|나아|하이브리드", korean)
    assert "scores lower than word search" in english
    assert "the same on every question" in told.closing()
    assert "+0.000" not in told.closing()


def test_a_hybrid_that_scores_as_bm25_is_neither_better_still_nor_advised(tmp_path: Path) -> None:
    root = project(tmp_path)
    differ(root, tuned_bm25=OPEN, hybrid_bm25=NOTHING, hybrid_tuned=HIGHER)
    told = answered(root)
    assert "better still" not in " ".join(point.said.en for point in told.points)
    assert "scores as BM25 alone" in " ".join(point.said.en for point in told.points)
    assert "together with BM25" not in told.decision.advice.en

    differ(root, tuned_bm25=LOWER, hybrid_bm25=OPEN | {"value": 0.006}, hybrid_tuned=HIGHER)
    assert "higher than either" not in answered(root).decision.advice.en
