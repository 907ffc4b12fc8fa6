"""open_clip's calls: ``import clip_rs.compat.open_clip as open_clip``.

>>> import clip_rs.compat.open_clip as open_clip
>>> model, _, preprocess = open_clip.create_model_and_transforms("starter")
>>> tokenizer = open_clip.get_tokenizer("starter")
>>> model.encode_text(tokenizer(["a cat", "a dog"]), normalize=True).shape
torch.Size([2, 128])

Signatures, tokens, pixels and features are those of open_clip 3.3 on the CPU. What differs is refused
in words. Weights are looked for on this machine, also in Hugging Face's cache, and never downloaded by
these calls. One thing is another on purpose: weights are computed with the activation that they were
trained with, also where open_clip's name says otherwise (``"ViT-B-32"`` with ``"openai"``); a warning
says so.
"""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from .. import _model
from .._inputs import ImageLike
from . import _torch
from ._module import Module, Preprocess
from ._open_clip_models import ARCHITECTURES, QUICKGELU, Architecture, pairs, split_name, weights_of
from ._open_clip_tokenizer import CLIP_TOKENIZER, DEFAULT_CONTEXT_LENGTH, Tokenizer
from ._torch import Device, Tensor

__all__ = [
    "build_zero_shot_classifier",
    "create_model",
    "create_model_and_transforms",
    "create_model_from_pretrained",
    "get_input_dtype",
    "get_tokenizer",
    "list_models",
    "list_openai_models",
    "list_pretrained",
    "list_pretrained_tags_by_model",
    "tokenize",
]

_STARTER = "starter"
_SCHEMAS = ("hf-hub:", "local-dir:")
# Weights in f32, whatever happens around them.
_PRECISIONS = ("fp32", "amp", "amp_bf16", "amp_bfloat16")
# Widths of image towers whose heads have more than 64 features: ViT-H-14, ViT-g-14, ViT-bigG-14.
_OTHER_HEADS = (1280, 1408, 1664)
_Activation: TypeAlias = Literal["quickgelu", "gelu"] | None
# Models that a schema was loaded by, for their tokenizer.
_loaded: weakref.WeakValueDictionary[str, _model.Model] = weakref.WeakValueDictionary()


class CLIP(Module):
    """A model with open_clip's methods. Made by :func:`create_model`."""

    output_dict = False
    """Whether calling it gives a dictionary."""

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        """Features of preprocessed images, ``float32`` ``[n, embed_dim]``; of norm 1 with ``normalize``.

        Raises
        ------
        TypeError, ValueError
            Another type, another shape than ``[n, 3, size, size]``.
        RuntimeError
            On another device; a gradient is asked for.
        """
        return _torch.tensor(self._image_features(image, normalize))

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Features of token ids ``[n, length]``, ``float32`` ``[n, embed_dim]``; of norm 1 with ``normalize``."""
        return _torch.tensor(self._text_features(text, normalize))

    def get_logits(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """``logit_scale.exp()`` times the cosines, ``[images, texts]``, and its transpose."""
        import numpy as np

        images, texts = self._image_features(image, True), self._text_features(text, True)
        logits = np.float32(self.native._clip.scale) * (images @ texts.T)
        return _torch.tensor(logits), _torch.tensor(logits.T)

    def forward(self, image: Tensor | None = None, text: Tensor | None = None) -> Any:
        """Features of norm 1 of both, and ``logit_scale.exp()``; as a dictionary with ``output_dict``."""
        images = None if image is None else _torch.tensor(self._image_features(image, True))
        texts = None if text is None else _torch.tensor(self._text_features(text, True))
        scale = self.logit_scale.exp()
        if self.output_dict:
            return {"image_features": images, "text_features": texts, "logit_scale": scale}
        return images, texts, scale

    __call__ = forward


class TrainingPreprocess:
    """Stands where open_clip's augmentation stands; calling it is refused."""

    def __call__(self, image: ImageLike) -> NoReturn:
        """Refused."""
        raise NotImplementedError(
            "preprocess_train: random crops belong to training, which clip_rs does outside Python's loops\n"
            "help: the third of create_model_and_transforms is for features; `clip_rs.train` trains"
        )


