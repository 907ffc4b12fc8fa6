"""Audits: whom a model fails, and what the choice of classes does.

They exist to find and report harm. Groups are those of a data set's labels, used for comparison
only; nobody is identified, and nothing is said of a single image: a group that is too small has no
figure. Out of scope, always: surveillance and face recognition; deployed use without in-domain
testing on a fixed taxonomy; languages other than English.

>>> from clip_rs import audit
>>> found = audit.fairface("data", "ViT-B/32", padding="0.25")
>>> found.to_pandas()

Figures are those of the program ``clip-rs audit``, and so is the code.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _clip_rs, _display_results, _progress
from ._evaluate import ModelOrName, Precision, native_model, plain
from ._result import Figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIMITS", "PURPOSE", "AuditResult", "Section", "association", "denigration", "fairface", "taxonomy"]

PURPOSE = _clip_rs.AUDIT_PURPOSE
"""What every audit says beside its figures."""
LIMITS = _clip_rs.LIMITS
"""The limits of the model card."""


@dataclass(frozen=True)
class Section:
    """One table or plot of an audit, and what it is worth."""

    id: str
    """Unique in the audit: ``gender-by-race-zero-shot``."""
    title: str
    """``Gender accuracy by race, zero-shot``."""
    kind: str
    """``rates``, ``paired``, ``associations``, ``figures``, ``flow``, ``confusions``, …"""
    may: str
    """What may be concluded from it."""
    may_not: str
    """What may not."""
    notes: tuple[str, ...]
    """What was left out, how it was made."""
    body: Mapping[str, Any]
    """The table, as the file of the audit holds it."""


class AuditResult:
    """What an audit found: tables of groups, each with what may and what may not be concluded.

    It exists to find and report harm; it identifies nobody, and says nothing of a single person.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.json = record
        """Everything that the file of the audit holds."""

    @property
    def kind(self) -> str:
        """``fairface``, ``denigration``, ``association`` or ``taxonomy``."""
        return str(self.json["kind"])

    @property
    def sections(self) -> list[Section]:
        """The tables, in order."""
        return [_section(written) for written in self.json["sections"]]

    @property
    def verdict(self) -> str | None:
        """In a few sentences whether the requirements hold; None where nothing was required."""
        verdict = self.json.get("verdict")
        return None if verdict is None else str(verdict["text"])

    @property
    def met(self) -> bool | None:
        """Whether all requirements are met; None where nothing was required."""
        verdict = self.json.get("verdict")
        return None if verdict is None else bool(verdict["met"])

    @property
    def warnings(self) -> list[str]:
        """What the model card warns of and was met here."""
        return [str(warning["text"]) for warning in self.json.get("warnings", [])]

    @property
    def notes(self) -> list[str]:
        """What was left out, guessed or drawn."""
        return list(self.json.get("notes", []))

    @property
    def counts(self) -> dict[str, int | None]:
        """Items: ``expected`` (as published), ``found``, ``scored``, ``skipped``."""
        return dict(self.json["counts"])

    def to_pandas(self) -> pd.DataFrame:
        """Shares by group as one table: a row for each section and group, ``all`` among them.

        Columns are ``section``, ``rate`` (what is counted), ``by``, ``group``, ``when`` (``before``
        and ``after`` of a change, else empty), ``items``, ``hits``, ``share``, ``low``, ``high``,
        ``published``. A group below ``min_group`` has a size and no figure.
        """
        import pandas as pd

        columns = ["section", "rate", "by", "group", "when", "items", "hits", "share", "low", "high", "published"]
        rows = [row for section in self.sections for row in _rows(section)]
        return pd.DataFrame(rows, columns=columns)

    def _repr_html_(self) -> str:
        return _display_results.audit(self.json, Figure.from_dict)

    def __repr__(self) -> str:
        about = self.json
        lines = [f"{about['model']} · audit {about['kind']} · {about['dataset']} {about['split']}"]
        lines += [f"  {section.title}" for section in self.sections[:12]]
        if len(self.sections) > 12:
            lines.append(f"  … and {len(self.sections) - 12} more tables")
        if self.verdict is not None:
            lines.append(f"  {'met' if self.met else 'NOT MET'}: {self.verdict}")
        return "\n".join([*lines, PURPOSE, LIMITS])


