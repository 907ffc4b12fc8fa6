"""Configurations against the libraries that own them: every answer is theirs, or refused by the name of a field.

    python tests/reference/configurations.py target/release/clip-rs

Two thousand folders with a tiny random model each, for open_clip and transformers in turns. Of the keys that their
configurations hold (towers, preprocessing, tokenizer), a random few get a random value, usual or not. The library and
the program embed the same picture and texts; each is counted as equal (cosine >= 0.99999), refused by name, refused
by the library, or different. Ends with 1 if anything differs, or is refused without a name. The seed is fixed.
"""

import argparse
import copy
import gzip
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

warnings.filterwarnings("ignore")
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import open_clip
import torch
import transformers
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

transformers.logging.set_verbosity_error()
logging.disable(logging.ERROR)
torch.set_num_threads(1)

LEAST_COSINE = 0.99999
TEXTS = ["a photo of a cat", "A photo, of a_cat!", "two dogs on a beach", "Cat", "It's 17 o'clock"]
HALF = [0.5, 0.5, 0.5]
BLOCK = {
    "block_type": ["default", "custom"], "qk_norm": [True, False], "scaled_cosine_attn": [True, False],
    "scale_heads": [True, False], "scale_attn_inner": [True, False], "scale_attn": [True, False],
    "scale_fc": [True, False],
}
NORM = [None, {}, {"eps": 1e-5}, {"eps": 0.1}]
ACT = [None, {}, {"approximate": "tanh"}]

# Section -> key -> values. What is not drawn is left out.
OPEN_CLIP = {
    "model_cfg": {
        "quick_gelu": [True, False, None], "custom_text": [True, False], "init_logit_scale": [1.0],
        "init_logit_bias": [None, -10], "nonscalar_logit_scale": [True, False], "output_dict": [False],
    },
    "vision_cfg": {
        "head_width": [8, 16, 32], "mlp_ratio": [2.0, 3.7362], "patch_size": [8, 16], "image_size": [32, 48, [32, 32]],
        "layers": [1, 2, [1, 1, 1, 1]], "ls_init_value": [None, 0.1], "patch_dropout": [0.0, 0.5],
        "attentional_pool": [True, False], "attn_pooler_queries": [4], "attn_pooler_heads": [2], "no_ln_pre": [True, False],
        "pos_embed_type": ["learnable", "sin_cos_2d"], "final_ln_after_pool": [True, False], "pool_type": ["tok", "avg"],
        "output_tokens": [True, False], "act_kwargs": ACT, "norm_kwargs": NORM, "timm_model_name": [None, ""],
        "timm_model_pretrained": [False], "timm_pool": ["avg"], "timm_proj": ["linear", None], "timm_drop": [0.1],
        "timm_drop_path": [None], "timm_proj_bias": [True], **BLOCK,
    },
    "text_cfg": {
        "context_length": [16, 32, 77], "vocab_size": [49408, 49500], "heads": [1, 2, 4], "layers": [1, 2],
        "hf_tokenizer_name": [None, "", "openai/clip-vit-base-patch32", "facebook/xlm-v-base"], "tokenizer_mode": [None, ""],
        "tokenizer_kwargs": [{}, {"clean": "lower"}, {"clean": "canonicalize"}, {"clean": "whitespace"},
                             {"reduction_mask": "simple"}, {"additional_special_tokens": ["photo"]}],
        "mlp_ratio": [2.0, 3.7362], "ls_init_value": [None, 0.1], "embed_cls": [True, False], "pad_id": [0, 1],
        "eos_id": [0, 2, 320, 49406, 49407], "no_causal_mask": [True, False], "final_ln_after_pool": [True, False],
        "pool_type": ["argmax", "eos", "first", "last"], "proj_bias": [True, False], "proj_type": ["linear", "none"],
        "output_tokens": [True, False], "act_kwargs": ACT, "norm_kwargs": NORM, "hf_model_name": [None, ""],
        "hf_model_pretrained": [True], "hf_proj_type": ["mlp"], "hf_pooler_type": ["mean_pooler"], **BLOCK,
    },
    "preprocess_cfg": {
        "size": [32, 48, [32, 32]], "mode": ["RGB", "BGR"], "mean": [HALF, [0, 0, 0], 0.3, 0, None], "std": [HALF, 0.25, None],
        "interpolation": ["bicubic", "bilinear", "random", "nearest"], "resize_mode": ["shortest", "longest", "squash"],
        "fill_color": [0, 127], "colour": ["blue"],
    },
}
COMMON = {
    "_name_or_path": ["x"], "architectures": [["CLIPModel"]], "attention_dropout": [0.0, 0.5], "initializer_range": [0.5],
    "transformers_version": ["4.0.0"], "torch_dtype": ["float32"], "dtype": ["float32"], "output_hidden_states": [True],
    "top_k": [3], "chunk_size_feed_forward": [0], "id2label": [{"0": "a", "1": "b"}], "colour": ["blue"],
    "use_cache": [True], "return_dict": [True], "tie_word_embeddings": [True],
}
HUGGING_FACE = {
    "config": {"logit_scale_init_value": [1.0], "model_type": ["clip"], "initializer_factor": [2.0], **COMMON},
    "text_config": {
        "hidden_act": ["gelu", "quick_gelu", "relu"], "layer_norm_eps": [1e-5, 0.1], "num_attention_heads": [1, 2, 4],
        "intermediate_size": [32, 64], "num_hidden_layers": [1, 2], "max_position_embeddings": [16, 77],
        "vocab_size": [49408, 49500], "eos_token_id": [2, 3, 0, 49406, 49407, [49407], None], "bos_token_id": [0, 49406],
        "pad_token_id": [0, 1, 49407], "projection_dim": [99], "model_type": ["clip_text_model"], **COMMON,
    },
    "vision_config": {
        "hidden_act": ["gelu", "quick_gelu", "gelu_new"], "layer_norm_eps": [1e-5, 0.1], "num_attention_heads": [1, 2, 4],
        "intermediate_size": [32, 64], "num_hidden_layers": [1, 2], "image_size": [32, 48], "patch_size": [8, 16],
        "num_channels": [3], "projection_dim": [99], "model_type": ["clip_vision_model"], **COMMON,
    },
    "image_processor": {
        "do_resize": [True, False], "do_center_crop": [True, False, None], "do_rescale": [True, False], "rescale_factor": [1 / 255, 1 / 127.5],
        "do_normalize": [True, False], "do_convert_rgb": [True, False], "resample": [0, 1, 2, 3, 4, 5, None],
        "size": [32, 48, [32, 32], {"shortest_edge": 32}, {"height": 32, "width": 32}, {"shortest_edge": 40},
                 {"shortest_edge": 32, "longest_edge": 40}, {"max_height": 32, "max_width": 32}],
        "crop_size": [32, 48, {"height": 32, "width": 32}, None], "image_mean": [HALF, 0.3, None], "image_std": [HALF, None],
        "do_pad": [True, False, None], "pad_size": [{"height": 32, "width": 32}, {"height": 40, "width": 40}],
        "default_to_square": [True, False], "data_format": ["channels_first"], "disable_grouping": [True],
        "image_processor_type": ["CLIPImageProcessor", "CLIPImageProcessorFast"], "processor_class": ["CLIPProcessor"],
        "_valid_processor_keys": [["images"]], "use_square_size": [True, False], "return_tensors": [None], "colour": ["blue"],
    },
}


