"""When too many calls got no answer, the stage ends rather than go on with what there is."""

from collections.abc import Mapping

from haechi.errors import HaechiError
from haechi.questions.chat.calls import Task
from haechi.questions.chat.ledger import ledger_path


def refuse_failures(failed: Mapping[str, int], detail: str, calls: int, task: Task, most: float) -> None:
    """End with one sentence if a larger share of the calls got no answer than `most`; `detail` is what the server said last."""
    count = sum(failed.values())
    if count > most * calls:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(failed.items()))
        told = f", the last one: {detail}" if detail else ""
        raise HaechiError(
            f"{count} of {calls} calls to {task.model.name} got no answer ({reasons}{told}; all are in "
            f"{ledger_path(task.namespace.name)}); run the same command again to ask for those alone, "
            "or set llm.max_failed_share to go on without them"
        )
