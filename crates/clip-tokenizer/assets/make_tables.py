#!/usr/bin/env python3
"""Writes unicode.txt and html_entities.txt, the tables of the reference's Unicode and HTML.

    python3.11 make_tables.py        (needs: pip install regex==2026.11.15)

Python 3.11 brings Unicode 14.0.0 and the HTML5 names; `regex` brings newer letters and numbers.
Another version of either gives other tables, and so other token ids: the script refuses.
"""
import html.entities
import sys
import unicodedata
from pathlib import Path

import regex

HERE = Path(__file__).resolve().parent
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    """Inclusive ranges of the characters for which `test` holds, in hexadecimal."""
    hits = [c for c in SCALARS if test(chr(c))]
    out, start = [], None
    for i, c in enumerate(hits):
        start = c if start is None else start
        if i + 1 == len(hits) or hits[i + 1] != c + 1:
            out.append(f"{start:X}" if start == c else f"{start:X}-{c:X}")
            start = None
    return " ".join(out)


def cased(ch):
    """What Python's lower-casing of a final sigma takes as a cased letter before it."""
    return (ch + "Σ").lower().endswith("ς")


def case_ignorable(ch):
    """What it looks through on its way to that letter."""
    return not cased(ch) and ("A" + ch + "Σ").lower().endswith("ς")


def unicode_tables():
    yield "# Unicode as the reference sees it; written by make_tables.py"
    yield f"# letter, number: regex {regex.__version__}; all others: Python {sys.version.split()[0]}, Unicode {unicodedata.unidata_version}"
    yield "letter " + ranges(regex.compile(r"\p{L}").match)
    yield "number " + ranges(regex.compile(r"\p{N}").match)
    yield "white_space " + ranges(regex.compile(r"\s").match)
    yield "python_space " + ranges(str.isspace)
    yield "word " + ranges(lambda ch: ch.isalnum() or ch == "_")
    yield "decimal " + ranges(str.isdecimal)
    yield "cased " + ranges(cased)
    yield "case_ignorable " + ranges(case_ignorable)
    yield "assigned " + ranges(lambda ch: unicodedata.category(ch) != "Cn")


def entity_lines():
    yield "# HTML5 named character references (WHATWG), from Python's html.entities.html5; written by make_tables.py"
    yield "# a name without `;` is valid without it"
    for name, text in sorted(html.entities.html5.items()):
        yield name + " " + " ".join(f"{ord(ch):X}" for ch in text)


def main():
    if sys.version_info[:2] != (3, 11) or regex.__version__ != "2026.11.15":
        sys.exit(f"needs Python 3.11 and regex 2026.11.15, found {sys.version.split()[0]} and {regex.__version__}")
    for name, lines in [("unicode.txt", unicode_tables()), ("html_entities.txt", entity_lines())]:
        (HERE / name).write_text("\n".join(lines) + "\n", encoding="ascii")


main()
