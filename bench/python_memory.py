"""Memory of the Python package over many calls: encode, classify, tokenize, load, errors among them.

    python bench/python_memory.py [calls]          10,000 if no number is given

Prints the resident memory (Linux) after each tenth, and exits with 1 if the last nine tenths grew by more than 8 MB.
"""
import gc
import os
import pickle
import sys

import numpy as np

import clip_rs

LIMIT = 8.0  # MB


def resident():
    """MB of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def refused(kind, call, *arguments):
    try:
        call(*arguments)
    except kind:
        return
    sys.exit(f"{call} took {arguments}")


def round_of_ten(model, number, pixels):
    """Ten calls, two of them refused."""
    model.tokenize(["a cat", f"number {number}"])
    clip_rs.tokenize(f"number {number} and \ud800")
    model.encode_text(f"number {number}")
    model.encode_texts([[49406, 320, number % 49000, 49407]])
    model.encode_image(pixels)
    model.preprocess(pixels)
    model.classify(pixels, ["a cat", f"number {number}"])
    pickle.loads(pickle.dumps(model)).encode_text("a")
    refused(clip_rs.TextError, model.encode_text, "word " * 100)
    refused(FileNotFoundError, model.encode_image, f"nowhere-{number}.jpg")


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    model, pixels = clip_rs.load(), np.zeros((32, 32, 3), np.uint8)
    held = pickle.loads(pickle.dumps(model))  # so that pickles are opened, not loaded, again and again
    readings = []
    for tenth in range(10):
        for number in range(calls // 100):
            round_of_ten(model, tenth * calls // 100 + number, pixels)
        gc.collect()
        readings.append(resident())
        print(f"{(tenth + 1) * calls // 10:>7} calls  {readings[-1]:8.1f} MB", flush=True)
    grown = readings[-1] - readings[0]
    print(f"{held.name}: {grown:+.1f} MB over the last {calls * 9 // 10} of {calls} calls, limit {LIMIT} MB")
    sys.exit(grown > LIMIT)


if __name__ == "__main__":
    main()
