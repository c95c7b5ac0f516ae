"""Downloads from a server on this machine that breaks off, lies about lengths, or has another content."""

import gc
import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import seqjepa as sj
from seqjepa.images import cifar, mnist
from tests.images.test_mnist import idx

IMAGES = torch.arange(6 * 28 * 28).reshape(6, 28, 28).to(torch.uint8)
CONTENTS = {"train-images-idx3-ubyte": idx(IMAGES), "train-labels-idx1-ubyte": idx(torch.arange(6, dtype=torch.uint8))}
PACKED = {f"{name}.gz": gzip.compress(content) for name, content in CONTENTS.items()}


pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


class Server(BaseHTTPRequestHandler):
    """The first part of an address says what is wrong."""

    def do_GET(self):
        _, fault, name = self.path.split("/")
        body = PACKED.get(name, b"content")
        if fault == "missing":
            self.send_error(404)
            return
        sent = {"cut": body[: len(body) // 2], "other": gzip.compress(b"another"), "page": b"<html>"}.get(fault, body)
        promised = {"cut": len(body), "long": len(sent) + 100, "short": len(sent) // 2}.get(fault, len(sent))
        self.send_response(200)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def address(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "CONTENT_MD5", {n: hashlib.md5(c).hexdigest() for n, c in CONTENTS.items()})
    monkeypatch.setattr("requests.utils.should_bypass_proxies", lambda *_, **__: True)
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    gc.collect()  # pooch leaves the socket of a download that broke off to the collector: here, not in another test


def stored(root):
    return sorted(path.name for path in root.rglob("*") if path.is_file())


FAULTS = ("cut", "long", "short", "other", "page", "missing")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_mirror_is_passed_over_for_the_next(address, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(mnist, "MIRRORS", (f"{address}/{fault}/", f"{address}/right/"))
    assert torch.equal(sj.load_images("mnist", "train", tmp_path).pixels[:, 0], IMAGES)
    assert stored(tmp_path) == sorted(PACKED)


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_left_of_a_faulty_download(address, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(mnist, "MIRRORS", (f"{address}/{fault}/",))
    with pytest.raises(sj.InputError, match=r"ubyte\.gz is missing and could not be fetched") as caught:
        sj.load_images("mnist", "train", tmp_path)
    assert "\n" not in str(caught.value)
    assert stored(tmp_path) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_an_archive_of_cifar_is_whole_and_right_or_not_there(address, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(cifar, "MIRRORS", (f"{address}/{fault}/",))
    with pytest.raises(sj.InputError, match="could not be fetched") as caught:
        sj.load_images("cifar10", "test", tmp_path)
    assert "\n" not in str(caught.value)
    assert stored(tmp_path) == []
