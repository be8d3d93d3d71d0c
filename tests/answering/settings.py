"""The track's parameters, with what a test means to change."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from haechi.answering.params import AnswerParams, GateParams
from haechi.runtime.params import load_section

TRACK = Path(__file__).resolve().parents[2] / "tracks/answer"
SETTINGS = TRACK / "params.yaml"
GATE = load_section(SETTINGS, "gate", GateParams)
_ANSWER = load_section(SETTINGS, "answer", AnswerParams)


def answer_params(**changes: Any) -> AnswerParams:
    return replace(_ANSWER, **changes)
