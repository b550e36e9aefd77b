"""Encoders of others → a checkpoint folder as ours are: config.json, model.safetensors, tokenizer.json.

By hand (`xit import`), or as an encoder of the grid (`pretrained`), or as the vocabulary of one (`vocabulary`).
"""

import dataclasses
import json
import os
import pickle
import re
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers
import torch
from safetensors.torch import save_file
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from xit.core import hub, registry
from xit.core.errors import CheckpointError, ConfigError, raise_all
from xit.core.files import atomic, visible, write_json
from xit.core.plan import Cell, Places
from xit.core.settings import EncoderSize, VocabularySettings
from xit.modeling import checkpoints, encoders, released_heads, tokenization
from xit.modeling.checkpoints import Run
from xit.modeling.encoders import Released

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


LASER_FILES = ("laser2.pt", "laser2.spm", "laser2.cvocab")
WORLD_PIECES = "rwkv_vocab_v20230424.json"
WORLD_END = "<|endoftext|>"
"""Of RWKV World: the file of its pieces; what stands for id 0, which has no text there."""
TABLE = "table.safetensors"
"""The embedding of a released encoder, in the folder of its tokenizer."""


class Place(NamedTuple):
    """Where a released encoder was found.

    Attributes:
        name: `owner/name@commit`, with the commit that arrived; an address, or a folder.
        is_pinned: Whether the commit was named before; addresses and folders have none.
        files: All that it is made of, in one folder.
        facts: What its file says, where it is one of xit/encoders.
    """

    name: str
    is_pinned: bool
    files: tuple[Path, ...]
    facts: Released | None

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self.files[0].parent


def pretrained(cells: Mapping[str, Cell], weights: str, out: Path) -> list[str]:
    """A released encoder as the checkpoint of every seed, in the place of our pretraining.

    All seeds start from the same weights, in hard links to the same files: what differs between them is the heads, and
    the order of examples.

    Args:
        cells: The seeds of an encoder.
        weights: `released`, for the place that its file names; a name of the Hub, or a folder.
        out: The folder for a checkpoint a seed.
    """
    first, encoder = next((name, cell.encoder) for name, cell in cells.items())
    place = _found(encoder if weights == "released" else weights)
    facts = registry.load("encoders", encoder).RELEASED if registry.defines("encoders", encoder, "RELEASED") else None
    place = place._replace(facts=facts)
    kind = facts.model_type if facts and facts.model_type else encoder

    def lineage_of(cell: Cell, parent: Path) -> dict[str, Any]:
        code = ("xit.modeling.convert", f"xit.encoders.{encoder}")
        start = {"weights": place.name, "is_pinned": place.is_pinned}
        inputs = {path.name: path for path in place.files}
        return checkpoints.lineage("pretrain", code, inputs, **dataclasses.asdict(cell), **start)

    def make(run: Run) -> str:
        if run.cell == cells[first]:
            outcome = _outcome(place, _copied(place, run.folder, kind))
            if weights != "released":  # what its file says is of other weights
                outcome = {key: value for key, value in outcome.items() if key not in ("licence", "languages")}
            write_json(run.folder / "outcome.json", outcome)
        else:
            shutil.copytree(out / first, run.folder, copy_function=_link, dirs_exist_ok=True)
        return place.name if place.is_pinned else f"{place.name}, not pinned"

    lines = checkpoints.each(cells, Places(place.folder, place.folder, out), lineage_of, make)
    return [*lines, *_unread(place)]


def vocabulary(settings: VocabularySettings, out: Path) -> Path:
    """The tokenizer of a released encoder, and its embedding where asked for, as a folder to pretrain with."""
    place = _found(settings.source)
    _copied(place, out / "encoder")
    if settings.has_frozen_table:
        table = encoders.load(out / "encoder").embedding.weight
        save_file({"weight": table.detach().clone()}, out / TABLE)
    tokenization.save(tokenization.load(out / "encoder"), out)
    shutil.rmtree(out / "encoder")
    write_json(out / "source.json", {"source": place.name})
    return out


