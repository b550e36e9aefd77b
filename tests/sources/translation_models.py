"""Tiny models that translate, with random weights or trained here, in the layouts of NLLB, OPUS-MT and M2M100."""

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest
import tiny
import tokenizers
import torch
from tokenizers import models, pre_tokenizers, trainers

from xit.core.settings import TranslationSettings
from xit.sources import machine_translation

SIZE = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
SIZE |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 48}


def nllb_tokenizer(texts: list[str], pieces: int, **languages: str) -> Any:
    """A tokenizer as that of NLLB."""
    import transformers

    backend = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=pieces, special_tokens=special, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    facts = json.loads(backend.to_str())["model"]
    return transformers.NllbTokenizer(
        vocab=facts["vocab"], merges=[tuple(pair) for pair in facts["merges"]], **languages
    )


def m2m100(pieces: int, **sizes: Any) -> Any:
    """A model as NLLB is, with random weights; seed and scale are such that it says different things."""
    import transformers

    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    options = {**SIZE, **ids, "init_std": 1.0, "scale_embedding": False, "tie_word_embeddings": False, **sizes}
    torch.manual_seed(1)
    return transformers.M2M100ForConditionalGeneration(transformers.M2M100Config(vocab_size=pieces, **options))


def write_nllb(folder: Path) -> Path:
    """A random model and its tokenizer; it comes to an end in most sentences."""
    tokenizer = nllb_tokenizer(tiny.texts(), 120)
    tokenizer.save_pretrained(folder)
    model = m2m100(len(tokenizer))
    with torch.no_grad():
        end = model.lm_head.weight[2]
        model.model.decoder.layer_norm.bias += 3 * end / end.norm()
    with machine_translation._quiet():
        model.save_pretrained(folder)
    return folder


def settings(model: Path | str, **changes: Any) -> TranslationSettings:
    return TranslationSettings(
        **{"model": str(model), "commit": "", "batch_size": 4, "beams": 2, "max_length_tokens": 16, **changes}
    )


def write_opus(folder: Path, *codes: str, **languages: str) -> Path:
    """A model as those of OPUS-MT: SentencePiece, a vocabulary, the languages that its tokenizer names, and weights."""
    import transformers

    sentencepiece = pytest.importorskip("sentencepiece")
    folder.mkdir()
    pieces = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(tiny.texts()),
        model_writer=pieces,
        vocab_size=90,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    read = sentencepiece.SentencePieceProcessor(model_proto=pieces.getvalue())
    own = [read.id_to_piece(number) for number in range(read.get_piece_size())]
    vocabulary = ["</s>", "<unk>", *(piece for piece in own if piece not in ("</s>", "<unk>")), *codes, "<pad>"]
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(pieces.getvalue())
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    last = len(vocabulary) - 1
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        **SIZE,
        pad_token_id=last,
        eos_token_id=0,
        decoder_start_token_id=last,
        forced_eos_token_id=0,
        init_std=1.0,
    )
    torch.manual_seed(1)
    model = transformers.MarianMTModel(config)
    model.final_logits_bias[0, 0], model.final_logits_bias[0, last] = 2.0, -1e9
    with machine_translation._quiet():
        model.save_pretrained(folder)
        paths = [str(folder / name) for name in ("source.spm", "target.spm", "vocab.json")]
        transformers.MarianTokenizer(*paths, **languages).save_pretrained(folder)
    return folder


def write_trained(folder: Path, pairs: dict[str, str]) -> None:
    """Teach a tiny model these translations."""
    tokenizer = nllb_tokenizer([*pairs, *pairs.values()], 400, src_lang="eng_Latn", tgt_lang="deu_Latn")
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    model = m2m100(
        len(tokenizer), d_model=64, encoder_ffn_dim=64, decoder_ffn_dim=64, init_std=0.1, dropout=0.0, **heads
    )
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.0)
    draw = random.Random(0)
    for step in range(600):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * min(1, (step + 1) / 30) * (1 - step / 600)
        some = draw.sample(list(pairs), 32)
        batch = tokenizer(some, text_target=[pairs[text] for text in some], return_tensors="pt", padding=True)
        batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    with machine_translation._quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
