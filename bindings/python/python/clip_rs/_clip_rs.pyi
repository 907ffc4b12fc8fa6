"""The compiled part of `clip_rs`; private. Shapes are said where the package hands them on."""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

__version__: str
AUDIT_PURPOSE: str
LIMITS: str
STARTER_NOTE: str

# A path; a name with the bytes of a file; or a name with pixels.
_Path: TypeAlias = tuple[str]
_File: TypeAlias = tuple[str, bytes]
_Image: TypeAlias = _Path | _File | tuple[str, _Pixels]

class _Pixels(TypedDict):
    mode: str
    width: int
    height: int
    data: bytes | NDArray[np.uint8]
    palette: bytes | None
    transparency: int | tuple[int, int, int] | bytes | None
    orientation: int

_Progress: TypeAlias = Callable[[int], object] | None
# Place, name, stage, reason.
_Skipped: TypeAlias = tuple[int, str, str, str]
# Place, tokens lost.
_Truncated: TypeAlias = tuple[int, int]
# Label, probability, cosine.
_Score: TypeAlias = tuple[str, float, float]

class ImageError(ValueError):
    path: str | None
    help: str | None

class TextError(ValueError):
    path: str | None
    help: str | None

class CheckpointError(ValueError):
    path: str | None
    help: str | None

class DatasetError(ValueError):
    path: str | None
    help: str | None

class TrainingError(ValueError):
    path: str | None
    help: str | None

class Clip:
    scale: float
    @staticmethod
    def load(
        name: str,
        options: dict[str, Any],
        threads: int | None,
        download: dict[str, Any] | None,
        progress: _Progress,
    ) -> Clip: ...
    def encode_images(
        self, images: Sequence[_Image], skip: bool, progress: _Progress
    ) -> tuple[NDArray[np.float32], list[int], list[_Skipped]]: ...
    def encode_input(
        self, input: NDArray[np.float32], name: str, progress: _Progress
    ) -> NDArray[np.float32]: ...
    def encode_texts(
        self, texts: list[str], name: str, truncate: bool, progress: _Progress
    ) -> tuple[NDArray[np.float32], list[_Truncated]]: ...
    def encode_token_ids(
        self, texts: Sequence[Sequence[int]], progress: _Progress
    ) -> NDArray[np.float32]: ...
    def tokenize(
        self, texts: list[str], context_length: int, truncate: bool
    ) -> tuple[NDArray[np.int32], list[_Truncated]]: ...
    def classify(
        self,
        images: NDArray[np.float32],
        labels: list[str],
        templates: list[str],
        truncate: bool,
        progress: _Progress,
    ) -> tuple[list[list[_Score]], list[int]]: ...
    def label_embeddings(
        self, labels: Sequence[str], templates: Sequence[str], truncate: bool, progress: _Progress
    ) -> tuple[NDArray[np.float32], list[int]]: ...
    def cosines(
        self, images: NDArray[np.float32], texts: NDArray[np.float32]
    ) -> NDArray[np.float32]: ...
    def describe(self) -> str: ...
    def parameters(self) -> list[tuple[str, list[int]]]: ...
    def provenance(self) -> str: ...

class Preprocess:
    recipe: str
    max_pixels: int
    def __init__(self, recipe: dict[str, Any], max_pixels: int | None) -> None: ...
    # Width and height of the resized image; left, top, right and bottom of the crop.
    def layout(
        self, width: int, height: int
    ) -> tuple[tuple[int, int], tuple[int, int, int, int]]: ...
    def pixels(self, image: _Image) -> NDArray[np.uint8]: ...
    def input(self, image: _Image) -> NDArray[np.float32]: ...

def decode(ids: Sequence[int]) -> str: ...
def tokenize_texts(
    texts: list[str], context_length: int, truncate: bool, threads: int | None
) -> tuple[NDArray[np.int32], list[_Truncated]]: ...
def normalize(features: NDArray[np.float32]) -> NDArray[np.float32]: ...
def fit_probe(
    features: NDArray[np.float32],
    labels: NDArray[np.uint32],
    classes: int,
    c: float | None,
    tolerance: float,
    most_iterations: int,
    seed: int,
    threads: int | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], float, int, bool, list[tuple[float, float, bool]]]: ...
def probe_scores(
    features: NDArray[np.float32],
    weights: NDArray[np.float32],
    intercepts: NDArray[np.float32],
    threads: int | None,
) -> NDArray[np.float32]: ...

# A loaded model; or name, precision, threads.
_Model: TypeAlias = Clip | tuple[str, str, int | None]

class _Stages(Protocol):
    def begin(self, name: str, total: int | None, /) -> object: ...
    def __call__(self, done: int, /) -> object: ...

# JSON in and out, and the file of the result.
def evaluate(
    model: _Model, suite: str, out: PathLike[str], features: PathLike[str] | None, progress: _Stages | None
) -> Path: ...
def audit(
    kind: str,
    model: _Model,
    root: PathLike[str],
    options: Sequence[tuple[str, Sequence[str]]],
    out: PathLike[str],
    features: PathLike[str] | None,
    progress: _Stages | None,
) -> str: ...
def train(request: dict[str, Any], progress: _Stages | None) -> str: ...
def check_result(path: PathLike[str]) -> str | None: ...
def compare(first: PathLike[str], second: PathLike[str], metric: str, level: float) -> str: ...
def datasets() -> str: ...
def found_datasets(root: PathLike[str]) -> list[str]: ...
def check_dataset(id: str, root: PathLike[str], progress: _Stages | None) -> str: ...
