"""Progress of long work: a bar of ``tqdm`` where it is installed and somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Seconds before a bar that nobody asked for is drawn.
_DELAY = 1.0


@contextmanager
def bar(total: int | None, unit: str, wanted: bool | None) -> Iterator[Callable[[int], object] | None]:
    """What is called with the number done since the last call; none where no bar is wanted.

    Parameters
    ----------
    wanted : bool or None
        None: on a terminal, when the work takes longer than a second.
    """
    make = _maker(wanted)
    if make is None:
        yield None
        return
    with make(unit, total) as progress:
        yield progress.update


@contextmanager
def stages(wanted: bool | None) -> Iterator[Stages | None]:
    """What hears of work in several stages; none where no bar is wanted, as :func:`bar`."""
    make = _maker(wanted)
    if make is None:
        yield None
        return
    told = Stages(make)
    try:
        yield told
    finally:
        told.close()


def _maker(wanted: bool | None) -> Callable[[str, int | None], Any] | None:
    """Makes bars of a unit and a total."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if wanted:
            raise
        return None

    def make(unit: str, total: int | None) -> Any:
        return tqdm(total=total, unit=f" {unit}", delay=0 if wanted else _DELAY, leave=bool(wanted))

    return make


class Stages:
    """Bars one after the other: of texts, images, fits."""

    def __init__(self, make: Callable[[str, int | None], Any]) -> None:
        self._make = make
        self._bar: Any = None

    def begin(self, name: str, total: int | None) -> None:
        """So many of a name will be done from now on."""
        self.close()
        self._bar = self._make(name, total)

    def __call__(self, done: int) -> None:
        """So many more are done."""
        if self._bar is not None:
            self._bar.update(done)

    def close(self) -> None:
        """No more will be done of the last."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


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
