"""OpenVINO: one tower at one precision.

`--mode latency` runs one request on all threads; `halves` splits a batch over two streams; `streams` keeps a whole
batch in flight on each of two streams and counts the time per batch.
"""
import numpy as np
import openvino as ov

from peers import protocol, towers

options = protocol.arguments(
    tower=towers.TOWERS, precision=("f32", "bf16", "int8"), mode=("latency", "halves", "streams"),
    graph=("torch", "onnx"), other=("f32", "bf16"), padding=towers.PADDINGS, batch=towers.BATCHES)
core = ov.Core()
suffix = "-int8" if options.precision == "int8" else ""
graph = core.read_model(f"{options.folder}/{options.tower}-{options.graph}{suffix}.xml")
example = towers.inputs(options.folder, options.tower)
# What is not int8 in a calibrated graph runs at `--other`.
precision = options.other if options.precision == "int8" else options.precision
compiled = {}  # the requests of one shape at a time: each has a copy of the packed weights


def requests(shape):
    """Requests of the graph compiled for `shape`: one, or one for each stream."""
    shape = tuple(shape)
    if shape not in compiled:
        compiled.clear()
        streams = 1 if options.mode == "latency" else 2
        shaped = graph.clone()
        shaped.reshape(list(shape))
        model = core.compile_model(shaped, "CPU", {
            "INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": streams,
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"})
        compiled[shape] = [model.create_infer_request() for _ in range(streams)]
    return compiled[shape]


def run(pool, inputs):
    """The inputs, one to each request, side by side."""
    for request, values in zip(pool, inputs):
        request.start_async([values], share_inputs=True)
    for request in pool[:len(inputs)]:
        request.wait()


def image(batch):
    batch = int(batch)
    each = batch // 2 if options.mode == "halves" else batch
    pool = requests([each, *example.shape[1:]])
    parts = [example[:each], example[batch - each:batch]][:len(pool)]
    calls_at_once = 2 if options.mode == "streams" else 1
    return protocol.median_call(lambda: run(pool, parts)) / calls_at_once


def text(path):
    pool = requests([-1, -1 if options.padding == "cut" else towers.CONTEXT])
    work = towers.batches(towers.tokenize(protocol.lines(path)), int(options.batch), options.padding)
    groups = [work[i:i + len(pool)] for i in range(0, len(work), len(pool))]
    return protocol.seconds(lambda: [run(pool, group) for group in groups])


def check(out):
    inputs = example[:towers.CHECKED]
    features = requests(inputs.shape)[0].infer([inputs])[0]
    np.save(out, features.astype(np.float32))
    compiled.clear()
    return 0


protocol.serve(image=image, text=text, check=check)
