"""Progress of long work: a bar of ``tqdm`` where it is installed and somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Seconds before a bar that nobody asked for is drawn.
_DELAY = 1.0


@contextmanager
def bar(total: int, unit: str, wanted: bool | None) -> Iterator[Callable[[int], object] | None]:
    """What is called with the number done since the last call; none where no bar is wanted.

    Parameters
    ----------
    wanted : bool or None
        None: on a terminal, when the work takes longer than a second.
    """
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if wanted:
            raise
        yield None
        return
    with tqdm(total=total, unit=f" {unit}", delay=0 if wanted else _DELAY, leave=bool(wanted)) as progress:
        yield progress.update


class DownloadBar:
    """Bars of a download: one for each file. Without ``tqdm``, or unseen, it says nothing."""

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = wanted
        self._open: Any = None

    def begin(self, name: str, total: int | None) -> None:
        """A file begins, of so many bytes if the server says so."""
        self.close()
        if self._wanted is False or (self._wanted is None and not sys.stderr.isatty()):
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        self._open = tqdm(desc=name, total=total, unit="B", unit_scale=True, unit_divisor=1000)

    def __call__(self, done: int) -> None:
        """So many bytes more."""
        if self._open is not None:
            self._open.update(done)

    def close(self) -> None:
        """No file is on its way any more."""
        if self._open is not None:
            self._open.close()
        self._open = None
