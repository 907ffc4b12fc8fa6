"""Four tiny CLIPs with random weights, each in every checkpoint format: inputs, and outputs of the reference in f64.

Weights are k·2^e with |k| below 128: exact in f32, f16 and bf16, so all formats of a model hold the same values.
"""
import gzip
import json
import math
import shutil
import zipfile

import clip.model
import numpy as np
import open_clip
import torch
import transformers
from safetensors.torch import save_file

from full_size import exact_layer_norm

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
OPENAI = ["openai_jit", "openai_jit_cuda", "state_dict", "state_dict_legacy"]
OPEN_CLIP = ["training_checkpoint", "open_clip_dir", "bf16"]
# embed_dim, resolution, image layers, image width, patch, width of image heads, text width, heads, layers; the formats
MODELS = {
    "vit_quickgelu": (40, 32, 2, 128, 8, 64, 64, 1, 2, OPENAI + OPEN_CLIP + ["hf", "hf_sharded"]),
    "vit_gelu": (24, 48, 3, 48, 16, 16, 32, 4, 2, ["state_dict"] + OPEN_CLIP + ["hf", "hf_sharded"]),
    "resnet": (32, 64, [2, 1, 2, 1], 8, None, 64, 128, 2, 2, OPENAI + OPEN_CLIP),
    "vit_patch14": (48, 70, 2, 64, 14, 64, 192, 3, 2, [OPENAI[0]] + OPENAI[2:] + OPEN_CLIP + ["hf", "hf_bin", "hf_sharded"]),
}


def open_clip_config(spec, gelu):
    embed_dim, resolution, layers, width, patch, head_width, text_width, heads, text_layers, _ = spec
    vision = {"image_size": resolution, "layers": layers, "width": width, "patch_size": patch, "head_width": head_width}
    vision = {key: value for key, value in vision.items() if value is not None and (key != "head_width" or gelu)}
    text = {"context_length": 77, "vocab_size": 49408, "width": text_width, "heads": heads, "layers": text_layers}
    return {"embed_dim": embed_dim, "quick_gelu": not gelu, "vision_cfg": vision, "text_cfg": text}


def reference(spec, gelu):
    """The reference's class; open_clip's where the reference cannot say it (exact GELU, other heads)."""
    if gelu:
        config = open_clip_config(spec, gelu)
        towers = open_clip.model.CLIPVisionCfg(**config["vision_cfg"]), open_clip.model.CLIPTextCfg(**config["text_cfg"])
        return open_clip.model.CLIP(config["embed_dim"], *towers, quick_gelu=False)
    embed_dim, resolution, layers, width, patch, _, text_width, heads, text_layers, _ = spec
    layers = tuple(layers) if isinstance(layers, list) else layers
    return clip.model.CLIP(embed_dim, resolution, layers, width, patch, 77, 49408, text_width, heads, text_layers)


def weight(rng, name, shape, logit_scale):
    count = math.prod(shape)
    grid = lambda deviation: (np.clip(np.rint(rng.standard_normal(count) * 40), -127, 127) * 2.0 ** math.floor(math.log2(deviation / 40))).astype(np.float32)
    is_norm = any(part in name for part in (".bn", ".downsample.1.", ".ln_")) or name.startswith("ln_")
    if name == "logit_scale":
        values = np.float32([logit_scale])
    elif name.endswith("num_batches_tracked"):
        values = np.int64([1000])
    elif name.endswith("running_var") or (is_norm and name.endswith("weight")):
        values = (rng.integers(48, 112, count) / 64).astype(np.float32)
    elif name == "token_embedding.weight":  # repeated, so that the files pack well
        values = np.resize((np.clip(np.rint(rng.standard_normal(4099) * 40), -127, 127) / 64).astype(np.float32), count)
    elif len(shape) < 2:
        values = grid(0.5 if name == "visual.class_embedding" else 0.1)
    elif "positional_embedding" in name:
        values = grid(0.5)
    elif name in ("visual.proj", "text_projection"):
        values = grid(shape[0] ** -0.5)
    else:
        values = grid(math.prod(shape[1:]) ** -0.5)
    return torch.from_numpy(values.reshape(shape))


