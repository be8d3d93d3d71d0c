"""What a trial of a sweep costs beside training: settings that were trained before, so that all is left to DVC, git and us.

    python benchmarks/trial.py [--agents 2] [--trials 3]     # in a project whose stages are up to date

The first trial trains and is not counted; the others find train and select in DVC's run-cache, each in its own agent's checkout.
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import time
from pathlib import Path

from haechi.pipeline.git import git
from haechi.runtime.environment import home
from haechi.runtime.params import load_section
from haechi.sweeps.engine.trial import Proposal, Trial
from haechi.sweeps.experiments.checkouts import checkout
from haechi.sweeps.experiments.run_trial import Experiments
from haechi.training.params import TrainParams

NAME = "trial-benchmark"


def processor() -> float:
    """Seconds that this process and the children that it waited for have had."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def agent(number: int, count: int, start: "multiprocessing.synchronize.Barrier") -> None:
    """Run trials and print what each took."""
    root = Path()
    train = load_section(root / "params.yaml", "train", TrainParams)
    with checkout(root, home(), home() / "sweeps" / NAME / "checkouts") as place:
        run = Experiments(root, place, NAME, "ndcg@10", {}, {})
        for i in range(count + 1):
            if i == 1:
                start.wait()
            proposal = Proposal({"train.lr": train.lr * 1.5}, train.seed)
            began, before = time.perf_counter(), processor()
            run(Trial(number * 1000 + i, proposal, "running", None, {}, {}), lambda step, value: None)
            wall, cpu = time.perf_counter() - began, processor() - before
            if i:
                print(f"| {number + 1} | {wall:.1f} s | {cpu:.1f} s | {os.getloadavg()[0]:.1f} |", flush=True)
            elif number == 0:
                print(f"the first, with its training: {wall:.1f} s, {cpu:.1f} s of processor")
                print("\n| agent | wall | processor | load |\n| --- | ---: | ---: | ---: |", flush=True)


def main() -> None:
    """Agents side by side, then everything that they left is removed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--trials", type=int, default=3)
    told = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(told.agents)
    agents = [context.Process(target=agent, args=(number, told.trials, start)) for number in range(told.agents)]
    try:
        for process in agents:
            process.start()
        for process in agents:
            process.join()
    finally:
        for reference in git(Path(), "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{NAME}-*").split():
            git(Path(), "update-ref", "-d", reference)
        shutil.rmtree(home() / "sweeps" / NAME, ignore_errors=True)


if __name__ == "__main__":
    main()
