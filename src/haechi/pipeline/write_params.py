"""Writes values into params.yaml and leaves everything else as it stands there, comments too."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_text, write_text
from haechi.runtime.renamed import renamed


def write_params(file: Path, values: Mapping[str, Any]) -> list[str]:
    """Set `section.key` to its value; gives a line on each value that changed."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    before = read_text(file)
    sections = yaml.load(before)
    changes = []
    for name, value in values.items():
        *path, last = name.split(".")
        place = sections
        for key in path:
            place = place.get(key) if isinstance(place, dict) else None
        if not isinstance(place, dict) or (last not in place and len(path) < 2):
            raise HaechiError(f"{file}: {renamed(name) or f'has no {name}'}, so nothing was written")
        if place.get(last) != value:
            changes.append(f"{name}: {place.get(last)} -> {value}")
            place[last] = value
    if changes:
        text = io.StringIO()
        yaml.dump(sections, text)
        after = text.getvalue()
        write_text(file, after)
    return changes
