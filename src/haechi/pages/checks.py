"""Is anything suspicious? Each check reads what the stages wrote and says one sentence; what is not there is said too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from haechi.evaluation.names import BASE, HEADLINE
from haechi.pages.answer import Level
from haechi.pages.inputs import Found
from haechi.pages.words import Words, same

MANY = 0.5
"""A share above which a person should look."""
LEVELS: dict[str, Level] = {"good": "good", "suspicious": "mind", "failed": "bad"}
VERDICTS = {"good": Words("Good", "좋음"), "suspicious": Words("Suspicious", "의심스러움"), "failed": Words("Failed", "실패")}
"""What a training run says of itself."""
PROBES = {"general": Words("Other abilities (everyday questions)", "다른 능력 (일상 질문)")}


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    level: Level
    name: Words
    said: Words


def checks(found: Found) -> list[Check]:
    """Every check, the worst first."""
    made = [
        *_leaks(found),
        *_fingerprints(found),
        *_encoder(found),
        *_guard(found.stage("evaluate")),
        *_health(found),
        *_selection(found),
        *_mining(found),
        *_gold(found.stage("evaluate")),
        *_quarantine(found),
    ]
    order = ("bad", "mind", "unknown", "good")
    return sorted(made, key=lambda check: order.index(check.level))


def _leaks(found: Found) -> Iterator[Check]:
    name = Words("Leaks from test to training", "시험에서 학습으로 새어 나감")
    leaks = found.stage("make_pairs").get("leakage")
    if leaks is None:
        yield Check("unknown", name, _unknown("make_pairs"))
        return
    total = sum(leaks.values())
    if total == 0:
        kinds = ", ".join(kind.replace("_", " ") for kind in leaks)
        yield Check(
            "good", name, Words(f"None, in {len(leaks)} ways of looking ({kinds}).", f"{len(leaks)}가지로 찾아보았으나 없습니다.")
        )
    else:
        listed = ", ".join(f"{kind.replace('_', ' ')}: {count}" for kind, count in leaks.items() if count)
        yield Check(
            "bad",
            name,
            Words(f"Found, so the figures can't be believed: {listed}.", f"있습니다. 수치를 믿을 수 없습니다: {listed}."),
        )


def _fingerprints(found: Found) -> Iterator[Check]:
    name = Words("One test set throughout", "하나의 시험 집합")
    told = {
        "testset": found.stage("testset").get("fingerprint"),
        "make_pairs": found.stage("make_pairs").get("testset"),
        "evaluate": found.stage("evaluate").get("testset"),
    }
    named = {stage: value for stage, value in told.items() if value}
    if len(named) < len(told):
        yield Check("unknown", name, _unknown(*(stage for stage in told if stage not in named)))
    elif len(set(named.values())) == 1:
        mark = next(iter(named.values()))
        yield Check(
            "good",
            name,
            Words(
                f"Test set {mark} was frozen, kept out of training, and scored.",
                f"시험 집합 {mark} 하나로 고정하고, 학습에서 빼고, 채점했습니다.",
            ),
        )
    else:
        listed = ", ".join(f"{stage} {value}" for stage, value in named.items())
        yield Check(
            "bad",
            name,
            Words(
                f"Stages speak of different test sets: {listed}; run `dvc repro`.",
                f"단계마다 시험 집합이 다릅니다: {listed}. `dvc repro`를 실행하십시오.",
            ),
        )


def _encoder(found: Found) -> Iterator[Check]:
    name = Words("The model that was scored is the one that was chosen", "채점한 모델과 고른 모델이 같음")
    chosen, scored = found.stage("select").get("encoder"), found.stage("evaluate").get("encoder")
    if not chosen or not scored:
        yield Check("unknown", name, _unknown("select" if not chosen else "evaluate"))
    elif chosen == scored:
        yield Check("good", name, Words(f"Both are {scored}.", f"둘 다 {scored}입니다."))
    else:
        yield Check(
            "bad",
            name,
            Words(
                f"Chosen: {chosen}; scored: {scored}. Run `dvc repro`.",
                f"고른 것은 {chosen}, 채점한 것은 {scored}입니다. `dvc repro`를 실행하십시오.",
            ),
        )


def _guard(scores: Mapping[str, Any]) -> Iterator[Check]:
    """What the tuned model may have unlearnt."""
    for probe, told in scores.get("guard", {}).items():
        name = PROBES.get(probe, Words(f"Other abilities: {probe}", f"다른 능력: {probe}"))
        gap = told["difference"]
        figures = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
        if told["verdict"] == "PASS":
            yield Check(
                "good",
                name,
                Words(
                    f"Kept: {figures}, may lose {told['margin']:.3f}.", f"지켰습니다: {figures}, 허용 손실 {told['margin']:.3f}."
                ),
            )
        elif told["verdict"] == "FAIL":
            yield Check(
                "bad",
                name,
                Words(
                    f"Lost more than allowed: {figures}, may lose {told['margin']:.3f}.",
                    f"허용보다 많이 잃었습니다: {figures}, 허용 손실 {told['margin']:.3f}.",
                ),
            )
        else:
            needed = told.get("needed")
            en, ko = (
                f"Can't tell: {figures}, may lose {told['margin']:.3f}",
                f"알 수 없습니다: {figures}, 허용 손실 {told['margin']:.3f}",
            )
            if needed:
                en, ko = f"{en}; about {needed:,} questions would tell", f"{ko}. 질문이 {needed:,}개쯤 있어야 알 수 있습니다"
            yield Check("mind", name, Words(f"{en}.", f"{ko}."))


def _health(found: Found) -> Iterator[Check]:
    """The verdict of training on itself, where it gives one: that it went well, not that the model is better."""
    name = Words("Health of the training run", "학습의 건강")
    told = found.stage("train")
    verdict = told.get("verdict")
    if not told:
        yield Check("unknown", name, _unknown("train"))
    elif verdict is None:
        yield Check(
            "unknown",
            name,
            Words(
                "The run left no verdict on itself; run `dvc repro train`.",
                "학습이 스스로에 대한 판정을 남기지 않았습니다. `dvc repro train`을 실행하십시오.",
            ),
        )
    else:
        en, ko = VERDICTS.get(str(verdict), same(str(verdict)))
        why = "; ".join(map(str, told.get("reasons", ())))
        if told.get("state") == "stopped":
            en, ko = f"{en}, stopped early", f"{ko}, 일찍 멈춤"
        yield Check(
            LEVELS.get(str(verdict), "mind"), name, Words(f"{en}: {why}", f"{ko}: {why}") if why else Words(f"{en}.", f"{ko}.")
        )


def _selection(found: Found) -> Iterator[Check]:
    name = Words("Choice of the checkpoint", "체크포인트 선택")
    told = found.stage("select")
    validation = {k: v for k, v in told.get("validation", {}).items() if isinstance(v, int | float)}
    chosen = told.get("chosen")
    if not validation or chosen is None:
        yield Check("unknown", name, _unknown("select"))
    elif chosen == BASE:
        yield Check(
            "bad",
            name,
            Words(
                "No checkpoint beat the untuned model on validation, so the untuned model was kept.",
                "검증에서 학습 전 모델을 이긴 체크포인트가 없어 학습 전 모델을 그대로 두었습니다.",
            ),
        )
    else:
        value, base = validation.get(chosen), validation.get(BASE)
        figures = f" ({HEADLINE} {base:.3f} → {value:.3f})" if value is not None and base is not None else ""
        yield Check(
            "good",
            name,
            Words(
                f"{chosen}, on validation queries; the test set had no say{figures}.",
                f"{chosen}. 검증 질의로 골랐고 시험 집합은 보지 않았습니다{figures}.",
            ),
        )


def _mining(found: Found) -> Iterator[Check]:
    name = Words("Mined negatives", "찾은 부정 예")
    told = found.stage("mine").get("train")
    if not told:
        yield Check("unknown", name, _unknown("mine"))
        return
    examples = told.get("examples", 0)
    doubtful, empty = sum(told.get("suspicious", {}).values()), told.get("examples_without_negatives", 0)
    share = doubtful / examples if examples else 0.0
    level: Level = "mind" if share > MANY or empty > MANY * examples else "good"
    yield Check(
        level,
        name,
        Words(
            f"{examples:,} examples, {empty:,} without negatives; for {doubtful:,} ({share:.0%}) neither word search nor the "
            "model before found an answer: hard examples, or wrong labels.",
            f"예 {examples:,}개, 부정 예가 없는 것 {empty:,}개. "
            f"{doubtful:,}개({share:.0%})는 낱말 검색도 앞선 모델도 정답을 찾지 못했습니다. "
            "어려운 예이거나 잘못된 짝입니다.",
        ),
    )


def _gold(scores: Mapping[str, Any]) -> Iterator[Check]:
    missing = scores.get("gold_not_in_corpus", 0)
    if missing:
        yield Check(
            "mind",
            Words("Answers that the corpus lacks", "말뭉치에 없는 정답"),
            Words(
                f"{missing} cited articles are not in the corpus; no system can find them.",
                f"인용 조문 {missing}개가 말뭉치에 없어 어떤 시스템도 찾을 수 없습니다.",
            ),
        )


def _quarantine(found: Found) -> Iterator[Check]:
    name = Words("Documents set aside", "제쳐 둔 문서")
    told = found.stage("preprocess")
    if not told:
        yield Check("unknown", name, _unknown("preprocess"))
        return
    dropped, read = sum(told.get("dropped", {}).values()), told.get("read", 0)
    reasons = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in told.get("dropped", {}).items())
    share = dropped / read if read else 0.0
    yield Check(
        "mind" if share > MANY / 2 else "good",
        name,
        Words(
            f"{dropped:,} of {read:,} records ({share:.1%}): {reasons or 'none'}.",
            f"기록 {read:,}건 가운데 {dropped:,}건({share:.1%}): {reasons or '없음'}.",
        ),
    )


def _unknown(*stages: str) -> Words:
    commands = ", ".join(f"`dvc repro {stage}`" for stage in stages)
    return Words(f"Not known: run {commands}.", f"알 수 없습니다. {commands}을(를) 실행하십시오.")
