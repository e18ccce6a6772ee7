"""Every file of examples/ searches: on made-up images of the right shape, few and briefly, since
what it reaches is in docs/results.md.
"""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from vaiopt.search import search_run
from vaiopt.settings import load_settings
from vaiopt.study.record import COMPLETE, PRUNED

EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.toml"))
BRIEF = ["data.limit=400", "search.workers=0", "search.trials=2", "objective.rank_int8=0"]
OTHERWISE = {
    "camvid_unet": [
        *("train.epochs=1", "data.image_size=[16,16]", "model.hyperparameters.width=8"),
        *("data.limit=0", "search.workers=0"),
    ],
    "cifar10": [
        *("train.epochs=1", "train.warmup=0", "search.trials=2", "model.hyperparameters.depth=1"),
        *("data.limit=0", "search.workers=0", "model.hyperparameters.stages=2"),
    ],
    "digits_two_heads": ["train.epochs=4", "objective.metric=val_digit_accuracy"],
    "digits_two_inputs": ["train.epochs=4"],
    "mnist_denoise": ["train.epochs=1", "model.hyperparameters.width=8"],
    "mnist_mlp_variants": [
        "train.epochs=1",
        "search.trials=3",
        'search.points=[{optimizer="sgd", initializer="normal_10"}, {batch_size=48000}]',
    ],
    "breast_cancer_narrowed": ["train.epochs=1", "search.grid_fraction=2e-4"],
    "breast_cancer_scan": ["train.epochs=1", "search.grid_fraction=1e-5"],
    "fashion_mlp_grid": ["train.epochs=1", "search.grid_fraction=0.03"],
}
"""What makes an example brief, where it is not one epoch alone."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Return a folder with files like MNIST's and Fashion-MNIST's: noise with a bright row whose
    place is the class.
    """
    folder = tmp_path_factory.mktemp("data")
    random = np.random.RandomState(0)
    y = np.arange(700) % 10
    x = random.randint(0, 80, (700, 28, 28)).astype(np.uint8)
    x[np.arange(700), 2 * y + 4] = 255
    np.savez(
        str(folder / "mnist.npz"), x_train=x[:600], y_train=y[:600], x_test=x[600:], y_test=y[600:]
    )
    fashion = folder / "fashion-mnist"
    fashion.mkdir()
    for name, part in (("train", slice(0, 600)), ("t10k", slice(600, 700))):
        count = len(y[part])
        with gzip.open(str(fashion / (name + "-images-idx3-ubyte.gz")), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, count, 28, 28) + x[part].tobytes())
        with gzip.open(str(fashion / (name + "-labels-idx1-ubyte.gz")), "wb") as file:
            file.write(struct.pack(">II", 0x801, count) + y[part].astype(np.uint8).tobytes())
    write_photos(folder / "cifar10")
    write_roads(folder / "camvid240")
    return folder


def write_photos(folder):
    """Write a few images of ten classes, whose brightness is the class."""
    image = pytest.importorskip("PIL.Image")
    random = np.random.RandomState(0)
    for number in range(10):
        for part, count in (("train", 20), ("test", 2)):
            (folder / part / f"class {number}").mkdir(parents=True)
            for photo in range(count):
                pixels = random.randint(0, 20, (32, 32, 3)) + 20 * number
                path = folder / part / f"class {number}" / f"{photo}.png"
                image.fromarray(pixels.astype(np.uint8)).save(str(path))


def write_roads(folder):
    """Write a few images with masks of twelve classes."""
    image = pytest.importorskip("PIL.Image")
    random = np.random.RandomState(0)
    for part in ("train", "val", "test"):
        for name, shape in (("images", (16, 16, 3)), ("masks", (16, 16))):
            (folder / part / name).mkdir(parents=True)
            for number in range(4):
                high = 256 if name == "images" else 12
                pixels = random.randint(0, high, shape).astype(np.uint8)
                image.fromarray(pixels).save(str(folder / part / name / f"{number}.png"))
    names = [*(f"class {i}" for i in range(11)), "unlabelled"]
    (folder / "classes.txt").write_text("\n".join(names), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_example_searches(path, images, tmp_path, monkeypatch):
    monkeypatch.setenv("VAIOPT_DATA", str(images))
    settings = load_settings(path, [*BRIEF, *OTHERWISE.get(path.stem, ["train.epochs=1"])])
    result = search_run(settings, tmp_path / "run")
    assert sum(result.trials.values()) >= 2
    assert set(result.trials) <= {COMPLETE, PRUNED}
    assert result.chosen.value > 0
