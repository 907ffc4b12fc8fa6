"""Four data sets by four programs at one time, with one cache of features, some of them killed: figures of a run alone.

    python tests/reference/shared_cache.py --program target/release/clip-rs --data ../shared/data [--rounds 25] [--seed 0]

Each round begins with an empty cache, or with what the round before left in it. Programs are killed (SIGKILL) at random
moments and started again until each has ended by itself; in every fifth round bits of the cache are flipped, or a file of
it is cut or removed, while they run. Then every prediction and every figure must be, byte for byte, what the program gave
alone with a cache of its own. Ends with 1 and the name of the first that is not.
"""

import argparse
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Data set, folder below the data, further flags, images that are taken of each folder.
SETS = [
    ("cifar10", "cifar-10", [], 0),
    ("gtsrb", "gtsrb", [], 40),
    ("dtd", "dtd", ["--split", "all"], 1),
    ("caltech101", "caltech101", ["--split", "all"], 1),
]
IMAGES_OF_SET = 40
CIFAR_RECORD = 3073
IMAGES = {".ppm", ".jpg", ".png"}


def take_subset(source: Path, target: Path, each: int) -> None:
    """Copies a data set with at most `each` images of a folder and `IMAGES_OF_SET` in all."""
    images = 0
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.name == "test_batch.bin":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes()[: CIFAR_RECORD * IMAGES_OF_SET])
        elif path.suffix.lower() not in IMAGES:
            shutil.copyfile(path, place)
        elif images < IMAGES_OF_SET and sum(1 for _ in place.parent.glob("*" + path.suffix)) < each:
            shutil.copyfile(path, place)
            images += "Final_Training" not in path.parts


def start(options, data: Path, out: Path, cache: Path, which: int) -> subprocess.Popen:
    name, folder, further, _ = SETS[which]
    command = [options.program, "eval", "zeroshot", "--dataset", name, "--root", data / folder, *further]
    command += ["--out", out, "--features", cache, "--threads", "1", "--templates", data / "templates.json"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(program: subprocess.Popen) -> None:
    _, said = program.communicate()
    if program.returncode not in (0, 3):  # 3: a subset lacks what its lists name
        sys.exit(f"ended with {program.returncode}: {said.decode()}")


def result(out: Path, name: str) -> tuple[str, str, dict]:
    """Hash of the predictions, and all that does not say how long it took."""
    (path,) = (out / "starter").glob(f"{name}.zeroshot_classification*.json")
    cell = json.loads(path.read_text())
    cell.pop("wall_seconds"), cell.pop("blake3", None)
    predictions = path.with_suffix(".predictions.jsonl").read_bytes()
    return hashlib.sha256(predictions).hexdigest(), json.dumps(cell, sort_keys=True), cell


def damage(cache: Path, chance: random.Random) -> str:
    """An accident of a random file of the cache."""
    files = [path for path in sorted(cache.rglob("*.bin")) if path.stat().st_size > 64]
    if not files:
        return "nothing there yet"
    path, accident = chance.choice(files), chance.choice(["flipped", "cut", "removed"])
    try:
        if accident == "removed":
            path.unlink()
        elif accident == "cut":
            with path.open("r+b") as file:
                file.truncate(chance.randrange(path.stat().st_size))
        else:
            with path.open("r+b") as file:
                for _ in range(20):
                    place = chance.randrange(path.stat().st_size)
                    file.seek(place)
                    (byte,) = file.read(1)
                    file.seek(place)
                    file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    except OSError as error:  # another program was quicker
        return f"{path.name}: {error}"
    return f"{path.name} {accident}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/clip-rs", help="the program")
    parser.add_argument("--data", default="../shared/data", type=Path, help="folder of the four data sets")
    parser.add_argument("--rounds", default=25, type=int)
    parser.add_argument("--seed", default=0, type=int)
    options = parser.parse_args()
    if missing := [folder for _, folder, _, _ in SETS if not (options.data / folder).is_dir()]:
        parser.error(f"{options.data} lacks {', '.join(missing)}: --data names a folder with these data sets")
    chance, began = random.Random(options.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        data = scratch / "data"
        for _, folder, _, each in SETS:
            take_subset(options.data / folder, data / folder, each)
        (data / "templates.json").write_text('["a photo of a {}.", "a drawing of a {}."]')
        alone = []
        for which, (name, *_) in enumerate(SETS):
            out = scratch / f"alone-{which}"
            before = time.monotonic()
            finish(start(options, data, out, scratch / f"cache-{which}", which))
            alone.append(result(out, name))
            scored, value = alone[-1][2]["counts"]["scored"], alone[-1][2]["score"]["value"]
            print(f"alone: {name}: {scored} images, {value:.4f}, {time.monotonic() - before:.1f} s", flush=True)
        kills = accidents = 0
        for turn in range(options.rounds):
            cache, out = scratch / "shared", scratch / f"round-{turn}"
            if turn % 3 == 0:
                shutil.rmtree(cache, ignore_errors=True)
            running = {which: start(options, data, out, cache, which) for which in range(len(SETS))}
            left = chance.randrange(3, 9)
            while running:
                time.sleep(chance.uniform(0.05, 0.6))
                if turn % 5 == 4 and left:
                    damage(cache, chance)
                    accidents += 1
                if left:
                    which = chance.choice(sorted(running))
                    if running[which].poll() is None:
                        running[which].kill()
                        running[which].communicate()
                        running[which] = start(options, data, out, cache, which)
                        kills += 1
                    left -= 1
                for which in [which for which, program in running.items() if program.poll() is not None]:
                    finish(running.pop(which))
            for which, (name, *_) in enumerate(SETS):
                for part, (found, expected) in enumerate(zip(result(out, name), alone[which])):
                    if found != expected:
                        sys.exit(f"round {turn}: {name}: {['predictions', 'result'][part]} differ\n{found}\n{expected}")
            shutil.rmtree(out)
            print(f"round {turn}: as alone, {kills} killed so far, {time.monotonic() - began:.0f} s", flush=True)
        print(
            f"{options.rounds} rounds of {len(SETS)} programs, {kills} killed, {accidents} accidents of the cache: every "
            f"prediction and figure as alone, {time.monotonic() - began:.0f} s"
        )


if __name__ == "__main__":
    main()
