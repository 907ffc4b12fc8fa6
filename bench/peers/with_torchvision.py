"""JPEG files to normalised pixels on one thread: Pillow and torchvision, the reference's own transform."""
import clip.clip
import torch
from PIL import Image

from peers import protocol

options = protocol.arguments()
torch.set_num_threads(1)
preprocess = clip.clip._transform(224)


def pixels(listed):
    paths = protocol.lines(listed)
    return protocol.seconds(lambda: [preprocess(Image.open(path)) for path in paths])


protocol.serve(pixels=pixels)
