"""`clip_rs.compat`: other libraries' calls. With NumPy arrays always, with torch where it is installed."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clip_rs
import clip_rs.compat.open_clip as open_clip
import clip_rs.compat.openai as clip
from clip_rs.compat import _torch

ROOT = Path(__file__).resolve().parents[3]
STARTER = ROOT / "crates/clip/assets/starter"
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")


@pytest.fixture(autouse=True)
def without_torch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hides torch from the tests that do not ask for it."""
    _torch.torch.cache_clear()
    if not any(mark.kwargs.get("reason") == "torch is not installed" for mark in request.node.iter_markers("skipif")):
        monkeypatch.setitem(sys.modules, "torch", None)
    yield
    _torch.torch.cache_clear()


@pytest.fixture
def loaded() -> tuple[clip.CLIP, Any]:
    return clip.load("starter")


def test_openai_gives_what_the_package_gives(
    loaded: tuple[clip.CLIP, Any], starter: clip_rs.Model, photos: Path
) -> None:
    model, preprocess = loaded
    paths = [photos / "cat.jpg", photos / "pizza.jpg"]
    images = np.stack([preprocess(Image.open(path)) for path in paths])
    texts = clip.tokenize(["a cat", "a pizza", "a dog"])
    assert images.dtype == np.float32 and images.shape == (2, 3, 224, 224)
    assert texts.dtype == np.int32 and texts.shape == (3, 77)
    assert (model.encode_image(images) == starter.encode_images(paths)).all()
    assert (model.encode_text(texts) == starter.encode_texts(["a cat", "a pizza", "a dog"])).all()
    per_image, per_text = model(images, texts)
    cosines = starter.similarity(paths, ["a cat", "a pizza", "a dog"])
    assert np.allclose(per_image, model.logit_scale.exp() * cosines, atol=1e-4)
    assert (per_text == per_image.T).all() and per_image.argmax(axis=1).tolist() == [0, 1]
    assert (model.visual(images) == model.encode_image(images)).all()


