"""The answer: is the tuned model better, by how much, and what speaks for it and against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from haechi.report import translations
from haechi.report.checks import Check, trained_with
from haechi.report.decision import Decision, Findings, Level, decide
from haechi.report.inputs import Results
from haechi.report.slices import Slice
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.facets import SMALLEST
from haechi.scoring.names import BASE, BM25, HEADLINE, HYBRID, TUNED
from haechi.scoring.verdict import Judgement, gap_told, identical, judge
from haechi.text.bilingual import Words, joined

SUITES = {
    "title": Words("titles of articles", "조문 제목 질의"),
    "synthetic": Words("synthetic questions", "합성 질문"),
    "user": Words("users' queries", "사용자 질의"),
}
HEADLINES = {**SUITES, "precedent": Words("issues of decisions", "판결 쟁점")}
LEAST = 0.0005
"""A difference that is smaller is none in three digits."""
FAIR = 15
"""Queries that a slice of the headline suite needs before a loss in it counts: there are dozens of slices."""
LISTED = 3
TRAINING: dict[Level, Literal["good", "suspicious", "failed", "unknown"]] = {
    "good": "good",
    "mind": "suspicious",
    "bad": "failed",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Point:
    """One reason."""

    level: Level
    said: Words


@dataclass(frozen=True)
class Answer:
    """What a person who decides reads first."""

    judgement: Judgement
    """Of tuned against untuned alone."""
    decision: Decision
    gap: Mapping[str, float]
    """Tuned less untuned: value, low, high, p_holm."""
    points: Sequence[Point]

    def closing(self) -> str:
        """The last lines of a run."""
        decision = self.decision
        figures = f"Tuned less untuned: {'the same on every question' if identical(self.gap) else gap_told(self.gap)}."
        return f"{decision.headline.en}\n{figures} All reasons: reports/report.html\n{decision.advice.en}"


def answer(results: Results, slices: Sequence[Slice], checks: Sequence[Check]) -> Answer | None:
    """None where nothing was scored."""
    scores = results.evaluation
    gap = difference(scores, TUNED, BASE)
    if gap is None:
        return None
    judgement = _judged(gap)
    known = findings(results, slices, checks, judgement)
    points = [_kept(), *_bm25(scores)] if known.base_kept else _points(scores, slices, gap, judgement)
    return Answer(judgement, decide(known), gap, points)


def _points(scores: Evaluation, slices: Sequence[Slice], gap: Mapping[str, float], judgement: Judgement) -> list[Point]:
    """What speaks for a tuned model and against it."""
    return [
        _size(gap, judgement),
        *_breadth(gap),
        *_bm25(scores),
        *_lost(slices, BM25),
        *_unseen(slices, judgement),
        *_lost(slices, BASE),
        *_hybrid(scores),
        *_missing(scores),
    ]


def findings(results: Results, slices: Sequence[Slice], checks: Sequence[Check], over_base: Judgement) -> Findings:
    """What of all this the decision depends on."""
    scores, behind, lost = results.evaluation, _behind(slices, BM25), _behind(slices, BASE)
    bad = {check.about for check in checks if check.level == "bad"}
    training: Level = next((check.level for check in checks if check.about == "training"), "unknown")
    return Findings(
        over_base=over_base,
        over_bm25=_over_bm25(scores),
        hybrid=(hybrid := _joined_with_bm25(results, slices, behind)).verdict,
        trade=hybrid.told,
        training=TRAINING[training],
        leaks="leaks" in bad,
        mixed="mixed" in bad,
        shuffled="shuffled" in bad,
        base_kept="choice" in bad,
        unlearned="probe" in bad,
        behind=_kind(behind[0]) if behind else None,
        lost=_kind(lost[0]) if lost else None,
        doubts=any(check.level != "good" for check in checks if check.about != "training"),
        remedy=_remedy(results),
        made=results.stage("testset").get("primary") == "synthetic",
    )


def difference(scores: Evaluation, one: str, two: str) -> Mapping[str, float] | None:
    """A paired difference of the headline metric."""
    results: Mapping[str, float] | None = scores.gap(one, two, HEADLINE)
    return results


def _judged(gap: Mapping[str, float]) -> Judgement:
    return judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])


def _over_bm25(scores: Evaluation) -> Literal["better", "open", "below", "unknown"]:
    gap = difference(scores, TUNED, BM25)
    if gap is None:
        return "unknown"
    said: dict[Judgement, Literal["better", "open", "below"]] = {"better": "better", "can't tell": "open", "worse": "below"}
    return said[_judged(gap)]


@dataclass(frozen=True)
class _Against:
    """The hybrid less the tuned model on one suite."""

    suite: Words
    value: float
    low: float
    high: float

    def told(self) -> Words:
        """The figure, and whether chance may explain it."""
        en, ko = (" (may be chance)", "(우연일 수 있음)") if self.low <= 0.0 <= self.high else ("", "")
        return Words(f"{self.value:+.3f} for {self.suite.en}{en}", f"{self.suite.ko} {self.value:+.3f}{ko}")


class _Joined(NamedTuple):
    """Whether to join the model with BM25; what it gives and costs on each suite, where it costs anything."""

    verdict: Literal["helps", "trades", "same", "no"]
    told: Words = Words("", "")


def _joined_with_bm25(results: Results, slices: Sequence[Slice], behind: Sequence[Slice]) -> _Joined:
    """By all suites: it helps where one gains, and trades where another one loses, both beyond chance.

    It may also help where BM25 alone is better than the model; never where the headline loses, or BM25 alone does as well there.
    """
    scores = results.evaluation
    gap, over_bm25 = difference(scores, HYBRID, TUNED), difference(scores, HYBRID, BM25)
    if gap is None:
        return _Joined("no")
    if identical(gap):
        return _Joined("same")
    if _judged(gap) == "worse" or (over_bm25 is not None and not _adds(over_bm25, needs_proof=_over_bm25(scores) == "below")):
        return _Joined("no")
    primary = str(results.stage("testset").get("primary", "precedent"))
    suites = [_Against(HEADLINES[primary], gap["value"], gap["low"], gap["high"])]
    suites += [
        _Against(SUITES[one.name], one.means[HYBRID] - one.means[TUNED], one.hybrid_low, one.hybrid_high)
        for one in slices
        if one.name in SUITES and _counts(one) and HYBRID in one.means
    ]
    gains = _judged(gap) == "better" or any(one.low > 0.0 for one in suites[1:])
    if not gains and not any(one.means.get(HYBRID, 0.0) > one.means[TUNED] for one in behind[:1]):
        return _Joined("no")
    shown = sorted((one for one in suites if abs(one.value) >= LEAST), key=lambda one: -one.value)
    told = joined([one.told() for one in shown], Words(", ", ", ")) if any(one.value < 0.0 for one in shown) else Words("", "")
    return _Joined("trades" if any(one.high < 0.0 for one in shown) else "helps", told)


def _adds(over_bm25: Mapping[str, float], *, needs_proof: bool) -> bool:
    """Whether the hybrid is more than BM25 alone: beyond chance, where BM25 is better than the model."""
    return _judged(over_bm25) == "better" if needs_proof else over_bm25["value"] > 0


def _remedy(results: Results) -> str:
    """What training advises, unless that is to adopt it; else half its rate."""
    rate = trained_with(results).get("lr")
    halved = (
        f"dvc exp run -n lr-{rate / 2:.3g} -S train.lr={rate / 2:.3g}" if isinstance(rate, int | float) else "haechi lr-sweep"
    )
    return next((line for line in results.training.next if line.startswith(("dvc exp run", "haechi doctor"))), halved)


def _behind(slices: Sequence[Slice], other: str) -> list[Slice]:
    """Kinds of questions on which BM25, or the untuned model, is better beyond chance; the furthest behind first."""
    found = [s for s in slices if _counts(s) and other in s.means and (s.bm25_high if other == BM25 else s.gap_high) < 0]
    return sorted(found, key=lambda one: (one.means[TUNED] - one.means[other], one.name))


def _counts(one: Slice) -> bool:
    return one.n >= (SMALLEST if one.name in SUITES else FAIR)


def _kind(one: Slice) -> Words:
    """A kind of question within a sentence."""
    if one.name in SUITES:
        return SUITES[one.name]
    name = translations.slice_name(one.name)
    return Words(f"questions of the kind “{name.en}”", f"‘{name.ko}’ 질의")


def _kept() -> Point:
    """In place of a comparison of the untuned model with itself."""
    return Point(
        "bad",
        Words(
            "The model that was scored is the untuned one, so there is no gain to judge.",
            "평가한 모델이 기본 모델이므로 비교할 향상이 없습니다.",
        ),
    )


def _size(gap: Mapping[str, float], judgement: Judgement) -> Point:
    interval = f"[{gap['low']:+.3f}, {gap['high']:+.3f}]"
    p = "p < 0.001" if gap["p_holm"] < 0.001 else f"p = {gap['p_holm']:.3f}"
    if judgement == "can't tell":
        least = gap.get("detectable")
        en = f"The difference of {gap['value']:+.3f} may be chance: the interval {interval} and the test ({p}) don't exclude it."
        ko = f"차이({gap['value']:+.3f})는 우연일 수 있습니다. 신뢰구간 {interval}과 검정({p})으로는 우연을 배제할 수 없습니다."
        if least is not None:
            en += f" This test set would show a difference of {least:.3f} or more."
            ko += f" 이 평가 집합으로는 {least:.3f} 이상의 차이만 확인할 수 있습니다."
        return Point("unknown", Words(en, ko))
    return Point(
        "good" if judgement == "better" else "bad",
        Words(
            f"Chance does not explain it: were the models alike, a difference of {gap['value']:+.3f} would hardly come up "
            f"({p}); the true one lies between {gap['low']:+.3f} and {gap['high']:+.3f}, most likely.",
            f"우연이 아닙니다. 두 모델이 같다면 {gap['value']:+.3f}만큼 차이 나는 일은 거의 없고({p}), "
            f"실제 차이는 {gap['low']:+.3f}에서 {gap['high']:+.3f} 사이로 추정됩니다.",
        ),
    )


def _breadth(gap: Mapping[str, float]) -> list[Point]:
    up, same, down = (int(gap[name]) for name in ("wins", "ties", "losses"))
    if up + down == 0:
        return []
    level: Level = "good" if up > 2 * down else "bad" if down > up else "mind"
    return [
        Point(
            level,
            Words(
                f"Of {up + same + down} test questions {up} came out better, {same} as before and {down} worse.",
                f"평가 질의 {up + same + down}개 가운데 {up}개가 나아졌고, {same}개는 그대로이며, {down}개는 나빠졌습니다.",
            ),
        )
    ]


def _bm25(scores: Evaluation) -> list[Point]:
    gap = difference(scores, TUNED, BM25)
    if gap is None:
        return []
    figures = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    said: dict[str, tuple[Level, Words]] = {
        "better": (
            "good",
            Words(f"It beats word search (BM25): {figures}.", f"키워드 검색(BM25)보다 낫습니다: {figures}."),
        ),
        "open": (
            "mind",
            Words(
                f"Whether it beats word search (BM25) is open: {figures}.",
                f"키워드 검색(BM25)보다 나은지는 알 수 없습니다: {figures}.",
            ),
        ),
        "below": (
            "bad",
            Words(f"It scores lower than word search (BM25): {figures}.", f"키워드 검색(BM25)보다 점수가 낮습니다: {figures}."),
        ),
    }
    return [Point(*said[_over_bm25(scores)])]


BETTER = {
    BM25: Words("word search (BM25) is better", "키워드 검색(BM25)이 더 낫습니다(BM25"),
    BASE: Words("the untuned model was better", "기본 모델이 더 나았습니다(기본 모델"),
}


def _lost(slices: Sequence[Slice], other: str) -> list[Point]:
    """Where the other system is better, whatever the mean over all questions says."""
    return [
        Point(
            "mind",
            Words(
                f"For {_kind(one).en} ({one.n}) {BETTER[other].en}: {one.means[other]:.3f} against {one.means[TUNED]:.3f}.",
                f"{_kind(one).ko}({one.n}개)에서는 {BETTER[other].ko} {one.means[other]:.3f}, "
                f"학습한 모델 {one.means[TUNED]:.3f}).",
            ),
        )
        for one in _behind(slices, other)[:LISTED]
    ]


def _unseen(slices: Sequence[Slice], judgement: Judgement) -> list[Point]:
    """Does the gain reach articles that no training text was made from?"""
    unseen = next((s for s in slices if s.name == "unseen" and s.n >= SMALLEST and BASE in s.means), None)
    if unseen is None:
        return []
    tuned, base, bm25 = unseen.means[TUNED], unseen.means[BASE], unseen.means.get(BM25)
    en = f"On articles kept out of training ({unseen.n} questions) it scores {tuned:.3f}; untuned {base:.3f}"
    ko = f"학습에서 제외한 조문(질의 {unseen.n}개)에서는 {tuned:.3f}, 기본 모델은 {base:.3f}"
    if bm25 is not None:
        en, ko = f"{en}, BM25 {bm25:.3f}", f"{ko}, BM25는 {bm25:.3f}"
    if (hybrid := unseen.means.get(HYBRID)) is not None:
        en, ko = f"{en}, hybrid {hybrid:.3f}", f"{ko}, 하이브리드는 {hybrid:.3f}"
    en, ko = f"{en}.", f"{ko}입니다."
    if unseen.gap_low > 0:
        en += " So it learnt more than the articles it was shown"
        ko += " 학습한 조문만 외운 것은 아닙니다"
    elif judgement != "better":
        en += " No gain over the untuned model shows there"
        ko += " 기본 모델보다 나아졌다고 볼 수 없습니다"
    else:
        en += " So the gain is, for all that this test shows, on articles that training cites"
        ko += " 이 평가로 보면 학습에 나온 조문에서만 나아졌습니다"
    if unseen.bm25_high < 0:
        en += "; on those kept out, word search scores higher"
        ko += ". 제외한 조문에서는 키워드 검색의 점수가 더 높습니다"
    return [Point("good" if unseen.gap_low > 0 and unseen.bm25_high >= 0 else "mind", Words(f"{en}.", f"{ko}."))]


def _missing(scores: Evaluation) -> list[Point]:
    """Encoders that the hybrid was to have."""
    return [
        Point(
            "unknown",
            Words(f"The hybrid does without {name}: {why}.", f"하이브리드에 {name}이(가) 빠졌습니다: {why}."),
        )
        for name, why in scores.hybrid.get("missing", {}).items()
    ]


def _hybrid(scores: Evaluation) -> list[Point]:
    gap = difference(scores, HYBRID, TUNED)
    if gap is None or _judged(gap) != "better":
        return []
    if (over_bm25 := difference(scores, HYBRID, BM25)) and identical(over_bm25):
        return [
            Point(
                "mind",
                Words(
                    "Joined with BM25 (hybrid) it scores as BM25 alone: validation gave the model no weight.",
                    "BM25와 함께 쓴 결과(하이브리드)는 BM25만 쓴 결과와 같습니다. 검증에서 모델의 가중치가 0으로 정해졌습니다.",
                ),
            )
        ]
    figures = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    return [
        Point(
            "good",
            Words(
                f"Joined with BM25 (hybrid) it is better still: {figures}.",
                f"BM25와 함께 쓰면(하이브리드) 더 낫습니다: {figures}.",
            ),
        )
    ]
