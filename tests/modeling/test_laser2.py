"""LASER2: files of the same keys and shapes at small size, against a computation of our own from the same files."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from xit.cli.app import app
from xit.core.errors import CheckpointError
from xit.core.settings import RetrievalSettings
from xit.heads import EncodingOptions, text_rows
from xit.modeling import convert_laser2, encoders, tokenization
from xit.modeling.task_model import load_encoder

LAYERS, EMBEDDING, CELLS = 5, 6, 4
SCORES = {"▁": -3.0, "▁ida": -2.0, "▁sa": -2.5, "w": -4.0, "▁paris": -2.2, ",": -3.5, ".": -3.6, "i": -5.0, "d": -5.1}
SCORES |= {"a": -5.2, "s": -5.3, "p": -5.4, "r": -5.5, '"': -4.5, "▁o": -5.6, "slo": -5.7, "l": -6.0, "o": -6.1}
DROPPED = ("slo", "l")
"""Pieces of the SentencePiece model that LASER does not know; and one that only LASER knows."""
OWN = "☃"
TEXTS = {
    "Ida saw Paris.": "ida saw paris.",
    "„IDA“, SAW\t\tparis …": '"ida," saw paris ...',
    "Oslo": "oslo",
    "Ida ☃ ☂": "ida ☃ ☂",
}
"""Texts, and how LASER reads them before SentencePiece."""
RETRIEVAL = RetrievalSettings(1.0, "mean")


def number(value: int) -> bytes:
    """An integer as protocol buffers write it."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def field(key: int, value: bytes | int) -> bytes:
    """A field of a message."""
    return (
        number(key << 3) + number(value)
        if isinstance(value, int)
        else number(key << 3 | 2) + number(len(value)) + value
    )


def sentencepiece(kind: int = 1) -> bytes:
    """A SentencePiece model."""
    pieces = [
        ("<unk>", 0.0, 2),
        ("<s>", 0.0, 3),
        ("</s>", 0.0, 3),
        *((piece, score, 1) for piece, score in SCORES.items()),
    ]
    data = b""
    for piece, score, role in pieces:
        data += field(1, field(1, piece.encode()) + number(2 << 3 | 5) + struct.pack("<f", score) + field(3, role))
    return data + field(2, field(3, kind) + field(4, len(pieces))) + field(3, field(1, b"identity"))


def dictionary() -> dict[str, int]:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", OWN, *(piece for piece in reversed(SCORES) if piece not in DROPPED)]
    return {piece: place for place, piece in enumerate(pieces)}


def state() -> dict[str, Any]:
    """What laser2.pt holds, smaller."""
    torch.manual_seed(0)
    size = len(dictionary())
    lstm = nn.LSTM(EMBEDDING, CELLS, LAYERS, bidirectional=True)
    tensors = {f"lstm.{name}": 3 * value.detach() for name, value in lstm.state_dict().items()}
    params = {"num_embeddings": size, "padding_idx": 1, "embed_dim": EMBEDDING, "hidden_size": CELLS}
    params |= {"num_layers": LAYERS, "bidirectional": True, "left_pad": True, "padding_value": 0.0}
    return {
        "params": params,
        "model": {"embed_tokens.weight": torch.randn(size, EMBEDDING), **tensors},
        "dictionary": dictionary(),
    }


def write(folder: Path) -> tuple[Path, Path, Path]:
    paths = (folder / "laser2.pt", folder / "laser2.spm", folder / "laser2.cvocab")
    torch.save(state(), paths[0])
    paths[1].write_bytes(sentencepiece())
    pieces = sorted(set(dictionary()) - {"<s>", "<pad>", "</s>", "<unk>"})
    paths[2].write_text("".join(f"{piece} {1000 + place}\n" for place, piece in enumerate(pieces)), encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = write(tmp_path_factory.mktemp("files"))
    out = tmp_path_factory.mktemp("made") / "laser2"
    convert_laser2.laser2(*files, out)
    return out


def pieces_of(text: str) -> list[str]:
    """The best segmentation of a text that was normalised, by trying all; what nothing covers costs most."""
    best: dict[int, tuple[float, list[str]]] = {0: (0.0, [])}
    marked = "".join(f"▁{word}" for word in text.split(" "))
    for end in range(1, len(marked) + 1):
        options = []
        for start in range(end):
            piece = marked[start:end]
            if piece in SCORES or end - start == 1:
                cost = SCORES.get(piece, min(SCORES.values()) - 10)
                options.append((best[start][0] + cost, [*best[start][1], piece]))
        best[end] = max(options, key=lambda option: option[0])
    pieces: list[str] = []
    for piece in best[len(marked)][1]:  # SentencePiece joins neighbours that are unknown
        if pieces and not {piece, pieces[-1]} & {*SCORES, OWN}:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def laser(texts: list[str]) -> Tensor:
    """Sentence vectors as facebookresearch/LASER makes them: packed sequences, the maximum over real tokens."""
    found = state()
    ids, sizes, tensors = found["dictionary"], found["params"], found["model"]
    rows = [torch.tensor([*(ids.get(piece, 3) for piece in pieces_of(text)), 2]) for text in texts]
    lstm = nn.LSTM(EMBEDDING, CELLS, LAYERS, bidirectional=True)
    lstm.load_state_dict({name.removeprefix("lstm."): value for name, value in tensors.items() if "lstm" in name})
    padded = nn.utils.rnn.pad_sequence(rows, padding_value=sizes["padding_idx"])
    lengths = torch.tensor([len(row) for row in rows])
    embedded = tensors["embed_tokens.weight"][padded]
    packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, enforce_sorted=False)
    with torch.no_grad():
        states, _ = nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], padding_value=-float("inf"))
    return states.amax(0)


