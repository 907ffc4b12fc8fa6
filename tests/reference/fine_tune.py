"""Fine-tuning a checkpoint that PyTorch made: open_clip's steps beside ours, and our checkpoint in open_clip.

    python tests/reference/fine_tune.py golden crates/clip-train/tests/data/fine_tune
    cargo build --release && python tests/reference/fine_tune.py check [PROGRAM]

`golden` makes a tiny open_clip checkpoint and trains it here, in f64, on batches by formula: losses, gradient norms of the first
step and embeddings afterwards, which `crates/clip-train/tests/fine_tune.rs` compares with.
`check` makes another one with the whole vocabulary, has `clip-rs train --from` fine-tune it on the project's photos, loads what
it saved with `strict=True`, and compares the embeddings of both programs. It ends with 1 where they are more than 1e-5 apart.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAIRS, STEPS, LEARNING_RATE = 8, 5, 1e-3
TOLERANCE = 1e-5


def configuration(vocabulary, context):
    """GELU, two heads a tower, as `open_clip_config.json` has it."""
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 16, "head_width": 8, "patch_size": 8},
        "text_cfg": {"context_length": context, "vocab_size": vocabulary, "width": 16, "heads": 2, "layers": 2}}


def make(folder, vocabulary, context):
    """A checkpoint as open_clip draws and saves it; the model."""
    torch.manual_seed(5)
    sizes = configuration(vocabulary, context)
    model = open_clip.CLIP(**sizes)
    normalization = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"model_cfg": sizes, "preprocess_cfg": normalization}, indent=1)
    (folder / "open_clip_config.json").write_text(text + "\n")
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()},
              folder / "open_clip_model.safetensors", metadata={"format": "pt"})
    return model


def uniform(name, count):
    """`clip_model::synthetic::uniform` with seed 6, scale 1 and offset 0."""
    key = 0xCBF29CE484222325
    for byte in f"6:{name}".encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(key % 2**32)
    x ^= np.uint32(key >> 32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.int32) - np.int32(2**23)).astype(np.float32) * np.float32(2.0**-23)


def batch(step):
    """Pixels and padded token ids of 2 to 8 words between start 254 and end 255."""
    pixels = np.stack([uniform(f"{step}.{pair}.pixels", 3 * 32 * 32).reshape(3, 32, 32) for pair in range(PAIRS)])
    tokens = np.zeros((PAIRS, 16), np.int64)
    for pair in range(PAIRS):
        words = (np.float32(126) + np.float32(125) * uniform(f"{step}.{pair}.words", 2 + pair % 7)).astype(np.int64)
        tokens[pair, :len(words) + 2] = [254, *words, 255]
    return torch.from_numpy(pixels).double(), torch.from_numpy(tokens)


def optimizer_of(model):
    """As open_clip's command line groups them."""
    def is_excluded(name, weight):
        return weight.ndim < 2 or any(part in name for part in ("bn", "ln", "bias", "logit_scale"))
    named = list(model.named_parameters())
    groups = [{"params": [weight for name, weight in named if is_excluded(name, weight)], "weight_decay": 0.0},
              {"params": [weight for name, weight in named if not is_excluded(name, weight)], "weight_decay": 0.2}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.98), eps=1e-6)


def golden(folder):
    model = make(folder, 256, 16).double().train()
    optimizer, objective = optimizer_of(model), open_clip.ClipLoss()
    losses, gradients = [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        pixels, tokens = batch(step)
        loss = objective(*model(pixels, tokens)[:3])
        loss.backward()
        if step == 0:
            gradients = {name: weight.grad.norm().item() for name, weight in model.named_parameters()}
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pixels, tokens = batch(STEPS)
        images, texts = model.encode_image(pixels, normalize=True), model.encode_text(tokens, normalize=True)
    expected = {
        "made_by": f"torch {torch.__version__.partition('+')[0]}, open_clip {open_clip.__version__}, f64",
        "learning_rate": LEARNING_RATE, "losses": losses, "first_gradient_norms": gradients,
        "logit_scale": model.logit_scale.item(), "images": images.tolist(), "texts": texts.tolist()}
    (folder / "expected.json").write_text(json.dumps(rounded(expected), indent=1) + "\n")
    print(f"losses {losses}")


def rounded(value):
    """Nine digits: more than f32 has."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def check(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = make(folder / "made", 49408, 77)
        photos = sorted((ROOT / "photos").glob("*.jpg"))
        captions = [f"a photo of {photo.stem}" for photo in photos]
        rows = [f"{photo},{caption}" for photo, caption in zip(photos, captions)]
        (folder / "pairs.csv").write_text("\n".join(["filepath,title", *rows]) + "\n")
        (folder / "captions.txt").write_text("\n".join(captions) + "\n")
        run(program, "train", "--from", folder / "made", "--source", folder / "pairs.csv", "--out", folder / "run", "--steps", "5",
            "--batch-size", "8", "--warmup", "1", "--learning-rate", "1e-3", "--allow", "learning-rate", "--quiet")
        saved = max((folder / "run/checkpoints").iterdir())
        weights = next(saved.rglob("open_clip_model.safetensors"))
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(load_file(weights), strict=True)
        moved = sum(not torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
        print(f"{weights.relative_to(folder)} loads with strict=True; {moved} of {len(before)} tensors have changed")
        apart = embeddings_apart(program, model.eval(), weights.parent, photos, captions, folder)
        print(f"embeddings at most {apart:.1e} apart")
        if apart > TOLERANCE or moved < len(before) / 2:
            sys.exit(1)


def embeddings_apart(program, model, saved, photos, captions, folder):
    """The greatest difference between a value of our unit embeddings and of open_clip's."""
    preprocess = open_clip.image_transform(32, is_train=False)
    tokenizer = open_clip.SimpleTokenizer(context_length=77)
    with torch.no_grad():
        expected = [
            model.encode_image(torch.stack([preprocess(Image.open(photo)) for photo in photos]), normalize=True).numpy(),
            model.encode_text(tokenizer(captions), normalize=True).numpy()]
    run(program, "embed", "images", *photos, "--model", saved, "--out", folder / "images.npy", "--quiet")
    run(program, "embed", "texts", folder / "captions.txt", "--model", saved, "--out", folder / "texts.npy", "--quiet")
    found = [np.load(folder / f"{kind}.npy") for kind in ("images", "texts")]
    return max(np.abs(ours - theirs).max() for ours, theirs in zip(found, expected))


def run(*words):
    subprocess.run([str(word) for word in words], check=True, cwd=ROOT)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["golden", folder]:
            golden(pathlib.Path(folder))
        case ["check", *program]:
            check(*(program or [ROOT / "target/release/clip-rs"]))
        case _:
            sys.exit(__doc__)