def randomise(model, seed):
    """Weights under which every choice of a configuration shows in the features."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 3.0 if "token_embedding" in name else 0.25
            if parameter.ndim >= 1:
                parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
        for name, buffer in model.named_buffers():
            if name.endswith("running_var"):
                buffer.add_(torch.rand(buffer.shape, generator=generator))


def save(model, path):
    tensors = {name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}
    save_file({name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")}, path)


def drawn(pick, pools, most):
    """Which keys are set, and to what."""
    places = [(section, key) for section, keys in pools.items() for key in keys]
    chosen = pick.sample(places, pick.randint(0, most))
    return [(section, key, copy.deepcopy(pick.choice(pools[section][key]))) for section, key in chosen]


class Tokenizers:
    """Sets of tokenizer files, and the reference's tokenizer for each; made once."""

    def __init__(self, root):
        self.root, self.loaded = root, {}
        plain = open_clip.tokenizer.SimpleTokenizer()
        rename = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
        vocabulary = {rename.get(token, token): id for token, id in plain.encoder.items()}
        merges = [" ".join(pair) for pair in plain.bpe_ranks]
        self.write("clip", vocabulary, merges, {})
        CLIPTokenizer.from_pretrained(root / "clip").save_pretrained(root / "whole")
        swapped = dict(vocabulary)
        swapped["cat</w>"], swapped["dogs</w>"] = swapped["dogs</w>"], swapped["cat</w>"]
        self.write("swapped", swapped, merges, {})
        self.write("fewer merges", vocabulary, merges[:30000], {})
        self.write("eos", vocabulary, merges, {"eos_token": "cat</w>"})
        self.write("no eos", vocabulary, merges, {"add_eos_token": False})
        self.write("left", vocabulary, merges, {"padding_side": "left"})
        self.write("case", vocabulary, merges, {"do_lower_case": False})
        self.write("added", vocabulary, merges, {"additional_special_tokens": ["photo"]})
        self.write("short", vocabulary, merges, {"model_max_length": 60})
        self.names = ["clip", "whole", "swapped", "fewer merges", "eos", "no eos", "left", "case", "added", "short"]

    def write(self, name, vocabulary, merges, config):
        folder = self.root / name
        folder.mkdir()
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        config = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer", **config}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))

    def link(self, name, folder):
        for file in (self.root / name).iterdir():
            (folder / file.name).symlink_to(file)

    def once(self, key, make):
        if key not in self.loaded:
            self.loaded[key] = make()
        return self.loaded[key]


