"""Every test runs without the hub, and hypothesis draws the same examples on every machine."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it
os.environ["HAECHI_DEVICE"] = "cpu"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from browser import chromium, open_page  # noqa: F401  (fixtures)
from hypothesis import HealthCheck, settings

settings.register_profile(
    "haechi",
    deadline=None,  # two shared cores: a slow example is no failure
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("haechi")
