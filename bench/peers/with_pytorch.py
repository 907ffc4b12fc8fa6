"""PyTorch: one tower of OpenAI's model code, eager or compiled, in f32 or bf16."""
import numpy as np
import torch

from peers import protocol, towers

options = protocol.arguments(
    tower=towers.TOWERS, precision=("f32", "bf16"), mode=("eager", "autocast", "compiled"), padding=towers.PADDINGS,
    batch=towers.BATCHES)
torch.set_num_threads(options.threads)
torch.set_grad_enabled(False)


def to_bf16(module):
    """All but the norms, which stay f32: what the model code does for f16."""
    for part in module.modules():
        if not isinstance(part, (torch.nn.LayerNorm, torch.nn.BatchNorm2d)):
            for parameter in part._parameters.values():
                if parameter is not None:
                    parameter.data = parameter.data.bfloat16()


module = towers.tower(towers.reference(options.folder), options.tower)
example = torch.from_numpy(towers.inputs(options.folder, options.tower))
if options.precision == "bf16" and options.mode != "autocast":
    to_bf16(module)
    example = example.bfloat16() if options.tower == "image" else example
if options.mode == "compiled":
    import torch._inductor.config

    torch._inductor.config.freezing = True  # constants folded, weights packed
    module = torch.compile(module, dynamic=options.padding == "cut")


def run(batch):
    with torch.autocast("cpu", torch.bfloat16, enabled=options.mode == "autocast"):
        return module(batch)


def image(batch):
    photos = example[:int(batch)]
    return protocol.median_call(lambda: run(photos))


def text(path):
    tokens = towers.tokenize(protocol.lines(path))
    work = [torch.from_numpy(batch) for batch in towers.batches(tokens, int(options.batch), options.padding)]
    return protocol.seconds(lambda: [run(batch) for batch in work])


def check(out):
    np.save(out, run(example[:towers.CHECKED]).float().numpy())
    return 0


protocol.serve(image=image, text=text, check=check)
