"""The Python package against its peers in Python, in turns in one run, on two threads.

    pip install torch open_clip_torch tokenizers         # and the wheel: pip install .
    cargo build --release
    python bench/python_peers.py MODEL --photos DIR --captions FILE --program target/release/clip-rs [--rounds 5] [--out FILE]

MODEL is a folder with open_clip_config.json and weights of a ViT-B/32 (speed does not depend on training). Of the photos
below DIR 500 are taken, again and again if there are fewer; FILE has a caption on each line, of which 100,000 different
ones are made by joining two. Measured, with medians over rounds in which everybody takes turns:

images     `encode_images` of 500 files; open_clip's preprocessing in a DataLoader of two workers and `encode_image`
overhead   the same by the program: time of `embed images` of 500 files less that of 1 file, against the package's
tokens     `tokenize` of 100,000 captions; open_clip's tokenizer; the library `tokenizers`, `encode_batch_fast` on its threads
import     `import clip_rs` in a fresh interpreter less an empty one: time and memory, the least of ten

Prints a table; --out gets the readings as JSON.
"""
import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
BATCH = 32
CAPTIONS = 100_000
PHOTOS = 500
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(THREADS)
os.environ["TOKENIZERS_PARALLELISM"] = "true"
BOUNDS = {"images": 1.3, "open_clip tokens": 60, "tokenizers": 5, "overhead": 0.03, "import s": 0.05, "import MB": 30}


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works, rounds):
    """Seconds of each, by name; everybody runs once before it counts."""
    for work in works.values():
        work()
    readings = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            before = processor()
            readings[name].append(seconds(work))
            print(f"{name:<22} {readings[name][-1]:9.3f} s, of processors {processor() - before:9.3f} s", file=sys.stderr)
    return readings


def processor():
    """Seconds of all processors for this process and those that it waited for: what other programs disturb little."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Files:
    """A data set for DataLoader: files through open_clip's preprocessing."""

    def __init__(self, paths, preprocess):
        self.paths, self.preprocess = paths, preprocess

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, place):
        from PIL import Image

        return self.preprocess(Image.open(self.paths[place]))


def reference_model(folder):
    """open_clip's model with the weights of a folder, and its preprocessing."""
    import open_clip
    import torch

    torch.set_num_threads(THREADS)
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    return model.eval(), preprocess


def open_clip_images(folder, paths):
    import torch

    model, preprocess = reference_model(folder)

    def encode():
        loader = torch.utils.data.DataLoader(Files(paths, preprocess), BATCH, num_workers=THREADS)
        with torch.inference_mode():
            return torch.cat([model.encode_image(batch) for batch in loader]).numpy()

    return encode


def program_images(program, folder, paths, work):
    """Runs of the program over all files, and over one: what is left between them is work alone."""
    inputs = {"all": [pathlib.Path(paths[0]).parent], "one": paths[:1]}

    def run(name):
        for file in work.glob(f"{name}.npy*"):
            file.unlink()
        command = [program, "embed", "images", *inputs[name], "--model", folder, "--threads", str(THREADS), "--raw",
                   "--out", work / f"{name}.npy", "--offline", "--quiet"]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)

    return {f"program, {name}": lambda name=name: run(name) for name in inputs}


