"""The endpoint of the language model, where one is configured. Neither its address nor its key is ever shown."""

from collections.abc import Callable, Mapping
from typing import Any

from haechi.doctor.finding import Finding

TIMEOUT = 5.0
URL, KEY = "HAECHI_LLM_URL", "HAECHI_LLM_KEY"
KEYLESS = "none"

Listing = Callable[[str, str], tuple[int, Any] | None]
"""(address, key) -> HTTP status and JSON value, None where nobody answers."""


def check_llm(sections: Mapping[str, Any], environment: Mapping[str, str], ask: Listing) -> Finding:
    """Whether it would answer; asks for the list of models, which costs nothing."""
    writer, llm = sections.get("generate_qa") or {}, sections.get("llm") or {}
    if writer.get("generator", "offline") == "offline" and not llm.get("judge_threshold"):
        return Finding("language model", "ok", "none configured; questions are written offline")
    if environment.get("HAECHI_OFFLINE") == "1":
        return Finding("language model", "ok", "not asked (HAECHI_OFFLINE is 1): answers come from the row store alone")
    if not environment.get(URL):
        remedy = f"set {URL} to the base address, ending in /v1, and {KEY}; or generate_qa.generator to offline"
        return Finding("language model", "fail", f"{URL} is not set", remedy)
    if not environment.get(KEY):
        return Finding(
            "language model", "fail", f"{KEY} is not set", f"set it to the key, or to `{KEYLESS}` if the endpoint needs none"
        )
    key = environment[KEY].strip()
    answer = ask(f"{environment[URL].strip().rstrip('/')}/models", "" if key == KEYLESS else key)
    if answer is None:
        return Finding(
            "language model", "fail", f"nobody answers at the address in {URL}", "is it right, and is the server running?"
        )
    status, value = answer
    if status in (401, 403):
        return Finding("language model", "fail", f"the endpoint refuses the key in {KEY} ({status})", "set the right key")
    if status >= 400:
        said = f"the endpoint answers {status} when asked for its models"
        return Finding("language model", "warn", said, f"some have no such list; if not, mind {URL}, which should end in /v1")
    wanted = [str(llm[name]) for name in ("model", "judge_model") if llm.get(name)]
    listed = _names(value)
    if missing := [name for name in wanted if listed and name not in listed]:
        return Finding(
            "language model", "warn", f"the endpoint doesn't list {', '.join(missing)}", "mind llm.model in params.yaml"
        )
    return Finding("language model", "ok", f"answers{': ' + ', '.join(wanted) if wanted else ''}")


def _names(value: Any) -> set[str]:
    rows = value.get("data") if isinstance(value, dict) else None
    return {str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row} if isinstance(rows, list) else set()


def models_of(address: str, key: str) -> tuple[int, Any] | None:
    """Ask an endpoint for its models, briefly; a redirect is not followed, it would carry the key elsewhere."""
    import httpx

    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        reply = httpx.get(address, headers=headers, timeout=TIMEOUT, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):  # their texts may hold the address
        return None
    try:
        return reply.status_code, reply.json()
    except ValueError:
        return reply.status_code, None
