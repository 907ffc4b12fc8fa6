"""The documents hold: every public name has a docstring with all its parameters, every example runs."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import clip_rs

ROOT = Path(__file__).parents[3]
PAGES = ["README.md", "docs/python.md", "bindings/python/README.md"]
# A fenced block, and what is said to come out of it.
BLOCK = re.compile(r"^```python ?([\w ]*)\n(.*?)^```\n(?:\s*^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
FOREIGN = {"accelerate", "clip", "clip_benchmark", "open_clip", "torch", "transformers"}


def modules() -> Iterator[ModuleType]:
    """The package and all its public modules that can be imported here."""
    yield clip_rs
    for module in pkgutil.walk_packages(clip_rs.__path__, "clip_rs.", onerror=lambda _: None):
        if not any(part.startswith("_") for part in module.name.split(".")[1:]):
            try:
                yield importlib.import_module(module.name)
            except ImportError as error:
                assert error.name in FOREIGN | {"sklearn"}, error


def public() -> dict[str, Any]:
    """Public names with what they are: of the modules, and of their classes."""
    found = {}
    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            found[f"{module.__name__}.{name}"] = value
            if inspect.isclass(value):
                members = {key: each for key, each in vars(value).items() if not key.startswith("_")}
                found.update({f"{module.__name__}.{name}.{key}": each for key, each in members.items()})
    return found


def parameters(function: Callable[..., Any]) -> set[str]:
    names = inspect.signature(function).parameters
    return {name for name in names if name not in ("self", "cls") and not name.startswith("_")}


def documented(docstring: str) -> set[str]:
    """Names below the heading Parameters."""
    section = re.search(r"^ *Parameters\n *-+\n(.*?)(?=^ *\w+\n *-{3,}|\Z)", docstring, re.MULTILINE | re.DOTALL)
    if section is None:
        return set()
    heads = re.findall(r"^([\w*, ]+?)(?: :.*)?$", inspect.cleandoc("\n" + section[1]), re.MULTILINE)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def test_every_public_name_is_documented() -> None:
    names = public()
    assert len(names) > 40
    lacking = []
    for name, value in names.items():
        if value is None or isinstance(value, (str, int, float, tuple)):
            continue  # constants and defaults are said where they stand
        function = getattr(value, "__func__", value)
        docstring = inspect.getdoc(function) or ""
        if not docstring.strip():
            lacking.append(f"{name}: no docstring")
        if not inspect.isfunction(function) or ".compat." in name:
            continue  # parameters of compat are documented by the libraries that it stands for
        names_of = parameters(function)
        if names_of - documented(docstring):
            lacking.append(f"{name}: parameters {sorted(names_of - documented(docstring))}")
        returned = inspect.signature(function).return_annotation
        says = re.search(r"^ *(Returns|Yields)\n *-", docstring, re.MULTILINE)
        if names_of and returned not in ("None", "Self", inspect.Signature.empty) and not says:
            lacking.append(f"{name}: what it returns")
    assert not lacking, "\n".join(lacking)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the photos."""
    (tmp_path / "photos").symlink_to(ROOT / "photos", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_as_written(page: str, clone: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": page}
    ran = skipped = 0
    for needs, code, expected in BLOCK.findall(text):
        used = FOREIGN & set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
        if any(importlib.util.find_spec(name) is None for name in {*needs.split(), *used}):
            skipped += 1
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, f"{page}:{code.splitlines()[0]}", "exec"), names)
        ran += 1
        if expected:
            assert out.getvalue().rstrip() == expected.rstrip(), code
    assert ran or page == "README.md"
    print(f"{page}: {ran} ran, {skipped} skipped")


# Examples with data sets, and with released models.
NOT_ON_A_CLONE = {"clip_rs._evaluate", "clip_rs._result", "clip_rs._train", "clip_rs.audit"}
# What the examples of a module show needs a package; compat's give back torch's tensors.
NEEDS = {"clip_rs.compat": "torch", "clip_rs.sklearn": "sklearn"}


def test_the_examples_of_docstrings_run(clone: Path) -> None:
    model = clip_rs.load()
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for name in sorted(
        {module.__name__ for module in modules()} | {f"clip_rs.{m.name}" for m in pkgutil.iter_modules(clip_rs.__path__)}
    ):
        if name in NOT_ON_A_CLONE or name == "clip_rs._clip_rs":
            continue
        if any(name.startswith(module) and not importlib.util.find_spec(package) for module, package in NEEDS.items()):
            continue
        names = {"clip_rs": clip_rs, "model": model, "np": np}
        module = importlib.import_module(name)
        for test in finder.find(module, name, globs={**vars(module), **names}):
            runner.run(test)
    assert runner.failures == 0, "see what is printed above"
    assert runner.tries >= 4
