"""What pages call things, in English and in Korean."""

import re
from collections.abc import Mapping

from haechi.scoring.names import LABELS, label
from haechi.text.bilingual import Words, joined, same

SYSTEMS = {
    "popularity": "인용 빈도순",
    "bm25": "BM25 (Kiwi)",
    "base": "기본 모델",
    "tuned": "학습한 모델",
    "sparse": "학습한 모델, 희소 헤드",
    "multi_vector": "학습한 모델, 다중 벡터 헤드",
    "combined": "학습한 모델, 세 헤드",
    "hybrid": "하이브리드",
    "reranked": "하이브리드 후 재순위화",
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
    "seen": Words("answers seen in training", "정답이 학습에 나온 질의"),
    "unseen": Words("answers kept out of training", "정답을 학습에서 제외한 질의"),
    "unseen_article": Words("articles kept out of training", "학습에서 제외한 조문"),
    "unseen_law": Words("laws kept out of training as a whole", "통째로 학습에서 제외한 법령"),
    "names_positive": Words("queries that name their answer", "정답 이름이 포함된 질의"),
    "title": Words("suite: article titles", "질의 유형: 조문 제목"),
    "synthetic": Words("suite: synthetic questions", "질의 유형: 합성 질문"),
    "user": Words("suite: users' queries", "질의 유형: 사용자 질의"),
}
STYLES = {
    "question": Words("question", "의문문"),
    "whether": Words("whether …", "…여부"),
    "what": Words("meaning, standard, …", "의미·기준 등"),
    "words": Words("words", "단어 나열"),
}
FAILURES = {
    "beyond_depth": Words("not found at all", "전혀 찾지 못함"),
    "near_duplicate": Words("found a near-duplicate of the answer", "정답과 거의 같은 글을 찾음"),
    "sibling": Words("right law, wrong article", "법령은 맞고 조문이 다름"),
    "lexical_gap": Words("shares few words with the answer", "정답과 겹치는 단어가 적음"),
    "unseen": Words("answer kept out of training", "정답을 학습에서 제외함"),
    "unexplained": Words("no reason known", "이유를 알 수 없음"),
}
FATES = {
    "chosen": Words("chosen as a negative", "하드 네거티브로 선택"),
    "spare": Words("fit, not needed", "사용할 수 있으나 남음"),
    "above_margin": Words("too close to a positive", "정답과 점수가 너무 가까움"),
    "reserved": Words("reserved for the test set", "평가용으로 분리됨"),
    "same_article": Words("part of the answer itself", "정답의 다른 부분"),
    "cocited": Words("cited by the same decision", "같은 판결이 인용함"),
    "together": Words("cited with a positive elsewhere", "다른 판결이 정답과 함께 인용함"),
    "near_duplicate": Words("near-duplicate of a positive", "정답과 거의 같음"),
    "twin": Words("same text as a positive", "정답과 글이 같음"),
    "skipped": Words("among the first found", "검색 최상위라 건너뜀"),
    "other_version": Words("another version of a gold article", "정답 조문의 다른 버전"),
    "unseen": Words("not shown to the reranker", "재순위 모델이 보지 않음"),
    "overused": Words("used too often already", "이미 여러 번 사용됨"),
    "promoted": Words("promoted to a positive", "정답으로 변경"),
}
QUESTION_STYLES = {
    "issue": Words("issue", "쟁점형"),
    "keyword": Words("keywords", "키워드형"),
    "plain": Words("plain", "평서형"),
    "situation": Words("situation", "상황형"),
}
LENGTHS = {
    "questions": Words("synthetic questions", "합성 질문"),
    "precedent": Words("real: decisions", "실제: 판결 쟁점"),
    "user": Words("real: users", "실제: 사용자"),
}
KINDS = {
    "law": Words("laws", "법령"),
    "admin": Words("administrative rules", "행정규칙"),
    "prec": Words("decisions", "판결"),
    "precedent": Words("decisions", "판결 쟁점"),
    "doc": Words("documents", "문서"),
    "query": Words("queries", "질의"),
    "user": Words("users' queries", "사용자 질의"),
    "title": Words("titles of articles", "조문 제목"),
    "synthetic": Words("synthetic questions", "합성 질문"),
    "question": Words("synthetic questions", "합성 질문"),
    "definition": Words("definitions", "정의 조항"),
    "holding": Words("holdings", "판결요지"),
    "unseen": Words("on texts kept out of training", "학습에서 제외한 글"),
    "validation": Words("questions for validation", "검증용 질문"),
}
"""What is counted: documents, passages, pairs and queries."""
CANDIDATES = {
    "base": Words("base", "기본 모델"),
    "checkpoint": Words("checkpoint", "체크포인트"),
    "average": Words("average", "지수이동평균"),
    "soup": Words("soup", "모델 수프"),
    "interpolation": Words("interpolation", "보간"),
    "crossover": Words("crossover", "교차"),
}
MODELS = {
    "base": Words("base", "기본 모델"),
    "average": Words("average", "가중치 평균(average)"),
    "uniform soup": Words("uniform soup", "균등 수프"),
    "greedy soup": Words("greedy soup", "탐욕 수프"),
    "crossover": Words("crossover", "교차"),
}
SPACE = {
    "cka": Words("CKA", "CKA"),
    "mean_cosine": Words("mean cosine", "평균 코사인 유사도"),
    "neighbour_overlap": Words("shared neighbours", "공통 이웃 비율"),
    "alignment": Words("alignment (distance of query and answer)", "정렬(질의와 정답의 거리)"),
    "uniformity": Words("uniformity", "균일성"),
    "gold": Words("mean score of the answers", "정답의 평균 점수"),
    "best_other": Words("mean score of the best wrong passage", "최상위 오답 청크의 평균 점수"),
    "gold_higher": Words("share of queries with the answer first", "정답이 더 높은 질의의 비율"),
}
"""Figures of the vector space."""
LEAKS = {
    "exact_text": Words("same text", "같은 글"),
    "near_duplicate_text": Words("near-duplicate text", "거의 같은 글"),
    "reserved_article": Words("reserved article", "평가용 조문"),
    "source": Words("source", "출처"),
    "test_period": Words("test period", "평가 기간"),
    "train_valid_group": Words("group of training and validation", "학습과 검증의 중복 그룹"),
    "validation_on_test_texts": Words("text of test and validation", "평가와 검증의 중복 문서"),
    "validation_text": Words("question of test and validation", "평가와 검증의 중복 질문"),
}
DROPPED = {
    "addenda_off": Words("addenda, left out by parameter", "부칙(파라미터로 제외)"),
    "annexes_off": Words("annexes, left out by parameter", "별표(파라미터로 제외)"),
    "blank_precedent": Words("blank decision", "빈 판결"),
    "citations_without_issue": Words("citations without an issue", "쟁점 없는 참조조문"),
    "holding_without_issue": Words("holding without an issue", "쟁점 없는 판결요지"),
    "deleted_article": Words("deleted article", "삭제된 조문"),
    "deleted_annex": Words("deleted annex", "삭제된 별표"),
    "moved_article": Words("moved article", "이동된 조문"),
    "empty_file": Words("empty file", "빈 파일"),
    "empty_article": Words("empty article", "빈 조문"),
    "duplicate_query": Words("duplicate query", "중복 질의"),
    "unknown_type": Words("unknown kind", "알 수 없는 형식"),
    "unreadable_file": Words("unreadable file", "읽을 수 없는 파일"),
    "not_json": Words("no JSON", "JSON이 아님"),
}
"""Why records were left out; what is not listed here is shown by its name."""
STAGES = {
    "preprocess": Words("cut documents into passages", "문서를 청크로 분할"),
    "testset": Words("freeze the test set", "평가 집합 고정"),
    "make_pairs": Words("pair queries with their answers", "질의와 정답 짝짓기"),
    "merge_corpus": Words("merge passages", "청크 병합"),
    "base": Words("make the untuned model", "기본 모델 준비"),
    "generate_qa": Words("write questions", "합성 질문 생성"),
    "mine": Words("find hard negatives", "하드 네거티브 마이닝"),
    "train": Words("train", "학습"),
    "select": Words("choose a checkpoint", "체크포인트 선택"),
    "train_reranker": Words("train a reranker", "재순위 모델 학습"),
    "evaluate": Words("score on the test set", "평가 집합으로 평가"),
    "report": Words("write this page", "보고서 작성"),
}


def system(name: str) -> Words:
    """A system; those that a user adds keep their name."""
    return Words(label(name), SYSTEMS.get(name, name) if name in LABELS else name)


def candidate(name: str) -> Words:
    """A model that select chose from; a checkpoint keeps its name."""
    if between := re.fullmatch(r"base to (\S+) at (\S+)", name):
        return Words(name, f"기본 모델과 {between[1]}의 {between[2]} 지점")
    return MODELS.get(name, same(name))


def known(table: dict[str, Words], name: str) -> Words:
    """The words for a name, or the name."""
    return table.get(name, same(name.replace("_", " ")))


def counted(counts: Mapping[str, int], table: dict[str, Words]) -> Words:
    """Names and numbers."""
    said = [Words(*(f"{name} {count:,}" for name in known(table, key))) for key, count in counts.items()]
    return joined(said, Words(", ", ", "))


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
