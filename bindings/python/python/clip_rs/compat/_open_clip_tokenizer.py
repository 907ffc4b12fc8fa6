"""open_clip's tokenizer: CLIP's own, with its own spelling of the markers, and texts that are too long cut."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .. import _clip_rs, _inputs
from .._model import Model
from . import _torch
from ._torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_CONTEXT_LENGTH = 77
# Long enough for any text that is encoded without being cut.
_UNCUT = 1 << 16
# Wide forms of ASCII, U+FF01 to U+FF5E.
_NARROW = {0xFF01 + place: 0x21 + place for place in range(94)}
# open_clip's markers, and the reference's.
_MARKERS = re.compile(r"<(start|end)_of_text>|<\|(startoftext|endoftext)\|>", re.IGNORECASE)


class Tokenizer:
    """Token ids as open_clip's ``SimpleTokenizer`` gives them. Made by ``get_tokenizer``."""

    sot_token_id = 49406
    eot_token_id = 49407
    all_special_ids = (49406, 49407)
    vocab_size = 49408

    def __init__(self, context_length: int = DEFAULT_CONTEXT_LENGTH, model: Model | None = None) -> None:
        self.context_length = context_length
        # One whose texts are cleaned in another way; CLIP's own if none is given.
        self._model = model

    def __call__(self, texts: str | Sequence[str], context_length: int | None = None) -> Tensor:
        """Token ids, ``int64`` ``[texts, context_length]``, padded with zeros.

        Texts that are too long are cut, as open_clip does, with a warning.
        """
        import numpy as np

        length = context_length or self.context_length
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            return _torch.tensor(np.zeros((0, length), dtype=np.int64))
        ids, cut = self._ids(texts, length)
        if cut:
            _torch.warn(
                f"texts: {len(cut)} of {len(texts)} have more than {length} tokens and were cut, the first is "
                f"texts[{cut[0][0]}]"
            )
        return _torch.tensor(ids.astype(np.int64))

    def encode(self, text: str) -> list[int]:
        """Token ids of one text, without markers and padding."""
        ids, _ = self._ids([text], _UNCUT)
        return [int(token) for token in ids[0, 1 : int(ids[0].nonzero()[0][-1])]]

    def _ids(self, texts: Iterable[str], length: int) -> tuple[NDArray[np.int32], list[tuple[int, int]]]:
        strings = [_reference_markers(text) for text in _inputs.strings(texts, "texts")]
        if self._model is not None:
            return self._model._clip.tokenize(strings, length, True)
        return _clip_rs.tokenize_texts(strings, length, True, None)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"the tokenizer of clip_rs has no `{name}`: vocabulary and merges stay in the compiled part"
        )

    def __repr__(self) -> str:
        return f"Tokenizer(context_length={self.context_length})"


def _reference_markers(text: str) -> str:
    """A text whose markers mean to the reference's tokenizer what they mean to open_clip's.

    ``<start_of_text>`` is a marker there, ``<|startoftext|>`` is three words. Both clean texts first, so
    that wide characters and entities can make one.
    """
    if "<" not in text and "&" not in text and "\uff1c" not in text:
        return text
    plain = html.unescape(html.unescape(text.translate(_NARROW)))
    if not _MARKERS.search(plain):
        return text
    return _MARKERS.sub(lambda m: f"<|{m[1]}oftext|>" if m[1] else f"<| {m[2]} |>", plain)


CLIP_TOKENIZER = Tokenizer()
