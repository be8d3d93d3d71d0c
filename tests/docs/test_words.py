"""One word for one thing, and it is the word that practitioners use."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIARY = ("lab-log.md", "benchmarks.md")
"""What was once done and measured, in the words of the day."""
TEXTS = (
    "README.md",
    "README.ko.md",
    *sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md") if page.name not in DIARY),
    "src/haechi/serving/page/app.js",
    "src/haechi/serving/page/index.html",
    "src/haechi/sweeps/results/page.html",
    "src/haechi/sweeps/results/page.py",
)
INSTEAD = {
    "기반 모델": "기본 모델",
    "바탕 모델": "기본 모델",
    "조정된 모델": "학습한 모델",
    "시험 집합": "평가 집합",
    "매개변수": "파라미터",
    "음성 예": "하드 네거티브",
    "부정 예": "하드 네거티브",
    "오답 예": "하드 네거티브",
    "채굴": "마이닝",
    "말뭉치": "코퍼스",
    "구절": "청크",
    "파수꾼": "가드",
    "갈래": "슬라이스",
    "말합니다": "알려 줍니다",
    "told apart": "differ clearly",
    "flatters": "is too high",
    "strays by": "varies by",
    "unlike ": "different",
    "yardstick": "test set and evaluator",
}
"""What somebody wrote once -> what is written."""


@pytest.mark.parametrize("name", TEXTS)
def test_texts_for_people_use_the_usual_words(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = {word: usual for word, usual in INSTEAD.items() if re.search(word, text, re.IGNORECASE)}

    assert found == {}, "the word on the right is the usual one"