def create_model(
    model_name: str,
    pretrained: str | None = None,
    load_weights: bool = True,
    precision: str = "fp32",
    device: Device = "cpu",
    jit: bool = False,
    force_quick_gelu: bool = False,
    force_custom_text: bool = False,
    force_patch_dropout: float | None = None,
    force_image_size: int | tuple[int, int] | None = None,
    force_preprocess_cfg: dict[str, Any] | None = None,
    force_context_length: int | None = None,
    pretrained_image: bool = False,
    pretrained_text: bool = True,
    pretrained_image_path: str | None = None,
    pretrained_text_path: str | None = None,
    cache_dir: str | None = None,
    output_dict: bool | None = None,
    require_pretrained: bool = False,
    weights_only: bool = True,
    **model_kwargs: Any,
) -> CLIP:
    """Load a model.

    Parameters
    ----------
    model_name : str
        A name of :func:`list_models`, ``"hf-hub:owner/name"``, ``"local-dir:path"`` or ``"starter"``.
    pretrained : str, optional
        A tag of :func:`list_pretrained`, or the path of a checkpoint.
    precision : {"fp32", "amp", "amp_bf16", "amp_bfloat16"}
        Features are float32 with each.
    device : str or torch.device
        The CPU; another is refused.
    force_quick_gelu : bool
        Compute with QuickGELU, whatever the name says.
    cache_dir : path, optional
        A folder as Hugging Face's or open_clip's cache that is searched first.
    output_dict : bool, optional
        Whether calling the model gives a dictionary.

    Other parameters are open_clip's: those that would change the model are refused, the others
    (``weights_only``, ``pretrained_text``) have nothing to change here: no file is ever executed.

    Returns
    -------
    CLIP

    Raises
    ------
    RuntimeError
        There is no such model, its weights are not on this machine, or are another architecture's;
        another device. :class:`NotImplementedError`, which is one, for what is refused.
    """
    _torch.check_device(device)
    _check_precision(precision)
    _refuse(
        load_weights=None if load_weights else False,
        force_custom_text=force_custom_text or None,
        force_patch_dropout=force_patch_dropout or None,
        force_image_size=force_image_size,
        force_preprocess_cfg=force_preprocess_cfg or None,
        force_context_length=force_context_length,
        pretrained_image=pretrained_image or None,
        pretrained_image_path=pretrained_image_path,
        pretrained_text_path=pretrained_text_path,
        **model_kwargs,
    )
    if jit:
        _torch.warn("jit: the model is compiled already, jit=True changes nothing")
    try:
        model = CLIP(_load(model_name, pretrained, force_quick_gelu, cache_dir))
    except FileNotFoundError as error:
        raise RuntimeError(f"model_name={model_name!r}, pretrained={pretrained!r}: {error}") from error
    model.output_dict = bool(output_dict)
    return model