def _found(source: str) -> Place:
    """A released encoder by its id, its name on the Hub, or its folder."""
    if source in registry.names("encoders"):
        if not registry.defines("encoders", source, "RELEASED"):
            raise ConfigError(f"{source}: an encoder from scratch, of which nothing is released.")
        facts: Released = registry.load("encoders", source).RELEASED
        if "://" in facts.repository:
            paths = tuple(hub.published_file(url) for url in facts.repository.split())
            return Place(facts.repository.split()[0], False, paths, facts)
        return _found(facts.repository)._replace(facts=facts)
    folder = Path(source)
    if folder.is_dir():
        patterns = (*hub.WEIGHTS, *hub.BESIDE_WEIGHTS, *LASER_FILES)
        files = visible(folder, *patterns)
        if not any(path.name in LASER_FILES for path in files):
            encoders.read_config(folder)
        return Place(source, False, tuple(files), None)
    name, revision = hub.repository(source)
    download = hub.encoder_files(name, revision or "main")
    return Place(f"{name}@{download.commit}", revision == download.commit, download.files, None)


def _copied(place: Place, folder: Path, kind: str = "", direction: str | None = None) -> Any:
    """Write a released encoder as a checkpoint, of a type that must be `kind` if that is said; the encoder."""
    is_laser = set(LASER_FILES) <= {path.name for path in place.files}
    if is_laser:
        weights, sentencepiece, pieces = (place.folder / name for name in LASER_FILES)
        laser2(weights, sentencepiece, pieces, folder)
        encoder = encoders.load(folder, direction)
    else:
        encoder = _loaded(place, direction)
    if kind and encoder.name != kind:
        raise CheckpointError(
            f"{place.name}: a model of type {encoder.name}; {kind} was expected. A type of its own is compared under "
            "an id of its own: a file in xit/encoders that says INFO and RELEASED, as mbert.py does."
        )
    if not is_laser:
        world = place.folder / WORLD_PIECES
        tokenizer = _world_tokenizer(world) if world.is_file() else tokenization.load(place.folder)
        tokenizer = _separated(place.name, tokenizer)
        encoders.save(encoder, folder)
        tokenization.save(tokenizer, folder)
    return encoder


def _outcome(place: Place, encoder: Any) -> dict[str, Any]:
    """How large a released encoder is, and what is said of it."""
    facts, parameters = place.facts, encoders.parameters(encoder)
    return {
        "parameters": parameters.total,
        "embedding_parameters": parameters.embedding,
        "frozen_parameters": parameters.frozen,
        "weights": place.name,
        "is_pinned": place.is_pinned,
        **({"licence": facts.licence, "languages": facts.languages} if facts else {}),
        **dict.fromkeys(("tokens", "steps", "loss")),
    }


def _loaded(place: Place, direction: str | None) -> Any:
    """The encoder; one that says itself how it is read, as ours do, is read so rather than as its file has it."""
    config = encoders.read_config(place.folder)
    if direction is None and place.facts and "xit_direction" not in config:
        direction = place.facts.direction
    if any(path.suffix == ".safetensors" for path in place.files):
        return encoders.load(place.folder, direction)
    from xit.modeling.released import load_released

    return load_released(str(place.folder), None, direction, is_safetensors=False)


