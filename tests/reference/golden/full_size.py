"""The released architectures with weights, images and texts by formula: outputs of the reference in f64.

The formula is that of `clip_model::synthetic`: a hash of seed, name and place, exact in f32.
"""
import gc
import json
import math

import clip
import clip.model
import numpy as np
import torch
from safetensors.torch import save_file

# embed_dim, resolution, image layers, image width, patch size, text width, text heads
ARCHITECTURES = {
    "RN50": (1024, 224, (3, 4, 6, 3), 64, None, 512, 8),
    "RN101": (512, 224, (3, 4, 23, 3), 64, None, 512, 8),
    "RN50x4": (640, 288, (4, 6, 10, 6), 80, None, 640, 10),
    "RN50x16": (768, 384, (6, 8, 18, 8), 96, None, 768, 12),
    "RN50x64": (1024, 448, (3, 15, 36, 10), 128, None, 1024, 16),
    "ViT-B-32": (512, 224, 12, 768, 32, 512, 8),
    "ViT-B-16": (512, 224, 12, 768, 16, 512, 8),
    "ViT-L-14": (768, 224, 24, 1024, 14, 768, 12),
    "ViT-L-14-336": (768, 336, 24, 1024, 14, 768, 12),
}
TEXTS = ["a photo of a cat", "A map of the United States, drawn in 1872!", " ".join(["zebra"] * 90)]
SEED = 1


def uniform(name, count, scale=1.0, offset=0.0, seed=SEED):
    """`count` values offset + scale·u, u in [−1, 1): FNV-1a of the name, then a mix of 32 bits with the place."""
    key = 0xCBF29CE484222325
    for byte in f"{seed}:{name}".encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(key % 2**32)
    x ^= np.uint32(key >> 32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    u = ((x >> np.uint32(8)).astype(np.int32) - np.int32(2**23)).astype(np.float32) * np.float32(2.0**-23)
    return u * np.float32(scale) + np.float32(offset)


def check_sum(values):
    """Wrapping sum of bit patterns times 1 + place mod 65521."""
    bits = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint32).astype(np.uint64)
    weights = np.arange(bits.size, dtype=np.uint64) % np.uint64(65521) + np.uint64(1)
    return f"{int((bits * weights).sum(dtype=np.uint64)):016x}"


def scale_and_offset(name, shape, image_layers, image_width, text_width):
    """Of a tensor by its name; `deviation` of a variance, as the values are uniform."""
    deviation = lambda variance: math.sqrt(3 * variance)
    layers, width = (image_layers, image_width) if name.startswith("visual.") else (12, text_width)
    fixed = {
        "logit_scale": (0, math.log(100)), "token_embedding.weight": (0.5, 0), "visual.class_embedding": (1, 0),
        "positional_embedding": (0.25, 0), "visual.positional_embedding": (0.5, 0), "visual.attnpool.positional_embedding": (0.5, 0),
    }
    if name in fixed:
        return fixed[name]
    is_norm = any(part in name for part in (".bn", ".downsample.1.", ".ln_")) or name.startswith("ln_")
    if name.endswith("running_mean"):
        return 0.1, 0
    if name.endswith("running_var"):
        return 0.25, 1
    if is_norm and name.endswith("bias"):
        return 0.1, 0
    if is_norm:
        return (0.05, 0.2) if name.endswith("bn3.weight") and ".layer" in name else (0.2, 1)
    if name.endswith("bias"):
        return 0.05, 0
    if name in ("visual.proj", "text_projection"):
        return deviation(1 / shape[0]), 0
    if len(shape) == 4:
        is_patch = name == "visual.conv1.weight" and not isinstance(image_layers, tuple)
        return deviation((1 if is_patch else 2) / math.prod(shape[1:])), 0
    if ".attnpool." in name:
        return deviation(1 / shape[1]), 0
    variance = {"in_proj_weight": 1 / width, "c_fc.weight": 1 / width}
    if not isinstance(layers, tuple):
        variance |= {"out_proj.weight": 4 / (2 * layers * width), "c_proj.weight": 1 / (2 * layers * width)}
    return next(deviation(value) for ending, value in variance.items() if name.endswith(ending)), 0


