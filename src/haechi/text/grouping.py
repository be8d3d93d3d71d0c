"""Groups of items that share something."""

from collections.abc import Hashable, Iterable, Mapping


def group_of(keys: Mapping[str, Iterable[Hashable]]) -> dict[str, str]:
    """Item id -> name of its group, which is the smallest id of the items that it is linked to through shared keys."""
    parent = {item: item for item in keys}

    def root(item: str) -> str:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    owner: dict[Hashable, str] = {}
    for item in sorted(keys):
        for key in keys[item]:
            if key in owner:
                first, second = sorted((root(owner[key]), root(item)))
                parent[second] = first
            else:
                owner[key] = item
    return {item: root(item) for item in keys}