def test_sizes_and_what_does_no_harm(loaded: tuple[clip.CLIP, Any]) -> None:
    model, _ = loaded
    assert model.eval().train(False).float().cpu().requires_grad_(False) is model
    assert model.to("cpu").to(device="cpu", dtype=np.float32) is model
    assert (model.visual.input_resolution, model.context_length, model.vocab_size) == (224, 77, 49408)
    assert model.dtype == np.float32 and not model.training
    assert sum(int(np.prod(parameter.shape)) for parameter in model.parameters()) == 12_494_721
    named = dict(model.named_parameters())
    assert np.isnan(named["visual.proj"]).all() and named["logit_scale"] == np.float32(model.logit_scale)
    assert clip.available_models()[5] == "ViT-B/32" and len(clip.available_models()) == 9


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda model: model.cuda(), "CPU"),
        (lambda model: model.to("cuda:0"), 'device="cpu"'),
        (lambda model: model.to("mps"), 'device="cpu"'),
        (lambda model: model.half(), "float32"),
        (lambda model: model.bfloat16(), "float32"),
        (lambda model: model.double(), "float32"),
        (lambda model: model.train(), "clip_rs.train"),
        (lambda model: model.requires_grad_(), "gradients"),
        (lambda model: clip.load("starter", device="cuda"), "CUDA_VISIBLE_DEVICES"),
        (lambda model: clip.load("no such model"), "available models"),
        (lambda model: clip.tokenize("a " * 100), "too long for context length 77"),
        (lambda model: open_clip.create_model("starter", device="cuda"), "CPU"),
        (lambda model: open_clip.create_model("ViT-B-32"), "laion2b_s34b_b79k"),
        (lambda model: open_clip.create_model("ViT-B-32", "no_such_tag"), "datacomp_xl_s13b_b90k"),
        (lambda model: open_clip.create_model("coca_ViT-B-32", "laion2b_s13b_b90k"), "not found"),
        (lambda model: open_clip.create_model("ViT-B-32", str(STARTER / "starter.safetensors")), "patch_size 16"),
        (lambda model: open_clip.create_model("starter", precision="fp16"), "float32"),
        (lambda model: open_clip.create_model("starter", force_image_size=336), "force_image_size"),
        (lambda model: open_clip.create_model_and_transforms("starter", image_mean=(0.5, 0.5, 0.5)), "image_mean"),
        (lambda model: open_clip.create_model_and_transforms("starter")[1]("photo.jpg"), "training"),
        (lambda model: open_clip.get_tokenizer("ViT-B-16-SigLIP"), "not found"),
    ],
)
def test_what_is_missing_is_said(loaded: tuple[clip.CLIP, Any], call: Any, said: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        call(loaded[0])
    assert said in str(refused.value)


@pytest.mark.parametrize("image", [np.zeros((1, 3, 224, 224), np.uint8), [1, 2], None, "photo.jpg"])
def test_images_are_floating_point(loaded: tuple[clip.CLIP, Any], image: Any) -> None:
    with pytest.raises(TypeError, match="^image: "):
        loaded[0].encode_image(image)


def test_shapes_and_numbers(loaded: tuple[clip.CLIP, Any]) -> None:
    model, _ = loaded
    with pytest.raises(ValueError, match="^image: "):
        model.encode_image(np.zeros((3, 224, 224), np.float32))
    with pytest.raises(ValueError, match="^image: "):
        model.encode_image(np.zeros((1, 3, 336, 336), np.float32))
    with pytest.raises(TypeError, match="^text: .*\n.*tokenize"):
        model.encode_text(["a cat"])
    with pytest.raises(TypeError, match="^text: "):
        model.encode_text(np.zeros((1, 77), np.float32))
    assert model.encode_image(np.zeros((0, 3, 224, 224), np.float32)).shape == (0, 128)
    assert clip.tokenize([]).shape == (0, 77) and model.encode_text(clip.tokenize([])).shape == (0, 128)
    wide = np.zeros((1, 3, 224, 224), np.float64)
    assert (model.encode_image(wide) == model.encode_image(wide.astype(np.float32))).all()


def test_workers_that_are_spawned_get_copies(loaded: tuple[clip.CLIP, Any], photos: Path) -> None:
    model, preprocess, tokenizer = (pickle.loads(pickle.dumps(part)) for part in (*loaded, open_clip.get_tokenizer()))
    image = preprocess(photos / "cat.jpg")[None]
    assert (image[0] == loaded[1](photos / "cat.jpg")).all()
    assert (model.visual(image) == loaded[0].encode_image(image)).all()
    assert tokenizer("a cat").shape == (1, 77)


def test_what_is_not_there_is_an_attribute_error(loaded: tuple[clip.CLIP, Any]) -> None:
    for holder, name in ((loaded[0], "transformer"), (clip, "simple_tokenizer"), (open_clip, "trace_model")):
        assert not hasattr(holder, name)


def test_jit_is_said_to_change_nothing() -> None:
    with pytest.warns(UserWarning, match="jit") as said:
        clip.load("starter", jit=True)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="jit"):
        open_clip.create_model("starter", jit=True)


def test_download_root_is_searched_first(tmp_path: Path) -> None:
    shutil.copy(STARTER / "starter.safetensors", tmp_path / "ViT-B-32.pt")
    with pytest.raises(clip_rs.CheckpointError, match="ViT-B-32.pt: SHA-256"):  # found, and no ViT-B/32
        clip.load("ViT-B/32", download_root=str(tmp_path))


def test_open_clip(starter: clip_rs.Model, photos: Path, tmp_path: Path) -> None:
    for name in ("starter.safetensors", "open_clip_config.json"):
        shutil.copy(STARTER / name, tmp_path)
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}", output_dict=False)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    image, text = preprocess(photos / "dog.jpg")[None], tokenizer(["a dog", "a cat"])
    assert text.dtype == np.int64 and tokenizer.context_length == 77
    assert (model.encode_image(image)[0] == starter.encode_image(photos / "dog.jpg")).all()
    images, texts, scale = model(image, text)
    assert (images == starter.encode_images([photos / "dog.jpg"], normalize=True)).all()
    assert (texts == model.encode_text(text, normalize=True)).all() and scale == model.logit_scale.exp()
    assert model(image=image)[1] is None
    logits, transposed = model.get_logits(image, text)
    assert np.allclose(logits, scale * images @ texts.T, atol=1e-5) and (transposed == logits.T).all()
    whole = open_clip.create_model("starter", output_dict=True)(image, text)
    assert sorted(whole) == ["image_features", "logit_scale", "text_features"]
    same, transform = open_clip.create_model_from_pretrained("starter", "starter")
    assert (transform(photos / "dog.jpg") == image[0]).all() and same.visual.image_size == (224, 224)
    assert not isinstance(open_clip.create_model_from_pretrained("starter", return_transform=False), tuple)
    assert open_clip.get_input_dtype("fp32") is None