def _link(source: str, target: str) -> None:
    """A hard link, or a copy where there cannot be one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def released(source: str, direction: str | None, out: Path) -> list[str]:
    """Copy an encoder that transformers loads, of a folder or the Hub, and its tokenizer; a line that says what it is.

    Args:
        source: A folder, `owner/name` or `owner/name@revision` of the Hub, or an id whose file names a place.
        direction: How a causal model is to be read, of `xit.encoders.DIRECTIONS`; the folder keeps it.
        out: The folder; it appears whole or not at all.
    """
    place = _found(source)
    kind = place.facts.model_type if place.facts else ""
    with atomic(out) as folder:
        encoder = _copied(place, folder, kind, direction)
    line = f"{out}: {encoder.name}, {encoder.direction}, {encoders.parameters(encoder).total:,} parameters"
    return [line, *_unread(place)]


def _unread(place: Place) -> list[str]:
    """A line for the head of what was copied, of which the encoder alone was."""
    has_config = any(path.name == "config.json" for path in place.files)
    return [note] if has_config and (note := released_heads.unread(place.folder)) else []


def _separated(source: str, tokenizer: tokenization.Tokenizer) -> tokenization.Tokenizer:
    """A tokenizer that marks texts; one that puts nothing around them, as of most causal models, ends each with its end
    token here, since pairs would run together and an empty text would be no token at all."""
    if tokenizer.special_prefix or tokenizer.special_suffix:
        return tokenizer
    end = tokenizer.roles.get("eos_token")
    number = None if end is None else tokenizer.backend.token_to_id(end)
    if end is None or number is None:
        raise CheckpointError(
            f"{source}: its tokenizer puts no token around texts and names no end token, so that pairs would run "
            "together. Name an eos_token in its tokenizer_config.json."
        )
    marks = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A {end} $B:1 {end}:1", special_tokens=[(end, number)]
    )
    before = tokenizer.backend.post_processor
    tokenizer.backend.post_processor = marks if before is None else processors.Sequence([before, marks])
    return dataclasses.replace(tokenizer, special_suffix=(number,))


def _world_tokenizer(path: Path) -> tokenization.Tokenizer:
    """The tokenizer of RWKV World: at each place the longest piece. The Hub has the pieces, and code, which is not run.

    BBuf/RWKV-World-HF-Tokenizer:rwkv_world_tokenizer (a trie over characters). WordPiece takes the longest piece too,
    in a time that grows with the square of what it is given; so texts are cut first, where no piece could cross.

    Differs from it: the end, id 0, also stands for a character without a piece; and there is a mask, for masked LM.
    """
    try:
        ids = {piece: int(number) for piece, number in json.loads(path.read_text(encoding="utf-8")).items() if piece}
    except (ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{path}: not the pieces of RWKV World, a JSON object of their ids: {error}.") from error
    alone, begun = {p for p in ids if len(p) == 1}, {char for piece in ids for char in piece[:-1]}
    cuts = [(_none_of(alone), "isolated"), (_none_of(begun), "merged_with_previous")]
    if not any(re.search(r"\w ", piece) for piece in ids):
        cuts.append((r"(?<=\w) ", "merged_with_next"))
    special = {WORLD_END: 0, tokenization.MASK: max(ids.values()) + 1}  # its model has rows to spare
    backend = tokenizers.Tokenizer(
        models.WordPiece(
            ids | special, unk_token=WORLD_END, max_input_chars_per_word=2**31, continuing_subword_prefix=""
        )
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), how) for p, how in cuts])
    backend.decoder = decoders.Fuse()
    backend.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in special])
    roles = {"eos_token": WORLD_END, "unk_token": WORLD_END, "mask_token": tokenization.MASK}
    return tokenization.Tokenizer(backend, roles, (), ())


def _none_of(characters: Iterable[str]) -> str:
    """A pattern of any other character."""
    codes = "".join(rf"\x{{{ord(char):x}}}" for char in sorted(characters))
    return f"[^{codes}]"


class SentencePiece(NamedTuple):
    """What a SentencePiece model holds (google/sentencepiece:src/sentencepiece_model.proto)."""

    scores: Mapping[str, float]
    character_map: bytes


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
    model = _read_sentencepiece(sentencepiece)
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


def _laser_tokenizer(pieces: tuple[str, ...], model: SentencePiece) -> tokenization.Tokenizer:
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
    return tokenization.Tokenizer(backend, roles, (), (LASER_SPECIAL_TOKENS.index("</s>"),))


def _read_sentencepiece(path: Path) -> SentencePiece:
    data = path.read_bytes()
    scores: dict[str, float] = {}
    character_map, kind = b"", 1
    try:
        for field, value in _fields(data):
            if field == 1:  # a piece: text, score, type
                piece = dict(_fields(value))
                if piece.get(3, 1) == 1:  # neither unknown nor control
                    scores[piece[1].decode("utf-8")] = struct.unpack("<f", piece[2])[0]
            elif field == 2:
                kind = dict(_fields(value)).get(3, 1)
            elif field == 3:
                character_map = dict(_fields(value)).get(2, b"")
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, struct.error) as error:
        raise CheckpointError(f"{path}: not a SentencePiece model, or cut short.") from error
    if not scores or kind != 1:
        raise CheckpointError(
            f"{path}: a Unigram model with pieces is needed; found type {kind}, {len(scores)} pieces."
        )
    return SentencePiece(scores, character_map)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the fields of a protocol buffer's message: integers, and the bytes of all others."""
    place = 0

    def integer() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
            continue
        size = {1: 8, 5: 4}[key & 7] if key & 7 != 2 else integer()
        if place + size > len(data):
            raise IndexError
        yield key >> 3, data[place : place + size]
        place += size
