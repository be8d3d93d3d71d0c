"""Everything that select does between reading and writing."""

from pathlib import Path

from haechi.errors import HaechiError
from haechi.models.heads import copy_heads
from haechi.models.load import folder_hash, load_encoder, save_encoder
from haechi.params.select import SelectParams
from haechi.selection.choose import choose
from haechi.training.validation import Validation


def select(run: Path, base: Path, validation: Validation, out: Path, params: SelectParams) -> dict[str, object]:
    """Score the base and all checkpoints, save the winner."""
    folders = {folder.name: folder for folder in sorted((run / "checkpoints").glob("step-*"))}
    if not folders:
        raise HaechiError(f"{run}: holds no checkpoint; run the train stage")
    scores = {name: validation(load_encoder(folder)) for name, folder in folders.items()}
    choice = choose(validation(load_encoder(base)), scores, params)
    chosen = folders.get(choice.name, base)
    save_encoder(load_encoder(chosen), out)
    copy_heads(chosen, out)
    return {
        "chosen": choice.name,
        "metric": params.metric,
        "validation": {name: round(score, 6) for name, score in choice.scores.items()},
        "encoder": folder_hash(out),
    }