def test_open_clip_classifier(starter: clip_rs.Model) -> None:
    model = open_clip.create_model("starter")
    matrix = open_clip.build_zero_shot_classifier(model, open_clip.get_tokenizer(), ["cat", "dog"], ["a {}.", "{}"])
    rows = starter.encode_texts(["a cat.", "cat"], normalize=True).mean(axis=0)
    assert matrix.shape == (128, 2) and np.allclose(matrix[:, 0], rows / np.linalg.norm(rows), atol=1e-6)


def test_open_clip_tokens() -> None:
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    with pytest.warns(UserWarning, match=r"1 of 2 .* texts\[1\]"):
        ids = tokenizer(["a cat", "a " * 100])
    assert ids[1, -1] == tokenizer.eot_token_id and ids.shape == (2, 77)
    assert tokenizer("a cat", context_length=5).tolist() == [[49406, 320, 2368, 49407, 0]]
    assert tokenizer.encode("a cat") == [320, 2368] and tokenizer([]).shape == (0, 77)
    # Its markers are markers, the reference's are words.
    assert tokenizer("<start_of_text>")[0, :3].tolist() == [49406, 49406, 49407]
    words = [27, 347, 40786, 4160, 91, 285]
    assert tokenizer.encode("<|endoftext|>") == words == tokenizer.encode("&lt;|endoftext|&gt;")
    assert tokenizer.encode("\uff1c\uff5cendoftext\uff5c\uff1e") == words
    assert clip.tokenize("<|endoftext|>")[0, :3].tolist() == [49406, 49407, 49407]
    assert (open_clip.tokenize("a cat") == tokenizer("a cat")).all()


def test_open_clip_names() -> None:
    pairs = open_clip.list_pretrained()
    assert pairs[0] == ("starter", "starter") and ("ViT-B-32", "laion2b_s34b_b79k") in pairs
    assert "ViT-B-32-quickgelu:openai" in open_clip.list_pretrained(as_str=True)
    assert ("ViT-B-32-quickgelu", "laion2b_s34b_b79k") not in pairs
    assert "ViT-L-14-336" in open_clip.list_models() and len(open_clip.list_openai_models()) == 9
    assert open_clip.list_pretrained_tags_by_model("RN50x4") == ["openai"]


