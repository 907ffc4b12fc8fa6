"""The reference model on PyTorch, and the inputs that every peer gets."""
import os
import warnings

import numpy as np

warnings.filterwarnings("ignore")
CONTEXT = 77
TOWERS = "image", "text"
BATCHES = "32", "64", "128"
CHECKED = 8  # photos or captions whose features are compared
PADDINGS = "77", "cut"


def reference(folder):
    """OpenAI's model code in f32, from the prepared folder's weights."""
    import clip.model
    from safetensors.torch import load_file

    clip.model.convert_weights = lambda model: None  # it would halve the precision
    return clip.model.build_model(load_file(os.path.join(folder, "weights"))).eval()


def tower(model, which):
    """One tower as a module: pixels [B, 3, R, R] or token ids [B, L] to features [B, D]."""
    import torch

    class Text(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, tokens):
            return self.model.encode_text(tokens)

    return model.visual if which == "image" else Text()


def inputs(folder, which):
    """The prepared photos [32, 3, R, R] or captions [32, 77]."""
    return np.load(os.path.join(folder, "pixels.npy" if which == "image" else "tokens.npy"))


def tokenize(captions):
    """Token ids i64 [N, 77], zeros after the end marker."""
    import clip

    return clip.tokenize(captions, truncate=True).numpy().astype(np.int64)


def batches(tokens, size, padding):
    """Token ids in batches: as they come and 77 long, or, if "cut", sorted by length and cut to each batch's longest.

    A token attends to those before it alone, so the features are the same.
    """
    if padding == "77":
        return [tokens[start:start + size] for start in range(0, len(tokens), size)]
    lengths = (tokens != 0).sum(1)
    order = np.argsort(-lengths, kind="stable")
    picks = [order[start:start + size] for start in range(0, len(order), size)]
    return [np.ascontiguousarray(tokens[pick, :lengths[pick].max()]) for pick in picks]
