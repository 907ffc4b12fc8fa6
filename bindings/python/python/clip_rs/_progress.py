"""Progress of long work: a bar of ``tqdm`` where it is installed and somebody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
