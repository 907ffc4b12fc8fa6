"""Runs the notebooks beside it again, and says whether their outputs changed.

    python docs/notebooks/run.py            # writes the new outputs
    python docs/notebooks/run.py --check    # writes nothing; ends with 1 where an output changed

Needs clip-rs with scikit-learn and matplotlib, nbclient and ipykernel; no network and no other files than this
repository's. What a notebook stores is cleaned of times, versions and paths, so that a run on the same versions of
these gives the same bytes.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def executed(path: Path) -> Any:
    """The notebook with the outputs of a new run."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", coalesce_streams=True, resources={"metadata": {"path": str(HERE)}}
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for place, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{place}", {}
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).clear()
    return notebook


def said(cell: Any) -> list[str]:
    """The lines of text of a cell's outputs."""
    lines: list[str] = []
    for output in cell.get("outputs", ()):
        text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
        lines += text.splitlines()
    return lines


def changes(before: Any, after: Any) -> list[str]:
    """What differs between the outputs of two runs, in lines for people."""
    found = []
    for place, (old, new) in enumerate(zip(before.cells, after.cells, strict=True)):
        if old.get("outputs", []) == new.get("outputs", []):
            continue
        lines = list(difflib.unified_diff(said(old), said(new), "stored", "now", lineterm="", n=0))
        found += [f"cell {place}:", *lines] if lines else [f"cell {place}: a picture or page, and no text"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, end with 1 where an output changed")
    parser.add_argument("notebooks", nargs="*", type=Path, help="those beside this script if none is named")
    asked = parser.parse_args()
    os.environ["PYTHONHASHSEED"] = "0"
    changed = False
    for path in asked.notebooks or sorted(HERE.glob("*.ipynb")):
        before, after = nbformat.read(path, as_version=4), executed(path)
        differences = changes(before, after)
        changed |= bool(differences)
        print(f"{path.name}: {'changed' if differences else 'the same outputs'}")
        print("".join(f"  {line}\n" for line in differences), end="")
        if not asked.check:
            nbformat.write(after, path)
    return int(changed and asked.check)


if __name__ == "__main__":
    sys.exit(main())
