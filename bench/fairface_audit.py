"""Seconds and memory of `clip-rs audit fairface` on as many images as FairFace's whole validation set, from cached features.

    python bench/fairface_audit.py PROGRAM FOLDER [--threads 2] [--rounds 3] [--model MODEL]

Writes 10,954 small pictures, no two alike, with labels drawn with a fixed seed (races and ages as unevenly as FairFace's) below
FOLDER, where they are kept for the next time, fills the cache of features once, and then measures the audit: without the probe,
and with the probe in folds. Printed are the least of the rounds, by the clock and by the processors (which neighbours on a shared
machine change little), and the greatest peak of memory (ru_maxrss). Python's library alone is needed.
"""
import argparse
import csv
import json
import os
import pathlib
import random
import time

IMAGES, SIZE = 10_954, 16
RACES = {"White": 2085, "Latino_Hispanic": 1623, "Black": 1556, "East Asian": 1550, "Indian": 1516, "Southeast Asian": 1415,
         "Middle Eastern": 1209}
AGES = {"20-29": 3300, "30-39": 2330, "40-49": 1353, "3-9": 1356, "10-19": 1181, "50-59": 796, "60-69": 321, "0-2": 199,
        "more than 70": 118}


def write_faces(folder):
    draw = random.Random(8)
    (folder / "val").mkdir(parents=True, exist_ok=True)
    with open(folder / "fairface_label_val.csv", "w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(["file", "age", "gender", "race", "service_test"])
        for image in range(1, IMAGES + 1):
            pixels = draw.randbytes(3 * SIZE * SIZE)
            (folder / f"val/{image}.jpg").write_bytes(b"P6\n%d %d\n255\n" % (SIZE, SIZE) + pixels)
            race, age = (draw.choices(list(level), level.values())[0] for level in (RACES, AGES))
            rows.writerow([f"val/{image}.jpg", age, draw.choice(["Male", "Female"]), race, draw.choice(["True", "False"])])


def run(program, folder, options, more):
    """Seconds of the clock and of the processors, and peak of memory in MB."""
    command = [program, "audit", "fairface", "--root", str(folder), "--out", str(folder / "out"), "--features",
               str(folder / "features"), "--model", options.model, "--threads", str(options.threads), "--quiet", *more]
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    assert os.waitstatus_to_exitcode(status) == 0, " ".join(command)
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="starter")
    options = parser.parse_args()
    if not (options.folder / "fairface_label_val.csv").exists():
        write_faces(options.folder)
    seconds, _, peak = run(options.program, options.folder, options, ["--without-probe"])
    print(f"first run, which may compute features: {seconds:.1f} s, {peak:.0f} MB", flush=True)
    for name, more in {"without the probe": ["--without-probe"], "with the probe in folds": []}.items():
        rounds = [run(options.program, options.folder, options, more) for _ in range(options.rounds)]
        seconds, processors, peaks = (list(column) for column in zip(*rounds))
        print(f"{name}: {min(seconds):.2f} s ({min(processors):.2f} s of the processors), {max(peaks):.0f} MB", flush=True)
    for path in sorted((options.folder / "out").glob("*/fairface.audit.fairface*.json")):
        audit = json.loads(path.read_text())
        tables = sum(section["body"]["kind"] == "rates" for section in audit["sections"])
        resamples = audit["provenance"]["options"]["resamples"]
        print(f"{path.name}: {audit['counts']['scored']} images, {tables} tables of rates, {resamples} resamples")


main()
