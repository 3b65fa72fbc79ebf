"""Makes ``models/tiny`` and ``models/tiny-text``: bundles with random weights, small enough to be committed.

They have every part of a real one: a BERT encoder, an alignment layer with both boundary vectors, a Llama decoder with
grouped queries and a chat template, and byte-level tokenizers that take any text. ``python -m
lingualift_training.export.tiny --out models`` writes both again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.export.build import build_bundle
from lingualift_training.export.errors import ExportError
from lingualift_training.export.options import ExportOptions
from lingualift_training.export.selftest import TEXTS
from lingualift_training.progress import Progress

VOCABULARY = 384
ENCODER_WIDTH = 32
LM_WIDTH = 32
SCRIPTS = (
    "रवि के पास दस गेंदें हैं और सात किताबें हैं। अब कितने बचे?",
    "मीराकडे पाच आंबे आहेत. तिला आणखी किती आंबे मिळाले?",
    "રમેશ પાસે છ કેરી છે. તેની પાસે હવે કેટલી કેરી છે?",
    "ರವಿಯ ಬಳಿ ಎಂಟು ಹಣ್ಣುಗಳಿವೆ. ಈಗ ಎಷ್ಟು ಹಣ್ಣುಗಳು ಉಳಿದಿವೆ?",
    "രവിയുടെ കൈയിൽ ഏഴ് പഴങ്ങൾ ഉണ്ട്. ഇപ്പോൾ എത്ര പഴങ്ങൾ ബാക്കിയുണ്ട്?",
    "ரவியிடம் ஆறு பழங்கள் உள்ளன. இப்போது எத்தனை பழங்கள் மீதம் உள்ளன?",
    "రవి దగ్గర ఎనిమిది పండ్లు ఉన్నాయి. ఇప్పుడు ఎన్ని పండ్లు మిగిలాయి?",
    "মিনার কাছে নয়টি বই আছে। এখন কতগুলি বই বাকি আছে?",
    "นิดามีดินสอเก้าแท่ง ให้เพื่อนไปสองแท่ง ตอนนี้เหลือดินสอกี่แท่ง",
    "Անին ունի ութ խնձոր։ Քանի՞ խնձոր մնաց։",
    "민수는 사과를 여섯 개 샀습니다. 몇 개가 남았습니까?",
    "У Марии девять книг. Сколько книг осталось на полке?",
    "لدى ليلى سبعة كتب. كم كتابا بقي الآن؟",
)
CREATED = "2026-11-24T00:00:00Z"

CHAT_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


def train_tokenizer(specials: list[str], wrap: bool, folder: Path, chat: bool) -> None:
    """A byte-level BPE tokenizer over the self-test's texts and some of each script.

    ``wrap`` puts the first two specials around a text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*TEXTS, *SCRIPTS], trainer)
    if wrap:
        pairs = [(token, tokenizer.token_to_id(token)) for token in specials[:2]]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{specials[0]} $A {specials[1]}", special_tokens=pairs
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=specials[0], eos_token=specials[1], pad_token=specials[2]
    )
    if chat:
        fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(str(folder))


def fill(module: Any, seed: int) -> None:
    """Random weights from NumPy's generator, large enough that answers vary; norms near one."""
    import torch

    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            draw = generator.standard_normal(tuple(parameter.shape)).astype(np.float32)
            if "norm" in name.lower() and name.endswith("weight"):
                draw = 1 + draw * np.float32(0.1)
            elif parameter.ndim == 2:
                gain = 1.0 if "embed" in name else 1.6
                draw *= np.float32(gain if "embed" in name else gain / parameter.shape[1] ** 0.5)
            else:
                draw *= np.float32(0.1)
            parameter.copy_(torch.from_numpy(draw))


def make_parts(folder: Path) -> None:
    """Write the language model, the encoder and the alignment layer as ordinary folders."""
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

    from lingualift_training.model.connector import Connector, ConnectorConfig

    train_tokenizer(["<|start|>", "<|end|>", "<|pad|>"], False, folder / "lm", chat=True)
    lm = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=LM_WIDTH,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=1024,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=2,
            tie_word_embeddings=False,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        )
    )
    fill(lm, 1)
    lm.save_pretrained(folder / "lm")
    train_tokenizer(["<s>", "</s>", "<pad>"], True, folder / "encoder", chat=False)
    encoder = BertModel(
        BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=ENCODER_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=512,
            type_vocab_size=1,
            pad_token_id=2,
        ),
        add_pooling_layer=False,
    )
    fill(encoder, 2)
    encoder.save_pretrained(folder / "encoder")
    sizes = ConnectorConfig(type="mlp", input_size=ENCODER_WIDTH, output_size=LM_WIDTH, boundary="both", scale=1.0)
    connector = Connector(sizes)
    fill(connector, 3)
    connector.save(folder / "connector")


def make_tiny(out: Path, progress: Progress) -> None:
    """Write ``out/tiny`` and ``out/tiny-text``."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        make_parts(folder)
        note = "MIT; random weights"
        common: dict[str, Any] = {"created": CREATED, "license": note, "max_new_tokens": 64}
        reading = {"textPrefix": "", "normalise": {"digits": "ascii", "spaceDigits": True}}
        build_bundle(
            ExportOptions(
                out=out / "tiny",
                lm=str(folder / "lm"),
                encoder=str(folder / "encoder"),
                connector=folder / "connector",
                merge="concat",
                order=["bos", "start", "enc", "end", "instruction"],
                precisions=["fp32", "int8"],
                prompt_template="lingualift-figure",
                name="tiny",
                encoder_text=reading,
                **common,
            ),
            progress,
        )
        progress.step = 0
        build_bundle(
            ExportOptions(
                out=out / "tiny-text",
                lm=str(folder / "lm"),
                method="text",
                precisions=["fp32", "int8", "int4"],
                prompt_template="chat",
                name="tiny-text",
                **common,
            ),
            progress,
        )


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lingualift_training.export.tiny", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder that holds tiny and tiny-text")
    try:
        make_tiny(parser.parse_args(arguments).out, Progress())
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
