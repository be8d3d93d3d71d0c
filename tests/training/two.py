"""Started by torchrun: trains in as many processes as it says, and the first one writes down what came out.

python -m torch.distributed.run --standalone --nproc_per_node 2 tests/training/two.py FOLDER
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["HAECHI_DEVICE"] = "cpu"

from sentence_transformers import SentenceTransformer
from training.made import VALIDATION, examples, recipe, static, train

RECIPES = {
    "static": recipe(epochs=2, token_dropout=0.2, evaluations=2),
    "plain": recipe(epochs=2, evaluations=2),
    "cached": recipe(epochs=2, evaluations=2, loss={"mini_batch": 1}),
}

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    name = "first" if os.environ.get("RANK", "0") == "0" else "second"
    for kind, wanted in RECIPES.items():
        model = static() if kind == "static" else SentenceTransformer(str(folder / "bert"), device="cpu")
        train(model, examples(), VALIDATION, folder / f"{kind}-{name}", wanted)
