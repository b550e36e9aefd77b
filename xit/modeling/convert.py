"""Encoders of others → a checkpoint folder as ours are: config.json, model.safetensors, tokenizer.json.

By hand (`xit import`), or as an encoder of the grid (`pretrained`), or as the vocabulary of one (`vocabulary`).
"""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import save_file
from tokenizers import processors

from xit.core import hub, registry
from xit.core.errors import CheckpointError, ConfigError
from xit.core.files import atomic, visible, write_json
from xit.core.plan import Cell, Places
from xit.core.settings import VocabularySettings
from xit.modeling import checkpoints, encoders, released_heads, tokenization
from xit.modeling.checkpoints import Run
from xit.modeling.convert_laser2 import LASER_FILES, laser2
from xit.modeling.convert_rwkv7 import rwkv7
from xit.modeling.convert_rwkv_world import WORLD_PIECES, world_tokenizer
from xit.modeling.encoders import Released

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
            shutil.copytree(out / first, run.folder, copy_function=checkpoints.link, dirs_exist_ok=True)
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
    if set(LASER_FILES) <= {path.name for path in place.files}:
        weights, sentencepiece, pieces = (place.folder / name for name in LASER_FILES)
        laser2(weights, sentencepiece, pieces, folder)
        encoder = encoders.load(folder, direction)
        _refuse_kind(place, encoder, kind)
        return encoder
    config, tokenizer = encoders.read_config(place.folder), None
    if config.get("model_type") == encoders.IMPORTED:
        encoders.refuse_direction(place.name, "rwkv7_world", direction)
        encoder, tokenizer = rwkv7(place.folder, config)
    else:
        encoder = _loaded(place, config, direction)
    _refuse_kind(place, encoder, kind)
    if tokenizer is None:
        world = place.folder / WORLD_PIECES
        tokenizer = world_tokenizer(world) if world.is_file() else tokenization.load(place.folder)
    tokenization.refuse_unlike(place.name, tokenizer, encoder.embedding.num_embeddings)
    encoders.save(encoder, folder)
    tokenization.save(_separated(place.name, tokenizer), folder)
    head = place.folder / checkpoints.MASKED_LM_HEAD
    if head.is_file():  # of a checkpoint that was made here
        shutil.copyfile(head, folder / head.name)
    elif encoder.size is None:
        from xit.modeling.released_masked_lm import save_masked_lm_head

        save_masked_lm_head(place.folder, encoder, folder / head.name, _has_safetensors(place))
    return encoder


def _refuse_kind(place: Place, encoder: Any, kind: str) -> None:
    """Raise where an encoder is not of the type that was asked for, if one was."""
    if kind and encoder.name != kind:
        raise CheckpointError(
            f"{place.name}: a model of type {encoder.name}; {kind} was expected. A type of its own is compared under "
            "an id of its own: a file in xit/encoders that says INFO and RELEASED, as mbert.py does."
        )


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


def _loaded(place: Place, config: Mapping[str, Any], direction: str | None) -> Any:
    """The encoder; one that says itself how it is read, as ours do, is read so rather than as its file has it."""
    if direction is None and place.facts and "xit_direction" not in config:
        direction = place.facts.direction
    if _has_safetensors(place):
        return encoders.load(place.folder, direction)
    from xit.modeling.released import load_released

    return load_released(str(place.folder), None, direction, is_safetensors=False)


def _has_safetensors(place: Place) -> bool:
    """Whether weights are safetensors, rather than a pytorch_model.bin."""
    return any(path.suffix == ".safetensors" for path in place.files)


def released(source: str, direction: str | None, out: Path) -> list[str]:
    """Copy an encoder that transformers loads, of a folder or the Hub, and its tokenizer; a line that says what it is.

    Args:
        source: A folder, `owner/name` or `owner/name@revision` of the Hub, or an id whose file names a place.
        direction: How a causal model is to be read, of `xit.modeling.encoders.DIRECTIONS`; the folder keeps it.
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
