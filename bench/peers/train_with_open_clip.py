"""PyTorch + open_clip: forward and backward of an image tower, and whole steps of training.

Requests beside those of `protocol`:

    tower BATCH        one forward and backward of the image tower: the median of at least 3 calls and 0.7 s
    step BATCH FILE    one step on the first BATCH captions of FILE: towers, loss, backward, AdamW, clamp
    loss BATCH FILE    the loss of that batch with the weights as they are now, never compiled
"""
import math

import numpy as np
import open_clip
import torch
from safetensors.torch import load_file

from peers import protocol

NAMES = {"vit-b-32": "ViT-B-32-quickgelu", "rn50": "RN50-quickgelu"}
RESOLUTION = 224

options = protocol.arguments(
    model=tuple(NAMES), precision=("f32", "bf16"), mode=("eager", "compiled"), layout=("contiguous", "channels_last"),
    padding=("77", "cut"), checkpointing=("off", "on"))
torch.set_num_threads(options.threads)


def uniform(name, count, scale):
    """Values by the formula that the weights come from, so that every program sees the same pictures."""
    key = 0xCBF29CE484222325
    for byte in f"1:{name}".encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(key % 2**32)
    x ^= np.uint32(key >> 32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.int32) - np.int32(2**23)).astype(np.float32) * np.float32(2.0**-23 * scale)


def load():
    """The model with the weights of the file, all of them, ready to be trained."""
    model = open_clip.create_model(NAMES[options.model])
    model.load_state_dict(load_file(options.folder), strict=True)
    model.set_grad_checkpointing(options.checkpointing == "on")
    if options.layout == "channels_last":
        model = model.to(memory_format=torch.channels_last)
    return model.train()


model = load()
tower = torch.compile(model.visual) if options.mode == "compiled" else model.visual
both = torch.compile(model) if options.mode == "compiled" else model
objective = open_clip.ClipLoss()
tokenizer = open_clip.get_tokenizer(NAMES[options.model])
decayed = [weight for name, weight in model.named_parameters() if weight.ndim >= 2]
others = [weight for name, weight in model.named_parameters() if weight.ndim < 2]
optimizer = torch.optim.AdamW(
    [{"params": decayed, "weight_decay": 0.2}, {"params": others, "weight_decay": 0.0}], lr=1e-6, betas=(0.9, 0.98),
    eps=1e-6, fused=True)


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16")


def pixels(batch):
    values = torch.from_numpy(uniform("train.pixels", batch * 3 * RESOLUTION**2, 1.5))
    values = values.reshape(batch, 3, RESOLUTION, RESOLUTION)
    return values.to(memory_format=torch.channels_last) if options.layout == "channels_last" else values


def tokens(batch, path):
    """Padded to 77 as open_clip does; or, if "cut", to the longest of the batch."""
    found = tokenizer(protocol.lines(path)[:batch])
    longest = int((found != 0).sum(1).max())
    return found[:, :longest].contiguous() if options.padding == "cut" else found


def forward(module, images, texts):
    with autocast():
        image_features, text_features, scale = module(images, texts)
        return objective(image_features, text_features, scale)


def train(images, texts):
    """One step as open_clip's `train_one_epoch` does it."""
    optimizer.zero_grad(set_to_none=True)
    forward(both, images, texts).backward()
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))


def image_tower(batch):
    images = pixels(int(batch))
    gradient = torch.from_numpy(uniform("train.gradient", int(batch) * model.visual.output_dim, 1.0)).reshape(int(batch), -1)

    def call():
        model.zero_grad(set_to_none=True)
        with autocast():
            features = tower(images)
        features.backward(gradient.to(features.dtype))
    return protocol.median_call(call)


inputs = {}


def batch_of(batch, path):
    """Made once: a loader would have them ready."""
    if (batch, path) not in inputs:
        inputs[batch, path] = pixels(int(batch)), tokens(int(batch), path)
    return inputs[batch, path]


def step(batch, path):
    images, texts = batch_of(batch, path)
    return protocol.seconds(lambda: train(images, texts))


def loss(batch, path):
    with torch.no_grad():
        return forward(model, *batch_of(batch, path)).item()


protocol.serve(tower=image_tower, step=step, loss=loss)
