"""What everything that was found adds up to: a headline and what to do now, by the first rule that applies; a pure function.

The report and the last lines of a run say the same, since both take it from here. Only the last two levels of the table are for
a model that may be used: whatever rejects a model stands above whatever praises it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from haechi.scoring.verdict import Judgement
from haechi.text.bilingual import Words, joined

Level = Literal["good", "mind", "bad", "unknown"]


@dataclass(frozen=True)
class Findings:
    """What the decision depends on."""

    over_base: Judgement
    over_bm25: Literal["better", "open", "below", "unknown"]
    """`open`: chance may explain the difference, whichever way it points; `below`: it scores lower, beyond chance."""
    hybrid: Literal["helps", "trades", "same", "no"]
    """Whether joining it with BM25 gives more than either, more on one suite and less on another, or the tuned model's figures
    to the last digit."""
    trade: Words
    """What it gives and costs on each suite; empty where it costs nothing."""
    training: Literal["good", "suspicious", "failed", "unknown"]
    leaks: bool
    mixed: bool
    """Stages speak of different test sets or models."""
    shuffled: bool
    """It was trained on shuffled labels."""
    base_kept: bool
    """Selection found nothing better than the untuned model."""
    unlearned: bool
    """It lost more of its other abilities than allowed."""
    behind: Words | None
    """A kind of question on which BM25 is better, beyond chance."""
    lost: Words | None
    """A kind of question on which the untuned model was better, beyond chance."""
    doubts: bool
    """Whether another check says that a person should look, or couldn't look itself."""
    remedy: str
    """The command that training advises, or another learning rate."""
    made: bool
    """It was tested on questions that haechi wrote itself."""


@dataclass(frozen=True)
class Decision:
    """What a person who decides reads first and last; good is for a model that nothing speaks against."""

    level: Level
    headline: Words
    advice: Words


def decide(results: Findings) -> Decision:
    """The first rule that applies; the last one always does."""
    rule = next(rule for rule in RULES if rule.when(results))
    advice = [rule.advice] if rule.advice else _use(results)
    headline, level = rule.headline, rule.level
    if results.made:
        headline, level = joined([headline, MADE], Words(" ", " ")), "mind" if level == "good" else level
        advice.append(OWN)
    return Decision(level, _filled(headline, results), _filled(joined(advice, Words(" ", " ")), results))


@dataclass(frozen=True)
class Rule:
    """`{remedy}`, `{behind}`, `{lost}`, `{trade}` stand for what was found; without advice of its own the model may be used."""

    level: Level
    when: Callable[[Findings], bool]
    headline: Words
    advice: Words | None = None


MADE = Words(
    "That was tested on questions that haechi wrote itself; real users ask otherwise.",
    "단, haechi가 직접 만든 질문으로 평가한 결과이며, 실제 사용자는 다르게 묻습니다.",
)
OWN = Words(
    "For an answer to rely on, put 30 questions of your own: `haechi pool export --questions-only sheet.csv`.",
    "믿을 만한 결과를 얻으려면 직접 쓴 질문 30개를 넣으십시오: `haechi pool export --questions-only sheet.csv`.",
)
CONTROL = Words("This is a control with shuffled labels, not a model to use.", "라벨을 섞은 대조 실험이며, 쓸 모델이 아닙니다.")
BACK = Words(
    "The training without shuffled labels: `dvc exp run -n true-labels -S train.shuffle_labels=false`.",
    "라벨을 섞지 않은 학습으로 돌아가려면 `dvc exp run -n true-labels -S train.shuffle_labels=false`를 실행합니다.",
)
OTHER = Words("Don't deploy it. Try `{remedy}`.", "배포하지 마십시오. `{remedy}`를 시도해 보십시오.")

