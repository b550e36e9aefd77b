"""The estimate of memory (benchmarks/memory.py) counts what transformers and torch keep."""

from typing import Any

import pytest
import torch
import transformers

from benchmarks.memory import LARGE, Shape, kept, of_transformer, parameters, saved_bytes


def xlm_roberta(shape: Shape) -> Any:
    """As transformers has it, without dropout, whose masks a CPU keeps as whole numbers."""
    config = transformers.XLMRobertaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        intermediate_size=shape.inner,
        num_attention_heads=shape.heads,
        max_position_embeddings=shape.positions,
        type_vocab_size=1,
        pad_token_id=0,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return transformers.XLMRobertaModel(config, add_pooling_layer=False)


SHAPES = [Shape(200, 64, 4, 256, 4, 130), Shape(500, 128, 3, 512, 8, 130), Shape(300, 96, 6, 200, 4, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_estimate_of_memory_is_exact_to_the_byte_without_dropout(shape: Shape) -> None:
    from xit.modeling.released import ReleasedEncoder

    encoder = ReleasedEncoder(xlm_roberta(shape)).train()
    optimizer = torch.optim.AdamW(encoder.parameters())
    input_ids = torch.ones(3, 33, dtype=torch.int64)
    torch.stack(encoder(input_ids, torch.ones_like(input_ids))).sum().backward()
    optimizer.step()
    weights = list(encoder.parameters())
    moments = [v for state in optimizer.state.values() for key, v in state.items() if key != "step"]

    terms = {term.name: term.plain for term in of_transformer(shape, 3, 33, "float32", 0.15)}

    assert terms["weights"] == sum(w.nbytes for w in weights)
    assert terms["gradients"] == sum(w.grad.nbytes for w in weights)
    assert terms["AdamW"] == sum(moment.nbytes for moment in moments)
    a_layer = 3 * 33 * sum(kept(shape, "float32", has_dropout=False).values())
    assert shape.layers * a_layer + terms["embedding"] == saved_bytes(encoder, 3, 33)


def test_xlm_r_large_has_as_many_parameters_as_the_estimate_says() -> None:
    with torch.device("meta"):
        model = xlm_roberta(LARGE)

    assert parameters(LARGE)[0] == sum(p.numel() for p in model.parameters()) == 558_840_832
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embeddings" not in name]
    assert parameters(LARGE)[1] == sum(p.numel() for p in matrices)
