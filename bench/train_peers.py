"""Training: clip-rs and PyTorch + open_clip in turns on one machine, with the same weights, pictures, captions and threads.

    cargo build --release
    for model in ViT-B/32 RN50; do                   # weights by formula: speed does not depend on training
      cargo run --release -p clip-model --example synthetic_weights -- $model WORK/$(echo $model | tr 'A-Z/' 'a-z-').safetensors
    done
    pip install -r bench/peers/requirements.txt
    python bench/train_peers.py WORK --captions CAPTIONS --out OUT --minutes 60 [--only NAME,...]

CAPTIONS is a text file with one caption a line, behind the last tab where there is one (Flickr30k's `results_20130124.token`).
Measured are forward and backward of an image tower, whole steps (towers, loss, backward, AdamW, clamp) and the greatest resident
memory of a process that did two of these. PyTorch is tried in each of its settings, and the fastest by a trial goes into the
rounds, in which both programs take turns. Every setting must first give our loss on the same batch. A reading that other
processes disturbed is taken again. No round and no case begins after `--minutes`; those left out are named.
WORK/train-results keeps the readings; OUT gets `train_peers.json` and `train_peers.md` of all that was ever measured there.
"""
import argparse
import contextlib
import dataclasses
import itertools
import json
import pathlib
import sys
import time

from peers.entrants import GIGA_OPERATIONS, Entrant
from peers.report import processor
from peers.rounds import Failed, Program, in_turns, median

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS, PEER = "clip-rs", "PyTorch + open_clip"
NAMES = {"vit-b-32": "ViT-B/32", "rn50": "RN50"}
# How far two losses of one batch may be apart, of about 5.
AGREES = {"f32": 1e-3, "bf16": 0.3}
LOSS_BATCH = 8
MEMORY_STEPS = 2


@dataclasses.dataclass
class Case:
    """One measurement of both programs."""
    title: str
    model: str
    precision: str
    request: str  # `tower` or `step`
    batch: int
    settings: dict  # of PyTorch: flag to the choices to try
    checkpointing: str = "off"
    measures: str = "seconds"  # or `memory`

    def operations(self):
        """10⁹ of the reference for one item, forward and twice that on the way back; texts count at their full context."""
        towers = ("image", "text") if self.request == "step" else ("image",)
        return 3 * sum(GIGA_OPERATIONS[self.model, tower] for tower in towers)


def cases():
    """All measurements by name."""
    modes = {"mode": ["eager", "compiled"]}
    named = {}
    for precision in ("f32", "bf16"):
        named[f"vit-b-32-tower-{precision}"] = Case(
            f"ViT-B/32 image tower, forward and backward, {precision}", "vit-b-32", precision, "tower", 16, modes)
    layouts = {**modes, "layout": ["contiguous", "channels_last"]}
    for batch in (8, 16):
        named[f"rn50-tower-{batch}"] = Case("RN50 image tower, forward and backward, f32", "rn50", "f32", "tower", batch, layouts)
    for precision in ("f32", "bf16"):
        named[f"vit-b-32-step-{precision}"] = Case(
            f"ViT-B/32, whole step, {precision}", "vit-b-32", precision, "step", 64, modes)
    for precision in ("f32", "bf16"):
        named[f"vit-b-32-step-cut-{precision}"] = Case(
            f"ViT-B/32, whole step, {precision}, peer's texts cut to the longest of the batch", "vit-b-32", precision, "step", 64,
            {**modes, "padding": ["cut"]})
    for precision, checkpointing in itertools.product(("f32", "bf16"), ("off", "on")):
        named[f"memory-{precision}-{checkpointing}"] = Case(
            f"ViT-B/32, memory of a step, {precision}, checkpointing {checkpointing}", "vit-b-32", precision, "step", 64, modes,
            checkpointing, "memory")
    return named