def fairface(
    root: str | os.PathLike[str],
    model: ModelOrName = "starter",
    *,
    out: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    **options: Any,
) -> AuditResult:
    """Race, gender and age on FairFace by group, beside the paper's Tables 3 to 5.

    To find and report harm, never to sort people; nobody is identified.

    Parameters
    ----------
    root : path
        Folder of FairFace, or the one that holds its folder.
    model : Model, str or path
        A loaded model, or what :func:`clip_rs.load` takes.
    out : path, optional
        Folder for the audit, as the program writes it; nothing is kept without it.
    features, progress, threads, precision
        As in :func:`clip_rs.evaluate`.
    **options
        ``template`` (sentences with ``{}``), ``padding`` (``"0.25"`` or ``"1.25"``),
        ``without_probe``, ``c`` (a number or ``"search"``), ``probe_features``, ``min_group`` (at
        least 10), ``level``, ``seed``, ``resamples``.

    Returns
    -------
    AuditResult

    Raises
    ------
    FileNotFoundError
        FairFace is not there.
    ValueError, TypeError
        An option that there is not, or out of its range.
    """
    return _audit("fairface", root, model, options, out, features, progress, threads, precision)


def denigration(
    root: str | os.PathLike[str],
    model: ModelOrName = "starter",
    *,
    out: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    **options: Any,
) -> AuditResult:
    """How often images of people are answered with labels that degrade: the paper's Tables 6 and 7.

    To find and report harm, never to sort people; nobody is identified. Labels of a list with a
    content warning are counted, and stand in the result only with ``show_labels=True``.

    Parameters
    ----------
    root : path
        Folder of FairFace, or the one that holds its folder.
    model, out, features, progress, threads, precision
        As in :func:`fairface`.
    **options
        ``split``, ``sample``, ``labels`` (path of a list, or ``{name: labels}``), ``add_class``
        (classes to be added), ``template``, ``show_labels``, ``min_group``, ``level``, ``seed``,
        ``resamples``.

    Returns
    -------
    AuditResult

    Raises
    ------
    FileNotFoundError
        FairFace, or a list, is not there.
    ValueError, TypeError
        An option that there is not, or out of its range.
    """
    return _audit("denigration", root, model, options, out, features, progress, threads, precision)


def association(
    groups: str | os.PathLike[str],
    labels: str | os.PathLike[str] | Mapping[str, Sequence[str]],
    model: ModelOrName = "starter",
    *,
    out: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    **options: Any,
) -> AuditResult:
    """Which labels a model returns for which group, as the paper's study of Members of Congress.

    To find and report harm, never to sort people; nobody is identified.

    Parameters
    ----------
    groups : path
        Table of images and the group of each, with a header: ``file,gender``.
    labels : path or {name: list of str}
        Labels to choose from: a file with one a line, or one list with a name.
    model, out, features, progress, threads, precision
        As in :func:`fairface`.
    **options
        ``file_column``, ``group_column``, ``root``, ``threshold``, ``top``, ``template``,
        ``show_labels``, ``min_group``, ``level``, ``seed``, ``resamples``.

    Returns
    -------
    AuditResult

    Raises
    ------
    FileNotFoundError
        A file is not there.
    ValueError, TypeError
        An option that there is not, or out of its range.
    """
    options = {"groups": groups, "labels": labels} | options
    return _audit("association", "", model, options, out, features, progress, threads, precision)


def taxonomy(
    dataset: str,
    model: ModelOrName = "starter",
    *,
    out: str | os.PathLike[str] | None = None,
    features: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
    threads: int | None = None,
    precision: Precision | None = None,
    **options: Any,
) -> AuditResult:
    """What the choice of classes does; with ``require`` the in-domain test on a fixed taxonomy.

    Parameters
    ----------
    dataset : str
        Id of the catalogue, or ``"folder:PATH"``, ``"csv:PATH"``, ``"webdataset:PATH"``.
    model, out, features, progress, threads, precision
        As in :func:`fairface`.
    **options
        ``root``, ``split``, ``labels`` (paths of lists, or ``{name: labels}``), ``templates``
        (paths), ``template`` (sentences, one set), ``groups`` (a table), ``group_column``,
        ``file_column``, ``add_class``, ``draws``, ``answer_precision``, ``require``
        (``{"accuracy": 0.9, "worst-group": 0.8, "gap": 0.05}``), ``judge``, ``show_labels``,
        ``min_group``, ``level``, ``seed``, ``resamples``.

    Returns
    -------
    AuditResult
        ``met`` says whether the requirements hold, each compared with the end of its interval that
        speaks against it.

    Raises
    ------
    FileNotFoundError
        The data set, or a file, is not there.
    ValueError, TypeError
        An option that there is not, or out of its range.
    """
    options = {"dataset": dataset} | options
    return _audit("taxonomy", "", model, options, out, features, progress, threads, precision)


