"""Features of a torch DataLoader's batches: `python torch_dataloader.py photos/*.jpg`.

A batch is a float32 tensor that clip-rs reads where it lies. Where images are files, `model.encode_images(paths)` is
shorter and needs no workers.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import clip_rs


class Images(Dataset[Any]):
    """Preprocessed images as tensors."""

    def __init__(self, paths: list[str], preprocess: clip_rs.Preprocess) -> None:
        self.paths, self.preprocess = paths, preprocess

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        return torch.from_numpy(self.preprocess(self.paths[index]))


def main() -> None:
    model = clip_rs.load("starter")
    loader = DataLoader(Images(sys.argv[1:], model.preprocess), batch_size=4)
    features = np.concatenate([model.encode_images(batch) for batch in loader])
    print(features.shape, features.dtype)


if __name__ == "__main__":
    main()
