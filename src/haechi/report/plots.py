"""All charts in the order of the report, each with its title and how to read it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from haechi.report import charts
from haechi.report.inputs import Results
from haechi.report.slices import Slice
from haechi.report.style import Picture, Say
from haechi.text.bilingual import Words


@dataclass(frozen=True)
class Plot:
    """A chart with its texts."""

    name: str
    title: Words
    reading: Words
    """How to read it."""
    draw: Callable[[Results, Sequence[Slice], Say], Picture | None]


PLOTS = (
    Plot(
        "systems",
        Words("How well each system finds the right answers", "시스템마다 정답을 얼마나 잘 찾는가"),
        Words(
            "Longer is better. The thin line is the interval: where two lines overlap much, the difference may be chance.",
            "길수록 좋습니다. 가는 선은 신뢰구간이며, 두 선이 많이 겹치면 차이는 우연일 수 있습니다.",
        ),
        charts.systems,
    ),
    Plot(
        "recall",
        Words("How many results must one read?", "결과를 몇 개까지 읽어야 하는가"),
        Words(
            "Share of the right answers among the first k results; higher and further left is better.",
            "상위 k개 안에 있는 정답의 비율입니다. 높고 왼쪽일수록 좋습니다.",
        ),
        charts.recall,
    ),
    Plot(
        "gains",
        Words("Gain and loss, query by query", "질의마다 나아졌는가 나빠졌는가"),
        Words(
            "Tuned against untuned model. Much blue and little orange: the gain is broad, not the work of a few queries.",
            "기본 모델과 비교한 것입니다. 파란색이 넓고 주황색이 좁으면 일부 질의가 아니라 전반적으로 나아진 것입니다.",
        ),
        charts.gains,
    ),
    Plot(
        "slices",
        Words("Where it is better and where worse", "어디서 낫고 어디서 못한가"),
        Words(
            "A row is a kind of query. Where the circle stands left of the square, word search (BM25) does better.",
            "한 줄이 질의 유형 하나입니다. 동그라미가 네모보다 왼쪽이면 그 유형에서는 키워드 검색(BM25)이 낫습니다.",
        ),
        charts.by_slice,
    ),
    Plot(
        "training",
        Words("Did training go well?", "학습은 순조로웠는가"),
        Words(
            "Loss should fall and validation rise. Dashed: the chosen checkpoint; a fall after it is harmless.",
            "손실은 내려가고 검증 점수는 올라가야 합니다. 점선은 선택한 체크포인트이며, 그 뒤의 하락은 문제가 되지 않습니다.",
        ),
        charts.training,
    ),
    Plot(
        "rate",
        Words("Learning rate and gradient norm", "학습률과 기울기 크기"),
        Words(
            "The gradient norm should settle; late peaks are a warning. Active triplets, if any, should become fewer.",
            "기울기는 점차 안정되어야 합니다. 뒤늦게 커지면 좋지 않은 신호입니다. 활성 트리플릿이 있다면 줄어들어야 합니다.",
        ),
        charts.rate,
    ),
    Plot(
        "selection",
        Words("Which checkpoint was chosen, and why", "어느 체크포인트를 왜 골랐는가"),
        Words("Chosen on validation queries, never on the test set.", "평가 집합이 아니라 검증 질의로 골랐습니다."),
        charts.selection,
    ),
    Plot(
        "scores",
        Words("Scores of positives and hard negatives", "정답과 하드 네거티브의 점수"),
        Words(
            "Before training. Where the hills overlap, there is something to learn, and false negatives are likelier.",
            "학습 전 점수입니다. 두 분포가 겹치는 곳에 배울 것이 있고, 잘못된 네거티브(실제로는 정답)도 많을 수 있습니다.",
        ),
        charts.scores,
    ),
    Plot(
        "mining",
        Words("What became of the candidates for negatives", "하드 네거티브 후보는 어떻게 처리되었는가"),
        Words(
            "Only the blue ones train the model; every other was set aside for the reason named.",
            "파란색만 학습에 사용했고, 나머지는 표시된 이유로 제외했습니다.",
        ),
        charts.mining,
    ),
    Plot(
        "questions",
        Words("Do synthetic questions look like real ones?", "합성 질문은 실제 질문과 비슷한가"),
        Words(
            "The nearer the curves, the better training fits what people ask. Much overlap makes a question easy.",
            "곡선이 가까울수록 학습이 실제 질문에 맞습니다. 청크와 겹치는 단어가 많으면 쉬운 질문입니다.",
        ),
        charts.questions,
    ),
    Plot(
        "gating",
        Words("When to answer nothing", "언제 답하지 말아야 하는가"),
        Words(
            "A threshold on the best score: answer legal queries, refuse everyday questions. Dotted: the chosen one.",
            "최고 점수에 적용하는 임계값입니다. 법률 질의에는 답하고 일상 질문은 거절해야 합니다. 점선이 선택한 임계값입니다.",
        ),
        charts.abstention,
    ),
    Plot(
        "rerank_depth",
        Words("How deep to rerank", "몇 개까지 재순위화할 것인가"),
        Words(
            "Validation: the hybrid's first articles reranked, the others behind them as they were; 0 is without a reranker.",
            "검증 질의에서 하이브리드 상위 조문만 재순위화한 결과입니다. 0은 재순위화하지 않은 값입니다.",
        ),
        charts.rerank_depth,
    ),
    Plot(
        "map",
        Words("Passages on a plane, by law", "법령별 청크 지도"),
        Words(
            "Neighbours in the model's space stand near each other. After training, each law should form an island of its own.",
            "모델이 비슷하다고 보는 청크가 가까이 놓입니다. 학습 뒤에 법령별로 무리를 이루면 잘 구별하는 것입니다.",
        ),
        charts.passage_map,
    ),
)