def test_a_path_is_computed_as_its_file_or_its_name_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing in the file: the name decides. A configuration beside it: that decides, and a warning tells."""
    from clip_rs.compat._open_clip_models import ARCHITECTURES, Architecture

    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(128, 224, 16, 192, {}))
    alone = tmp_path / "weights.safetensors"
    shutil.copy(STARTER / "starter.safetensors", alone)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(activation|GELU)")
        warnings.filterwarnings("ignore", message=".*attention heads")
        for name, activation in (("tiny", "gelu"), ("tiny-quickgelu", "quick_gelu")):
            model = open_clip.create_model(name, str(alone))
            assert model.native.provenance["activation"] == activation
        forced = open_clip.create_model("tiny", str(alone), force_quick_gelu=True)
        assert forced.native.provenance["activation"] == "quick_gelu"
    config = json.loads((STARTER / "open_clip_config.json").read_text())
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.warns(UserWarning, match="trained with QuickGELU") as said:
        model = open_clip.create_model("tiny", str(alone))
    assert model.native.provenance["activation"] == "quick_gelu" and said[-1].filename == __file__


def test_hub_cache_is_searched(tmp_path: Path) -> None:
    snapshot = tmp_path / "models--some--clip/snapshots/0123"
    snapshot.mkdir(parents=True)
    (tmp_path / "models--some--clip/refs").mkdir()
    (tmp_path / "models--some--clip/refs/main").write_text("0123\n")
    shutil.copy(STARTER / "starter.safetensors", snapshot / "open_clip_model.safetensors")
    shutil.copy(STARTER / "open_clip_config.json", snapshot)
    model = open_clip.create_model("hf-hub:some/clip", cache_dir=str(tmp_path))
    assert model.native.embed_dim == 128
    assert open_clip.get_tokenizer("hf-hub:some/clip", cache_dir=str(tmp_path)).context_length == 77
    with pytest.raises(RuntimeError, match="not on this machine"):
        open_clip.create_model("hf-hub:other/clip", cache_dir=str(tmp_path))


def test_clip_benchmark_registers_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    package, models = types.ModuleType("clip_benchmark"), types.ModuleType("clip_benchmark.models")
    models.TYPE2FUNC, models.MODEL_TYPES = {}, ["open_clip"]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "clip_benchmark", package)
    monkeypatch.setitem(sys.modules, "clip_benchmark.models", models)
    monkeypatch.delitem(sys.modules, "clip_rs.compat.clip_benchmark", raising=False)
    adapter = importlib.import_module("clip_rs.compat.clip_benchmark")
    adapter.register()
    assert models.MODEL_TYPES == ["open_clip", "clip_rs"]  # type: ignore[attr-defined]
    model, preprocess, tokenizer = adapter.load_clip_rs("starter", "starter", cache_dir=None, device="cpu")
    assert model.eval() is model and tokenizer("a").shape == (1, 77)
    assert preprocess(ROOT / "photos/cat.jpg").shape == (3, 224, 224)
    with pytest.raises(RuntimeError):
        adapter.load_clip_rs("starter", "laion400m_e32", None, "cpu")


@needs_torch
def test_torch_tensors(photos: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    model, preprocess = clip.load("starter", device=torch.device("cpu"))
    image, text = preprocess(Image.open(photos / "cat.jpg")).unsqueeze(0), clip.tokenize(["a cat", "a dog"])
    assert image.dtype == torch.float32 and text.dtype == torch.int32 and model.dtype == torch.float32
    assert open_clip.get_tokenizer()("a").dtype == torch.int64
    with torch.no_grad(), torch.autocast("cpu"), warnings.catch_warnings():
        warnings.simplefilter("error")
        features = model.encode_image(image)
        features /= features.norm(dim=-1, keepdim=True)
        assert torch.equal(model.encode_image(image.double()), model.encode_image(image))
        assert torch.equal(model.encode_image(image.to(memory_format=torch.channels_last)), model.encode_image(image))
        assert torch.equal(model.encode_text(text.long()), model.encode_text(text))
        per_image, per_text = model(image, text)
    assert torch.equal(per_text, per_image.t()) and per_image.argmax() == 0
    assert model.to(torch.float32).to(image) is model and float(model.logit_scale.exp()) == pytest.approx(25.0)
    parameters = list(model.parameters())
    assert parameters[0].device.type == "cpu" and not any(parameter.requires_grad for parameter in parameters)


@needs_torch
def test_torch_gradients_and_devices() -> None:
    torch: Any = pytest.importorskip("torch")
    model, _ = clip.load("starter")
    image = torch.zeros(1, 3, 224, 224)
    with pytest.warns(UserWarning, match="no gradients"):
        assert not model.encode_image(image).requires_grad
    with pytest.raises(RuntimeError, match="gradient"):
        model.encode_image(image.clone().requires_grad_())
    with torch.no_grad():
        model.encode_image(image.clone().requires_grad_())
        with pytest.raises(RuntimeError, match="^image: .*CPU"):
            model.encode_image(image.to("meta"))
        with pytest.raises(RuntimeError, match="^text: .*CPU"):
            model.encode_text(torch.zeros(1, 77, dtype=torch.int64, device="meta"))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        with pytest.raises(RuntimeError, match="float32"):
            model.to(dtype)