def test_sentence_vectors_are_those_that_laser_computes(folder: Path) -> None:
    model, tokenizer = load_encoder(folder)
    options = EncodingOptions(tokenizer, tiny.task_of("tatoeba"), 64)

    vectors = torch.stack(
        model.vectors(text_rows(options, list(TEXTS), "longest_first"), RETRIEVAL, [model.layer(RETRIEVAL)])
    )[:, 0]

    expected = laser(list(TEXTS.values()))
    torch.testing.assert_close(vectors, expected, atol=1e-5, rtol=0)
    assert expected.shape == (4, 2 * CELLS)
    assert (expected[0] - expected[1]).abs().max() > 0.01


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_as_laser_reads_it(text: str, folder: Path) -> None:
    backend = tokenization.load(folder).backend

    ids = backend.encode(text).ids

    expected = [backend.token_to_id(piece) if piece in {*SCORES, OWN} else 3 for piece in pieces_of(TEXTS[text])]
    assert ids == [*expected, 2]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("„Straße“ – 5 % ( ja ) ;", '"straße" - 5% (ja);'),
        ("Er sagte „nein“, dann “ja”.", 'er sagte "nein," dann "ja."'),
        (
            "\u00a0«\u00a0Bonjour\u00a0»\u00a0, dit-il\u00a0! 12\u00a0000 nº\u00a05\u00a0%",
            '"bonjour," dit-il! 12.000 nº 5%',
        ),
        ("a\x00b\u200bc", "a b c"),
        ("İstanbul IŞIK", "i̇stanbul işik"),
        ("ΟΔΟΣ ΣΟΦΟΣ.", "οδος σοφος."),
        ("it’s `x' ''y'' …", "it's 'x' \" y \" ..."),
        ("中文“引号”。", '中文"引号"。'),
    ],
)
def test_texts_are_normalised_as_moses_does(text: str, read: str, folder: Path) -> None:
    assert tokenization.load(folder).backend.normalizer.normalize_str(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "Ida saw „Paris“ – (ida)",
        "İda saw Ida",
        "इदा Ida",
        "ไอดา ida",
        "伊达 ida",
        "ida 😀 saw",
        "e\u0301 Ida",
        "إدا ida",
    ],
)
def test_offsets_point_into_the_text_as_it_was_written(text: str, folder: Path) -> None:
    encoding = tokenization.load(folder).backend.encode(text)

    slices = [text[start:end].strip().lower() for start, end in encoding.offsets]
    known = [
        (piece.strip("▁"), found)
        for piece, found in zip(encoding.tokens, slices, strict=True)
        if piece.strip("▁").isalpha()
    ]
    assert ("ida", "ida") in known
    assert all(found.startswith(piece) for piece, found in known)  # the lower case of İ is two characters


def test_a_piece_that_laser_does_not_know_starts_as_a_copy_of_the_unknown_one(folder: Path) -> None:
    encoder, tokenizer = encoders.load(folder), tokenization.load(folder)

    for piece in (*DROPPED, "<mask>"):
        number = tokenizer.backend.token_to_id(piece)
        assert number >= len(dictionary())
        assert torch.equal(encoder.embedding.weight[number], encoder.embedding.weight[3])
    assert (
        tokenizer.vocabulary_size == encoder.embedding.num_embeddings == len(dictionary()) + len(DROPPED) + 1
    )  # <mask>
    assert (tokenizer.padding_id, encoder.embedding.padding_idx) == (1, 1)