RULES: Sequence[Rule] = (
    Rule(
        "bad",
        lambda f: f.leaks,
        Words(
            "These figures can't be believed: test data leaked into training.",
            "평가 데이터가 학습에 섞여 수치를 믿을 수 없습니다.",
        ),
        Words(
            "Don't decide on this. Build the test set anew with `haechi testset refresh`, then run `dvc repro`.",
            "이 결과로 결정하지 마십시오. `haechi testset refresh`로 평가 집합을 다시 만든 뒤 `dvc repro`를 실행하십시오.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.mixed,
        Words("These figures don't belong together.", "서로 다른 실행의 수치가 섞여 있습니다."),
        Words(
            "Don't decide on this. Run `dvc repro`, so that all stages speak of one test set and one model.",
            "이 결과로 결정하지 마십시오. `dvc repro`를 실행하면 모든 단계가 같은 평가 집합과 같은 모델을 씁니다.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.shuffled and f.over_base == "better",
        CONTROL,
        Words(
            "It is better than the untuned model all the same: so much of a gain is not learned from the labels. Read a gain of "
            f"the same training with true labels with that in mind. {BACK.en}",
            "그런데도 기본 모델보다 낫습니다. 그만큼은 라벨에서 배운 것이 아니므로, 실제 라벨로 학습한 결과도 그 점을 감안해 "
            f"읽어야 합니다. {BACK.ko}",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.shuffled,
        CONTROL,
        Words(
            f"It shows no gain over the untuned model, as it should be: a gain with true labels comes from the labels. {BACK.en}",
            f"기대한 대로 기본 모델보다 나아지지 않았습니다. 곧 실제 라벨로 얻은 향상은 라벨에서 배운 것입니다. {BACK.ko}",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.base_kept,
        Words("No: the untuned model was kept.", "아니요, 기본 모델을 그대로 썼습니다."),
        Words(
            "On validation nothing was better than the untuned model, and models/encoder holds that one. Try `{remedy}`.",
            "검증에서 기본 모델보다 나은 것이 없어 models/encoder에는 기본 모델이 들어 있습니다. `{remedy}`를 시도해 보십시오.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.training == "failed",
        Words("No: the training failed its own checks.", "아니요, 학습이 자체 점검을 통과하지 못했습니다."),
        Words(
            "Don't deploy this model, whatever it scores; the reasons stand among the points. Try `{remedy}`.",
            "점수와 상관없이 이 모델을 배포하지 마십시오. 이유는 위 항목에 있습니다. `{remedy}`를 시도해 보십시오.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.over_base == "worse",
        Words("No: the tuned model is worse.", "아니요, 학습한 모델이 더 못합니다."),
        OTHER,
    ),
    Rule(
        "unknown",
        lambda f: f.over_base == "can't tell",
        Words("This test can't tell.", "이 평가로는 알 수 없습니다."),
        Words(
            "Don't decide on this. More test queries, more training data or another setting may tell: `{remedy}`.",
            "이 결과로 결정하지 마십시오. 평가 질의나 학습 데이터를 늘리거나 다른 설정을 시도해 보십시오: `{remedy}`.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.over_bm25 == "below" and f.hybrid in ("helps", "trades"),
        Words(
            "No: the tuned model alone scores lower than word search (BM25).",
            "아니요, 학습한 모델만으로는 키워드 검색(BM25)보다 점수가 낮습니다.",
        ),
        Words(
            "Don't deploy it alone: joined with BM25 (hybrid) it scores higher than either. Or try `{remedy}`.",
            "모델만 배포하지 마십시오. BM25와 함께 쓰면(하이브리드) 어느 한쪽보다 점수가 높습니다. "
            "또는 `{remedy}`를 시도해 보십시오.",
        ),
    ),
    Rule(
        "bad",
        lambda f: f.over_bm25 == "below",
        Words(
            "No: it is better than the untuned model, but scores lower than word search (BM25).",
            "아니요, 기본 모델보다는 낫지만 키워드 검색(BM25)보다 점수가 낮습니다.",
        ),
        OTHER,
    ),
    Rule(
        "bad",
        lambda f: f.unlearned,
        Words(
            "No: it is better on these questions, but lost other abilities.", "아니요, 이 질의에는 낫지만 다른 능력을 잃었습니다."
        ),
        OTHER,
    ),
    Rule(
        "mind",
        lambda f: f.training == "suspicious",
        Words(
            "The tuned model is better, but its training looks suspicious.",
            "학습한 모델이 더 낫지만, 학습에 의심스러운 점이 있습니다.",
        ),
    ),
    Rule(
        "mind",
        lambda f: f.over_bm25 != "better",
        Words(
            "The tuned model is better than the untuned one; whether it beats word search (BM25) is open.",
            "학습한 모델이 기본 모델보다 낫습니다. 키워드 검색(BM25)보다 나은지는 알 수 없습니다.",
        ),
    ),
    Rule(
        "mind",
        lambda f: f.behind is not None,
        Words(
            "The tuned model is better, but not everywhere: for {behind}, word search (BM25) is better.",
            "학습한 모델이 더 낫지만, 모든 질의에서 그렇지는 않습니다. {behind}에서는 키워드 검색(BM25)이 더 낫습니다.",
        ),
    ),
    Rule(
        "mind",
        lambda f: f.lost is not None,
        Words(
            "The tuned model is better, but not everywhere: for {lost}, the untuned one was better.",
            "학습한 모델이 더 낫지만, 모든 질의에서 그렇지는 않습니다. {lost}에서는 기본 모델이 더 나았습니다.",
        ),
    ),
    Rule(
        "mind",
        lambda f: f.doubts or f.training == "unknown",
        Words(
            "The tuned model is better; look at the points below before you use it.",
            "학습한 모델이 더 낫습니다. 쓰기 전에 아래 사항을 확인하십시오.",
        ),
    ),
    Rule("good", lambda f: True, Words("Yes. The tuned model is better.", "예, 학습한 모델이 더 낫습니다.")),
)


def _use(results: Findings) -> list[Words]:
    """How to use a model that no rule rejects."""
    advice = [Words("The files to deploy are in models/encoder.", "배포할 파일은 models/encoder에 있습니다.")]
    reservation = results.training != "good" or results.over_bm25 != "better" or results.lost or results.doubts
    if reservation or results.behind:
        advice.append(Words("Read the points marked ! or ? first.", "먼저 ! 또는 ? 표시가 있는 항목을 읽으십시오."))
    if results.hybrid == "helps":
        advice.append(Words("Deploy it together with BM25 (hybrid).", "BM25와 함께(하이브리드로) 쓰십시오."))
        if results.trade.en:
            advice.append(Words("Against the model alone that is {trade}.", "모델만 쓸 때와 비교하면 {trade}입니다."))
    elif results.hybrid == "trades":
        advice.append(
            Words(
                "Whether to deploy it together with BM25 (hybrid) depends on what your users ask for; against the model alone "
                "that is {trade}.",
                "BM25와 함께(하이브리드로) 쓸지는 사용자 질의에 달려 있습니다. 모델만 쓸 때와 비교하면 {trade}입니다.",
            )
        )
    elif results.behind:
        advice.append(
            Words(
                "Where your users ask for {behind}, offer word search (BM25) beside it.",
                "사용자 질의 가운데 {behind}도 있다면 키워드 검색(BM25)도 함께 제공하십시오.",
            )
        )
    if results.behind and results.hybrid == "same":
        advice.append(
            Words(
                "The hybrid is no help there: it gives the same results as the model, since validation gave BM25 no weight.",
                "하이브리드는 도움이 되지 않습니다. 검증에서 BM25의 가중치가 0으로 정해져 모델만 쓴 결과와 같습니다.",
            )
        )
    return advice


def _filled(text: Words, results: Findings) -> Words:
    """With what was found in its places."""
    none = Words("", "")
    behind, lost = results.behind or none, results.lost or none
    return Words(
        text.en.format(remedy=results.remedy, behind=behind.en, lost=lost.en, trade=results.trade.en),
        text.ko.format(remedy=results.remedy, behind=behind.ko, lost=lost.ko, trade=results.trade.ko),
    )
