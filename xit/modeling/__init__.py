"""Encoders, tokenizers and heads as models, and the checkpoint folders that hold them."""
