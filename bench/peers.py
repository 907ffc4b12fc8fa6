"""clip-rs and its peers in turns on one machine: the same weights, images, texts, batch and threads.

    cargo build --release
    for model in ViT-B/32 ViT-L/14 RN50; do          # weights by formula: speed does not depend on training
      cargo run --release -p clip-model --example synthetic_weights -- $model WORK/$(echo $model | tr 'A-Z/' 'a-z-').safetensors
    done
    pip install -r bench/peers/requirements.txt
    python bench/preprocess.py make WORK/groups PHOTOS                # JPEG files of three sizes
    python bench/peers.py WORK --photos PHOTOS --captions CAPTIONS --prompts imagenet.json --out OUT [--only NAME,...]

PHOTOS is a folder of at least 1,000 JPEG files, CAPTIONS a text file with one caption a line, the prompts a JSON object with
`classnames` and `templates`. rten, candle and the native `tokenizers` join if `--rust-peers` has their programs.
Every peer runs in each configuration that could be its fastest; its best two by a trial go into the rounds, where all programs
take turns, and its fastest there counts. A reading that other processes disturbed is taken again. Readings are kept in
WORK/results; OUT gets the tables (`peers.md`) and the plot (`peers.svg`) of all that was ever measured there.
"""
import argparse
import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys

import numpy as np

from peers import report
from peers.entrants import GIGA_OPERATIONS, Entrant, Field
from peers.rounds import Failed, Program, in_turns, median

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The least mean cosine to PyTorch's f32 features that is the same model.
AGREES = {"f32": 0.9999, "bf16": 0.999, "int8": 0.99}
LABELS = ["a photo of a cat.", "a photo of a dog.", "a photo of a bird.", "a photo of a fish.", "a photo of a car.",
          "a photo of a ship.", "a photo of a flower.", "a photo of food.", "a photo of a building.", "a photo of a person."]


@dataclasses.dataclass
class Case:
    """One line asked of everybody, for one column of a table."""
    table: str
    column: str
    line: str
    items: int
    unit: str
    entrants: list
    operations: float = 0.0  # 10⁹ for an item
    precision: str = "f32"
    trial: str = ""  # a shorter line to choose configurations by
    tenth: str = ""  # the line for those who run a tenth
    tower: str = ""
    finalists: int = 2  # configurations of each peer, all in memory at once
    rounds: int = 99


def cases(field, options):
    """All measurements by name."""
    work = options.work
    captions, tenth = work / "captions.txt", work / "captions-tenth.txt"
    named = {}
    for model, precision, batches in (
            ("vit-b-32", "f32", (1, 8, 32)), ("vit-b-32", "bf16", (1, 8, 32)), ("vit-b-32", "int8", (1, 8, 32)),
            ("vit-l-14", "f32", (8,)), ("vit-l-14", "bf16", (8,)), ("rn50", "f32", (8,)), ("rn50", "bf16", (8,))):
        named[f"{model}-{precision}"] = [
            Case(f"{model} images, {precision}", f"batch {batch}", f"image {batch}", batch, "images/s",
                 field.images(model, precision, batch), GIGA_OPERATIONS[model, "image"], precision, tower=f"{model}/image",
                 finalists=1 if model == "vit-l-14" else 2)
            for batch in batches]
    for precision in ("f32", "bf16"):
        named[f"text-{precision}"] = [
            Case(f"vit-b-32, {count(captions)} captions, {precision}", column, f"text {captions}", count(captions), "texts/s",
                 field.texts(precision, padding), GIGA_OPERATIONS["vit-b-32", "text"], precision, f"text {tenth}",
                 tower="vit-b-32/text")
            for padding, column in (("77", "peers padded to 77"), ("cut", "peers sorted and cut"))]
    prompts = work / "prompts.txt"
    named["prompts"] = [Case(f"vit-b-32, {count(prompts)} prompts, f32", "all", f"text {prompts}", count(prompts), "texts/s",
                             field.prompts(), GIGA_OPERATIONS["vit-b-32", "text"], trial=f"text {work / 'prompts-hundredth.txt'}",
                             tenth=f"text {work / 'prompts-tenth.txt'}", tower="vit-b-32/text", rounds=2)]
    named["pixels"] = [Case("JPEG files to pixels, one thread", group, f"pixels {work / group}.txt", count(work / f"{group}.txt"),
                            "images/s", field.pixels()) for group in ("small", "photo", "camera")]
    all_captions = work / "all-captions.txt"
    named["tokenizer"] = [Case("Tokenizer, one thread", f"{count(all_captions)} captions", f"tokenize {all_captions}",
                               count(all_captions), "texts/s", field.tokenizers())]
    for model, precision, photos in (("starter", "f32", 1000), ("vit-b-32", "f32", 500), ("vit-b-32", "bf16", 500)):
        named[f"labels-{model}-{precision}"] = [
            Case("Photos to labels", f"{model} {precision}", f"files {work / f'photos-{photos}.txt'} {work / 'labels.txt'}", photos,
                 "images/s", field.photos_to_labels(model, precision), precision=precision,
                 trial=f"files {work / 'photos-100.txt'} {work / 'labels.txt'}")]
    return named


