"""The engine of the sweeps runs any search, so it imports none."""

from pipeline.checkout import SRC, imports, tree_of


def test_the_engine_imports_no_other_room_of_the_sweeps() -> None:
    imported = {
        f"{path.name}: {name}"
        for path in (SRC / "sweeps" / "engine").glob("*.py")
        for _, name in imports(tree_of(path))
        if name.startswith("haechi.sweeps.") and not name.startswith("haechi.sweeps.engine")
    }
    assert imported == set()
