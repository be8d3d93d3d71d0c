"""What parameters and their values were called before: a file that still has an old name is told the new one."""

PARAMETERS = {
    "evaluate.guard_margin": "evaluate.probe_margin",
    "mine.choice": "mine.sampling_strategy",
    "mine.negatives": "mine.num_negatives",
    "mine.reranker_first": "mine.reranker_prescore",
    "train.accumulation": "train.gradient_accumulation",
    "train.average": "train.ema_decay",
    "train.checkpointing": "train.gradient_checkpointing",
}
"""Old name -> today's."""
VALUES = {("model.base", "embedded"): "static"}
"""A parameter and an old value of it -> today's value."""


def renamed(parameter: str) -> str:
    """The sentence on a parameter that has another name now; empty for any other."""
    new = PARAMETERS.get(parameter)
    return f"{parameter} is called {new} now" if new else ""


def renamed_value(parameter: str, value: object) -> str:
    """The sentence on a value that has another name now; empty for any other."""
    new = VALUES.get((parameter, value)) if isinstance(value, str) else None
    return f"{parameter}: {value} is called {new} now" if new else ""