def inputs(options):
    """The lists and texts that the lines name, in the working folder."""
    work = options.work

    def write(name, rows):
        (work / name).write_text("".join(f"{row}\n" for row in rows), "utf-8")

    captions = options.captions.read_text("utf-8").splitlines()
    write("all-captions.txt", captions)
    thousand = captions[::max(1, len(captions) // 1000)][:1000]
    write("captions.txt", thousand)
    write("captions-tenth.txt", thousand[::10])
    asked = json.loads(options.prompts.read_text("utf-8"))
    prompts = [template.format(name) for name in asked["classnames"] for template in asked["templates"]]
    write("prompts.txt", prompts)
    write("prompts-tenth.txt", prompts[::10])
    write("prompts-hundredth.txt", prompts[::100])
    photos = sorted(path for path in options.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    for number in (100, 500, 1000):
        write(f"photos-{number}.txt", photos[:number])
    write("labels.txt", LABELS)
    for group in ("small", "photo", "camera"):
        write(f"{group}.txt", sorted((work / "groups" / group).glob("*.jpg")))


def prepare(options, field, names):
    """What the peers load, for the models that `names` measure, unless it is there."""
    starter = options.work / "starter"
    starter.mkdir(exist_ok=True)
    if not (starter / "weights").exists():
        (starter / "weights").symlink_to(ROOT / "crates/clip/assets/starter/starter.safetensors")
    for model, extra in (("vit-b-32", ["--int8", "--text"]), ("vit-l-14", []), ("rn50", [])):
        needed = any(model in name for name in names) or model == "vit-b-32"
        if needed and not (options.work / model / "prepared").exists():
            command = [sys.executable, "-m", "peers.prepare", field.weights(model), str(options.work / model), "--photos",
                       str(options.photos), "--captions", str(options.work / "captions.txt"), *extra]
            print(f"preparing {model}", flush=True)
            subprocess.run(command, check=True, cwd=ROOT / "bench", stderr=subprocess.DEVNULL)


def count(path):
    return len(path.read_text("utf-8").splitlines())


def line_for(case, entrant):
    return case.tenth if entrant.tenth else case.line


def trial(case, options):
    """Each peer's fastest configurations, tried one by one and compared with the reference's features."""
    tried = {}
    for entrant in case.entrants:
        try:
            with Program(entrant, options.work / "errors.log") as program:
                if entrant.checked and not agrees(case, program, options):
                    continue
                line = case.trial or line_for(case, entrant)
                program.ask(line)
                tried[entrant] = min(program.read_quietly(line, options.patience).seconds for _ in range(2))
                print(f"    {entrant}: {tried[entrant]:.4f} s in the trial", flush=True)
        except Failed as reason:
            print(f"    {entrant}: {reason}", flush=True)
    finalists = []
    for peer in dict.fromkeys(entrant.peer for entrant in tried):
        finalists += sorted((entrant for entrant in tried if entrant.peer == peer), key=tried.get)[:case.finalists]
    return finalists


def agrees(case, program, options):
    """Whether the features are the reference's, but for the precision."""
    out = options.work / "features.npy"
    program.ask(f"check {out}")
    found = np.load(out)
    model, tower = case.tower.split("/")
    expected = np.load(options.work / model / f"{tower}-reference.npy")[:len(found)]
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    print(f"    {program.entrant}: cosine to PyTorch f32 {cosines.mean():.6f}, least {cosines.min():.6f}")
    return cosines.mean() >= AGREES[case.precision]


def run(case, options):
    """Rounds of the finalists, and the record that is kept."""
    print(f"{case.table}, {case.column}", flush=True)
    finalists = trial(case, options)
    with contextlib.ExitStack() as running:
        programs = [running.enter_context(Program(entrant, options.work / "errors.log")) for entrant in finalists]
        lines = {program: line_for(case, program.entrant) for program in programs}
        readings = in_turns(programs, lines, min(options.rounds, case.rounds), options.patience)
        peak = peak_of(programs, options)
    entries = []
    for program, taken in readings.items():
        seconds = median(taken) * (10 if program.entrant.tenth else 1)
        entries.append({
            "peer": program.entrant.peer, "variant": program.entrant.variant, "rate": case.items / seconds,
            "seconds": [reading.seconds for reading in taken], "foreign": [round(reading.foreign, 3) for reading in taken]})
        noise = max(reading.foreign for reading in taken)
        print(f"  {program.entrant}: {case.items / seconds:.2f} {case.unit}, others used up to {noise:.0%}", flush=True)
    return {"table": case.table, "column": case.column, "unit": case.unit, "items": case.items, "operations": case.operations,
            "precision": case.precision, "threads": case.entrants[0].threads, "peak": peak, "entries": entries}


def peak_of(programs, options):
    """The processor's measured peak at the precision, by clip-rs; none without it."""
    for program in programs:
        if program.entrant.peer == "clip-rs":
            try:
                return max(program.read_quietly("peak", options.patience).seconds for _ in range(3))
            except Failed:
                return None
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--captions", type=pathlib.Path, required=True)
    parser.add_argument("--prompts", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="names, separated by commas; `list` prints them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--patience", type=float, default=10, help="seconds to wait for a reading that nobody disturbs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clip-rs", type=pathlib.Path, default=ROOT / "target/release/clip-rs")
    parser.add_argument("--before", type=pathlib.Path, help="an earlier clip-rs that takes part")
    parser.add_argument("--rust-peers", type=pathlib.Path, help="folder of with_rten, with_candle and with_tokenizers")
    options = parser.parse_args()
    options.work = options.work.resolve()
    results = options.work / "results"
    results.mkdir(parents=True, exist_ok=True)
    inputs(options)
    field = Field(options.clip_rs, options.rust_peers, options.work, options.threads, options.before)
    every = cases(field, options)
    names = options.only.split(",") if options.only else list(every)
    if names == ["list"]:
        return print("\n".join(every))
    prepare(options, field, names)
    for name in names:
        records = [run(case, options) for case in every[name]]
        (results / f"{name}.json").write_text(json.dumps(records, indent=1), "utf-8")
    options.out.mkdir(parents=True, exist_ok=True)
    report.write([record for name in every for record in report.records(results / f"{name}.json")], options.out)


if __name__ == "__main__":
    main()
