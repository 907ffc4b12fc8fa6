"""Who runs in which measurement: each peer in every configuration that could be its fastest."""
import dataclasses
import itertools
import pathlib
import sys

# 10⁹ operations of the reference for one item, two for each multiply-add, nothing left out.
GIGA_OPERATIONS = {
    ("vit-b-32", "image"): 2 * 4.409, ("vit-l-14", "image"): 2 * 81.013, ("rn50", "image"): 2 * 5.793,
    ("vit-b-32", "text"): 2 * 2.980}


@dataclasses.dataclass(frozen=True)
class Entrant:
    peer: str
    variant: str
    command: tuple
    threads: int
    tenth: bool = False  # runs a tenth of the work, its time counts ten times
    checked: bool = False  # knows `check`

    def __str__(self):
        return f"{self.peer} ({self.variant})" if self.variant else self.peer

    def environment(self):
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "RTEN_NUM_THREADS")
        here = str(pathlib.Path(__file__).resolve().parent.parent)
        return {**dict.fromkeys(names, str(self.threads)), "PYTHONPATH": here}


class Field:
    """Makes entrants for one machine's setup."""

    def __init__(self, clip_rs, rust_peers, work, threads, before=None):
        self.clip_rs_program, self.rust_peers, self.work, self.threads = clip_rs, rust_peers, work, threads
        self.before = before  # an earlier clip-rs

    def python(self, peer, module, folder, *, threads=None, variant="", tenth=False, checked=True, **options):
        """The worker `module` with the options as flags; those that vary name the variant."""
        threads = threads or self.threads
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = (sys.executable, "-m", f"peers.{module}", str(self.work / folder), "--threads", str(threads), *flags)
        return Entrant(peer, variant, command, threads, tenth, checked)

    def variants(self, peer, module, folder, choices, **options):
        """One entrant for each combination of `choices`: a dictionary of lists."""
        return [self.python(peer, module, folder, variant=" ".join(chosen), **options, **dict(zip(choices, chosen)))
                for chosen in itertools.product(*choices.values())]

    def rust(self, peer, folder, variant="", threads=None, checked=True, **options):
        """A Rust peer, if there is a folder of them."""
        threads = threads or self.threads
        if self.rust_peers is None:
            return []
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        program = self.rust_peers.resolve() / f"with_{peer}"
        command = (str(program), str(self.work / folder), "--threads", str(threads), *flags)
        return [Entrant(peer, variant, command, threads, checked=checked)]

    def clip_rs(self, model, precision="f32", threads=None):
        threads = threads or self.threads
        if not self.clip_rs_program.exists():
            return []
        options = ("bench", "--serve", "--offline", "--model", model, "--precision", precision, "--threads", str(threads))
        programs = {"clip-rs": self.clip_rs_program, "clip-rs before": self.before}
        return [Entrant(name, "", (str(program), *options), threads) for name, program in programs.items() if program]

    def weights(self, model):
        return str(self.work / f"{model}.safetensors")

    def images(self, model, precision, batch):
        """Everybody who has an image tower of this precision."""
        modes = ["latency"] if batch == 1 else ["latency", "halves", "streams"]
        tower = {"tower": "image", "precision": precision}
        found = self.clip_rs(self.weights(model), precision)
        if precision == "int8":
            choices = {"graph": ["torch", "onnx"], "mode": modes, "other": ["f32", "bf16"]}
            found += self.variants("OpenVINO, NNCF", "with_openvino", model, choices, **tower)
            tower.pop("precision")
            choices = {"precision": ["int8", "int8-7bit"]}
            found += self.variants("ONNX Runtime, dynamic", "with_onnxruntime", model, choices, **tower)
            found += self.rust("rten", model, "dynamic", precision="int8", **tower)
            return found
        found += self.variants("OpenVINO", "with_openvino", model, {"graph": ["torch", "onnx"], "mode": modes}, **tower)
        modes = ["eager", "compiled"] + ["autocast"] * (precision == "bf16")
        found += self.variants("PyTorch", "with_pytorch", model, {"mode": modes}, **tower)
        if precision == "f32":
            found.append(self.python("ONNX Runtime", "with_onnxruntime", model, **tower))
            found += self.rust("rten", model, **tower)
            found += self.rust("candle", model, **tower) if model != "rn50" else []
            if model == "vit-b-32":
                found.append(self.python("faster-clip", "with_faster_clip", model))
        return found

    def texts(self, precision, padding):
        """Text towers of ViT-B/32: padded to 77 as everybody does, or sorted by length and cut ("cut")."""
        model, batches = "vit-b-32", ["32", "64", "128"]
        tower = {"tower": "text", "precision": precision, "padding": padding}
        found = self.clip_rs(self.weights(model), precision)
        choices = {"graph": ["torch", "onnx"], "mode": ["latency", "streams"], "batch": batches}
        found += self.variants("OpenVINO", "with_openvino", model, choices, **tower)
        modes = ["eager", "autocast"] if precision == "bf16" else ["eager"]
        modes += ["compiled"] if padding == "77" else []  # each length would be compiled anew
        found += self.variants("PyTorch", "with_pytorch", model, {"mode": modes, "batch": batches}, **tower)
        if precision == "f32":
            found += self.variants("ONNX Runtime", "with_onnxruntime", model, {"batch": batches}, **tower)
            for batch in batches:
                found += self.rust("rten", model, batch, batch=batch, **tower)
                found += self.rust("candle", model, batch, batch=batch, **tower)
        return found

    def prompts(self):
        """PyTorch alone, on a tenth."""
        tower = {"tower": "text", "precision": "f32", "padding": "77", "batch": "64"}
        choices = {"mode": ["eager", "compiled"]}
        return self.clip_rs(self.weights("vit-b-32")) + self.variants(
            "PyTorch", "with_pytorch", "vit-b-32", choices, tenth=True, **tower)

    def pixels(self):
        peer = self.python("Pillow + torchvision", "with_torchvision", "vit-b-32", threads=1, checked=False)
        return self.clip_rs("none", threads=1) + [peer]

    def tokenizers(self):
        def of(peer, library):
            return self.python(peer, "with_python_tokenizer", "vit-b-32", threads=1, checked=False, library=library)
        return [*self.clip_rs("none", threads=1), of("reference Python, ftfy", "reference"),
                of("tokenizers, from Python", "tokenizers"), *self.rust("tokenizers", "vit-b-32", threads=1, checked=False)]

    def photos_to_labels(self, model, precision):
        """The script a researcher would write."""
        weights, name = (self.weights(model), "ViT-B-32-quickgelu") if model != "starter" else ("starter", "starter")
        choices = {"batch": ["32", "64"], "mode": ["plain", "autocast"] if precision == "bf16" else ["plain"]}
        return self.clip_rs(weights, precision) + self.variants(
            "PyTorch + open_clip", "with_open_clip", model, choices, checked=False, precision=precision, name=name)