def build(name):
    """The model, and rows of name, shape, kind, scale, offset, check sum."""
    embed_dim, resolution, layers, width, patch, text_width, text_heads = ARCHITECTURES[name]
    initialize, clip.model.CLIP.initialize_parameters = clip.model.CLIP.initialize_parameters, lambda self: None
    with torch.device("meta"):
        model = clip.model.CLIP(embed_dim, resolution, layers, width, patch, 77, 49408, text_width, text_heads, 12)
    clip.model.CLIP.initialize_parameters = initialize
    model.to_empty(device="cpu")
    for block in model.transformer.resblocks:
        block.attn_mask = torch.full((77, 77), float("-inf")).triu_(1)
    rows = []
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("num_batches_tracked"):
                tensor.zero_()
                continue
            scale, offset = (float(np.float32(x)) for x in scale_and_offset(key, list(tensor.shape), layers, width, text_width))
            values = uniform(key, tensor.numel(), scale, offset).reshape(tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(values))
            rows.append([key, list(tensor.shape), "", scale, offset, check_sum(values)])
    return model.eval(), rows


def pixels(resolution):
    """Two images: blocks of 16 x 16 of one value, and noise; normalised already."""
    side = -(-resolution // 16)
    images = []
    for index in (0, 1):
        noise = uniform(f"pixels.noise.{index}", 3 * resolution**2).reshape(3, resolution, resolution)
        block = uniform(f"pixels.block.{index}", 3 * side**2).reshape(3, side, side)
        block = block.repeat(16, axis=1).repeat(16, axis=2)[:, :resolution, :resolution]
        images.append(np.float32(1.5) * block + np.float32(0.5) * noise)
    return np.stack(images)


def exact_layer_norm():
    """The reference casts to f32 within its LayerNorm; in f64 it must not."""
    def forward(self, x):
        return torch.nn.functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
    clip.model.LayerNorm.forward = forward


def make(folder, names):
    exact_layer_norm()
    vectors = []
    for name, scale, offset in (("a", 1.0, 0.0), ("visual.conv1.weight", 0.25, 0.0), ("ln_final.weight", 0.2, 1.0)):
        values, places = uniform(name, 1_000_004, scale, offset), [0, 1, 2, 65_520, 65_521, 1_000_003]
        bits = [f"{int(values[place].view(np.uint32)):08x}" for place in places]
        vectors.append({"seed": SEED, "name": name, "scale": scale, "offset": offset, "index": places, "f32_bits": bits})
    (folder / "test_vectors.json").write_text(json.dumps({"vectors": vectors}, indent=1) + "\n")
    ids = clip.tokenize(TEXTS, truncate=True)
    for name in names:
        model, rows = build(name)
        images = pixels(ARCHITECTURES[name][1])
        model = model.double()
        with torch.no_grad():
            image, text = model.encode_image(torch.from_numpy(images).double()), model.encode_text(ids)
        unit = [features / features.norm(dim=-1, keepdim=True) for features in (image, text)]
        logits = model.logit_scale.exp() * unit[0] @ unit[1].T
        outputs = {"image_features": image, "text_features": text, "logits_per_image": logits}
        outputs = {key: value.detach().float().contiguous() for key, value in outputs.items()} | {"token_ids": ids.long()}
        save_file(outputs, folder / f"{name}.safetensors")
        facts = {"seed": SEED, "pixels": {"bits_sum": check_sum(images)}, "tensors": {"rows": rows}}
        (folder / f"{name}.json").write_text(json.dumps(facts) + "\n")
        print(f"  {name}", flush=True)
        del model
        gc.collect()
