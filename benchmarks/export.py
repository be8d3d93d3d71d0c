"""What an export costs and how far its vectors lie from the model's: the model in a folder, or a random XLM-R of base shape.

python benchmarks/export.py [models/encoder]
"""

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from haechi.export.formats import FORMATS, add_forms
from haechi.records.passage import Passage
from haechi.runtime.files import read_records

CORPUS = Path("data/processed/merged_corpus.jsonl")


def xlm_r(folder: Path, texts: list[str]) -> None:
    """Twelve layers, 768 wide, with a letter a token."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    marks = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    letters = sorted(set("".join(texts)) - {" ", "\n"})
    vocabulary = {piece: number for number, piece in enumerate([*marks.values(), *letters])}
    words = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", continuing_subword_prefix=""))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    torch.manual_seed(7)
    config = XLMRobertaConfig(vocab_size=len(vocabulary), max_position_embeddings=514)  # its other defaults are the base shape
    bare = folder.with_name("bare")
    XLMRobertaModel(config).save_pretrained(bare)
    PreTrainedTokenizerFast(tokenizer_object=words, **marks).save_pretrained(bare)
    network = Transformer(str(bare), max_seq_length=512)
    SentenceTransformer(modules=[network, Pooling(768, pooling_mode="cls"), Normalize()], device="cpu").save(str(folder))


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, path_type=Path), required=False)
def main(model: Path | None) -> None:
    """Print size, time and difference of each form."""
    texts = [passage.text for passage in read_records(CORPUS, Passage)]
    for form in FORMATS:
        with TemporaryDirectory() as place:
            folder = Path(place) / "model"
            if model:
                shutil.copytree(model, folder)
            else:
                xlm_r(folder, texts)
            began, worked = time.perf_counter(), time.process_time()
            (off,) = add_forms(folder, [form], texts, 7).values()
            size = sum(file.stat().st_size for file in (folder / form).iterdir())
            worked, began = time.process_time() - worked, time.perf_counter() - began
            print(
                f"{form}: {size / 1e6:.0f} MB, {began:.0f} s ({worked:.0f} s of processor time), differs by {off:.1e}", flush=True
            )


if __name__ == "__main__":
    main()
