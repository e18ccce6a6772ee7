"""Keras's own files: found where they are, downloaded whole or not at all, and an error that says
where to put what.
"""

import gzip
import hashlib
import http.server
import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.sources import keras_files
from vaiopt.errors import DataError

REAL = os.environ.get("VAIOPT_DATA")  # read before the tests' own environment hides it


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of Keras's with nothing in it, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(keras_files, "BASE_URL", "http://127.0.0.1:9/")
    return tmp_path / "keras" / "datasets"


def write_mnist(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.random.RandomState(0).randint(0, 256, (20, 28, 28)).astype(np.uint8)
    y = (np.arange(20) % 10).astype(np.uint8)
    np.savez_compressed(str(path), x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    return path


def idx(array, magic=None):
    header = bytes([0, 0, 8, array.ndim]) if magic is None else magic
    return (
        header + np.asarray(array.shape, dtype=">u4").tobytes() + array.astype(np.uint8).tobytes()
    )


def write_fashion(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, count in (("train", 20), ("t10k", 10)):
        x = np.random.RandomState(count).randint(0, 256, (count, 28, 28))
        (folder / (prefix + "-images-idx3-ubyte.gz")).write_bytes(gzip.compress(idx(x)))
        (folder / (prefix + "-labels-idx1-ubyte.gz")).write_bytes(
            gzip.compress(idx(np.arange(count) % 10))
        )
    return folder


def refused(source):
    with pytest.raises(DataError) as caught:
        load_dataset(source)
    return caught.value


@pytest.mark.parametrize("place", ["keras", "variable", "variable of a keras folder"])
def test_both_are_found_in_keras_folder_and_in_vaiopt_data(tmp_path, home, monkeypatch, place):
    folder = {
        "keras": home,
        "variable": tmp_path / "d",
        "variable of a keras folder": tmp_path / "d" / "datasets",
    }[place]
    write_mnist(folder / "mnist.npz")
    write_fashion(folder / "fashion-mnist")
    if place != "keras":
        monkeypatch.setenv("VAIOPT_DATA", str(tmp_path / "d"))
    mnist, fashion = load_dataset("mnist"), load_dataset("fashion_mnist")
    assert (
        mnist.x.shape == (20, 28, 28, 1)
        and mnist.x.dtype == np.uint8
        and len(mnist.test_y) == 10
        and mnist.name == "mnist"
    )
    assert (
        fashion.x.shape == (20, 28, 28, 1)
        and fashion.classes[0] == "T-shirt/top"
        and fashion.test_y.tolist() == list(range(10))
    )
    x = np.random.RandomState(20).randint(0, 256, (20, 28, 28))
    assert np.array_equal(fashion.x[..., 0], x)


def test_without_file_and_network_the_error_says_what_to_put_where(tmp_path, monkeypatch, home):
    error = refused("mnist")
    assert f"no mnist.npz in {home}" in error.message and "cannot be downloaded" in error.message
    assert f"mnist.npz into {home}" in error.hint and "VAIOPT_DATA" in error.hint
    monkeypatch.setenv("VAIOPT_DATA", str(tmp_path / "d"))
    folder = write_fashion(tmp_path / "d" / "fashion-mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    error = refused("fashion_mnist")
    assert f"no t10k-labels-idx1-ubyte.gz in {folder}" in error.message
    assert error.hint.count(".gz") == 1, "only the file that is missing is asked for"
    assert not home.exists() or not list(home.rglob("*.*")), "nothing is left behind"


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(keras_files, "SECONDS_WITHOUT_ANSWER", 0.3)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        monkeypatch.setattr(keras_files, "BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert "timed out" in refused("mnist").message
    assert socket.getdefaulttimeout() is None


def test_a_folder_that_cannot_be_written_is_named(server, home):
    server["mnist.npz"] = b"anything"
    home.parent.mkdir()
    home.write_text("a file where the folder should be", encoding="utf-8")
    error = refused("mnist")
    assert "{}' cannot be written".format(home / "mnist.npz") in error.message


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the files of a dictionary; a text instead of bytes breaks off in the middle."""

    files = {}

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        content = self.files.get(self.path.strip("/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(
                content
                if isinstance(content, bytes)
                else content[: len(content) // 2].encode("latin-1")
            )


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(Server, "files", {})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    monkeypatch.setattr(keras_files, "BASE_URL", f"http://127.0.0.1:{running.server_address[1]}/")
    yield Server.files
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.slow
def test_keras_downloads_what_is_missing_whole_or_not_at_all(
    server, tmp_path, home, monkeypatch, capsys
):
    content = write_mnist(tmp_path / "served.npz").read_bytes()
    assert "answers 404" in refused("mnist").message
    server["mnist.npz"] = content
    assert "SHA-256" in refused("mnist").message, "not the file that Keras knows"
    monkeypatch.setattr(keras_files, "MNIST_SHA256", hashlib.sha256(content).hexdigest())
    server["mnist.npz"] = content.decode("latin-1")
    assert "cannot be downloaded" in refused("mnist").message
    assert not list(home.rglob("*")), "nothing is left behind"
    server["mnist.npz"] = content
    assert len(load_dataset("mnist").y) == 20
    server.clear()
    assert len(load_dataset("mnist").y) == 20
    assert [p.name for p in home.rglob("*")] == ["mnist.npz"]
    assert capsys.readouterr().out == "", "Keras's progress stays off stdout"


@pytest.mark.parametrize(
    "name, content, match",
    [
        ("train-images-idx3-ubyte.gz", b"hello", "cannot be read"),
        ("train-images-idx3-ubyte.gz", b"", "not an IDX file"),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(idx(np.zeros((20, 28, 28))))[:-9],
            "cannot be read",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros((10,)), bytes([0, 0, 10, 1]))),
            "not an IDX file",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros((10, 1)))),
            "not an IDX file with 1 axis",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros((10,)))[:-1]),
            "says shape \\(10,\\) but holds 9 values",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros((9,)))),
            "t10k-images-idx3-ubyte.gz of 'fashion_mnist' has 10 samples",
        ),
    ],
)
def test_damaged_files_are_named(home, name, content, match):
    (write_fashion(home / "fashion-mnist") / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        load_dataset("fashion_mnist")


def test_a_truncated_mnist_is_named(home):
    path = write_mnist(home / "mnist.npz")
    path.write_bytes(path.read_bytes()[:-100])
    assert "mnist.npz" in refused("mnist").message


@pytest.mark.skipif(
    not REAL or not (Path(REAL) / "mnist.npz").is_file(), reason="VAIOPT_DATA has no mnist.npz"
)
def test_the_real_mnist_stays_uint8(monkeypatch):
    monkeypatch.setenv("VAIOPT_DATA", str(REAL))
    dataset = load_dataset("mnist")
    assert (
        dataset.x.shape == (60000, 28, 28, 1)
        and dataset.test_x.shape == (10000, 28, 28, 1)
        and dataset.x.dtype == np.uint8
    )
    assert np.bincount(dataset.all_y).tolist() == [
        6903,
        7877,
        6990,
        7141,
        6824,
        6313,
        6876,
        7293,
        6825,
        6958,
    ]


@pytest.mark.skipif(
    not REAL or not (Path(REAL) / "fashion-mnist").is_dir(),
    reason="VAIOPT_DATA has no fashion-mnist",
)
def test_the_real_fashion_mnist_has_7000_of_each_class(monkeypatch):
    monkeypatch.setenv("VAIOPT_DATA", str(REAL))
    assert np.bincount(load_dataset("fashion_mnist").all_y).tolist() == [7000] * 10
