"""Photos to labels as a researcher writes it: open_clip, a DataLoader with two workers, PyTorch.

The model is loaded before; reading, decoding, both towers and the softmax count.
"""
import json
import pathlib

import open_clip
import torch
from PIL import Image

from peers import protocol

options = protocol.arguments(precision=("f32", "bf16"), mode=("plain", "autocast"), batch=("32", "64"),
                             name=("ViT-B-32-quickgelu", "starter"))
torch.set_num_threads(options.threads)
weights = (pathlib.Path(options.folder) / "weights").resolve()
if options.name == "starter":
    config = json.loads((weights.parent / "open_clip_config.json").read_text())["model_cfg"]
    model_config = pathlib.Path(options.folder) / "starter.json"
    model_config.write_text(json.dumps(config))
    open_clip.add_model_config(model_config)
cast = "bf16" if options.precision == "bf16" and options.mode == "plain" else "fp32"
model, _, preprocess = open_clip.create_model_and_transforms(options.name, pretrained=str(weights), precision=cast)
model.eval()
tokenizer = open_clip.get_tokenizer(options.name)


class Photos(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return preprocess(Image.open(self.paths[index]))


def classify(paths, labels):
    """The most likely label of each photo."""
    answers = []
    loader = torch.utils.data.DataLoader(Photos(paths), batch_size=int(options.batch), num_workers=2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=options.mode == "autocast"):
        texts = model.encode_text(tokenizer(labels), normalize=True)
        for photos in loader:
            features = model.encode_image(photos.bfloat16() if cast == "bf16" else photos, normalize=True)
            probabilities = (model.logit_scale.exp() * features @ texts.T).softmax(-1)
            answers += [labels[best] for best in probabilities.argmax(-1)]
    return answers


def files(listed, labelled):
    paths, labels = protocol.lines(listed), protocol.lines(labelled)
    return protocol.seconds(lambda: classify(paths, labels))


protocol.serve(files=files)