def attempt(compute):
    """Unit rows, or none where the reference refuses."""
    try:
        with torch.no_grad():
            rows = compute()
        rows = rows[0] if isinstance(rows, tuple) else rows
        rows = (rows / rows.norm(dim=-1, keepdim=True)).numpy()
        return rows if np.isfinite(rows).all() else None
    except Exception:
        return None


def open_clip_case(pick, folder, picture, tokenizers):
    config = {"model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
        "text_cfg": {"width": 16, "heads": 2, "layers": 1},
    }, "preprocess_cfg": {}}
    model_cfg = config["model_cfg"]
    sections = {"model_cfg": model_cfg, "vision_cfg": model_cfg["vision_cfg"], "text_cfg": model_cfg["text_cfg"],
                "preprocess_cfg": config["preprocess_cfg"]}
    for section, key, value in drawn(pick, OPEN_CLIP, 5):
        sections[section][key] = value
    if isinstance(model_cfg["vision_cfg"]["layers"], list):
        model_cfg["vision_cfg"].update(width=8, image_size=64)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    text_cfg = model_cfg["text_cfg"]
    files = "clip" if text_cfg.get("hf_tokenizer_name") else None
    if files:
        tokenizers.link(files, folder)
    try:
        model = open_clip.create_model(f"local-dir:{folder}").eval()
    except Exception:
        return None
    randomise(model, pick.randrange(1 << 30))
    save(model, folder / "open_clip_model.safetensors")
    key = json.dumps([text_cfg.get(name) for name in ("context_length", "tokenizer_kwargs", "hf_tokenizer_name", "tokenizer_mode")])

    def image():
        transform = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
        return model.encode_image(transform(picture)[None])

    def texts():
        tokenizer = tokenizers.once(key, lambda: open_clip.get_tokenizer(f"local-dir:{folder}"))
        return model.encode_text(tokenizer(TEXTS))

    return attempt(image), attempt(texts)


def hugging_face_case(pick, folder, picture, tokenizers):
    config = {
        "model_type": "clip", "projection_dim": 16,
        "text_config": {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1},
        "vision_config": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 2,
                          "image_size": 32, "patch_size": 16},
    }
    processor = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    sections = {"config": config, "text_config": config["text_config"], "vision_config": config["vision_config"],
                "image_processor": processor}
    for section, key, value in drawn(pick, HUGGING_FACE, 5):
        sections[section][key] = value
    if "hidden_act" in config["text_config"] and pick.random() < 0.7:  # both towers, mostly
        config["vision_config"]["hidden_act"] = config["text_config"]["hidden_act"]
    if pick.random() < 0.1:  # old files say everything twice
        config["text_config_dict"] = {**config["text_config"]}
        config["text_config"]["hidden_act"] = "gelu"
    (folder / "config.json").write_text(json.dumps(config))
    other = {**processor, "image_mean": [0.1, 0.2, 0.3], "size": {"shortest_edge": 32}}
    place = pick.choice(["old", "nested", "both", "not nested"])
    if place in ("nested", "both"):
        nested = {"image_processor": processor, "processor_class": "CLIPProcessor"}
        (folder / "processor_config.json").write_text(json.dumps(nested))
    if place == "not nested":
        (folder / "processor_config.json").write_text('{"processor_class": "CLIPProcessor"}')
    if place != "nested":
        (folder / "preprocessor_config.json").write_text(json.dumps(other if place == "both" else processor))
    files = pick.choice(tokenizers.names) if pick.random() < 0.3 else None
    if files:
        tokenizers.link(files, folder)
    try:
        model = CLIPModel(CLIPConfig.from_dict(copy.deepcopy(config))).eval()
    except Exception:
        return None
    randomise(model, pick.randrange(1 << 30))
    save(model, folder / "model.safetensors")

    def image():
        pixels = CLIPImageProcessorPil.from_pretrained(folder)(images=picture, return_tensors="pt")["pixel_values"]
        return model.visual_projection(model.vision_model(pixels).pooler_output)

    def texts():
        # Without files a person takes CLIP's.
        tokenizer = tokenizers.once(files, lambda: CLIPTokenizer.from_pretrained(tokenizers.root / (files or "clip")))
        tokens = tokenizer(TEXTS, return_tensors="pt", padding=True)
        return model.text_projection(model.text_model(**tokens).pooler_output)

    return attempt(image), attempt(texts)


