"""What was trained on what: counts and fingerprints of data and models, and the candidates that one was chosen from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from haechi.report import translations
from haechi.report.inputs import Results
from haechi.scoring.names import HEADLINE
from haechi.text.bilingual import Words, same


@dataclass(frozen=True)
class Table:
    """A table as it is shown."""

    columns: list[Words]
    rows: list[list[Words]]


def facts(results: Results) -> list[tuple[Words, Words]]:
    """Name and value of everything that is known."""
    rows: list[tuple[Words, Words]] = []

    def row(en: str, ko: str, value: Words | None) -> None:
        if value is not None:
            rows.append((Words(en, ko), value))

    raw, corpus, pairs = results.stage("preprocess"), results.stage("merge_corpus"), results.stage("make_pairs")
    base, train, select, tests = (results.stage(name) for name in ("base", "train", "select", "testset"))
    row("documents read", "읽은 기록", _counts(raw.get("kept")))
    row("passages of the corpus", "코퍼스의 청크", _counts(corpus.get("passages")))
    row("training queries by source", "출처별 학습 질의", _counts(results.stage("mine").get("train", {}).get("sources")))
    row("validation queries", "검증 질의", _number(pairs.get("valid")))
    row("synthetic questions kept", "남긴 합성 질문", _number(results.stage("generate_qa").get("questions", {}).get("kept")))
    row("training examples used", "학습에 쓴 예제", _number(train.get("examples", {}).get("used")))
    row("training steps", "학습 스텝 수", _number(train.get("steps")))
    row("test set", "평가 집합", _mark(tests.get("fingerprint")))
    row("test queries", "평가 질의", _queries(results))
    row("articles kept out of training", "학습에서 제외한 조문", _number(tests.get("reserved_articles") or None))
    row("sources kept out of training", "학습에서 제외한 문서와 판결", _number(tests.get("held_out") or None))
    if base:
        name, size, dim = base.get("base", ""), f"{base.get('parameters', 0):,}", base.get("dim", 0)
        row(
            "untuned model",
            "기본 모델",
            Words(f"{name}, {size} parameters, {dim} dimensions", f"{name}, 가중치 {size}개, {dim}차원"),
        )
        row("its hash", "해시", _mark(base.get("hash")))
    row(
        "tuned model: checkpoint",
        "학습한 모델: 체크포인트",
        translations.candidate(select["chosen"]) if select.get("chosen") else None,
    )
    row("its hash", "해시", _mark(select.get("encoder")))
    return rows


def candidates(results: Results) -> Table | None:
    """What select knew of each candidate, best first."""
    told: Mapping[str, Mapping[str, Any]] = results.stage("select").get("candidates", {})
    if not told:
        return None
    columns = [
        Words("candidate", "후보"),
        Words("kind", "종류"),
        Words("places it may take", "가능한 순위"),
        Words(f"validation {HEADLINE}", f"검증 {HEADLINE}"),
        Words("95% interval", "95% 신뢰구간"),
        Words("less the best checkpoint", "최고 체크포인트와의 차이"),
    ]
    ranked = sorted(told.items(), key=lambda entry: (-entry[1]["score"], entry[0]))
    return Table(columns, [[translations.candidate(name), *_candidate(one)] for name, one in ranked])


def _candidate(one: Mapping[str, Any]) -> list[Words]:
    first, last = one["places"]
    lead = one.get("against_single")
    figures = (
        f"{first}" if first == last else f"{first}–{last}",
        f"{one['score']:.3f}",
        f"{one['low']:.3f} … {one['high']:.3f}",
        f"{lead['value']:+.4f} ± {lead['error']:.4f}" if lead else "",
    )
    return [translations.known(translations.CANDIDATES, one["kind"]), *map(same, figures)]


def _queries(results: Results) -> Words | None:
    """How many of each suite; those that name their answer are scored, and count towards no headline."""
    counts = _counts(results.stage("testset").get("queries"))
    named = sum(query.suite == "precedent" and query.names_positive for query in results.queries.values())
    if not counts or not named:
        return counts
    return Words(
        f"{counts.en}; of the decisions {named:,} name their answer", f"{counts.ko} (판결 쟁점 {named:,}개는 정답 이름을 포함)"
    )


def _counts(value: Mapping[str, int] | None) -> Words | None:
    return translations.counted(value, translations.KINDS) if value else None


def _number(value: int | None) -> Words | None:
    return None if value is None else same(f"{value:,}")


def _mark(value: str | None) -> Words | None:
    return same(value) if value else None
