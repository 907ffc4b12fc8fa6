"""Captions to token ids on one thread: clip-rs against the Python reference (SimpleTokenizer with ftfy), interleaved.

    pip install -r bench/requirements.txt
    cargo build --release -p clip-tokenizer --benches
    python bench/captions.py results_20130124.token [rounds]

Takes what stands behind the last tab of each line. Both are warm: the reference keeps the words that it has seen.
"""
import pathlib
import statistics
import subprocess
import sys
import time

import clip.simple_tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent


def theirs(tokenizer, captions):
    """Captions a second of processor time."""
    start = time.thread_time()
    for caption in captions:
        tokenizer.encode(caption)
    return len(captions) / (time.thread_time() - start)


def ours(program, path):
    output = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout
    return float(output.splitlines()[-1].split()[1])


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    path, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    captions = [line.rsplit("\t", 1)[-1] for line in pathlib.Path(path).read_text(encoding="utf8").splitlines()]
    programs = list((ROOT / "target/release/deps").glob("captions-*[!.d]"))
    if not programs:
        sys.exit("first: cargo build --release -p clip-tokenizer --benches")
    program = max(programs, key=lambda file: file.stat().st_mtime)
    tokenizer = clip.simple_tokenizer.SimpleTokenizer()
    theirs(tokenizer, captions)
    runs = [(ours(program, path), theirs(tokenizer, captions)) for _ in range(rounds)]
    mine, reference = (statistics.median(side) for side in zip(*runs))
    print(f"{len(captions)} captions, per second: clip-rs {mine:,.0f}, reference {reference:,.0f}, {mine / reference:.0f} times")


if __name__ == "__main__":
    main()
