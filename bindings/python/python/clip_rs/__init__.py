"""CLIP, exact and fast, on NumPy arrays and without torch.

>>> import clip_rs
>>> model = clip_rs.load("starter")
>>> model.classify("photos/cat.jpg", ["a cat", "a dog", "a pizza", "a rocket"])[0].label
'a cat'

A research tool. Out of scope: any deployed use without in-domain testing on a fixed taxonomy;
surveillance and face recognition, always; languages other than English.

Nothing heavy is imported before it is used: neither NumPy, nor Pillow, scikit-learn or torch.
"""

from ._clip_rs import (
    LIMITS,
    CheckpointError,
    DatasetError,
    ImageError,
    TextError,
    TrainingError,
    __version__,
)
from ._classification import Classification, Classifications, LabelScore
from ._datasets import Dataset, DatasetCheck, check_dataset, dataset, datasets
from ._evaluate import Comparison, compare, evaluate
from ._model import EncodedImages, Model, Skip, load
from ._preprocess import Preprocess
from ._result import Figure, Result
from ._tokenizer import decode, tokenize
from ._train import TrainResult, train

__all__ = [
    "LIMITS",
    "CheckpointError",
    "Classification",
    "Classifications",
    "Comparison",
    "Dataset",
    "DatasetCheck",
    "DatasetError",
    "EncodedImages",
    "Figure",
    "ImageError",
    "LabelScore",
    "Model",
    "Preprocess",
    "Result",
    "Skip",
    "TextError",
    "TrainResult",
    "TrainingError",
    "__version__",
    "check_dataset",
    "compare",
    "dataset",
    "datasets",
    "decode",
    "evaluate",
    "load",
    "tokenize",
    "train",
]
