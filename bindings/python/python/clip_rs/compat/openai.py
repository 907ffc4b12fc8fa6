"""openai/CLIP's four calls: ``import clip_rs.compat.openai as clip``.

>>> import clip_rs.compat.openai as clip
>>> model, preprocess = clip.load("starter")
>>> model.encode_text(clip.tokenize(["a cat", "a dog"])).shape
torch.Size([2, 128])

Signatures, tokens, pixels and features are those of openai/CLIP on the CPU. What differs is refused in
words: other devices, other types, training. Weights are looked for on this machine, also where
openai/CLIP keeps them, and never downloaded by these calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NoReturn

from .. import _model, _tokenizer
from .._clip_rs import TextError
from . import _torch
from ._module import Module, Preprocess
from ._torch import Device, Tensor

__all__ = ["available_models", "load", "tokenize"]

# The names of the released models, and the files that they are kept in.
_FILES = {
    "RN50": "RN50.pt",
    "RN101": "RN101.pt",
    "RN50x4": "RN50x4.pt",
    "RN50x16": "RN50x16.pt",
    "RN50x64": "RN50x64.pt",
    "ViT-B/32": "ViT-B-32.pt",
    "ViT-B/16": "ViT-B-16.pt",
    "ViT-L/14": "ViT-L-14.pt",
    "ViT-L/14@336px": "ViT-L-14-336px.pt",
}


class CLIP(Module):
    """A model with openai/CLIP's methods. Made by :func:`load`."""

    def encode_image(self, image: Tensor) -> Tensor:
        """Features of preprocessed images, not normalised.

        Parameters
        ----------
        image : tensor
            Floating-point, ``[n, 3, size, size]``, on the CPU.

        Returns
        -------
        tensor
            ``float32``, ``[n, embed_dim]``.

        Raises
        ------
        TypeError, ValueError
            Another type, another shape.
        RuntimeError
            On another device; a gradient is asked for.
        """
        return _torch.tensor(self._image_features(image, False))

    def encode_text(self, text: Tensor) -> Tensor:
        """Features of token ids ``[n, length]``, ``float32`` ``[n, embed_dim]``, not normalised."""
        return _torch.tensor(self._text_features(text, False))

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of images and texts: ``logit_scale.exp()`` times their cosines.

        Returns
        -------
        logits_per_image, logits_per_text : tensor
            ``float32``, ``[images, texts]`` and its transpose.
        """
        import numpy as np

        images, texts = self._image_features(image, True), self._text_features(text, True)
        logits = np.float32(self.native._clip.scale) * (images @ texts.T)
        return _torch.tensor(logits), _torch.tensor(logits.T)

    __call__ = forward


def available_models() -> list[str]:
    """Names of the nine released models, as openai/CLIP lists them; ``"starter"`` is built in beside them."""
    return list(_FILES)


def load(
    name: str,
    device: Device = "cpu",
    jit: bool = False,
    download_root: str | None = None,
) -> tuple[CLIP, Preprocess]:
    """Load a model and its preprocessing.

    Parameters
    ----------
    name : str
        One of :func:`available_models`, ``"starter"``, the path of a checkpoint, or whatever else
        :func:`clip_rs.load` takes.
    device : str or torch.device
        The CPU; another is refused.
    jit : bool
        Changes nothing: there is nothing to compile, which is said.
    download_root : str, optional
        A folder that is searched first; ``~/.cache/clip`` is searched anyway.

    Returns
    -------
    model : CLIP
    preprocess : callable
        Takes a PIL image and gives the model's input, ``float32`` ``[3, size, size]``.

    Raises
    ------
    RuntimeError
        There is no such model, or its weights are not on this machine; another device.
    """
    _torch.check_device(device)
    if jit:
        _torch.warn("jit: the model is compiled already, jit=True changes nothing")
    path = name
    if download_root is not None and name in _FILES:
        kept = os.path.join(os.path.expanduser(download_root), _FILES[name])
        path = kept if os.path.isfile(kept) else name
    try:
        native = _model.load(path)
    except FileNotFoundError as error:
        raise RuntimeError(_not_found(name, error)) from error
    return CLIP(native), Preprocess(native.preprocess)


def _not_found(name: str, error: FileNotFoundError) -> str:
    if name in _FILES:
        return str(error)
    return f"Model {name} not found; available models = {available_models()}\nhelp: {error}"


def tokenize(texts: str | Iterable[str], context_length: int = 77, truncate: bool = False) -> Tensor:
    """Token ids of texts.

    Parameters
    ----------
    texts : str or list of str
        One text or several.
    context_length : int
        Length of a row; all released models have 77.
    truncate : bool
        Cut texts that are too long, keeping the end-of-text token, in place of an error.

    Returns
    -------
    tensor
        ``int32``, ``[texts, context_length]``, padded with zeros.

    Raises
    ------
    RuntimeError
        A text is too long and ``truncate`` is false.
    """
    texts = [texts] if isinstance(texts, str) else list(texts)
    if not texts:
        import numpy as np

        return _torch.tensor(np.zeros((0, context_length), dtype=np.int32))
    try:
        ids, _ = _tokenizer.token_rows(texts, context_length, truncate, None)
        return _torch.tensor(ids)
    except TextError as error:
        raise RuntimeError(f"Input is too long for context length {context_length}: {error}") from error


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"clip_rs.compat.openai has no `{name}`; it offers available_models, load and tokenize\n"
        "help: `clip_rs` itself has more"
    )