def create_model_and_transforms(
    model_name: str,
    pretrained: str | None = None,
    load_weights: bool = True,
    precision: str = "fp32",
    device: Device = "cpu",
    jit: bool = False,
    force_quick_gelu: bool = False,
    force_custom_text: bool = False,
    force_patch_dropout: float | None = None,
    force_image_size: int | tuple[int, int] | None = None,
    force_context_length: int | None = None,
    image_mean: tuple[float, ...] | None = None,
    image_std: tuple[float, ...] | None = None,
    image_interpolation: str | None = None,
    image_resize_mode: str | None = None,
    aug_cfg: Any = None,
    pretrained_image: bool = False,
    pretrained_text: bool = True,
    pretrained_image_path: str | None = None,
    pretrained_text_path: str | None = None,
    cache_dir: str | None = None,
    output_dict: bool | None = None,
    weights_only: bool = True,
    **model_kwargs: Any,
) -> tuple[CLIP, TrainingPreprocess, Preprocess]:
    """Load a model with its two ways to preprocess images; parameters as :func:`create_model` has them.

    Returns
    -------
    model : CLIP
    preprocess_train : callable
        Refuses to be called: augmentation belongs to training.
    preprocess_val : callable
        Takes a PIL image and gives the model's input, ``float32`` ``[3, size, size]``.
    """
    _refuse(
        image_mean=image_mean,
        image_std=image_std,
        image_interpolation=image_interpolation,
        image_resize_mode=image_resize_mode,
        aug_cfg=aug_cfg or None,
    )
    model = create_model(
        model_name,
        pretrained,
        load_weights=load_weights,
        precision=precision,
        device=device,
        jit=jit,
        force_quick_gelu=force_quick_gelu,
        force_custom_text=force_custom_text,
        force_patch_dropout=force_patch_dropout,
        force_image_size=force_image_size,
        force_context_length=force_context_length,
        pretrained_image=pretrained_image,
        pretrained_text=pretrained_text,
        pretrained_image_path=pretrained_image_path,
        pretrained_text_path=pretrained_text_path,
        cache_dir=cache_dir,
        output_dict=output_dict,
        **model_kwargs,
    )
    return model, TrainingPreprocess(), Preprocess(model.native.preprocess)


def create_model_from_pretrained(
    model_name: str,
    pretrained: str | None = None,
    precision: str = "fp32",
    device: Device = "cpu",
    jit: bool = False,
    force_quick_gelu: bool = False,
    force_custom_text: bool = False,
    force_image_size: int | tuple[int, int] | None = None,
    force_context_length: int | None = None,
    image_mean: tuple[float, ...] | None = None,
    image_std: tuple[float, ...] | None = None,
    image_interpolation: str | None = None,
    image_resize_mode: str | None = None,
    return_transform: bool = True,
    cache_dir: str | None = None,
    weights_only: bool = True,
    **model_kwargs: Any,
) -> Any:
    """Load a model with its preprocessing: ``(model, preprocess)``, or the model alone without
    ``return_transform``; parameters as :func:`create_model` has them."""
    _refuse(
        image_mean=image_mean,
        image_std=image_std,
        image_interpolation=image_interpolation,
        image_resize_mode=image_resize_mode,
    )
    model = create_model(
        model_name,
        pretrained,
        precision=precision,
        device=device,
        jit=jit,
        force_quick_gelu=force_quick_gelu,
        force_custom_text=force_custom_text,
        force_image_size=force_image_size,
        force_context_length=force_context_length,
        cache_dir=cache_dir,
        **model_kwargs,
    )
    return (model, Preprocess(model.native.preprocess)) if return_transform else model


def _check_precision(precision: str) -> None:
    if precision not in _PRECISIONS:
        raise NotImplementedError(
            f'precision: "{precision}": features are float32, always; there are {", ".join(_PRECISIONS)}\n'
            'help: `clip_rs.load(name, precision="bf16")` computes with smaller weights'
        )


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise NotImplementedError(
                f"{name}: {value!r}: clip_rs takes a model as its weights and their configuration are\n"
                "help: leave it out; a configuration of its own belongs beside the weights, in "
                "open_clip_config.json, loaded by local-dir:FOLDER"
            )


