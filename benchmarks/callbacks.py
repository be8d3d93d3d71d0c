"""What guards, monitors, memory and the rest cost a training step, against the bare trainer.

    python benchmarks/callbacks.py [--pairs 5] [--average 0.99] [--steps 64] [--model static]

The same training twice, turn by turn: with everything that watches it, and with a trainer that nothing watches. Time is taken
from the beginning of a step to that of the next, without steps that are validated (both would be) and without the first ten.
The processor's clock is read: one on the wall measures the neighbours.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "benchmarks")]
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the stages do

BATCH = {"static": 128, "transformer": 16}


def main() -> None:
    """Both models, as many pairs as wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--average", type=float, default=0.0, help="with the moving average too, such as 0.99")
    parser.add_argument("--steps", type=int, default=64, help="of each training, a multiple of 8; there are sixteen looks in any")
    parser.add_argument("--model", choices=tuple(BATCH), action="append", help="one of the two alone")
    arguments = parser.parse_args()
    pairs, steps = arguments.pairs, arguments.steps
    import torch

    torch.set_num_threads(1)
    print("| model | bare, ms a step | watched | more | by pair |\n| --- | ---: | ---: | ---: | --- |", flush=True)
    for kind in arguments.model or BATCH:
        one_pair(kind, 0, arguments.average, steps)  # start-up costs whoever comes first
        found = [one_pair(kind, number, arguments.average, steps) for number in range(pairs)]
        bare, watched = (median(times) for times in zip(*found, strict=True))
        ratios = [b / a - 1 for a, b in found]
        each = ", ".join(f"{ratio:+.1%}" for ratio in ratios)
        print(f"| {kind} | {1e3 * bare:.2f} | {1e3 * watched:.2f} | {median(ratios):+.1%} | {each} |", flush=True)


def one_pair(kind: str, number: int, average: float, steps: int) -> tuple[float, float]:
    """(bare, watched) seconds a step; which comes first takes turns."""
    order = [False, True] if number % 2 else [True, False]
    found = {watched: seconds(kind, average, steps, watched=watched) for watched in order}
    return found[False], found[True]


def seconds(kind: str, average: float, steps: int, *, watched: bool) -> float:
    """Mean processor seconds of a step."""
    from training.made import recipe
    from transformers import TrainerCallback

    from haechi.guards.params import GuardsParams
    from haechi.runtime.params import load_section
    from haechi.static_model import build
    from haechi.static_model.params import ModelParams
    from haechi.training import engine, session
    from haechi.training.trainer import Trainer
    from train import made_examples, small_transformer

    rules = load_section(ROOT / "params.yaml", "guards", GuardsParams)
    batch = BATCH[kind]
    examples = made_examples(batch * 8)
    wanted = recipe(batch_size=batch, epochs=steps // 8, evaluations=1, negatives=1, ema_decay=average if watched else 0.0)
    wanted = replace(wanted, guards=rules if watched else replace(rules, action={}))
    marks: list[tuple[int, float]] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            marks.append((state.global_step, time.process_time()))

    class Quiet:
        corpus: tuple[Any, ...] = ()
        metrics = ("ndcg@10", "similarity")

        def __call__(self, model: Any) -> dict[str, float]:
            return {"ndcg@10": 0.0, "similarity": 0.5}

    whole = Trainer.__init__

    def with_clock(self: Any, *args: Any, **kwargs: Any) -> None:
        if not watched:
            kwargs["resumables"] = [part for part in kwargs["resumables"] if type(part).__name__ == "ValidationCallback"]
        whole(self, *args, **kwargs)
        self.add_callback(Clock())

    bare_step = Trainer.__mro__[2].training_step  # the library's own
    kept = Trainer.__init__, session.MemoryLog.on_log, session.outcome
    Trainer.__init__ = with_clock  # type: ignore[method-assign]
    session.outcome = lambda *args, **kwargs: {}  # type: ignore[assignment]
    if not watched:
        session.MemoryLog.on_log = lambda *args, **kwargs: None  # type: ignore[method-assign, assignment]
        Trainer.training_step = bare_step
        Trainer._clip_grad_norm = Trainer.__mro__[2]._clip_grad_norm
        Trainer.compute_loss = Trainer.__mro__[2].compute_loss
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        sizes = ModelParams("static", 128, 7, 24000, 10, 3, 256, 0.1)
        texts = [*(e.query for e in examples), *(e.pos[0] for e in examples), *(e.neg[0] for e in examples)]
        model = grown(build.build(texts, sizes)) if kind == "static" else small_transformer(Path(folder) / "small")
        out, sys.stdout = sys.stdout, nowhere
        try:
            engine.train(session.TrainingInputs(model, examples, Quiet(), wanted), Path(folder) / "run")  # type: ignore[arg-type]
        finally:
            sys.stdout = out
            Trainer.__init__, session.MemoryLog.on_log, session.outcome = kept  # type: ignore[method-assign]
            for name in ("training_step", "_clip_grad_norm", "compute_loss"):
                if name in vars(Trainer):
                    delattr(Trainer, name)
    times = [(b[1] - a[1]) for a, b in pairwise(marks[10:])]
    return sum(times) / len(times)


def grown(model: Any) -> Any:
    """The table as large as that of a real corpus: what watches weights costs by their number."""
    import torch

    table = model[0].embedding
    more = torch.randn(24000 - len(table.weight), table.weight.shape[1]) * 1e-3
    table.weight = torch.nn.Parameter(torch.cat([table.weight.detach(), more]))
    return model


if __name__ == "__main__":
    main()
