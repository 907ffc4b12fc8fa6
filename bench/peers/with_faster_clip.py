"""faster-clip: its image tower, ViT-B/32 alone, which stores int8 weights and computes in f32.

It takes pictures, not pixels, so each call includes reading a 224 x 224 bitmap. Its text tower is another model.
"""
import io
import os
import pathlib

import numpy as np
from PIL import Image

from peers import protocol, towers

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])

options = protocol.arguments()
# It downloads a checkpoint unless its cache has one: give it ours.
cache = pathlib.Path(options.folder) / "faster-clip"
checkpoint = cache / "sentence-transformers__clip-ViT-B-32" / "0_CLIPModel" / "model.safetensors"
checkpoint.parent.mkdir(parents=True, exist_ok=True)
checkpoint.unlink(missing_ok=True)
checkpoint.symlink_to((pathlib.Path(options.folder) / "hf.safetensors").resolve())
os.environ["FASTER_CLIP_CACHE"] = str(cache)
from faster_clip import ClipModel  # noqa: E402  reads the variable

model = ClipModel()


def bitmap(pixels):
    bytes_ = ((pixels.transpose(1, 2, 0) * STD + MEAN) * 255).round().clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(bytes_).save(file, "BMP")
    return file.getvalue()


pictures = [bitmap(photo) for photo in towers.inputs(options.folder, "image")]


def image(batch):
    return protocol.median_call(lambda: model.encode_image(pictures[:int(batch)]))


def check(out):
    np.save(out, np.array(model.encode_image(pictures[:towers.CHECKED]), np.float32))
    return 0


protocol.serve(image=image, check=check)