def _load(model_name: str, pretrained: str | None, quick_gelu: bool, cache_dir: str | None) -> _model.Model:
    forced: _Activation = "quickgelu" if quick_gelu else None
    if model_name.startswith(_SCHEMAS):
        if pretrained:
            _torch.warn(f"pretrained: {pretrained!r} is ignored, {model_name!r} has its weights")
        schema, _, place = model_name.partition(":")
        kept = _snapshot(place, cache_dir) if schema == "hf-hub" else _only_checkpoint(place)
        model = _loaded[model_name] = _native(kept or model_name, forced)
        return model
    if model_name == _STARTER and pretrained in (None, "", _STARTER):
        return _native(_STARTER, forced)
    name, named_quick_gelu = split_name(model_name)
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise RuntimeError(f"Model config for '{name}' not found{_known_names(pretrained)}")
    tags = f"{model_name} has the tags {', '.join(list_pretrained_tags_by_model(model_name))}"
    if not pretrained:
        raise RuntimeError(
            f"pretrained: none is given, and clip_rs has no use for random weights\n"
            f"help: {tags}; or give the path of a checkpoint"
        )
    if weights := weights_of(model_name, pretrained):
        native = name if pretrained == "openai" else f"hf:{weights.repository}"
        activation: _Activation = "quickgelu" if quick_gelu or weights.quick_gelu else "gelu"
        model = _native(_snapshot(weights.repository, cache_dir) or native, activation)
    elif os.path.exists(pretrained):
        model = _load_path(pretrained, quick_gelu or named_quick_gelu, forced)
    else:
        raise RuntimeError(f"Pretrained value '{pretrained}' is not a known tag or valid file path\nhelp: {tags}")
    _check_architecture(model, name, architecture, pretrained)
    _say_activation(model_name, quick_gelu or named_quick_gelu, model._about["activation"] == "quick_gelu")
    return model


def _native(name: str, activation: _Activation = None, say: bool = True) -> _model.Model:
    """A model whose warnings are said at the script's line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = _model.load(name, activation=activation)
    for warning in model.warnings if say else ():
        _torch.warn(warning)
    return model


def _only_checkpoint(folder: str) -> str | None:
    """The one file of weights in a folder, whatever its name; none where there are several."""
    files = [file for ending in ("safetensors", "bin", "pth") for file in Path(folder).glob(f"*.{ending}")]
    return str(files[0]) if len(files) == 1 else None


def _known_names(pretrained: str | None) -> str:
    if pretrained and os.path.exists(pretrained):
        return "\nhelp: put open_clip_config.json beside the weights and load local-dir:FOLDER"
    return f"\nhelp: there are {', '.join(list_models())}; clip_rs has CLIP's own two towers alone"


def _load_path(path: str, by_name: bool, forced: _Activation) -> _model.Model:
    """As the file says, or what is beside it; where nothing does, as the name says."""
    if not forced:
        model = _native(path, say=False)
        if model._about["activation_source"] != "guessed":
            for warning in model.warnings:
                _torch.warn(warning)
            return model
    return _native(path, "quickgelu" if forced or by_name else "gelu")


def _say_activation(model_name: str, by_name: bool, computed: bool) -> None:
    if by_name != computed:
        activation, other = ("QuickGELU", "GELU") if computed else ("GELU", "QuickGELU")
        _torch.warn(
            f"model_name: these weights were trained with {activation} and are computed so; open_clip 3.3 computes "
            f"{model_name!r} with {other}, which gives other features"
        )


def _check_architecture(model: _model.Model, name: str, expected: Architecture, pretrained: str) -> None:
    shapes = dict(model._clip.parameters())
    channels, patch = shapes["visual.conv1.weight"][0], shapes["visual.conv1.weight"][-1]
    vision_transformer = "visual.proj" in shapes
    found = (
        model.embed_dim,
        model.image_size,
        patch if vision_transformer else None,
        channels if vision_transformer else 2 * channels,
    )
    if found != expected[:4]:
        fields = zip(("embed_dim", "image_size", "patch_size", "width"), found, expected[:4], strict=True)
        apart = ", ".join(f"{field} {here} in place of {there}" for field, here, there in fields if here != there)
        raise RuntimeError(f"pretrained: {pretrained} is no {name}: {apart}")
    if expected.width in _OTHER_HEADS and any("attention heads" in warning for warning in model.warnings):
        raise RuntimeError(
            f"pretrained: nothing beside the weights of {pretrained} says how many attention heads {name} has\n"
            "help: put its open_clip_config.json beside them"
        )


def _snapshot(repository: str, cache_dir: str | None) -> str | None:
    """The folder of a repository in a cache folder as Hugging Face keeps it; none where it has none."""
    if cache_dir is None:
        return None
    folder = Path(cache_dir).expanduser() / f"models--{repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    snapshot = folder / "snapshots" / commit
    return str(snapshot) if snapshot.is_dir() else None


def get_tokenizer(
    model_name: str = "", context_length: int | None = None, cache_dir: str | None = None, **kwargs: Any
) -> Tokenizer:
    """The tokenizer of a model.

    Returns
    -------
    Tokenizer
        Called with texts it gives ids, ``int64`` ``[texts, context_length]``; texts that are too long are
        cut, with a warning.

    Raises
    ------
    RuntimeError
        Nothing is known of such a model.
    TextError
        The model's tokenizer is not CLIP's.
    """
    _refuse(**kwargs)
    if model_name.startswith(_SCHEMAS):
        model = _loaded.get(model_name) or _load(model_name, None, False, cache_dir)
        model.tokenize("")
        return Tokenizer(context_length or model.context_length, model)
    if model_name not in ("", _STARTER) and split_name(model_name)[0] not in ARCHITECTURES:
        raise RuntimeError(f"Model config for '{model_name}' not found{_known_names(None)}")
    return Tokenizer(context_length or DEFAULT_CONTEXT_LENGTH)


def tokenize(texts: str | Sequence[str], context_length: int = DEFAULT_CONTEXT_LENGTH) -> Tensor:
    """Token ids of texts by CLIP's own tokenizer; see :class:`Tokenizer`."""
    return CLIP_TOKENIZER(texts, context_length)


