"""Models of the hub: from the local cache where they are whole, else downloaded into it; safetensors and texts, never a pickle.

The hub's own client downloads: it goes on where a connection was cut, waits where it is told to, and keeps finished files.
Here stands what it may fetch and what its errors mean. A model that the cache holds is not asked for again, so it doesn't
change under a project's hands.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from haechi.models.registry import HEADS
from haechi.runtime.errors import HaechiError
from haechi.runtime.files import read_json
from haechi.runtime.progress import say

if TYPE_CHECKING:
    from httpx2 import Response
    from huggingface_hub import HfApi

HUB = "https://huggingface.co"
TIMEOUT = 4.0
"""Seconds to connect, and as many for an answer: the client itself tries for 90 seconds, and longer where nobody answers."""
NAME = r"\w[\w.-]*(/\w[\w.-]*)?"
"""What the hub may be asked for; anything else is a path of this machine."""
TEXTS = (".json", ".txt", ".model", ".jinja", *HEADS)
WEIGHTS = ".safetensors"
OTHER_RUNTIMES = ("onnx/", "openvino/")
INDEX = "model.safetensors.index.json"
CONVERTER = "SFconvertbot"
"""Who proposes, on the hub, the weights of a model of pickles alone in safetensors."""


def offline(environment: Mapping[str, str]) -> bool:
    """Whether the environment forbids to ask the hub."""
    return environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def address_of(name: str, environment: Mapping[str, str]) -> str:
    """A small file that every model on the hub has."""
    return f"{environment.get('HF_ENDPOINT', HUB).rstrip('/')}/{name}/resolve/main/config.json"


def may_be_asked_for(name: str) -> bool:
    """Whether this can be the name of a model on the hub."""
    return bool(re.fullmatch(NAME, name))


def answers(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the hub says anything about a model, be it that there is none; asked once, briefly."""
    if offline(environment) or not may_be_asked_for(name):
        return False
    status = http_status(address_of(name, environment))
    return status is not None and status < 500


def http_status(address: str) -> int | None:
    """Ask for the head of a page, briefly; None where nobody answers."""
    import httpx

    try:
        return httpx.head(address, timeout=TIMEOUT).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def cache_of(environment: Mapping[str, str]) -> Path:
    """The folder in which the hub's client keeps models."""
    home = environment.get("HF_HOME") or str(Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    named = (environment.get(variable) for variable in ("SENTENCE_TRANSFORMERS_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"))
    return Path(next(filter(None, named), Path(home) / "hub")).expanduser()


def cached(name: str, environment: Mapping[str, str]) -> Path | None:
    """The whole snapshot of a model in the cache: of its main revision, else of a proposed one; None where there is none."""
    place = _place(name, environment)
    refs = (place / "refs/main", *sorted((place / "refs/refs/pr").glob("*")))
    snapshots = (place / "snapshots" / ref.read_text(encoding="utf-8").strip() for ref in refs if ref.is_file())
    return next(filter(whole, snapshots), None)


def cached_in_part(name: str, environment: Mapping[str, str]) -> bool:
    """Whether the cache holds anything of a model that it may lack."""
    return any((_place(name, environment) / "snapshots").glob("*/*"))


def _place(name: str, environment: Mapping[str, str]) -> Path:
    return cache_of(environment) / f"models--{name.replace('/', '--')}"


def whole(folder: Path) -> bool:
    """Whether a model's weights are there, in safetensors; a link that leads nowhere is an interrupted download's."""
    modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    first = folder / (modules[0]["path"] if modules else "")
    if (first / INDEX).is_file():
        return all((first / shard).is_file() for shard in read_json(first / INDEX)["weight_map"].values())
    weights = first.glob("*.safetensors") if (first / "config.json").is_file() else first.rglob("*.safetensors")
    return any(file.is_file() for file in weights)


def download(name: str, environment: Mapping[str, str]) -> Path:
    """Fetch a model into the cache: texts first, so what can't be used is refused before weights are fetched.

    The network's own weights come last, so a snapshot that has them has everything.
    """
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=environment.get("HF_ENDPOINT") or None)
    with _one_sentence(name):
        revision, files = _in_safetensors(hub, name)
        weights = [file for file in files if file.endswith(WEIGHTS)]
        texts = [file for file in files if file.endswith(TEXTS)]
        say(f"model {name}: downloading {sum(map(files.__getitem__, weights)) / 1e9:.1f} GB from the hub")
        rounds = texts, [file for file in weights if "/" in file], [file for file in weights if "/" not in file]
        for some in filter(None, rounds):
            folder = Path(hub.snapshot_download(name, revision=revision, cache_dir=cache_of(environment), allow_patterns=some))
            refuse_code(folder, name)
    return folder


