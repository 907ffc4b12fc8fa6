"""Texts and what the reference's tokenizer makes of them: cases, truncation, decode (JSON lines)."""
import html.entities
import json
import random
import unicodedata
from pathlib import Path

import clip
from clip.simple_tokenizer import SimpleTokenizer

PROMPTS = Path(__file__).resolve().parents[3] / "crates/clip-data/assets/prompts"
TOKENIZER = SimpleTokenizer()
MARKS = ["<|startoftext|>", "<|endoftext|>", "<|ENDOFTEXT|>", "<|startoftext", "|endoftext|>"]
CODECS = ["latin-1", "cp1252", "cp1250", "cp1251", "cp1254", "iso-8859-2", "mac-roman", "cp437"]
SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 0x1C, 0x1F, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x200B, 0x3000, 0xFEFF)]
PIECES = "it's don't I'LL 's'' ''re !'s x'sy — … “a” ‘b’ «c» 1st 3.14 ½ ² Ⅷ ＡＢ ﬁ ǆ a_b-c --- *** #@ 👍🏽 👩‍💻 🇫🇷 e\u0301 İ ẞ ΟΔΟΣ क्षि 日本語 שלום".split()


def assigned():
    """Characters of Unicode 14, without surrogates and private use: newer ones have no defined result."""
    return [chr(c) for c in range(32, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


def prompts():
    for path in sorted(PROMPTS.glob("*.json")):
        data = json.loads(path.read_text())
        for name in data.get("classnames", []):
            for name in [name] if isinstance(name, str) else name:
                yield from (template.replace("{}", name) for template in data.get("templates", ["{}"])[:1])


def texts(rng):
    """Pairs of kind and text."""
    characters, names = assigned(), list(html.entities.html5)
    all_prompts = sorted(set(prompts()))
    prompt = lambda: rng.choice(all_prompts)
    run = lambda pool, most: "".join(rng.choice(pool) for _ in range(rng.randint(1, most)))

    def damaged():
        text = "".join(rng.choice([prompt()[:20], run(characters[:700], 5), rng.choice(PIECES)]) for _ in range(2))
        for _ in range(rng.randint(1, 2)):
            text = text.encode("utf-8").decode(rng.choice(CODECS), "replace")
        return text

    def entity():
        number = rng.choice([rng.randrange(300), rng.randrange(0x110100)])
        return rng.choice([f"&{rng.choice(names)}", f"&{rng.choice(names)}".rstrip(";"), f"&#{number};", f"&#x{number:x}", "&amp;lt;", "<"])

    for start in range(0, len(characters), 128):  # every character there is, those of large blocks by sample
        if start < 12_000 or start % 4096 == 0:
            yield "block", " ".join(characters[start:start + 128])
    for _ in range(1200):
        yield "prompt", prompt()
        yield "random", run(characters, 12)
        yield "damaged", damaged()
        yield "entities", "".join(rng.choice([entity(), prompt()[:8], " "]) for _ in range(rng.randint(1, 6)))
        yield "spaces", "".join(rng.choice([rng.choice(SPACES), chr(rng.randrange(32)), prompt()[:6]]) for _ in range(rng.randint(2, 9)))
        yield "pieces", "".join(rng.choice([rng.choice(PIECES), " ", prompt()[:9].upper()]) for _ in range(rng.randint(1, 8)))
        yield "mixed", "".join(rng.choice([entity(), damaged()[:9], rng.choice(MARKS), "\x1b[31m", run(characters, 3), rng.choice(PIECES)]) for _ in range(4))


def tokenized(texts, length, truncate):
    row = {"texts": texts, "context_length": length, "truncate": truncate}
    try:
        return row | {"rows": clip.tokenize(texts, context_length=length, truncate=truncate).tolist()}
    except (RuntimeError, IndexError) as error:
        return row | {"error": type(error).__name__}


def decoded(ids):
    try:
        return {"ids": ids, "text": TOKENIZER.decode(ids)}
    except KeyError:
        return {"ids": ids, "error": "KeyError"}


def write(path, rows):
    lines = [json.dumps({"id": index} | row) for index, row in enumerate(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def make(folder):
    rng = random.Random(1)
    cases = [{"kind": kind, "text": text, "ids": TOKENIZER.encode(text)} for kind, text in texts(rng)]
    write(folder / "cases.jsonl", cases)
    words = ["cat ", "1 ", "猫", "é ", "!? ", "'s "]
    lengths = [([word * count], 77, truncate) for word in words for count in (20, 37, 38, 73, 74, 75, 76, 77, 90) for truncate in (True, False)]
    lists = [([], 77, True), ([""], 77, False), (["a cat", "word " * 90], 77, False), (["a cat", "", "word " * 90], 77, True)]
    small = [(["a photo of a siamese cat"], length, truncate) for length in (0, 1, 2, 3, 5, 8, 64, 78) for truncate in (True, False)]
    long = [([case["text"]], 77, True) for case in rng.sample(cases, 40)]
    write(folder / "truncation.jsonl", [tokenized(*row) for row in lengths + lists + small + long])
    ids = [rng.choice(cases)["ids"] for _ in range(200)]
    ids += [[rng.randrange(most) for _ in range(rng.randint(1, 8))] for most in (512, 49408) for _ in range(110)]
    ids += [[], [49406, 320, 49407], clip.tokenize("a cat")[0].tolist()] + [[320, bad] for bad in (49408, 65535, 2**31)]
    write(folder / "decode.jsonl", map(decoded, ids))
