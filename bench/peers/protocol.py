"""The line protocol between the driver and a program that is measured, and how a call is timed.

A program prints `ready` when its model is loaded, then answers each line of standard input with one line of seconds:

    image BATCH         one call of the image tower: the median of at least 3 calls and 0.7 s
    text FILE           the text tower over the lines of FILE once; they were read and tokenized before
    files LIST LABELS   from the image files named in LIST to one of the LABELS
    pixels LIST         from the image files to normalised pixels, one thread
    tokenize FILE       the lines of FILE to token ids, one thread
    check OUT           writes the features of the prepared photos or captions to OUT (.npy); the answer means nothing

`error: ` and a reason answers a line that failed. What a library prints goes to standard error.
"""
import argparse
import os
import statistics
import sys
import time

LEAST_SECONDS = 0.7
LEAST_CALLS = 3

# Libraries print to file descriptor 1 as they please: keep it for the answers alone.
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def arguments(**choices):
    """The command line: the prepared folder, `--threads`, and `--NAME CHOICE` for each of `choices`, the first by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    for name, allowed in choices.items():
        parser.add_argument(f"--{name}", choices=allowed, default=allowed[0])
    return parser.parse_args()


def serve(**verbs):
    """Answers lines until standard input ends; a verb takes the words after it."""
    print("ready", file=ANSWERS)
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            print(verbs[verb](*words), file=ANSWERS)
        except Exception as reason:  # whatever a library throws: the others go on
            print("error:", " ".join(f"{type(reason).__name__}: {reason}".split())[:300], file=ANSWERS)


def seconds(run):
    """Seconds of one `run()`."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def median_call(run):
    """Median seconds of a call, after one that does not count."""
    run()
    calls = []
    while len(calls) < LEAST_CALLS or sum(calls) < LEAST_SECONDS:
        calls.append(seconds(run))
    return statistics.median(calls)


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()