def entrants(case, options):
    """clip-rs, and PyTorch in each setting."""
    common = ["--precision", case.precision, "--threads", str(options.threads)]
    checkpointing = ["--checkpointing"] if case.checkpointing == "on" else []
    ours = [str(options.clip_rs), "bench", "--train", "--serve", "--model", NAMES[case.model], *common, *checkpointing]
    found = [Entrant(OURS, "", tuple(ours), options.threads)]
    for chosen in itertools.product(*case.settings.values()):
        flags = [word for name, choice in zip(case.settings, chosen) for word in (f"--{name}", choice)]
        command = [sys.executable, "-m", "peers.train_with_open_clip", str(options.work / f"{case.model}.safetensors"), *common,
                   "--model", case.model, "--checkpointing", case.checkpointing, *flags]
        found.append(Entrant(PEER, " ".join(chosen), tuple(command), options.threads))
    return found


def line(case, options):
    captions = f" {options.work / 'train-captions.txt'}" if case.request == "step" else ""
    return f"{case.request} {case.batch}{captions}"


def captions(options):
    """As many texts as a step takes, from all of the file, in the working folder."""
    texts = [row.rpartition("\t")[2] for row in options.captions.read_text("utf-8").splitlines()]
    chosen = texts[::len(texts) // 64][:64]
    (options.work / "train-captions.txt").write_text("".join(f"{text}\n" for text in chosen), "utf-8")


def loss_of(program, case, options):
    """Of a small batch of pairs, whatever the case measures."""
    return program.ask(f"loss {LOSS_BATCH} {options.work / 'train-captions.txt'}")


def trial(case, options):
    """Ours, and the fastest setting of the peer; all settings tried with their seconds."""
    ours, *settings = entrants(case, options)
    with Program(ours, options.work / "errors.log") as program:
        expected = loss_of(program, case, options)
    tried = {}
    for entrant in settings:
        try:
            with Program(entrant, options.work / "errors.log") as program:
                loss = loss_of(program, case, options)
                if abs(loss - expected) > AGREES[case.precision]:
                    raise Failed(f"its loss is {loss:.5f}, ours {expected:.5f}")
                program.ask(line(case, options))
                tried[entrant] = min(program.ask(line(case, options)) for _ in range(2))
                print(f"    {entrant}: {tried[entrant]:.3f} s in the trial, loss {loss:.5f}, ours {expected:.5f}", flush=True)
        except Failed as reason:
            print(f"    {entrant}: {reason}", flush=True)
    if not tried:
        raise Failed("the peer has no setting that works")
    return ours, min(tried, key=tried.get), tried


def speed(case, options):
    """Rounds of both programs in turns, and the record that is kept."""
    ours, fastest, tried = trial(case, options)
    with contextlib.ExitStack() as running:
        programs = [running.enter_context(Program(entrant, options.work / "errors.log")) for entrant in (ours, fastest)]
        lines = dict.fromkeys(programs, line(case, options))
        readings = in_turns(programs, lines, options.rounds, options.patience, options.deadline)
        peak = max(programs[0].ask("peak") for _ in range(3))
    entries = {
        program.entrant.peer: {
            "setting": program.entrant.variant, "median": median(taken), "seconds": [reading.seconds for reading in taken],
            "foreign": [round(reading.foreign, 3) for reading in taken]}
        for program, taken in readings.items()}
    if entries.keys() != {OURS, PEER} or not all(readings.values()):
        raise Failed("not all programs came to a reading")
    return {"peak": peak, "entries": entries, "tried": {entrant.variant: seconds for entrant, seconds in tried.items()},
            "ratio": entries[PEER]["median"] / entries[OURS]["median"]}


def memory(case, options):
    """Greatest resident memory of a fresh process of each entrant, after two steps; the peer's least counts."""
    tried = {}
    for entrant in entrants(case, options):
        try:
            with Program(entrant, options.work / "errors.log") as program:
                start = peak_memory(program)
                for _ in range(MEMORY_STEPS):
                    program.ask(line(case, options))
                tried[entrant] = {"setting": entrant.variant, "loaded": start, "peak": peak_memory(program)}
                print(f"    {entrant}: {tried[entrant]['peak'] / 1e9:.2f} GB, {start / 1e9:.2f} GB when loaded", flush=True)
        except Failed as reason:
            print(f"    {entrant}: {reason}", flush=True)
    found = {}
    for peer in (OURS, PEER):
        of_peer = [entry for entrant, entry in tried.items() if entrant.peer == peer]
        if not of_peer:
            raise Failed(f"{peer} did not run")
        found[peer] = min(of_peer, key=lambda entry: entry["peak"])
    return {"entries": found, "tried": {f"{entrant}": entry["peak"] for entrant, entry in tried.items()},
            "ratio": found[OURS]["peak"] / found[PEER]["peak"]}


def peak_memory(program):
    """Bytes: `VmHWM`."""
    for row in pathlib.Path(f"/proc/{program.process.pid}/status").read_text().splitlines():
        if row.startswith("VmHWM:"):
            return int(row.split()[1]) * 1024
    raise Failed("the system does not tell its memory")


def tables(records):
    """Markdown: speed and memory."""
    yield f"{processor()}; medians of rounds in turns; the peer in its fastest setting of those tried."
    yield ""
    yield "| | batch | clip-rs, items/s | share of peak | peer, items/s | share of peak | peer's setting | times as fast | rounds |"
    yield "|---|---:|---:|---:|---:|---:|---|---:|---:|"
    for record in (record for record in records if record["measures"] == "seconds"):
        cells = [record["title"], str(record["batch"])]
        for peer in (OURS, PEER):
            rate = record["batch"] / record["entries"][peer]["median"]
            cells += [f"{rate:.2f}", f"{rate * record['operations'] / record['peak']:.0%}"]
        cells += [record["entries"][PEER]["setting"], f"{record['ratio']:.2f}", str(len(record["entries"][OURS]["seconds"]))]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield "| greatest resident memory | batch | clip-rs, GB | peer, GB | peer's setting | peer when loaded, GB | ours / peer's |"
    yield "|---|---:|---:|---:|---|---:|---:|"
    for record in (record for record in records if record["measures"] == "memory"):
        ours, peer = record["entries"][OURS], record["entries"][PEER]
        yield (f"| {record['title']} | {record['batch']} | {ours['peak'] / 1e9:.2f} | {peer['peak'] / 1e9:.2f} | {peer['setting']} "
               f"| {peer['loaded'] / 1e9:.2f} | {record['ratio']:.2f} |")
    yield ""
    yield "Processor time that other processes used, at most: " + ", ".join(
        f"{record['name']} {max(share for entry in record['entries'].values() for share in entry['foreign']):.0%}"
        for record in records if record["measures"] == "seconds")


def write(every, results, out):
    """What was ever measured, as JSON and as tables."""
    records = [json.loads((results / f"{name}.json").read_text()) for name in every if (results / f"{name}.json").exists()]
    out.mkdir(parents=True, exist_ok=True)
    (out / "train_peers.json").write_text(json.dumps(records, indent=1), "utf-8")
    text = "\n".join(tables(records))
    (out / "train_peers.md").write_text(text + "\n", "utf-8")
    print(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--captions", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", default="", help="names, separated by commas; `list` prints them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--patience", type=float, default=10, help="seconds to wait for a reading that nobody disturbs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clip-rs", type=pathlib.Path, default=ROOT / "target/release/clip-rs")
    options = parser.parse_args()
    options.deadline = time.monotonic() + 60 * options.minutes
    every = cases()
    names = options.only.split(",") if options.only else list(every)
    if names == ["list"]:
        return print("\n".join(every))
    options.work = options.work.resolve()
    results = options.work / "train-results"
    results.mkdir(parents=True, exist_ok=True)
    captions(options)
    for name in names:
        case = every[name]
        if time.monotonic() > options.deadline:
            print(f"left out, no time: {name}", flush=True)
            continue
        print(f"{case.title}, batch {case.batch}", flush=True)
        try:
            record = memory(case, options) if case.measures == "memory" else speed(case, options)
        except Failed as reason:
            print(f"  failed: {reason}", flush=True)
            continue
        print(f"  {record['ratio']:.3f}", flush=True)
        record = {"name": name, **dataclasses.asdict(case), "operations": case.operations(), "threads": options.threads, **record}
        (results / f"{name}.json").write_text(json.dumps(record, indent=1), "utf-8")
    write(every, results, options.out)


if __name__ == "__main__":
    main()
