"""Downloads from a server on this machine; none without being told to."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clip_rs

ROOT = Path(__file__).resolve().parents[3]
STARTER = ROOT / "crates" / "clip" / "assets" / "starter"
NAME = "hf:someone/starter"


class Mirror(ThreadingHTTPServer):
    """A server with the starter as a repository; `pause` is waited for after each piece of weights."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        folder = "/someone/starter/resolve/main/"
        self.files = {
            folder + "open_clip_config.json": (STARTER / "open_clip_config.json").read_bytes(),
            folder + "open_clip_model.safetensors": (STARTER / "starter.safetensors").read_bytes(),
        }
        self.requests: list[str] = []
        self.pause = 0.0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        data = self.server.files.get(self.path)
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        try:
            for start in range(0, len(data or b""), 1 << 16):
                self.wfile.write((data or b"")[start : start + (1 << 16)])
                time.sleep(self.server.pause)
        except OSError:
            pass  # who asked has gone

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    server = Mirror()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_repository_comes_once_and_then_needs_no_network(
    mirror: Mirror, tmp_path: Path, starter: clip_rs.Model
) -> None:
    model = clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True, mirror=mirror.address)
    np.testing.assert_array_equal(model.encode_text("a cat"), starter.encode_text("a cat"))
    asked = len(mirror.requests)
    assert asked >= 2
    again = clip_rs.load(NAME, cache_dir=str(tmp_path))
    np.testing.assert_array_equal(again.encode_text("a cat"), starter.encode_text("a cat"))
    clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True, mirror=mirror.address)
    clip_rs.load("starter", allow_download=True, mirror=mirror.address)
    assert len(mirror.requests) == asked


def test_nothing_is_asked_unless_allowed(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_RS_MIRROR", mirror.address)
    for name in ("ViT-B/32", NAME):
        with pytest.raises(FileNotFoundError, match="(?s)not on this machine.*help: .*allow_download=True"):
            clip_rs.load(name, cache_dir=tmp_path, mirror=mirror.address)
    monkeypatch.setenv("CLIP_RS_OFFLINE", "true")
    with pytest.warns(UserWarning, match="CLIP_RS_OFFLINE"), pytest.raises(FileNotFoundError):
        clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True)
    assert not mirror.requests
    monkeypatch.delenv("CLIP_RS_OFFLINE")
    clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True)
    assert mirror.requests


def test_what_is_not_there_or_not_right_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="ViT-B-32.pt: not found"):
        clip_rs.load("ViT-B/32", cache_dir=tmp_path, allow_download=True, mirror=mirror.address)
    mirror.files[mirror.requests[-1]] = b"other weights"
    with pytest.raises(OSError, match="SHA-256 is"):
        clip_rs.load("ViT-B/32", cache_dir=tmp_path, allow_download=True, mirror=mirror.address)
    with pytest.raises(FileNotFoundError, match="has no weights"):
        clip_rs.load("hf:some/thing", cache_dir=tmp_path, allow_download=True, mirror=mirror.address)


def test_files_have_bars_of_their_bytes(mirror: Mirror, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True, mirror=mirror.address, progress=True)
    said = capfd.readouterr().err
    assert "open_clip_model.safetensors: 100%" in said


INTERRUPTED = """
import os, signal, sys, threading, time
import clip_rs
def interrupt():
    time.sleep(1); at.append(time.monotonic()); os.kill(os.getpid(), signal.SIGINT)
at = []
threading.Thread(target=interrupt, daemon=True).start()
try:
    clip_rs.load({name!r}, cache_dir={cache!r}, allow_download=True, mirror={mirror!r})
    sys.exit("it ended before")
except KeyboardInterrupt:
    print(time.monotonic() - at[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to oneself ends the process there")
def test_ctrl_c_ends_a_download_that_is_taken_up_later(mirror: Mirror, tmp_path: Path) -> None:
    mirror.pause = 0.5
    script = INTERRUPTED.format(name=NAME, cache=str(tmp_path), mirror=mirror.address)
    path = {"PYTHONPATH": str(Path(clip_rs.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(done.stdout) < 1
    mirror.pause = 0
    assert clip_rs.load(NAME, cache_dir=tmp_path, allow_download=True, mirror=mirror.address).embed_dim