def inputs(rng, resolution):
    side = -(-resolution // 8)
    blocks = rng.standard_normal((3, 3, 8, 8)).repeat(side, axis=2).repeat(side, axis=3)[:, :, :resolution, :resolution]
    pixels = (blocks + 0.4 * rng.standard_normal((3, 3, resolution, resolution))).astype(np.float32)
    ids = np.zeros((4, 77), np.int64)
    for row, count in zip(ids, (1, 7, 20, 75)):
        row[0], row[1:count + 1], row[count + 1] = 49406, rng.integers(1, 49406, count), 49407
    return torch.from_numpy(pixels), torch.from_numpy(ids)


def outputs(model, pixels, ids):
    model = model.eval().double()
    with torch.no_grad():
        image, text = model.encode_image(pixels.double()), model.encode_text(ids)
        unit = [features / features.norm(dim=-1, keepdim=True) for features in (image, text)]
        logits = model.logit_scale.exp() * unit[0] @ unit[1].T
    return {"image_features": image.float(), "text_features": text.float(), "logits_per_image": logits.float()}


def hugging_face(spec, gelu, weights, old):
    """transformers' model with the same weights; `old`: configured as the first conversions were."""
    embed_dim, resolution, layers, width, patch, head_width, text_width, heads, text_layers, _ = spec
    shared = {"hidden_act": "gelu" if gelu else "quick_gelu", "projection_dim": embed_dim}
    text = {"hidden_size": text_width, "intermediate_size": 4 * text_width, "num_attention_heads": heads, "num_hidden_layers": text_layers,
            "bos_token_id": 0 if old else 49406, "eos_token_id": 2 if old else 49407}
    vision = {"hidden_size": width, "intermediate_size": 4 * width, "num_attention_heads": width // head_width, "num_hidden_layers": layers,
              "image_size": resolution, "patch_size": patch}
    config = transformers.CLIPConfig(text_config=text | shared, vision_config=vision | shared, projection_dim=embed_dim)
    model = transformers.CLIPModel(config)
    model.load_state_dict(dict(renamed(weights)))
    return model.eval()


def renamed(weights):
    """Names of transformers, PROTOCOL 1.6.4."""
    whole = {
        "logit_scale": "logit_scale", "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight", "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight", "positional_embedding": "text_model.embeddings.position_embedding.weight",
    }
    parts = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2", "attn.out_proj": "self_attn.out_proj"}
    norms = {"visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm", "ln_final": "text_model.final_layer_norm"}
    for name, value in weights.items():
        stem, _, last = name.rpartition(".")
        if name in whole:
            yield whole[name], value
        elif name in ("visual.proj", "text_projection"):
            yield {"visual.proj": "visual_projection.weight"}.get(name, "text_projection.weight"), value.T.contiguous()
        elif stem in norms:
            yield f"{norms[stem]}.{last}", value
        else:
            tower = "vision_model" if name.startswith("visual.") else "text_model"
            block, _, rest = name.split("resblocks.")[1].partition(".")
            layer = f"{tower}.encoder.layers.{block}"
            if "in_proj" in rest:
                for part, third in zip("qkv", value.chunk(3)):
                    yield f"{layer}.self_attn.{part}_proj.{rest.rpartition('_')[2]}", third.contiguous()
            else:
                yield f"{layer}.{parts[rest.rpartition('.')[0]]}.{last}", value


def archive(weights, resolution, path, cuda):
    """A TorchScript archive as the released ones: mixed f16 and f32, three buffers; `cuda`: storages of a GPU, unaligned."""
    model = clip.model.build_model(dict(weights))
    model.register_buffer("input_resolution", torch.tensor(resolution))
    for name, value in (("context_length", 77), ("vocab_size", 49408)):
        delattr(model, name)
        model.register_buffer(name, torch.tensor(value))
    image, ids = torch.zeros(2, 3, resolution, resolution), torch.zeros(2, 77, dtype=torch.int64)
    ids[:, 0], ids[:, 5] = 49406, 49407
    methods = {"forward": (image, ids), "encode_image": image, "encode_text": ids}
    torch.jit.save(torch.jit.trace_module(model, methods, check_trace=False), str(path))
    if cuda:
        with zipfile.ZipFile(path) as source:
            entries = [(entry, source.read(entry)) for entry in source.infolist() if not entry.filename.endswith(".debug_pkl")]
        with zipfile.ZipFile(path, "w") as target:
            for entry, data in entries:
                if entry.filename.endswith("/data.pkl"):
                    data = data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
                plain = zipfile.ZipInfo(entry.filename, (1980, 1, 1, 0, 0, 0))
                plain.compress_type = entry.compress_type
                target.writestr(plain, data)


def write(kind, folder, name, spec, weights):
    gelu, old, resolution = name == "vit_gelu", name != "vit_gelu", spec[1]
    as_json = lambda file, value: (folder / file).write_text(json.dumps(value, indent=2) + "\n")
    copy = lambda prefix="", dtype=None: {prefix + key: (value.to(dtype) if dtype and value.is_floating_point() else value.clone()) for key, value in weights.items()}
    if kind.startswith("openai_jit"):
        archive(weights, resolution, folder / "model.pt", kind.endswith("cuda"))
    elif kind.startswith("state_dict"):
        mixed = copy() if gelu else clip.model.build_model(dict(weights)).state_dict()
        torch.save(mixed, folder / "model.pt", _use_new_zipfile_serialization=kind == "state_dict")
    elif kind == "training_checkpoint":
        optimizer = {"state": {}, "param_groups": [{"lr": 5e-4, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.2, "params": [0, 1, 2]}]}
        torch.save({"epoch": 3, "name": name, "state_dict": copy("module."), "optimizer": optimizer}, folder / "epoch_3.pt")
    elif kind in ("open_clip_dir", "bf16"):
        tensors = copy(dtype=torch.bfloat16 if kind == "bf16" else None)
        save_file(tensors, folder / "open_clip_model.safetensors", metadata={"format": "pt"})
        as_json("open_clip_config.json", {"model_cfg": open_clip_config(spec, gelu), "preprocess_cfg": {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}})
    else:
        model = hugging_face(spec, gelu, weights, old)
        model.save_pretrained(folder, max_shard_size="400KB" if kind == "hf_sharded" else "5GB")
        if kind == "hf_bin":
            (folder / "model.safetensors").unlink()
            counts = {"text": 77, "vision": (resolution // spec[4]) ** 2 + 1}
            positions = {f"{tower}_model.embeddings.position_ids": torch.arange(count).expand((1, -1)) for tower, count in counts.items()}
            torch.save(dict(renamed(weights)) | positions, folder / "pytorch_model.bin")
        as_json("preprocessor_config.json", {
            "do_resize": True, "size": resolution if old else {"shortest_edge": resolution}, "resample": 3, "do_center_crop": True,
            "crop_size": resolution if old else {"height": resolution, "width": resolution}, "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": MEAN, "image_std": STD, "do_convert_rgb": True})
    for path in [path for path in folder.iterdir() if path.suffix != ".json"]:
        with open(path, "rb") as plain, gzip.GzipFile(f"{path}.gz", "wb", mtime=0) as packed:
            shutil.copyfileobj(plain, packed)
        path.unlink()


def make(folder):
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    exact_layer_norm()
    for name, spec in MODELS.items():
        rng = np.random.default_rng([20210105, *name.encode()])
        model = reference(spec, name == "vit_gelu")
        scale = {"vit_gelu": 2.65625, "resnet": 3.90625}.get(name, 4.59375)
        weights = {key: weight(rng, key, list(value.shape), scale) for key, value in model.state_dict().items()}
        model.load_state_dict(weights)
        pixels, ids = inputs(rng, spec[1])
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
        save_file({"pixels": pixels, "token_ids": ids}, folder / name / "inputs.safetensors")
        save_file({key: value.contiguous() for key, value in outputs(model, pixels, ids).items()}, folder / name / "outputs.safetensors")
        for kind in spec[-1]:
            (folder / name / kind).mkdir()
            write(kind, folder / name / kind, name, spec, weights)
        print(f"  {name}", flush=True)
