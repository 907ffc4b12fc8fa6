"""ONNX Runtime: one tower in f32 or dynamic int8 (weights of 8 or of 7 bits)."""
import numpy as np
import onnxruntime

from peers import protocol, towers

options = protocol.arguments(
    tower=towers.TOWERS, precision=("f32", "int8", "int8-7bit"), padding=towers.PADDINGS, batch=towers.BATCHES)
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = options.threads
settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
suffix = "" if options.precision == "f32" else f"-{options.precision}"
session = onnxruntime.InferenceSession(
    f"{options.folder}/{options.tower}{suffix}.onnx", settings, providers=["CPUExecutionProvider"])
example = towers.inputs(options.folder, options.tower)


def run(batch):
    return session.run(None, {"input": batch})[0]


def image(batch):
    photos = example[:int(batch)]
    return protocol.median_call(lambda: run(photos))


def text(path):
    work = towers.batches(towers.tokenize(protocol.lines(path)), int(options.batch), options.padding)
    return protocol.seconds(lambda: [run(batch) for batch in work])


def check(out):
    np.save(out, run(example[:towers.CHECKED]))
    return 0


protocol.serve(image=image, text=text, check=check)
