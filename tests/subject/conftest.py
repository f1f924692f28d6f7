"""Tiny random models of four architectures, saved as Hugging Face folders."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

TEXT = [
    "The quick brown fox jumps over the lazy dog, then naps.",
    "def main():\n    return 'héllo wörld'\n",
    "Once upon a time there was a little girl named Lily.",
] * 4
VOCAB, CONTEXT, LAYERS = 320, 32, 3


def byte_level_tokenizer(**special: str):
    """A byte-level BPE with the given special tokens and no others."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - 8,  # the model's embedding is larger, as padded vocabularies are
        special_tokens=sorted(set(special.values())),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def wordpiece_tokenizer(**special: str):
    """A BERT-style tokenizer."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(
        TEXT, trainers.WordPieceTrainer(vocab_size=VOCAB - 8, special_tokens=names, show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", mask_token="[MASK]", **special)


def build_model(architecture: str):
    """A small random model whose layer norms and biases are not at their initial values."""
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        GPT2Config,
        GPT2LMHeadModel,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
    )

    torch.manual_seed(0)
    sizes = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 4}
    sizes |= {"intermediate_size": 48, "max_position_embeddings": CONTEXT}
    if architecture == "gpt2":
        config = GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_embd=32, n_layer=LAYERS, n_head=4)
        model = GPT2LMHeadModel(config)
    elif architecture == "neox":
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**sizes))
    elif architecture == "llama":
        model = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2))
    else:
        model = BertForMaskedLM(BertConfig(**sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return model.eval()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny ``gpt2``, ``neox``, ``llama`` or ``bert``, made once."""
    made: dict[str, Path] = {}

    def make(architecture: str) -> Path:
        if architecture not in made:
            folder = tmp_path_factory.mktemp(architecture)
            tokenizer = {
                "gpt2": lambda: byte_level_tokenizer(bos_token="<|endoftext|>", eos_token="<|endoftext|>"),
                "neox": lambda: byte_level_tokenizer(eos_token="<|eos|>"),
                "llama": lambda: byte_level_tokenizer(bos_token="<s>", eos_token="</s>", pad_token="<pad>"),
                "bert": lambda: wordpiece_tokenizer(cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"),
            }[architecture]()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                build_model(architecture).save_pretrained(folder)
                tokenizer.save_pretrained(folder)
            made[architecture] = folder
        return made[architecture]

    return make


@pytest.fixture
def token_batch() -> torch.Tensor:
    """Random ids past the special ones, [3, 12]."""
    return torch.randint(8, VOCAB - 8, (3, 12), generator=torch.Generator().manual_seed(1))
