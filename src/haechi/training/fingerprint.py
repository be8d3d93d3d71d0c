"""What, beside parameters and data, decides the bytes of a trained model: the code that runs, its libraries, and the device."""

import sys
from importlib.metadata import version
from pathlib import Path

from haechi.files import sha256_file
from haechi.models.load import device

LIBRARIES = ("accelerate", "numpy", "peft", "sentence-transformers", "tokenizers", "torch", "transformers")


def running() -> dict[str, str]:
    """Module -> sha256 of every module of ours that is loaded; library -> version."""
    ours = {name: module.__file__ for name, module in sorted(sys.modules.items()) if name.partition(".")[0] == "haechi"}
    modules = {name: sha256_file(Path(file)) for name, file in ours.items() if file}
    return modules | {name: version(name) for name in LIBRARIES} | {"device": device()}