def test_auto_classes_load_it(folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)

    inputs = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    states = model(**inputs).last_hidden_state.masked_fill(inputs["attention_mask"][..., None] == 0, -float("inf"))
    torch.testing.assert_close(states.amax(1), laser(list(TEXTS.values())), atol=1e-5, rtol=0)
    assert model.config.hidden_size == 2 * CELLS


def change(path: Path, **values: Any) -> None:
    found = torch.load(path, weights_only=True)
    for key, value in values.items():
        part, _, name = key.partition("__")
        if value is None:
            del found[part][name.replace("__", ".")]
        else:
            found[part][name.replace("__", ".")] = value
    torch.save(found, path)


class Code:
    def __reduce__(self) -> Any:
        return (print, ("this ran",))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda pt, spm, cvocab: torch.save({"params": Code()}, pt),
            r"laser2.pt: not the weights of LASER2, .* without code",
        ),
        (lambda pt, spm, cvocab: torch.save({"params": {}}, pt), r"laser2.pt: not the weights of LASER2, .*: 'model'"),
        (lambda pt, spm, cvocab: pt.write_bytes(pt.read_bytes()[:-900]), r"laser2.pt: not the weights of LASER2"),
        (lambda pt, spm, cvocab: change(pt, params__embed_dim=None), r"laser2.pt: params: embed_dim is missing"),
        (
            lambda pt, spm, cvocab: change(pt, model__lstm__bias_hh_l4_reverse=None),
            r"laser2.pt: model: lstm.bias_hh_l4_reverse is missing",
        ),
        (
            lambda pt, spm, cvocab: change(pt, model__decoder=torch.ones(1)),
            r"model: decoder: LASER2 has no such tensor",
        ),
        (
            lambda pt, spm, cvocab: cvocab.write_text("▁ 5\n"),
            r"laser2.cvocab: not the vocabulary of .* in one only are 16",
        ),
        (
            lambda pt, spm, cvocab: spm.write_bytes(spm.read_bytes()[:-3]),
            r"laser2.spm: not a SentencePiece model, or cut",
        ),
        (
            lambda pt, spm, cvocab: spm.write_bytes(sentencepiece(2)),
            r"laser2.spm: a Unigram .* found another type",
        ),
        (lambda pt, spm, cvocab: spm.write_bytes(b""), r"laser2.spm: a Unigram model .* 0 pieces"),
        (
            lambda pt, spm, cvocab: change(pt, model__lstm__bias_hh_l4=torch.ones(3)),
            r"lstm.bias_hh_l4: floating-point numbers of shape \(16,\) are needed by params; found \(3,\)",
        ),
        (lambda pt, spm, cvocab: change(pt, params__num_layers="x"), r"num_layers: a whole number from 1 .* found 'x'"),
        (lambda pt, spm, cvocab: change(pt, params__bidirectional=False), r"LASER2 is bidirectional .* found False"),
        (lambda pt, spm, cvocab: change(pt, dictionary__w="3"), r"dictionary: w: '3' is no id"),
        (lambda pt, spm, cvocab: pt.write_bytes(b"garbage" * 9), r"without code: it is damaged, or has other things"),
        (lambda pt, spm, cvocab: cvocab.write_bytes(b"\xff"), r"laser2.cvocab: not pieces .* in UTF-8"),
        (
            lambda pt, spm, cvocab: [p.unlink() for p in (pt, spm)],
            r"laser2.pt: there is no such file.\n.*laser2.spm: th",
        ),
    ],
    ids=range(17),
)
def test_damaged_files_are_named_and_leave_nothing(
    damage: Callable[[Path, Path, Path], Any], message: str, tmp_path: Path, capfd: Any
) -> None:
    files = write(tmp_path)
    damage(*files)

    with pytest.raises(CheckpointError, match=message):
        convert_laser2.laser2(*files, tmp_path / "out")

    assert not (tmp_path / "out").exists()
    assert capfd.readouterr().out == ""


def test_the_command_line_makes_a_folder_of_it(tmp_path: Path) -> None:
    weights, spm, cvocab = map(str, write(tmp_path))
    files = ("--weights", weights, "--sentencepiece", spm, "--vocabulary", cvocab)

    done = CliRunner().invoke(app, ["import", "laser2", *files, "--out", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert "laser2, 2,320 parameters, 21 pieces and 2 unknown ones" in done.output  # 144 + 384 + 4 x 448
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
