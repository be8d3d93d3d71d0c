"""What the headline was measured on, in words: issues of decisions, users' queries, or questions that haechi wrote itself."""

from dataclasses import dataclass
from statistics import median

from haechi.records.query import Suite
from haechi.report.inputs import Results
from haechi.text.bilingual import Words

FEW = 5
"""Users' queries from which on made questions are set against them."""


@dataclass(frozen=True)
class TestedOn:
    """The texts that depend on the primary suite."""

    __test__ = False

    asked: Words
    """What the model should be better at."""
    test: Words
    """How the test was made; `{n}` is the number of queries."""
    queries: str
    """The queries, over the closing table of a run."""


SUITES: dict[Suite, TestedOn] = {
    "precedent": TestedOn(
        Words("finding the articles that a court cites", "법원이 인용한 조문을"),
        Words(
            "{n} questions, each a numbered issue of a court decision that training never saw: the newest decisions, and older "
            "ones that share a case with them or cite only articles kept out of training. Right answers are the articles that "
            "the court cites under the issue.",
            "학습에 쓰지 않은 판결의 번호 매긴 쟁점 {n}개입니다. 가장 최근 판결과, 그와 같은 사건이거나 학습에서 제외한 조문만 "
            "인용한 이전 판결입니다. 정답은 법원이 그 쟁점에서 인용한 조문입니다.",
        ),
        "issues of held-out decisions",
    ),
    "user": TestedOn(
        Words("finding what your users look for", "사용자가 찾는 문서를"),
        Words(
            "{n} labelled queries of users, held out by lot; the others train. Right answers are what their labels name.",
            "라벨을 단 사용자 질의 {n}개입니다. 추첨으로 학습에서 제외했고, 나머지는 학습에 썼습니다. "
            "정답은 라벨에 적힌 것입니다.",
        ),
        "labelled queries of users",
    ),
    "synthetic": TestedOn(
        Words("finding the document that a question was written about", "질문을 만들어 낸 문서를"),
        Words(
            "{n} questions that haechi wrote itself, about documents that training never saw, and worded otherwise than "
            "training's. Real users ask otherwise. The right answer is the document that a question was written about; others "
            "that answer it too count as wrong.",
            "haechi가 직접 만든 질문 {n}개입니다. 학습에 쓰지 않은 문서로, 학습과 다른 문형으로 만들었습니다. 실제 사용자는 "
            "다르게 묻습니다. 정답은 질문을 만들어 낸 문서이며, 답이 되는 다른 문서도 오답으로 셉니다.",
        ),
        "questions that haechi wrote itself, about held-out documents; real users ask otherwise",
    ),
}


def tested_on(results: Results) -> TestedOn:
    """The texts of the suite that the test set names."""
    return SUITES[results.stage("testset").get("primary", "precedent")]


def against_real(results: Results) -> Words | None:
    """How made questions differ from the users' queries of the test set; None where there are too few of these."""
    sides = {suite: [row for row in results.rows if row.suite == suite and row.query_id in results.queries] for suite in SUITES}
    made, real = sides["synthetic"], sides["user"]
    if not made or len(real) < FEW:
        return None
    texts = {passage.article_key: passage.text for passage in results.passages}
    lengths, shares = [], []
    for rows in (made, real):
        queries = [results.queries[row.query_id].query_text for row in rows]
        lengths.append(round(median(map(len, queries))))
        answers = [" ".join(texts.get(key, "") for key in row.gold) for row in rows]
        shares.append(sum(map(_shared, queries, answers)) / len(rows))
    return Words(
        f"Made questions have {lengths[0]} characters and share {shares[0]:.0%} of their character pairs with the answer; the "
        f"{len(real)} queries of users here {lengths[1]} and {shares[1]:.0%}.",
        f"만든 질문은 길이 중앙값 {lengths[0]}자에 두 글자 쌍의 {shares[0]:.0%}가 정답 문서와 겹치고, "
        f"사용자 질의 {len(real)}개는 {lengths[1]}자에 {shares[1]:.0%}가 겹칩니다.",
    )


def _shared(query: str, answer: str) -> float:
    pairs = {query[i : i + 2] for i in range(len(query) - 1) if not query[i : i + 2].isspace()}
    return sum(pair in answer for pair in pairs) / len(pairs) if pairs else 0.0