def images(options, work):
    import numpy as np

    import clip_rs

    found = sorted(str(path) for path in options.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    paths = work / "photos"  # links, since the program takes a file once
    paths.mkdir()
    for place in range(PHOTOS):
        (paths / f"{place:03}.jpg").symlink_to(pathlib.Path(found[place % len(found)]).resolve())
    paths = sorted(str(path) for path in paths.iterdir())
    model, theirs = clip_rs.load(options.model, threads=THREADS), open_clip_images(options.model, paths)
    difference = np.abs(model.encode_images(paths[:64]) - np.asarray(open_clip_images(options.model, paths[:64])())).max()
    works = {"clip_rs": lambda: model.encode_images(paths), "open_clip": theirs}
    works.update(program_images(options.program, options.model, paths, work))
    readings = in_turns(works, options.rounds)
    return readings, {"difference": float(difference)}


def captions(path):
    """Different captions: each with another, in an order of its own."""
    lines = [line.rsplit("\t", 1)[-1] for line in path.read_text("utf-8").splitlines() if line.strip()]
    made = (f"{first} {lines[(place * 7 + step) % len(lines)]}" if step else first
            for step in range(1 + CAPTIONS // len(lines)) for place, first in enumerate(lines))
    return [text for text, _ in zip(made, range(CAPTIONS))]


def library_tokenizer():
    """CLIP's vocabulary for the library `tokenizers`, as Hugging Face converts it."""
    import open_clip.tokenizer
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    reference = open_clip.tokenizer.SimpleTokenizer()
    ranks, start, end = reference.bpe_ranks, "<start_of_text>", "<end_of_text>"
    tokenizer = Tokenizer(models.BPE(vocab=reference.encoder, merges=sorted(ranks, key=ranks.get), unk_token=end,
                                     end_of_word_suffix="</w>", continuing_subword_prefix="", fuse_unk=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(words), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(name, reference.encoder[name]) for name in (start, end)])
    tokenizer.enable_truncation(77)
    tokenizer.enable_padding(length=77, pad_id=0)
    return tokenizer


def tokens(options):
    import numpy as np
    import open_clip

    import clip_rs

    texts = captions(options.captions)
    reference, library = open_clip.get_tokenizer("ViT-B-32"), library_tokenizer()
    few = texts[::50]
    ours = clip_rs.tokenize(few, truncate=True)
    differing = {"open_clip": int((ours != reference(few).numpy()).any(axis=1).sum()),
                 "tokenizers": int((ours != np.array([e.ids for e in library.encode_batch_fast(few)])).any(axis=1).sum())}
    tenth = texts[::10]  # open_clip's takes a tenth, which counts ten times
    readings = in_turns({
        "clip_rs": lambda: clip_rs.tokenize(texts, truncate=True, threads=THREADS),
        "tokenizers": lambda: library.encode_batch_fast(texts),
        "open_clip, a tenth": lambda: reference(tenth),
    }, options.rounds)
    readings["open_clip"] = [10 * value for value in readings.pop("open_clip, a tenth")]
    return readings, {"texts": len(texts), "compared": len(few), "differing": differing}


MEASURED = """
import os, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
before, start = resident(), time.perf_counter()
{statement}
print(time.perf_counter() - start, resident() - before)
"""


def imports():
    """Least seconds and megabytes that the import adds."""
    command = [sys.executable, "-c", MEASURED.format(statement="import clip_rs")]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() for _ in range(10)]
    return {"import s": min(float(time) for time, _ in outputs), "import MB": min(int(size) for _, size in outputs) / 1e6}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if "model name" in line), "")
    return f"{model or platform.processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--captions", type=pathlib.Path, required=True)
    parser.add_argument("--program", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    figures = imports()
    text_readings, text_facts = tokens(options)
    with tempfile.TemporaryDirectory() as work:
        image_readings, image_facts = images(options, pathlib.Path(work))
    image, text = ({name: statistics.median(values) for name, values in readings.items()}
                   for readings in (image_readings, text_readings))
    program = statistics.median(every - one for every, one in zip(image_readings["program, all"], image_readings["program, one"]))
    figures["images"] = image["open_clip"] / image["clip_rs"]
    figures["overhead"] = image["clip_rs"] * (PHOTOS - 1) / PHOTOS / program - 1
    figures["open_clip tokens"] = text["open_clip"] / text["clip_rs"]
    figures["tokenizers"] = text["tokenizers"] / text["clip_rs"]
    print(f"{machine()}; {THREADS} threads, medians of {options.rounds} rounds in turns")
    for name, value in {**image, "program, all less one": program}.items():
        print(f"{PHOTOS} photos      {name:<22} {value:8.2f} s  {PHOTOS / value:10.1f} /s")
    for name, value in text.items():
        print(f"{CAPTIONS} captions {name:<22} {value:8.3f} s  {CAPTIONS / value:10.0f} /s")
    print(f"features differ by {image_facts['difference']:.1e} at most; texts with other ids than clip_rs: {text_facts['differing']}")
    for name, bound in BOUNDS.items():
        least = name in ("images", "open_clip tokens", "tokenizers")
        kept = figures[name] >= bound if least else figures[name] < bound
        print(f"{name:<18} {figures[name]:9.4f}  {'>=' if least else '< '} {bound:<6} {'yes' if kept else 'NO'}")
    if options.out:
        facts = {"machine": machine(), "threads": THREADS, "images": image_readings, "tokens": text_readings,
                 **image_facts, **text_facts, "figures": figures}
        options.out.write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
