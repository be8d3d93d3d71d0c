"""What pages call things, in English and in Korean."""

from typing import NamedTuple

from haechi.evaluation.names import LABELS, label


class Words(NamedTuple):
    """The same in both languages."""

    en: str
    ko: str


SYSTEMS = {
    "popularity": "많이 인용된 조문",
    "bm25": "BM25 (Kiwi)",
    "base": "학습 전 모델",
    "tuned": "학습한 모델",
    "sparse": "학습한 모델, 희소 헤드",
    "multi_vector": "학습한 모델, 다중 벡터 헤드",
    "combined": "학습한 모델, 세 헤드",
    "hybrid": "혼합 (BM25+학습)",
    "reranked": "혼합 후 재순위",
}
FACETS = {
    "gold_cited_in_training": Words("gold's citations in training", "학습에서 정답이 인용된 횟수"),
    "law": Words("law", "법령"),
    "passage_length": Words("length of the gold text", "정답 글자 수"),
    "query_length": Words("length of the query", "질의 글자 수"),
    "style": Words("form of the query", "질의 형식"),
    "year": Words("year of the decision", "판결 연도"),
}
NAMED = {
    "seen": Words("articles seen in training", "학습에 나올 수 있는 조문"),
    "unseen": Words("articles kept out of training", "학습에서 뺀 조문"),
    "names_positive": Words("queries that name their answer", "정답 이름이 든 질의"),
    "title": Words("suite: article titles", "묶음: 조문 제목"),
    "synthetic": Words("suite: written questions", "묶음: 만든 질문"),
    "user": Words("suite: users' queries", "묶음: 사용자 질의"),
}
STYLES = {
    "question": Words("question", "물음"),
    "whether": Words("whether …", "…여부"),
    "what": Words("meaning, standard, …", "의미·기준 등"),
    "words": Words("words", "낱말"),
}
FAILURES = {
    "beyond_depth": Words("not found at all", "끝까지 찾지 못함"),
    "near_duplicate": Words("found a near-duplicate of the answer", "정답과 거의 같은 글을 찾음"),
    "sibling": Words("right law, wrong article", "법은 맞고 조문이 다름"),
    "lexical_gap": Words("shares few words with the answer", "정답과 겹치는 말이 적음"),
    "unseen": Words("answer kept out of training", "정답을 학습에서 뺌"),
    "unexplained": Words("no reason known", "이유를 알 수 없음"),
}
FATES = {
    "chosen": Words("chosen as a negative", "부정 예로 뽑음"),
    "spare": Words("fit, not needed", "쓸 수 있으나 남음"),
    "above_margin": Words("too close to a positive", "정답과 점수가 너무 가까움"),
    "reserved": Words("reserved for the test set", "시험용으로 따로 둠"),
    "same_article": Words("part of a gold article", "정답 조문의 일부"),
    "cocited": Words("cited by the same decision", "같은 판결이 인용함"),
    "together": Words("cited with a positive elsewhere", "다른 판결이 정답과 함께 인용함"),
    "near_duplicate": Words("near-duplicate of a positive", "정답과 거의 같음"),
    "twin": Words("same text as a positive", "정답과 글이 같음"),
    "skipped": Words("among the first found", "맨 먼저 찾은 것에 듦"),
    "other_version": Words("another version of a gold article", "정답 조문의 다른 판"),
    "unseen": Words("not shown to the reranker", "재순위 모델이 보지 않음"),
    "overused": Words("used too often already", "이미 여러 번 씀"),
    "promoted": Words("promoted to a positive", "정답으로 올림"),
}
QUESTION_STYLES = {
    "issue": Words("issue", "쟁점형"),
    "keyword": Words("keywords", "핵심어형"),
    "plain": Words("plain", "평서형"),
    "situation": Words("situation", "상황형"),
}
LENGTHS = {
    "questions": Words("written questions", "만든 질문"),
    "precedent": Words("real: decisions", "실제: 판결 쟁점"),
    "user": Words("real: users", "실제: 사용자"),
}
STAGES = {
    "preprocess": Words("cut documents into passages", "문서를 단락으로 자름"),
    "testset": Words("freeze the test set", "시험 집합 고정"),
    "make_pairs": Words("pair issues with cited articles", "쟁점과 인용 조문 짝짓기"),
    "merge_corpus": Words("merge passages", "단락 합치기"),
    "base": Words("make the untuned model", "학습 전 모델 마련"),
    "generate_qa": Words("write questions", "질문 만들기"),
    "mine": Words("find hard negatives", "어려운 부정 예 찾기"),
    "train": Words("train", "학습"),
    "select": Words("choose a checkpoint", "체크포인트 고르기"),
    "evaluate": Words("score on the test set", "시험 집합으로 채점"),
    "report": Words("write this page", "이 문서 만들기"),
}


def same(text: str) -> Words:
    """A name that is the same in both languages."""
    return Words(text, text)


def system(name: str) -> Words:
    """A system; those that a user adds keep their name."""
    return Words(label(name), SYSTEMS.get(name, name) if name in LABELS else name)


def known(table: dict[str, Words], name: str) -> Words:
    """The words for a name, or the name."""
    return table.get(name, same(name.replace("_", " ")))


def slice_name(name: str) -> Words:
    """A slice of the test queries."""
    facet, slash, value = name.partition("/")
    if not slash:
        return NAMED.get(name, same(name))
    if facet == "law":
        return same(value)
    shown = known(STYLES, value) if facet == "style" else same(value)
    of = known(FACETS, facet)
    return Words(f"{of.en}: {shown.en}", f"{of.ko}: {shown.ko}")
