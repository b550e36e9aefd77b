"""LASER2's released files → a checkpoint folder as ours are."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
import torch
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from xit.core.errors import CheckpointError, raise_all
from xit.core.files import atomic
from xit.core.settings import EncoderSize
from xit.modeling import encoders, sentencepiece_models, tokenization
from xit.modeling.sentencepiece_models import SentencePieceModel

LASER_FILES = ("laser2.pt", "laser2.spm", "laser2.cvocab")
LASER_SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
"""Of LASER2, in the order of their ids (facebookresearch/LASER:laser_encoders/models.py)."""
LASER_PADDING = LASER_SPECIAL_TOKENS.index("<pad>")

# Patterns and what takes their place, in their order: the normalisation of Moses for English, as LASER applies it to
# every language (mosesdecoder:scripts/tokenizer/normalize-punctuation.perl), in look-around where Moses puts back what
# it has matched, since replacements are plain text here.
MOSES = (
    (r"\(", " ("),
    (r"\)", ") "),
    (r" +", " "),
    (r"\) (?=[.!:?;,])", ")"),
    (r"\( ", "("),
    (r" \)", ")"),
    (r"(?<=\d) %", "%"),
    (r" :", ":"),
    (r" ;", ";"),
    (r"`", "'"),
    (r"''", ' " '),
    (r"[„“”]", '"'),
    (r"–", "-"),
    (r"—", " - "),
    (r" +", " "),
    (r"[´‘‚’]", "'"),
    (r"''", '"'),
    (r"…", "..."),
    (r"\u00a0«\u00a0|«\u00a0|«|\u00a0»\u00a0|\u00a0»|»", '"'),
    (r"\u00a0(?=[%:?!;])", ""),
    (r"(?<=nº)\u00a0|\u00a0(?=ºC|cm)|(?<=,)\u00a0", " "),
    (r" +", " "),
    *(((r'"\.', '."'), (r'",', ',"')) * 3),  # a closing quotation mark goes behind at most three marks
    (r"(?<=\d)\u00a0(?=\d)", "."),
)


def laser2(weights: Path, sentencepiece: Path, vocabulary: Path, out: Path) -> list[str]:
    """LASER2's released files → a checkpoint folder with its encoder and a fast tokenizer with offsets.

    A piece of the SentencePiece model that LASER does not know is read as unknown by it; here it has a row of its own
    in the embedding, a copy of that of `<unk>`, and so has the mask of masked LM, which LASER does without.

    Args:
        weights: laser2.pt: sizes (`params`), tensors (`model`) and the ids of pieces (`dictionary`).
        sentencepiece: laser2.spm, a Unigram model.
        vocabulary: laser2.cvocab: pieces with their counts; only compared, since the weights have the ids.
        out: The folder; it appears whole or not at all.

    Raises:
        CheckpointError: a file is damaged, of another kind, or contradicts another.
    """
    missing = [f"{path}: there is no such file." for path in (weights, sentencepiece, vocabulary) if not path.is_file()]
    raise_all(CheckpointError, missing)
    sizes, tensors, ids = _laser_weights(weights)
    ids |= {token: number for number, token in enumerate(LASER_SPECIAL_TOKENS)}
    try:
        lines = vocabulary.read_text(encoding="utf-8").split("\n")
    except ValueError as error:
        raise CheckpointError(f"{vocabulary}: not pieces with their counts in UTF-8: {error}.") from None
    listed = {line.rpartition(" ")[0] for line in lines if line.strip()}
    differing = sorted(listed.symmetric_difference(set(ids) - set(LASER_SPECIAL_TOKENS)))
    if differing or sorted(ids.values()) != list(range(sizes["num_embeddings"])):
        raise CheckpointError(
            f"{vocabulary}: not the vocabulary of {weights}, which has {sizes['num_embeddings']} embeddings and "
            f"{len(ids)} pieces; in one only are {len(differing)} ({' '.join(differing[:3])}). Take files of one "
            "release."
        )
    known = tuple(sorted(ids, key=ids.__getitem__))
    model = _read_unigram(sentencepiece)
    unknown = [piece for piece in model.scores if piece not in ids]
    tokenizer = _laser_tokenizer((*known, *unknown, tokenization.MASK), model)
    size = EncoderSize(2 * sizes["hidden_size"], sizes["num_layers"], sizes["embed_dim"], 0)
    encoder = encoders.build("laser2", size, tokenizer.vocabulary_size, sizes["padding_idx"])
    encoder.load_state_dict(_laser_tensors(tensors, size.layers, len(unknown) + 1))
    with atomic(out) as folder:
        encoders.save(encoder, folder)
        tokenization.save(tokenizer, folder)
    counts = (
        f"{encoders.parameters(encoder).total:,} parameters, {len(known):,} pieces and {len(unknown):,} unknown ones"
    )
    return [f"{out}: laser2, {counts}"]


def _laser_weights(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        sizes, tensors, ids = (dict(found[key]) for key in ("params", "model", "dictionary"))
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, TypeError, ValueError) as error:
        is_pickle = isinstance(error, pickle.UnpicklingError)  # whose message is torch's advice to run what is in it
        reason = "" if is_pickle else str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{path}: not the weights of LASER2, a dictionary of params, model and dictionary without code: "
            f"{reason or 'it is damaged, or has other things in it'}"
        ) from error
    least = {"num_embeddings": 4, "padding_idx": 0, "embed_dim": 1, "hidden_size": 1, "num_layers": 1}
    faults = [f"{path}: params: {key} is missing." for key in (*least, "bidirectional") if key not in sizes]
    faults += [
        f"{path}: params: {key}: a whole number from {low} is needed; found {sizes[key]!r}."
        for key, low in least.items()
        if key in sizes and not (type(sizes[key]) is int and sizes[key] >= low)
    ]
    if not faults and (sizes["padding_idx"] != LASER_PADDING or sizes["bidirectional"] is not True):
        faults.append(
            f"{path}: params: LASER2 is bidirectional and pads with {LASER_PADDING}; "
            f"found {sizes['bidirectional']!r} and {sizes['padding_idx']}."
        )
    faults += [f"{path}: dictionary: {k}: {v!r} is no id." for k, v in ids.items() if type(v) is not int][:3]
    if not faults:
        shapes = _laser_shapes(sizes, min(sizes["num_layers"], len(tensors)))
        faults += [f"{path}: model: {name} is missing." for name in sorted(set(shapes) - set(tensors))]
        faults += [f"{path}: model: {name}: LASER2 has no such tensor." for name in sorted(set(tensors) - set(shapes))]
        faults += [
            f"{path}: model: {name}: floating-point numbers of shape {shape} are needed by params; found "
            f"{tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__}."
            for name, shape in shapes.items()
            if name in tensors and not _is_of(found := tensors[name], shape)
        ]
    raise_all(CheckpointError, faults)
    return sizes, tensors, ids


def _laser_shapes(sizes: Mapping[str, int], layers: int) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor of LASER2, by its name."""
    gates, width = 4 * sizes["hidden_size"], 2 * sizes["hidden_size"]
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.weight": (sizes["num_embeddings"], sizes["embed_dim"])}
    for layer in range(layers):
        for end in (f"l{layer}", f"l{layer}_reverse"):
            shapes[f"lstm.weight_ih_{end}"] = (gates, width if layer else sizes["embed_dim"])
            shapes[f"lstm.weight_hh_{end}"] = (gates, sizes["hidden_size"])
            shapes |= dict.fromkeys((f"lstm.bias_ih_{end}", f"lstm.bias_hh_{end}"), (gates,))
    return shapes


