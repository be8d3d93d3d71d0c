"""The answer: is the tuned model better, by how much, and what speaks for it and against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from haechi.evaluation.facets import SMALLEST
from haechi.evaluation.names import BASE, BM25, HEADLINE, HYBRID, TUNED
from haechi.evaluation.verdict import Judgement, judge
from haechi.pages.inputs import Found
from haechi.pages.slices import Slice
from haechi.pages.words import Words

Level = Literal["good", "mind", "bad", "unknown"]
SUITES = {
    "title": Words("titles of articles", "조문 제목"),
    "synthetic": Words("written questions", "만든 질문"),
    "user": Words("users' queries", "사용자 질의"),
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
    headline: Words
    gap: Mapping[str, float]
    """Tuned less untuned: value, low, high, p_holm."""
    points: Sequence[Point]
    next: Words


HEADLINES: dict[Judgement, Words] = {
    "better": Words("Yes: the tuned model is better.", "예, 학습한 모델이 더 낫습니다."),
    "worse": Words("No: the tuned model is worse.", "아니요, 학습한 모델이 더 못합니다."),
    "can't tell": Words("This test can't tell.", "이 시험으로는 알 수 없습니다."),
}


def answer(found: Found, slices: Sequence[Slice]) -> Answer | None:
    """None where nothing was scored."""
    scores = found.stage("evaluate")
    gap = scores.get("difference", {}).get(f"{TUNED}-{BASE}", {}).get(HEADLINE)
    if gap is None:
        return None
    judgement = judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])
    points = [_size(gap, judgement), *_breadth(gap), *_bm25(scores), *_unseen(slices), *_other_suites(slices), *_hybrid(scores)]
    return Answer(judgement, HEADLINES[judgement], gap, points, _next(judgement, points))


def difference(scores: Mapping[str, Any], one: str, two: str) -> Mapping[str, float] | None:
    """A paired difference of the headline metric."""
    found: Mapping[str, float] | None = scores.get("difference", {}).get(f"{one}-{two}", {}).get(HEADLINE)
    return found


def _size(gap: Mapping[str, float], judgement: Judgement) -> Point:
    interval = f"[{gap['low']:+.3f}, {gap['high']:+.3f}]"
    p = "p < 0.001" if gap["p_holm"] < 0.001 else f"p = {gap['p_holm']:.3f}"
    if judgement == "can't tell":
        least = gap.get("detectable")
        en = f"The difference of {gap['value']:+.3f} may be chance: the interval {interval} and the test ({p}) don't exclude it."
        ko = (
            f"차이 {gap['value']:+.3f}은(는) 우연일 수 있습니다. 신뢰구간 {interval}과 검정({p})이 함께 우연을 물리치지 못합니다."
        )
        if least is not None:
            en += f" This test set would show a difference of {least:.3f} or more."
            ko += f" 이 시험 집합은 {least:.3f} 이상의 차이라야 알아볼 수 있습니다."
        return Point("unknown", Words(en, ko))
    return Point(
        "good" if judgement == "better" else "bad",
        Words(
            f"Chance does not explain it: were the models alike, a difference of {gap['value']:+.3f} would hardly come up "
            f"({p}); the true one lies between {gap['low']:+.3f} and {gap['high']:+.3f}, most likely.",
            f"우연이 아닙니다. 두 모델이 같다면 {gap['value']:+.3f}만큼 벌어지는 일은 거의 없고({p}), "
            f"참값은 {gap['low']:+.3f}에서 {gap['high']:+.3f} 사이일 것입니다.",
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
                f"시험 질의 {up + same + down}개 가운데 {up}개가 나아졌고, {same}개는 그대로이며, {down}개는 나빠졌습니다.",
            ),
        )
    ]


def _bm25(scores: Mapping[str, Any]) -> list[Point]:
    gap = difference(scores, TUNED, BM25)
    if gap is None:
        return []
    found = judge(gap["value"], gap["low"], gap["high"], gap["p_holm"])
    figures = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    said = {
        "better": Words(f"It also beats plain word search (BM25): {figures}.", f"낱말 검색(BM25)보다도 낫습니다: {figures}."),
        "worse": Words(
            f"Plain word search (BM25) is better: {figures}. Deploying the model alone would be a step back.",
            f"낱말 검색(BM25)이 더 낫습니다: {figures}. 모델만 쓰면 오히려 뒷걸음입니다.",
        ),
        "can't tell": Words(
            f"Whether it beats plain word search (BM25) is open: {figures}.",
            f"낱말 검색(BM25)보다 나은지는 알 수 없습니다: {figures}.",
        ),
    }
    level: dict[Judgement, Level] = {"better": "good", "worse": "bad", "can't tell": "mind"}
    return [Point(level[found], said[found])]


def _unseen(slices: Sequence[Slice]) -> list[Point]:
    """Does the gain reach articles that no training text was made from?"""
    unseen = next((s for s in slices if s.name == "unseen" and s.n >= SMALLEST and BASE in s.means), None)
    if unseen is None:
        return []
    tuned, base, bm25 = unseen.means[TUNED], unseen.means[BASE], unseen.means.get(BM25)
    en = f"On articles kept out of training ({unseen.n} questions) it scores {tuned:.3f}; untuned {base:.3f}"
    ko = f"학습에서 뺀 조문(질의 {unseen.n}개)에서는 {tuned:.3f}이고, 학습 전에는 {base:.3f}"
    if bm25 is not None:
        en, ko = f"{en}, BM25 {bm25:.3f}", f"{ko}, BM25는 {bm25:.3f}"
    en, ko = f"{en}.", f"{ko}입니다."
    if unseen.gap_low > 0:
        en += " So it learnt more than the articles it was shown"
        ko += " 곧 본 조문만 외운 것은 아닙니다"
    else:
        en += " So the gain is, for all that this test shows, on articles that training cites"
        ko += " 곧 이 시험으로 보아 나아진 것은 학습에 나온 조문입니다"
    if bm25 is not None and bm25 > tuned:
        en += "; on those kept out, plain word search scores higher"
        ko += ". 뺀 조문에는 낱말 검색의 점수가 더 높습니다"
    return [Point("good" if unseen.gap_low > 0 and (bm25 is None or tuned >= bm25) else "mind", Words(f"{en}.", f"{ko}."))]


def _other_suites(slices: Sequence[Slice]) -> list[Point]:
    """Suites beside the real queries in which tuning lost, beyond chance."""
    lost = [s for s in slices if s.name in SUITES and BASE in s.means and s.gap_high < 0]
    return [
        Point(
            "mind",
            Words(
                f"It lost something: on another kind of question, {SUITES[s.name].en} ({s.n}), it scores {s.means[TUNED]:.3f}, "
                f"untuned {s.means[BASE]:.3f}.",
                f"잃은 것도 있습니다. 다른 갈래의 질의인 {SUITES[s.name].ko}({s.n}개)에서는 {s.means[TUNED]:.3f}로, "
                f"학습 전의 {s.means[BASE]:.3f}보다 낮습니다.",
            ),
        )
        for s in lost
    ]


def _hybrid(scores: Mapping[str, Any]) -> list[Point]:
    gap = difference(scores, HYBRID, TUNED)
    if gap is None or judge(gap["value"], gap["low"], gap["high"], gap["p_holm"]) != "better":
        return []
    return [
        Point(
            "good",
            Words(
                f"Joined with BM25 (hybrid) it is better still: {gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}].",
                f"BM25와 함께 쓰면(혼합) 더 낫습니다: {gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}].",
            ),
        )
    ]


def _next(judgement: Judgement, points: Sequence[Point]) -> Words:
    """What a person may do now."""
    if judgement == "better" and all(point.level == "good" for point in points):
        return Words("The files to deploy are in models/encoder.", "배포할 파일은 models/encoder에 있습니다.")
    if judgement == "better":
        return Words(
            "The files to deploy are in models/encoder. Read the points marked ! first: where they touch what your users ask, "
            "deploy it together with BM25.",
            "배포할 파일은 models/encoder에 있습니다. 먼저 ! 표시된 것을 읽고, 사용자의 질문과 닿아 있으면 BM25와 함께 쓰십시오.",
        )
    if judgement == "worse":
        return Words(
            "Don't deploy it. Look at the training curves, then try another rate: dvc exp run -S train.lr=1e-3.",
            "배포하지 마십시오. 학습 곡선을 보고 다른 학습률을 시도하십시오: dvc exp run -S train.lr=1e-3.",
        )
    return Words(
        "Don't decide on this. More test queries, more decisions or another rate may tell: dvc exp run -S train.lr=1e-3.",
        "이것으로 결정하지 마십시오. 시험 질의나 학습 판결을 늘리거나 다른 학습률을 시도하십시오: dvc exp run -S train.lr=1e-3.",
    )