def list_models() -> list[str]:
    """Names of the architectures that can be loaded."""
    return list(dict.fromkeys(name for name, _ in list_pretrained()))


def list_pretrained(as_str: bool = False) -> list[Any]:
    """Names with their tags as pairs, or joined by a colon; the built-in model is the first.

    They can be computed, not all of them are on this machine.
    """
    every = [(_STARTER, _STARTER), *pairs()]
    return [":".join(pair) for pair in every] if as_str else every


def list_pretrained_tags_by_model(model: str) -> list[str]:
    """Tags of one architecture."""
    return [tag for name, tag in list_pretrained() if name == model.replace("/", "-")]


def list_openai_models() -> list[str]:
    """Names of the models that OpenAI released."""
    return [name for name, tag in pairs() if tag == "openai" and not name.endswith(QUICKGELU)]


def get_input_dtype(precision: str) -> Any:
    """The type that images are to be converted to: none, as every precision here takes float32."""
    _check_precision(precision)
    return None


def build_zero_shot_classifier(
    model: CLIP,
    tokenizer: Tokenizer,
    classnames: Sequence[str],
    templates: Sequence[Callable[[str], str] | str],
    num_classes_per_batch: int | None = 10,
    device: Device = "cpu",
    use_tqdm: bool = False,
) -> Tensor:
    """Vectors of classes: for each the mean over its sentences, of norm 1.

    Parameters
    ----------
    templates : list of str or callables
        Sentences with ``{}`` for the name, or functions of the name.
    num_classes_per_batch : int, optional
        Changes nothing: features do not depend on the batch.
    use_tqdm : bool
        Whether to show progress.

    Returns
    -------
    tensor
        ``float32``, ``[embed_dim, classes]``.
    """
    import numpy as np

    _torch.check_device(device)
    sentences = [t.format(name) if isinstance(t, str) else t(name) for name in classnames for t in templates]
    ids = _torch.token_array(tokenizer(sentences))
    features = model.native.encode_texts(ids, normalize=True, progress=use_tqdm)
    means = features.reshape(len(classnames), len(templates), -1).mean(axis=1)
    vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return _torch.tensor(np.ascontiguousarray(vectors.T))


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"clip_rs.compat.open_clip has no `{name}`; it offers {', '.join(__all__)}")
