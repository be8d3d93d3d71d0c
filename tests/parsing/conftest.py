"""Documents that tests convert go to a row store of their own."""

import pytest


@pytest.fixture(autouse=True)
def _store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAECHI_STORE", str(tmp_path_factory.mktemp("store") / "rows.sqlite"))
