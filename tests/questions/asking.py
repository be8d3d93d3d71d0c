"""A small corpus and settings for asking the test server."""

from dataclasses import replace
from typing import Any

from llm.chat_server import Server
from small_law import passage
from small_params import small

from haechi.llm.params import LlmParams
from haechi.questions.params import GenerateQaParams
from haechi.records.passage import Passage

KEY = "sk-planted-0123456789"

PARAMS = small(GenerateQaParams, generator="openai")
LLM = small(LlmParams, model="small", max_tokens=300, attempts=1, styles={"fact": 1.0}, examples=3)


def llm(**changes: Any) -> LlmParams:
    return replace(LLM, **changes)


def corpus(count: int) -> list[Passage]:
    """So many passages, all different."""
    return [passage(f"LAW_{n:06}_제1조", f"마을법 제{n}조(신고)\n{n}일 안에 이장에게 신고하여야 한다.") for n in range(count)]


def environ(server: Server, **changes: object) -> dict[str, str]:
    """The environment that leads to a server: impatient, as befits a test."""
    values = {"URL": server.url, "KEY": KEY, "CONCURRENCY": 8, "TIMEOUT": 2, "BACKOFF": 0.01, "PRICE_IN": 0.5, "PRICE_OUT": 1.5}
    return {f"HAECHI_LLM_{name}": str(value) for name, value in {**values, **changes}.items() if value is not None}
