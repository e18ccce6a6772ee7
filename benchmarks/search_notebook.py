"""The lab's experiment against the plain notebook loop that it was published as: time to a good
model, time in all, peak memory.

    python benchmarks/search_notebook.py run --seeds 5
    python benchmarks/search_notebook.py show

MNIST, 15 trials of 3 epochs: some 20 minutes a seed on two cores. Needs mnist.npz, see
VAIOPT_DATA. Three methods, one after the other for each seed, each in a
process of its own:

- ``notebook``: ``gp_minimize`` with EI and one given point (10 random ones follow), ``fit`` on
  arrays, ``clear_session`` after each trial;
- ``notebook-no-stall``: the same on a Dataset without tf.data's autotuning, which now and then
  keeps ``fit`` waiting after an epoch;
- ``vaiopt``: ``vaiopt search`` on examples/mnist_cnn.toml in this process, with the learning rate
  of each trial going down to 0 by a cosine.

Every finished trial is a line of ``benchmarks/data/notebook.csv``: method, seed, trial, seconds
since the process was started, validation accuracy (0 of a trial that was stopped early), peak
memory of the process and its children so far in MB (proportional set size: what several processes
map counts once). The script can be stopped; what is complete is not repeated.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = Path(__file__).resolve().parent / "data" / "notebook.csv"
METHODS = ("notebook", "notebook-no-stall", "vaiopt")
TRIALS = 15
GOOD = 0.985


def build_model(keras, rate, layers, nodes, activation):
    """Build the notebook's network."""
    model = keras.Sequential()
    model.add(keras.layers.InputLayer(input_shape=(28, 28, 1)))
    for filters in (16, 36):
        model.add(keras.layers.Conv2D(filters, 5, padding="same", activation=activation))
        model.add(keras.layers.MaxPooling2D(2, strides=2))
    model.add(keras.layers.Flatten())
    for _ in range(layers):
        model.add(keras.layers.Dense(nodes, activation=activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def plain_dataset(tf, arrays, shuffle):
    """Return batches of 128 of the arrays, without autotuning."""
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices(arrays).with_options(options)
    return (data.shuffle(len(arrays[0])) if shuffle else data).batch(128).with_options(options)


def notebook(seed, told, stall):
    """Search as the notebook does; ``told`` is called with the validation accuracy after each
    trial.
    """
    from vaiopt.keras import load_keras, load_tensorflow

    tf, keras = load_tensorflow(), load_keras()
    from skopt import gp_minimize
    from skopt.space import Categorical, Integer, Real

    from vaiopt.data import load_dataset, split_dataset

    splits = split_dataset(load_dataset("mnist", seed=seed), (7, 2, 1), seed=seed)
    train, validation = [
        (part.x, keras.utils.to_categorical(part.y, 10))
        for part in (splits.train, splits.validation)
    ]

    def objective(x):
        model = build_model(keras, float(x[0]), int(x[1]), int(x[2]), str(x[3]))
        if stall:
            history = model.fit(
                *train, epochs=3, batch_size=128, validation_data=validation, verbose=0
            )
        else:
            history = model.fit(
                plain_dataset(tf, train, True),
                epochs=3,
                validation_data=plain_dataset(tf, validation, False),
                verbose=0,
            )
        accuracy = history.history["val_accuracy"][-1]
        told(accuracy)
        del model
        keras.backend.clear_session()
        return -accuracy

    space = [
        Real(1e-6, 1e-2, prior="log-uniform"),
        Integer(1, 5),
        Integer(5, 512),
        Categorical(["relu", "sigmoid"]),
    ]
    gp_minimize(
        objective, space, n_calls=TRIALS, x0=[1e-5, 1, 16, "relu"], acq_func="EI", random_state=seed
    )


def vaiopt(seed, told):
    """Search as ``vaiopt search`` does."""
    from vaiopt.search import search_run
    from vaiopt.settings import load_settings

    changed = [
        f"seed={seed}",
        f"search.trials={TRIALS}",
        "search.workers=0",
        "train.schedule=cosine",
    ]
    settings = load_settings(ROOT / "examples" / "mnist_cnn.toml", changed)
    with tempfile.TemporaryDirectory() as folder:
        search_run(
            settings,
            Path(folder) / "run",
            on_trial=lambda record: told(
                record.metrics.get("val_accuracy") if record.value else 0.0
            ),
        )


def child(method, seed):
    """Run one search and print a line of JSON a trial."""

    def told(accuracy):
        print(json.dumps(float(accuracy or 0.0)), flush=True)

    if method == "vaiopt":
        vaiopt(seed, told)
    else:
        notebook(seed, told, stall=method == "notebook")


def measure(method, seed):
    """Run one search in a process; return its rows."""
    import psutil

    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, "child", "--method", method, "--seed", str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peak = [0.0]

    def watch():
        root = psutil.Process(process.pid)
        while process.poll() is None:
            total = 0
            try:
                for each in [root, *root.children(recursive=True)]:
                    total += each.memory_full_info().pss
            except psutil.Error:
                continue
            peak[0] = max(peak[0], total / 2**20)
            time.sleep(0.3)

    watcher = threading.Thread(target=watch)
    watcher.start()
    rows = []
    for number, line in enumerate(process.stdout):
        rows.append(
            [
                method,
                seed,
                number,
                f"{time.perf_counter() - started:.1f}",
                f"{json.loads(line):.5f}",
                round(peak[0]),
            ]
        )
        print(*rows[-1], flush=True)
    process.wait()
    watcher.join()
    if process.returncode != 0 or len(rows) != TRIALS:
        raise SystemExit(
            f"{method} with seed {seed} ended with {process.returncode} after {len(rows)} trials"
        )
    return rows


def read():
    """Return the rows on file, by method and seed."""
    found = {}
    if FILE.exists():
        with FILE.open(newline="") as file:
            for method, seed, _, seconds, accuracy, memory in csv.reader(file):
                found.setdefault((method, int(seed)), []).append(
                    (float(seconds), float(accuracy), float(memory))
                )
    return found


def run(seeds):
    """Run what is missing."""
    for seed in range(seeds):
        for method in reversed(METHODS):
            if (method, seed) not in read():
                rows = measure(method, seed)
                with FILE.open("a", newline="") as file:
                    csv.writer(file).writerows(rows)


def show():
    """Print medians with lowest and highest, and the ratios to the notebook's, seed by seed."""
    import numpy as np

    rows = read()
    figures = {
        "s to 98.5 %": lambda r: next((s for s, accuracy, _ in r if accuracy >= GOOD), r[-1][0]),
        "s in all": lambda r: r[-1][0],
        "peak MB": lambda r: r[-1][2],
        "best val %": lambda r: 100 * max(accuracy for _, accuracy, _ in r),
    }
    print("{:20}{:>6}{}".format("", "seeds", "".join(f"{name:>30}" for name in figures)))
    for method in METHODS:
        own = [found for (name, _), found in sorted(rows.items()) if name == method]
        if own:
            texts = [
                f"{np.median(v):.4g} ({min(v):.4g} to {max(v):.4g})"
                for v in ([f(r) for r in own] for f in figures.values())
            ]
            print("{:20}{:>6}{}".format(method, len(own), "".join(f"{t:>30}" for t in texts)))
    for method in METHODS[:2]:
        pairs = [
            (rows["vaiopt", seed], found)
            for (name, seed), found in sorted(rows.items())
            if name == method and ("vaiopt", seed) in rows
        ]
        if pairs:
            texts = []
            for figure in figures.values():
                ratios = [figure(ours) / figure(theirs) for ours, theirs in pairs]
                texts.append(f"{np.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
            print(
                "{:20}{:>6}{}".format(
                    "vaiopt / " + method[-9:], len(pairs), "".join(f"{t:>30}" for t in texts)
                )
            )


def main():
    """Parse the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("run", "show", "child"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=METHODS)
    arguments = parser.parse_args()
    if arguments.command == "child":
        child(arguments.method, arguments.seed)
    elif arguments.command == "run":
        run(arguments.seeds)
    else:
        show()


if __name__ == "__main__":
    main()