def program(clip_rs, verb, model, given, out):
    """Unit rows, or none, and what was said."""
    command = [clip_rs, "embed", verb, given, "--model", str(model), "--out", str(out), "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    rows = np.load(out) if done.returncode == 0 else None
    for left in out.parent.glob(out.name + "*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return rows, done.returncode, done.stderr


def names_a_field(said, folder):
    """Whether an error names a field, or a file, that the configurations hold."""
    error = next((line for line in said.splitlines() if line.startswith("error: ")), "")
    keys = {"eos_id", "eos_token_id", "vocab_size", "image_size", "crop_size", "size", "logit_bias"}
    for file in folder.glob("*.json"):
        keys.add(file.name)
        if file.name != "vocab.json" and file.name != "tokenizer.json":
            keys |= set(re.findall(r'"(\w+)":', file.read_text()))
    named = set(re.findall(r"`[^`]*?([\w.]+)`", error)) | set(re.findall(r"`([\w.]+)", error))
    return any(name.split(".")[-1] in keys or name in keys for name in named) or "merges.txt" in error


def verdict(reference, found, code, said, folder):
    if found is None:
        return "refused by name" if code == 1 and names_a_field(said, folder) else "refused without a name"
    if reference is None:
        return "refused by the library"
    same = reference.shape == found.shape and (reference * found).sum(-1).min() >= LEAST_COSINE
    return "equal" if same else "different"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip_rs", help="the program")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="go on from this case")
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    clip_rs = str(Path(options.clip_rs).resolve())
    work = Path(tempfile.mkdtemp())
    try:
        (work / "tokenizers").mkdir()
        tokenizers = Tokenizers(work / "tokenizers")
        y, x = np.mgrid[0:60, 0:97]
        pixels = np.stack([x * 255 / 96, y * 255 / 59, (x + y) * 255 / 155], -1)
        pixels[(x - 25) ** 2 + (y - 30) ** 2 < 300] = [250, 30, 60]
        picture = Image.fromarray(pixels.astype("u1"))
        picture.save(work / "picture.png")
        (work / "texts.txt").write_text("\n".join(TEXTS) + "\n")
        counts, wrong = run(options, clip_rs, work, picture, tokenizers)
    finally:
        shutil.rmtree(work)
    for library in ("open_clip", "transformers"):
        for kind in ("image", "text"):
            row = {name: count for (of, what, name), count in sorted(counts.items()) if (of, what) == (library, kind)}
            print(f"{library:12} {kind:5} " + ", ".join(f"{name} {count}" for name, count in row.items()))
    totals = Counter()
    for (_, _, name), count in counts.items():
        totals[name] += count
    print(f"{options.cases} configurations, {sum(totals.values())} answers: " + ", ".join(f"{name} {count}" for name, count in sorted(totals.items())))
    sys.exit(1 if wrong else 0)


def run(options, clip_rs, work, picture, tokenizers):
    counts, wrong = Counter(), 0
    for case in range(options.first, options.first + options.cases):
        pick = random.Random(f"{options.seed} {case}")
        folder = work / "model"
        folder.mkdir()
        library, make = (("open_clip", open_clip_case), ("transformers", hugging_face_case))[case % 2]
        made = make(pick, folder, picture, tokenizers)
        if made is None:  # no such model can be made
            counts[library, "both", "no such model"] += 1
            shutil.rmtree(folder)
            continue
        for kind, verb, given, reference in (("image", "images", "picture.png", made[0]), ("text", "texts", "texts.txt", made[1])):
            found, code, said = program(clip_rs, verb, folder, str(work / given), work / "out.npy")
            outcome = verdict(reference, found, code, said, folder)
            counts[library, kind, outcome] += 1
            if outcome in ("different", "refused without a name"):
                wrong += 1
                print(f"case {case}, {library}, {kind}: {outcome} (exit {code})")
                for file in sorted(folder.glob("*config*.json")):
                    print(f"  {file.name}: {file.read_text()}")
                print("  said: " + " | ".join(said.splitlines()[-4:]), flush=True)
        shutil.rmtree(folder)
    return counts, wrong


if __name__ == "__main__":
    main()