def _is_of(value: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.shape == shape


def _laser_tensors(tensors: Mapping[str, torch.Tensor], layers: int, unknown: int) -> dict[str, torch.Tensor]:
    """LASER's tensors by our names, with a copy of the row of `<unk>` for each of so many further pieces."""
    embedding = tensors["embed_tokens.weight"].float()
    row = embedding[LASER_SPECIAL_TOKENS.index("<unk>")]
    renamed = {"embedding.weight": torch.cat([embedding, row.expand(unknown, -1)])}
    for layer in range(layers):
        for ours, theirs in (("ahead", ""), ("behind", "_reverse")):
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                renamed[f"{ours}.{layer}.{part}_l0"] = tensors[f"lstm.{part}_l{layer}{theirs}"].float()
    return renamed


def _laser_tokenizer(pieces: tuple[str, ...], model: SentencePieceModel) -> tokenization.Tokenizer:
    """LASER's reading of a text: non-printing characters as blanks, Moses, lower case, SentencePiece, then `</s>`.

    Differs from LASER: a pair, which it does not know, is `A </s> B </s>`. Of several quotation marks before a comma,
    and of a final sigma behind an apostrophe, the form can be another.
    """
    never = min(model.scores.values()) - 10  # what SentencePiece gives to what is unknown
    scored = [(piece, model.scores.get(piece, never)) for piece in pieces]
    backend = tokenizers.Tokenizer(models.Unigram(scored, unk_id=LASER_SPECIAL_TOKENS.index("<unk>")))
    steps: list[Any] = [normalizers.Replace(Regex(r"\p{C}"), " ")]
    steps += [normalizers.Replace(Regex(pattern), content) for pattern, content in MOSES]
    steps += [normalizers.Replace(Regex(r"(?<=\p{L})Σ(?!\p{L})"), "ς"), normalizers.Lowercase()]
    if model.character_map:
        steps.append(normalizers.Precompiled(model.character_map))
    backend.normalizer = normalizers.Sequence([*steps, normalizers.Strip(), normalizers.Replace(Regex(r" +"), " ")])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    special = (*LASER_SPECIAL_TOKENS, tokenization.MASK)
    backend.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in special])
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B:1 </s>:1", special_tokens=[("</s>", LASER_SPECIAL_TOKENS.index("</s>"))]
    )
    begin, padding, end, unknown = LASER_SPECIAL_TOKENS
    roles = {"bos_token": begin, "pad_token": padding, "eos_token": end, "sep_token": end, "unk_token": unknown}
    roles["mask_token"] = tokenization.MASK
    return tokenization.Tokenizer(backend, roles, (), (LASER_SPECIAL_TOKENS.index("</s>"),), backend.normalizer)


def _read_unigram(path: Path) -> SentencePieceModel:
    model = sentencepiece_models.read(path)
    if not model.scores or not model.is_unigram:
        kind = "Unigram" if model.is_unigram else "another type"
        raise CheckpointError(
            f"{path}: a Unigram model with pieces is needed; found {kind}, {len(model.scores)} pieces."
        )
    return model
