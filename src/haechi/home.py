"""Where a project keeps what DVC doesn't track: rows, locks, resume state and logs under `.haechi/` of the main checkout."""

import os
from pathlib import Path


def project_root() -> Path:
    """DVC_ROOT, which is the main checkout in queued experiments too; else the nearest folder upwards with `.dvc`; else here."""
    if told := os.environ.get("DVC_ROOT"):
        return Path(told)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def home() -> Path:
    """The untracked folder of the project."""
    return project_root() / ".haechi"
