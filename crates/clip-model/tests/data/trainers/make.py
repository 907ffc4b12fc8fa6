"""Writes the checkpoints of this folder: one tiny CLIP as trainers leave it. python make.py (torch, numpy)"""
import argparse, collections, dataclasses, decimal, enum, functools, gzip, io, json, pathlib, random, sys, types
import numpy as np, torch
from torch import nn

class Mode(enum.Enum):
    TRAIN = "train"
class Flags(enum.IntFlag):
    A = 1
@dataclasses.dataclass
class Options:
    lr: float = 0.1
    mode: Mode = Mode.TRAIN
class Names(dict): pass
class History(list): pass
class Slots:
    __slots__ = ("a",)
    def __init__(self): self.a = 1
def outer(_=0):
    return 1.0
for thing in (Mode, Flags, Options, Names, History, Slots, outer): thing.__module__ = "trainer.options"
module = types.ModuleType("trainer.options")
for thing in (Mode, Flags, Options, Names, History, Slots, outer): setattr(module, thing.__name__, thing)
sys.modules["trainer"] = types.ModuleType("trainer"); sys.modules["trainer.options"] = module

W, D, VOCAB, CONTEXT = 8, 4, 20, 5
SHAPES = {"logit_scale": (), "text_projection": (W, D), "positional_embedding": (CONTEXT, W), "token_embedding.weight": (VOCAB, W),
          "ln_final.weight": (W,), "ln_final.bias": (W,), "visual.class_embedding": (W,), "visual.positional_embedding": (5, W),
          "visual.proj": (W, D), "visual.conv1.weight": (W, 3, 2, 2), "visual.ln_pre.weight": (W,), "visual.ln_pre.bias": (W,),
          "visual.ln_post.weight": (W,), "visual.ln_post.bias": (W,)}
for tower in ("", "visual."):
    b = tower + "transformer.resblocks.0."
    SHAPES |= {b + "attn.in_proj_weight": (3 * W, W), b + "attn.in_proj_bias": (3 * W,), b + "attn.out_proj.weight": (W, W),
               b + "attn.out_proj.bias": (W,), b + "ln_1.weight": (W,), b + "ln_1.bias": (W,), b + "ln_2.weight": (W,), b + "ln_2.bias": (W,),
               b + "mlp.c_fc.weight": (2 * W, W), b + "mlp.c_fc.bias": (2 * W,), b + "mlp.c_proj.weight": (W, 2 * W), b + "mlp.c_proj.bias": (W,)}
def weights(first=0):
    out = collections.OrderedDict()
    for i, (name, shape) in enumerate(SHAPES.items()):
        n = int(np.prod(shape, dtype=int)); out[name] = ((torch.arange(n) % 7 + i + first) / 16).half().reshape(shape)
    return out
sd = weights()
under = lambda p, s=sd: collections.OrderedDict((p + k, v) for k, v in s.items())
def tree(wrap=lambda m: m):
    """The same as nested modules, whose paths are the names."""
    root = nn.Module()
    for name, value in sd.items():
        at = root; *path, leaf = name.split(".")
        for part in path:
            if part not in at._modules: at.add_module(part, nn.Module())
            at = at._modules[part]
        at.register_parameter(leaf, nn.Parameter(value, requires_grad=name != "visual.proj"))
    root.register_buffer("attn_mask", torch.full((CONTEXT, CONTEXT), float("-inf")).triu(1), persistent=False)
    root.activation = functools.partial(nn.functional.gelu, approximate="none"); root.options = Options()
    return wrap(root)
model = nn.Linear(2, 2); adam = torch.optim.AdamW(model.parameters()); model(torch.ones(1, 2)).sum().backward(); adam.step()
sparse = dict(sd); sparse["visual.proj"] = sd["visual.proj"].float().to_sparse()
plain = {k: v.clone() for k, v in sd.items()}
for p in plain.values(): p.decay = True
FILES = {
 "plain": sd,
 "numpy_scalar": {"epoch": 5, "state_dict": under("module."), "optimizer": {"param_groups": [{"lr": np.float64(1e-4)}]}},
 "everything": {"state_dict": sd, "args": argparse.Namespace(lr=1e-3, out=pathlib.PurePosixPath("/o")), "opt": Options(), "flags": Flags.A,
   "numpy": [np.arange(3.0), np.dtype("float32"), np.int64(3), np.random.get_state()[1][:4]], "rng": [random.getstate()[1][:5], torch.get_rng_state()[:16].clone()],
   "plain": {1, frozenset({2}), b"bytes".hex()}, "bytes": b"\x00\xff", "array": bytearray(b"x"), "complex": 1j, "decimal": decimal.Decimal("1.5"),
   "range": range(3), "slots": Slots(), "size": torch.Size([1]), "device": torch.device("cpu"), "dtype": torch.float16, "big": 1 << 100,
   "default": collections.defaultdict(list, a=[1]), "counter": collections.Counter("aab"), "names": Names(a=1), "history": History([1]),
   "deque": collections.deque([1, 2]), "function": outer, "partial": functools.partial(outer), "keys": {None: 1, (1, 2): 2, 1.5: 3, True: 4, Mode.TRAIN: 5},
   "sparse": torch.eye(2).to_sparse(), "quantised": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
   "other types": [torch.zeros(2, dtype=torch.complex64), torch.zeros(2, dtype=torch.float8_e4m3fn), torch.zeros(2, dtype=torch.uint16)],
   "scheduler": torch.optim.lr_scheduler.LambdaLR(adam, outer).state_dict(), "optimizer": adam.state_dict()},
 "model_state_dict": {"epoch": 3, "model_state_dict": sd, "loss": 0.5},
 "lightning": {"state_dict": under("clipmodel.") | {"head.weight": torch.zeros(3, 4)}, "hyper_parameters": {"mode": Mode.TRAIN}},
 "deepspeed": {"module": under("module."), "ds_config": Names(), "ds_version": "0.9", "param_shapes": [collections.OrderedDict(a=torch.Size([2]))]},
 "nested": {"run": {"net": Names(under("_orig_mod.clip_model."))}},
 "tagged": (plain, 7),
 "two_models": {"model": sd, "ema": weights(1)},
 "sparse_weight": sparse,
 "whole_model_wrapped": {"model": tree(nn.DataParallel), "args": argparse.Namespace()},
}
def save(name, obj, **options):
    out = io.BytesIO(); torch.save(obj, out, **options); open(name + ".gz", "wb").write(gzip.compress(out.getvalue(), 9, mtime=0))
for name, obj in FILES.items(): save(name + ".pt", obj)
for protocol in (4, 5): save(f"protocol_{protocol}.pt", FILES["everything"] if protocol == 5 else tree(), pickle_protocol=protocol)
for protocol in (2, 4): save(f"legacy_{protocol}.pt", FILES["everything"] if protocol == 2 else sd, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
torch.serialization.get_source_lines_and_file = None  # leaves the modules' source out
save("legacy_whole_model.pt", tree(), _use_new_zipfile_serialization=False)
