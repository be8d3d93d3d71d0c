"""Is anything suspicious? Each check reads what the stages wrote and says one sentence; what is not there is said too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from haechi.report import translations
from haechi.report.decision import Level
from haechi.report.inputs import Results
from haechi.reranking.gate import sentence
from haechi.runtime.files import parse_yaml
from haechi.scoring.evaluation import Evaluation
from haechi.scoring.names import BASE, HEADLINE
from haechi.text.bilingual import CLAUSES, Words, joined, same

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
    about: Literal["leaks", "mixed", "shuffled", "choice", "probe", "training", "other"] = "other"
    """What the decision takes it for."""


def checks(results: Results) -> list[Check]:
    """Every check, the worst first."""
    made = [
        *_labels(results),
        *_leaks(results),
        *_fingerprints(results),
        *_encoder(results),
        *_forgetting(results.evaluation),
        *_health(results),
        *_selection(results),
        *_mining(results),
        *_gold(results.evaluation),
        *_reranker(results.evaluation),
        *_quarantine(results),
    ]
    order = ("bad", "mind", "unknown", "good")
    return sorted(made, key=lambda check: order.index(check.level))


def trained_with(results: Results) -> Mapping[str, Any]:
    """The section `train` of the parameters."""
    sections = parse_yaml(results.params, Path("params.yaml")) if results.params else None
    section: Mapping[str, Any] = (sections or {}).get("train") or {}
    return section


def _labels(results: Results) -> Iterator[Check]:
    if trained_with(results).get("shuffle_labels"):
        yield Check(
            "bad",
            Words("Labels", "라벨"),
            Words(
                "Shuffled on purpose (train.shuffle_labels), so this is a control and no model to use.",
                "일부러 섞었습니다(train.shuffle_labels). 대조 실험이며 쓸 모델이 아닙니다.",
            ),
            "shuffled",
        )


def _leaks(results: Results) -> Iterator[Check]:
    name = Words("Leaks from test to training", "평가 데이터의 학습 유출")
    leaks = results.stage("make_pairs").get("leakage")
    if leaks is None:
        yield Check("unknown", name, _unknown("make_pairs"), "leaks")
        return
    total = sum(leaks.values())
    if total == 0:
        kinds = joined([translations.known(translations.LEAKS, kind) for kind in leaks], Words(", ", ", "))
        yield Check(
            "good",
            name,
            Words(
                f"None, in {len(leaks)} ways of looking ({kinds.en}).",
                f"{len(leaks)}가지로 확인했으나 없습니다({kinds.ko}).",
            ),
            "leaks",
        )
    else:
        listed = translations.counted({kind: count for kind, count in leaks.items() if count}, translations.LEAKS)
        yield Check(
            "bad",
            name,
            Words(f"Found, so the figures can't be believed: {listed.en}.", f"있습니다. 수치를 믿을 수 없습니다: {listed.ko}."),
            "leaks",
        )


def _fingerprints(results: Results) -> Iterator[Check]:
    name = Words("One test set throughout", "같은 평가 집합")
    told = {
        "testset": results.stage("testset").get("fingerprint"),
        "make_pairs": results.stage("make_pairs").get("testset"),
        "evaluate": results.evaluation.testset,
    }
    named = {stage: value for stage, value in told.items() if value}
    if len(named) < len(told):
        yield Check("unknown", name, _unknown(*(stage for stage in told if stage not in named)), "mixed")
    elif len(set(named.values())) == 1:
        mark = next(iter(named.values()))
        yield Check(
            "good",
            name,
            Words(
                f"Test set {mark} was frozen, kept out of training, and scored.",
                f"평가 집합({mark})을 고정해 학습에서 제외하고, 같은 것으로 평가했습니다.",
            ),
            "mixed",
        )
    else:
        listed = ", ".join(f"{stage} {value}" for stage, value in named.items())
        yield Check(
            "bad",
            name,
            Words(
                f"Stages speak of different test sets: {listed}; run `dvc repro`.",
                f"단계마다 평가 집합이 다릅니다: {listed}. `dvc repro`를 실행하십시오.",
            ),
            "mixed",
        )


def _encoder(results: Results) -> Iterator[Check]:
    name = Words("The model that was scored is the one that was chosen", "평가한 모델과 선택한 모델이 같음")
    chosen, scored = results.stage("select").get("encoder"), results.evaluation.encoder
    if not chosen or not scored:
        yield Check("unknown", name, _unknown("select" if not chosen else "evaluate"), "mixed")
    elif chosen == scored:
        yield Check("good", name, Words(f"Both are {scored}.", f"둘 다 {scored}입니다."), "mixed")
    else:
        yield Check(
            "bad",
            name,
            Words(
                f"Chosen: {chosen}; scored: {scored}. Run `dvc repro`.",
                f"선택한 모델은 {chosen}, 평가한 모델은 {scored}입니다. `dvc repro`를 실행하십시오.",
            ),
            "mixed",
        )


def _forgetting(scores: Evaluation) -> Iterator[Check]:
    """What the tuned model may have unlearnt."""
    for probe, told in scores.probe.items():
        name = PROBES.get(probe, Words(f"Other abilities: {probe}", f"다른 능력: {probe}"))
        gap = told["difference"]
        figures = f"{gap['value']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
        if told["verdict"] == "PASS":
            yield Check(
                "good",
                name,
                Words(
                    f"Kept: {figures}, may lose {told['margin']:.3f}.",
                    f"유지했습니다: {figures}, 허용 손실 {told['margin']:.3f}.",
                ),
                "probe",
            )
        elif told["verdict"] == "FAIL":
            yield Check(
                "bad",
                name,
                Words(
                    f"Lost more than allowed: {figures}, may lose {told['margin']:.3f}.",
                    f"허용보다 많이 잃었습니다: {figures}, 허용 손실 {told['margin']:.3f}.",
                ),
                "probe",
            )
        else:
            needed = told.get("needed")
            en, ko = (
                f"Can't tell: {figures}, may lose {told['margin']:.3f}",
                f"알 수 없습니다: {figures}, 허용 손실 {told['margin']:.3f}",
            )
            if needed:
                en, ko = f"{en}; about {needed:,} questions would tell", f"{ko}. 질문이 {needed:,}개쯤 필요합니다"
            yield Check("mind", name, Words(f"{en}.", f"{ko}."), "probe")


def _health(results: Results) -> Iterator[Check]:
    """The verdict of training on itself, where it gives one: that it went well, not that the model is better."""
    name = Words("Health of the training run", "학습 상태")
    training = results.training
    verdict = training.verdict
    if not training:
        yield Check("unknown", name, _unknown("train"), "training")
    elif verdict is None:
        yield Check(
            "unknown",
            name,
            Words(
                "The run left no verdict on itself; run `dvc repro train`.",
                "학습이 판정을 남기지 않았습니다. `dvc repro train`을 실행하십시오.",
            ),
            "training",
        )
    else:
        said = VERDICTS.get(verdict, same(verdict))
        if training.state == "stopped":
            said = joined([said, Words("stopped early", "조기 종료")], Words(", ", ", "))
        why = [Words(en, ko or en) for en, ko in zip_longest(training.reasons, training.reasons_ko)]
        said = joined([said, joined(why, CLAUSES)], Words(": ", ": ")) if why else said
        yield Check(LEVELS.get(verdict, "mind"), name, Words(f"{said.en}.", f"{said.ko}."), "training")


def _selection(results: Results) -> Iterator[Check]:
    name = Words("Choice of the checkpoint", "체크포인트 선택")
    told = results.stage("select")
    validation = {k: v for k, v in told.get("validation", {}).items() if isinstance(v, int | float)}
    chosen = told.get("chosen")
    if not validation or chosen is None:
        yield Check("unknown", name, _unknown("select"), "choice")
    elif chosen == BASE:
        yield Check(
            "bad",
            name,
            Words(
                "No checkpoint beat the untuned model on validation, so the untuned model was kept.",
                "검증에서 기본 모델을 이긴 체크포인트가 없어 기본 모델을 그대로 썼습니다.",
            ),
            "choice",
        )
    else:
        value, base = validation.get(chosen), validation.get(BASE)
        figures = f" ({HEADLINE} {base:.3f} → {value:.3f})" if value is not None and base is not None else ""
        yield Check(
            "good",
            name,
            Words(
                f"{chosen}, on validation queries; the test set had no say{figures}.",
                f"{translations.candidate(chosen).ko}. 검증 질의로 골랐고 평가 집합은 쓰지 않았습니다{figures}.",
            ),
            "choice",
        )


def _mining(results: Results) -> Iterator[Check]:
    name = Words("Hard negatives", "하드 네거티브")
    told = results.stage("mine").get("train")
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
            "model that mined them found an answer: hard examples, or wrong labels.",
            f"학습 예제 {examples:,}개, 하드 네거티브가 없는 것 {empty:,}개. "
            f"{doubtful:,}개({share:.0%})는 키워드 검색과 기본 모델 모두 정답을 찾지 못했습니다. "
            "어려운 예제이거나 라벨이 잘못된 것입니다.",
        ),
    )


def _gold(scores: Evaluation) -> Iterator[Check]:
    missing = scores.gold_not_in_corpus
    if missing:
        yield Check(
            "mind",
            Words("Answers that the corpus lacks", "코퍼스에 없는 정답"),
            Words(
                f"{missing} right answers are not in the corpus; no system can find them.",
                f"정답 {missing}개가 코퍼스에 없어 어떤 시스템도 찾을 수 없습니다.",
            ),
        )


def _quarantine(results: Results) -> Iterator[Check]:
    name = Words("Documents set aside", "제외된 문서")
    told = results.stage("preprocess")
    if not told:
        yield Check("unknown", name, _unknown("preprocess"))
        return
    dropped, read = sum(told.get("dropped", {}).values()), told.get("read", 0)
    reasons = translations.counted(told.get("dropped", {}), translations.DROPPED)
    share = dropped / read if read else 0.0
    yield Check(
        "mind" if share > MANY / 2 else "good",
        name,
        Words(
            f"{dropped:,} of {read:,} records ({share:.1%}): {reasons.en or 'none'}.",
            f"기록 {read:,}건 가운데 {dropped:,}건({share:.1%}): {reasons.ko or '없음'}.",
        ),
    )


def _unknown(*stages: str) -> Words:
    commands = ", ".join(f"`dvc repro {stage}`" for stage in stages)
    return Words(f"Not known: run {commands}.", f"알 수 없습니다. {commands}을(를) 실행하십시오.")


def _reranker(scores: Evaluation) -> Iterator[Check]:
    if scores.reranker:
        yield Check("good" if scores.reranker["better"] else "mind", Words("Reranker", "재순위 모델"), sentence(scores.reranker))