def _audit(
    kind: str,
    root: str | os.PathLike[str],
    model: ModelOrName,
    options: dict[str, Any],
    out: str | os.PathLike[str] | None,
    features: str | os.PathLike[str] | None,
    progress: bool | None,
    threads: int | None,
    precision: Precision | None,
) -> AuditResult:
    from tempfile import TemporaryDirectory

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="clip-rs-")))
        given = _given(options, scratch)
        tell = stack.enter_context(_progress.stages(progress))
        folder = scratch / "results" if out is None else Path(out)
        cache = None if features is None else Path(features)
        native = native_model(model, precision, threads)
        record = _clip_rs.audit(kind, native, Path(root), given, folder, cache, tell)
    return AuditResult(json.loads(record))


def _given(options: Mapping[str, Any], scratch: Path) -> list[tuple[str, list[str]]]:
    """Options as the compiled part takes them: texts; what is switched on has none."""
    given: list[tuple[str, list[str]]] = []
    for name, value in options.items():
        if name == "require" and isinstance(value, Mapping):
            value = [f"{measure}={threshold}" for measure, threshold in value.items()]
        elif name == "labels" and isinstance(value, Mapping):
            value = [_list_of_labels(of, labels, scratch) for of, labels in value.items()]
        value = plain(name, value)
        if value is True:
            given.append((name, []))
        elif value is not None and value is not False:
            given.append((name, [str(one) for one in (value if isinstance(value, list) else [value])]))
    return given


def _list_of_labels(name: str, labels: Sequence[str], scratch: Path) -> Path:
    """A file with the labels, which has the name."""
    if not re.fullmatch(r"[\w.-]+", name):
        raise ValueError(f"labels: {name!r} is no name for a list: letters, digits, `.`, `_` and `-`")
    if isinstance(labels, str) or any(not isinstance(label, str) or "\n" in label for label in labels):
        raise TypeError(f"labels[{name!r}]: no list of texts of one line each")
    path = scratch / f"{name}.txt"
    path.write_text("\n".join(labels) + "\n", encoding="utf-8")
    return path


def _section(written: dict[str, Any]) -> Section:
    body, conclusion = written["body"], written["conclusion"]
    return Section(
        id=written["id"],
        title=written["title"],
        kind=body["kind"],
        may=conclusion["may"],
        may_not=conclusion["may_not"],
        notes=tuple(written.get("notes", ())),
        body=body,
    )


def _rows(section: Section) -> list[dict[str, Any]]:
    """Shares of a table of rates, or of rates before and after a change."""
    body = section.body
    if section.kind not in ("rates", "paired"):
        return []
    common = {"section": section.id, "rate": body["rate"], "by": " × ".join(body["by"])}
    rows = []
    for row in [*body["rows"], {"group": ["all"]} | _all_of(section)]:
        group = common | {"group": " × ".join(row["group"])}
        published = row.get("published")
        if section.kind == "rates":
            rows.append(group | {"when": "", "published": published} | _rate(row["rate"]))
        else:
            for place, when in enumerate(("before", "after")):
                value = None if published is None else published[place]
                rows.append(group | {"when": when, "published": value} | _rate(row[when]))
    return rows


def _all_of(section: Section) -> dict[str, Any]:
    everything = section.body["all"]
    if section.kind == "rates":
        return {"rate": everything}
    return {key: value for key, value in everything.items() if key != "group"}


def _rate(rate: Mapping[str, Any]) -> dict[str, Any]:
    share = None if rate["share"] is None else Figure.from_dict(rate["share"])
    return {
        "items": rate["items"],
        "hits": rate["hits"],
        "share": None if share is None else share.value,
        "low": None if share is None else share.low,
        "high": None if share is None else share.high,
    }
