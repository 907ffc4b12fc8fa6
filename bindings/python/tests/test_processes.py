"""Threads, processes, Ctrl-C, copies: one model in many hands gives the same bits."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clip_rs

ROOT = Path(__file__).resolve().parents[3]
PHOTOS = sorted(str(path) for path in (ROOT / "photos").glob("*.jpg"))
TEXTS = [f"a photo of {number} cats" for number in range(40)]
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def features(model: clip_rs.Model) -> bytes:
    """Bits of images and texts."""
    return model.encode_images(PHOTOS[:3]).tobytes() + model.encode_texts(TEXTS).tobytes()


def test_threads_have_the_bits_of_one_alone(starter: clip_rs.Model) -> None:
    alone = features(starter)
    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(features, [starter] * 6)) == {alone}


def test_the_number_of_threads_changes_no_bit(starter: clip_rs.Model) -> None:
    assert {features(clip_rs.load(threads=threads)) for threads in (1, 2, 8)} == {features(starter)}


def test_a_model_that_is_dropped_works_until_the_call_returns(starter: clip_rs.Model) -> None:
    expected = starter.encode_texts(TEXTS)
    models = [clip_rs.load(threads=2)]
    work = ThreadPoolExecutor(1).submit(models[0].encode_texts, TEXTS * 20)
    models.clear()
    gc.collect()
    np.testing.assert_array_equal(work.result(), np.tile(expected, (20, 1)))


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_use_their_parents_model(starter: clip_rs.Model) -> None:
    expected = features(starter)
    children = []
    for _ in range(2):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # nothing of the test itself may go on here
            same = False
            try:
                same = features(starter) == expected
            finally:
                os.write(write, b"y" if same else b"n")
                os._exit(0)
        os.close(write)
        children.append((child, read))
    for child, read in children:
        assert os.read(read, 1) == b"y"
        os.close(read)
        os.waitpid(child, 0)
    assert features(starter) == expected


class Loader:
    """What a DataLoader does: a data set with a model in it goes to several workers."""

    def __init__(self, model: clip_rs.Model) -> None:
        self.model, self.preprocess = model, model.preprocess

    def __call__(self, path: str) -> bytes:
        return self.preprocess(path).tobytes() + self.model.encode_image(path).tobytes()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_the_bits_of_their_parent(starter: clip_rs.Model, method: Any) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    loader = Loader(starter)
    expected = [loader(path) for path in PHOTOS[:3]]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as workers:
        assert list(workers.map(loader, PHOTOS[:3])) == expected


def test_pickles_hold_name_and_options_and_are_one_model() -> None:
    model = clip_rs.load(precision="bf16", threads=1)
    data = pickle.dumps([model, model.preprocess])
    assert len(data) < 10_000
    again, preprocess = pickle.loads(data)
    assert (again.precision, again.threads) == ("bf16", 1)
    assert pickle.loads(pickle.dumps(again)) is again
    assert features(again) == features(model)
    np.testing.assert_array_equal(preprocess(PHOTOS[0]), model.preprocess(PHOTOS[0]))


def test_copies_are_the_model_itself(starter: clip_rs.Model) -> None:
    assert copy.copy(starter) is starter
    assert copy.deepcopy({"model": starter})["model"] is starter


INTERRUPTED = """
import os, signal, sys, threading, time
import clip_rs
model = clip_rs.load()
expected = model.encode_text("a cat").tobytes()
photos = {photos!r} * 2000
texts = [f"number {{n}} of {{n * n}} with {{n + 7}} others" for n in range(200000)]
labels = [f"thing {{n}} of {{n * n}}" for n in range(50000)]
work = dict(
    images=lambda: model.encode_images(photos),
    texts=lambda: model.encode_texts(texts),
    ids=lambda: model.encode_texts([[49406, n % 49000, n // 7, 49407] for n in range(200000)]),
    classify=lambda: model.classify(photos[0], labels, templates=["a {{}}", "the {{}}"]),
)[sys.argv[1]]
began = threading.Event()
def interrupt():
    began.wait(); time.sleep(1); interrupted.append(time.monotonic()); os.kill(os.getpid(), signal.SIGINT)
interrupted = []
threading.Thread(target=interrupt, daemon=True).start()
try:
    began.set()
    work()
    sys.exit("it ended before")
except KeyboardInterrupt:
    print("seconds", time.monotonic() - interrupted[0])
assert model.encode_text("a cat").tobytes() == expected
print("usable")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to oneself ends the process there")
@pytest.mark.parametrize("work", ["images", "texts", "ids", "classify"])
def test_ctrl_c_ends_work_and_leaves_the_model_usable(work: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED.format(photos=PHOTOS), work]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("usable\n")
    assert float(done.stdout.split()[1]) < 2


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(clip_rs.__file__).parents[1])}


def test_an_exception_of_what_hears_of_progress_ends_the_work(starter: clip_rs.Model) -> None:
    heard: list[int] = []

    def tell(done: int) -> None:
        heard.append(done)
        raise LookupError("enough")

    texts = [f"a text of number {number}" for number in range(20000)]
    with pytest.raises(LookupError, match="enough"):
        starter._clip.encode_texts(texts, "texts", False, tell)
    assert len(heard) == 1 and heard[0] < len(texts)
    with pytest.raises(LookupError, match="enough"):
        starter._clip.encode_images([(path,) for path in PHOTOS * 8], False, tell)
    assert starter.encode_text("a").shape == (starter.embed_dim,)


def test_signals_are_heard_while_another_thread_works(starter: clip_rs.Model) -> None:
    heard = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: heard.set())
    try:
        work = ThreadPoolExecutor(1).submit(starter.encode_texts, TEXTS)
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard.wait(10)
        work.result()
    finally:
        signal.signal(signal.SIGTERM, before)


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="Linux tells it")
def test_memory_is_flat_over_many_calls(starter: clip_rs.Model) -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)

    def calls(count: int) -> None:
        for number in range(count):  # bench/python_memory.py does many more
            starter.tokenize(["a cat", f"number {number}"])
            starter.encode_text(f"number {number}")
            starter.encode_image(pixels)
            starter.classify(pixels, ["a cat", f"number {number}"])
            with pytest.raises(clip_rs.TextError):
                starter.encode_text("word " * 100)
            with pytest.raises(FileNotFoundError):
                starter.encode_image("nowhere.jpg")

    calls(15)
    gc.collect()
    before = resident()
    calls(50)
    gc.collect()
    assert resident() - before < 4_000_000


def test_time_is_left_to_other_threads(starter: clip_rs.Model) -> None:
    counted = 0
    work = ThreadPoolExecutor(1).submit(starter.encode_images, PHOTOS)
    while not work.done():
        counted += 1
        time.sleep(0.001)
    assert counted > 10  # the interpreter was free all the while