def refuse_code(folder: Path, name: str) -> None:
    """Refuse a model that doesn't run without code of its own."""
    modules = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    own = [module["type"] for module in modules if not module["type"].startswith("sentence_transformers.")]
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if "auto_map" in config:
        from transformers import CONFIG_MAPPING

        own += [] if config.get("model_type") in CONFIG_MAPPING else config["auto_map"].values()
    if own:
        raise HaechiError(f"model {name}: needs code of its own ({own[0]}), and code of others is never run; take another model")


def _in_safetensors(hub: "HfApi", name: str) -> tuple[str, dict[str, int]]:
    """The first revision with weights in safetensors, and its files with their sizes."""
    for revision in chain(("main",), _conversions(hub, name)):
        siblings = hub.model_info(name, revision=revision, files_metadata=True, timeout=10 * TIMEOUT).siblings or []
        files = {file.rfilename: file.size or 0 for file in siblings if not file.rfilename.startswith(OTHER_RUNTIMES)}
        if any(file.endswith(WEIGHTS) for file in files):
            return revision, files
    raise HaechiError(
        f"model {name}: the hub holds its weights as pickles alone, which are never loaded; where that may be done, save them "
        f"anew with SentenceTransformer({name!r}).save_pretrained(FOLDER), and name that folder instead"
    )


def _conversions(hub: "HfApi", name: str) -> Iterator[str]:
    """Proposed by the hub's own converter; asked for only once the main revision turns out to have none."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        found = hub.get_repo_discussions(name, author=CONVERTER, discussion_type="pull_request", discussion_status="open")
        yield from (f"refs/pr/{one.num}" for one in found if one.author == CONVERTER)
    except HfHubHTTPError:  # a mirror may not know of them
        return


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """What the hub's client says in a page."""
    import httpx2

    try:
        yield
    except (OSError, ValueError, KeyError, httpx2.HTTPError) as error:
        raise HaechiError(f"model {name}: {_meaning(error)}") from error


def _meaning(error: BaseException | None) -> str:
    """What an error of the client means, and what to do; its own words may hold addresses that are signed."""
    import httpx2

    causes = list(_causes(error))
    for one in causes:
        if isinstance(response := getattr(one, "response", None), httpx2.Response):
            return _meaning_of_status(response)
        if isinstance(one, httpx2.HTTPError):
            return f"the connection to the hub broke ({type(one).__name__}); run again, files that are whole are kept"
    if isinstance(error, OSError) and error.strerror:
        return f"it can't be kept in the hub cache ({error.strerror}); HF_HOME names another place"
    return "what answers in the hub's place doesn't speak as the hub does; mind HF_ENDPOINT and the proxy"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _meaning_of_status(response: "Response") -> str:
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    if code == "GatedRepo":
        return f"the hub gives it to those alone who were let in ({status}); ask on its page, and set HF_TOKEN to your token"
    if status in (401, 403) and "HF_TOKEN" in os.environ:
        return f"the hub doesn't let the token in HF_TOKEN have it ({status}); mind the token and the name"
    if status in (401, 403, 404):
        return f"the hub has no such model, or keeps it from strangers ({status}); mind the name, or set HF_TOKEN"
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        pause = f"in {wait} s" if wait.isdigit() else "later"
        return f"the hub wants fewer requests from here (429); run again {pause}, or set HF_TOKEN, which may ask more often"
    return f"the hub has a fault of its own ({status}); run again later, files that are whole are kept"
