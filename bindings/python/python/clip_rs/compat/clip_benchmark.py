"""CLIP_benchmark on clip_rs's models: importing this adds the model type ``clip_rs``.

As a program, ``clip_benchmark`` with one more choice::

    python -m clip_rs.compat.clip_benchmark eval --model_type clip_rs --model starter --pretrained starter \\
        --dataset imagenet1k --dataset_root data --no_amp

or in a script of one's own::

    import clip_rs.compat.clip_benchmark
    from clip_benchmark.cli import main
    main()

``--model`` and ``--pretrained`` are open_clip's, as :mod:`clip_rs.compat.open_clip` takes them. Without
``--no_amp`` CLIP_benchmark rounds logits to bfloat16; features stay float32. It takes a GPU wherever
torch has one: set the environment variable ``CUDA_VISIBLE_DEVICES`` to nothing there.
"""

from __future__ import annotations

import importlib
from typing import Any

from ._module import Preprocess
from ._open_clip_tokenizer import Tokenizer
from ._torch import Device
from .open_clip import CLIP, create_model_and_transforms, get_tokenizer

MODEL_TYPE = "clip_rs"


def load_clip_rs(
    model_name: str = "starter",
    pretrained: str = "starter",
    cache_dir: str | None = None,
    device: Device = "cpu",
) -> tuple[CLIP, Preprocess, Tokenizer]:
    """Model, preprocessing and tokenizer, as CLIP_benchmark asks its model types for them.

    Raises
    ------
    RuntimeError
        As :func:`clip_rs.compat.open_clip.create_model` has it.
    """
    model, _, preprocess = create_model_and_transforms(
        model_name, pretrained=pretrained, cache_dir=cache_dir, device=device
    )
    return model, preprocess, get_tokenizer(model_name, cache_dir=cache_dir)


def register() -> None:
    """Add the model type ``clip_rs`` to CLIP_benchmark; done by the import.

    Raises
    ------
    ModuleNotFoundError
        CLIP_benchmark is not installed.
    """
    models: Any = importlib.import_module("clip_benchmark.models")
    models.TYPE2FUNC[MODEL_TYPE] = load_clip_rs
    if MODEL_TYPE not in models.MODEL_TYPES:
        models.MODEL_TYPES.append(MODEL_TYPE)


register()

if __name__ == "__main__":
    importlib.import_module("clip_benchmark.cli").main()
