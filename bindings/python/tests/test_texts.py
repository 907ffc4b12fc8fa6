"""Texts and token ids: the reference's tokens, and what is refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clip_rs

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "crates" / "clip-tokenizer" / "tests" / "data"
LONG = "word " * 100
START, END = 49406, 49407


def lines(path: Path) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def assert_tokens(cases: list[dict[str, Any]], model: clip_rs.Model) -> None:
    texts = [case["text"] for case in cases]
    length = max(case["n"] for case in cases) + 2
    expected = np.zeros((len(cases), length), np.int32)
    for row, case in zip(expected, cases, strict=True):
        row[: case["n"] + 2] = [START, *case["ids"], END]
    for rows in (clip_rs.tokenize(texts, length), model.tokenize(texts, context_length=length)):
        assert rows.dtype == np.int32
        np.testing.assert_array_equal(rows, expected)


def assert_truncation(cases: list[dict[str, Any]]) -> None:
    for case in cases:
        texts, length, truncate = case["texts"], case["context_length"], case["truncate"]
        if "error" in case or not texts:  # no texts are refused, where the reference gives no rows
            with pytest.raises(ValueError):
                clip_rs.tokenize(texts, length, truncate)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = clip_rs.tokenize(texts, length, truncate)
        assert list(rows.shape) == case["shape"]
        assert rows.tolist() == case["rows"]


def test_every_kind_of_string_has_the_references_tokens(starter: clip_rs.Model) -> None:
    assert_tokens(lines(DATA / "cases.jsonl"), starter)
    assert_truncation(lines(DATA / "truncation.jsonl"))


def test_all_golden_strings_have_the_references_tokens(starter: clip_rs.Model, shared: Path) -> None:
    cases = lines(shared / "golden" / "tokenizer" / "cases.jsonl")
    assert len(cases) == 8316
    assert_tokens(cases, starter)
    assert_truncation(lines(shared / "golden" / "tokenizer" / "truncation.jsonl"))


def test_surrogates_are_read_as_the_reference_reads_them(starter: clip_rs.Model) -> None:
    for case in lines(DATA / "surrogates.jsonl"):
        text = "".join(map(chr, case["utf16"]))
        expected = [START, *case["ids"], END]
        assert clip_rs.tokenize(text, len(expected))[0].tolist() == expected
        assert starter.tokenize(text, context_length=len(expected))[0].tolist() == expected
        np.testing.assert_array_equal(starter.encode_text(text), starter.encode_texts([expected])[0])


def test_ids_become_the_references_text() -> None:
    for case in lines(DATA / "decode.jsonl"):
        if "text" in case:
            assert clip_rs.decode(case["ids"]) == case["text"]
        else:
            with pytest.raises(ValueError, match=r"ids\[\d+\]: "):
                clip_rs.decode(case["ids"])


def test_texts_come_in_every_container(starter: clip_rs.Model) -> None:
    pandas = pytest.importorskip("pandas")
    texts = ["a cat", "zwölf Boxkämpfer", "\N{CAT} \ud83d\ude00"]
    expected, ids = starter.encode_texts(texts), starter.tokenize(texts)
    containers: list[Any] = [tuple(texts), (text for text in texts)]
    containers += [np.array(texts, object), pandas.Series(texts, dtype=object), pandas.Index(texts, dtype=object)]
    for container in containers:
        np.testing.assert_array_equal(starter.encode_texts(container), expected)
    np.testing.assert_array_equal(starter.encode_texts(np.array(texts[:2])), expected[:2])
    np.testing.assert_array_equal(starter.encode_texts("a cat"), expected[:1])
    np.testing.assert_array_equal(starter.encode_text(texts[1]), expected[1])
    for dtype in ("int32", "int64", "uint16", "uint64", ">i4", ">i8"):
        np.testing.assert_array_equal(starter.encode_texts(ids.astype(dtype)), expected)
    read_only = np.asfortranarray(ids)
    read_only.flags.writeable = False
    for rows in (ids.tolist(), list(ids), read_only, ids[:, :20], [row[row != 0] for row in ids]):
        np.testing.assert_array_equal(starter.encode_texts(rows), expected)


def test_texts_that_were_cut_are_counted_and_named_where_they_were_given(starter: clip_rs.Model) -> None:
    said = "2 of 3 were cut"
    for call in (starter.encode_texts, starter.tokenize, clip_rs.tokenize):
        with pytest.warns(UserWarning, match=said) as caught:
            call([LONG, "a", LONG], truncate=True)
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="1 of 1"):
        cut = starter.encode_text(LONG, truncate=True)
    np.testing.assert_array_equal(cut, starter.encode_text("word " * 75))


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (None, TypeError, "texts: NoneType"),
        (3, TypeError, "texts: int"),
        (b"a cat", TypeError, "texts: bytes is no text"),
        ({"a", "b"}, TypeError, "texts: a set"),
        ({"a": 1}, TypeError, "texts: a dict"),
        ([], ValueError, "texts: there is none"),
        ([1, "a"], TypeError, r"texts\[0\]: int"),
        (["a", None], TypeError, r"texts\[1\]: NoneType"),
        (["a", float("nan")], TypeError, r"texts\[1\]: float"),
        (["a", b"b"], TypeError, r"texts\[1\]: bytes"),
        (["a", ["b"]], TypeError, r"texts\[1\]: list"),
        (["a", LONG], clip_rs.TextError, r"texts\[1\]: text has 102 tokens, limit 77.*\nhelp: .*truncate=True"),
        (np.array([b"a"]), TypeError, r"texts\[0\]: bytes_"),
        (np.zeros((1, 77)), TypeError, "texts: an array of float64"),
        (np.zeros((1, 77), bool), TypeError, "texts: an array of bool"),
        (np.zeros(77, int), ValueError, r"texts: an array of shape \(77,\)"),
        (np.zeros((0, 77), int), ValueError, r"texts: an array of shape \(0, 77\)"),
        (np.full((2, 77), -1), ValueError, r"texts\[0\]: -1 is no token id"),
        ([[START, END], [START, 49408, END]], clip_rs.TextError, r"texts\[1\]: token id 49408"),
        ([[START, 2**40, END]], ValueError, r"texts\[0\]: 1099511627776 is no token id"),
        ([[START, END], []], clip_rs.TextError, r"texts\[1\]: no token"),
        ([[START, *[320] * 90, END]], clip_rs.TextError, r"texts\[0\]: 92 token ids, limit 77"),
        ([[START, 1.0]], TypeError, r"texts\[0\]\[1\]: float"),
        ([[START, True]], TypeError, r"texts\[0\]\[1\]: bool"),
        ([[START, END], "a"], TypeError, r"texts\[1\]: str"),
    ],
)
def test_what_is_no_text_is_refused_by_name(
    starter: clip_rs.Model, texts: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match="(?s)" + message):
        starter.encode_texts(texts)


def test_errors_of_later_parts_name_the_place_among_all(starter: clip_rs.Model) -> None:
    with pytest.raises(clip_rs.TextError, match=r"texts\[700\]: "):
        starter.encode_texts(["a"] * 700 + [LONG] + ["a"])
    with pytest.raises(clip_rs.TextError, match=r"texts\[700\]: "):
        starter.encode_texts([[START, END]] * 700 + [[START, 99999, END]])
    with pytest.raises(clip_rs.TextError, match=r"texts\[20000\]: "):
        clip_rs.tokenize(["a"] * 20000 + [LONG])


@pytest.mark.parametrize("length", [0, -1, 10**9, 10**30])
def test_context_lengths_that_cannot_be_are_refused(starter: clip_rs.Model, length: int) -> None:
    with pytest.raises(ValueError, match="context_length: "):
        clip_rs.tokenize("a", length, truncate=True)
    with pytest.raises(ValueError, match="context_length: "):
        starter.tokenize("a", context_length=length)


@pytest.mark.parametrize("value", [True, 1.5, "77"])
def test_numbers_of_another_kind_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="context_length: "):
        clip_rs.tokenize("a", value)
    with pytest.raises(TypeError, match="threads: "):
        clip_rs.tokenize("a", threads=value)
    with pytest.raises(TypeError, match="threads: "):
        clip_rs.load(threads=value)
