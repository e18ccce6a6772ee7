"""What pays in the training of one trial: each choice against the plain one, side by side, in CPU
time and wall time.

    python benchmarks/search_speed.py --repeat 5

One small MLP on the digits (10 epochs) and the lab's CNN on 5,000 of MNIST's images or, without
them, on the digits (1 epoch). Every repetition runs all variants in turn, so that a busy machine
slows them alike; the table has medians, and ratios of the plain time to the variant's (above 1 is
faster). The first training of a process is left out. ``fit on arrays`` is what a notebook does.
Then the evaluation of the CNN on its validation data, in batches of several sizes.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

VARIANTS = (
    "fit on arrays",
    "pipeline",
    "pipeline, traced twice",
    "pipeline, 20 steps",
    "pipeline, XLA",
    "pipeline, XLA, 20 steps",
)
BATCHES = (32, 128, 1000, 4000)


def prepare(name):
    """Return the model function, splits and samples of one of the two trainings."""
    from vaiopt.data import load_dataset, split_dataset
    from vaiopt.data.batches import DeviceData
    from vaiopt.errors import DataError
    from vaiopt.models import load_family
    from vaiopt.study.hyperparameters import HyperParameters

    if name == "mlp":
        dataset = load_dataset("digits", seed=0)
    else:
        try:
            dataset = load_dataset("mnist", limit=5000, seed=0)
        except DataError:
            dataset = load_dataset("digits", seed=0)
    splits = split_dataset(dataset, (7, 2, 1), seed=0)
    function = load_family("mlp_tabular" if name == "mlp" else "cnn")

    def build():
        return function(
            HyperParameters({}, {}, dataset.sample_shape, len(dataset.classes), len(dataset))
        )

    return build, splits, DeviceData(dataset), (10, 32) if name == "mlp" else (1, 128)


def train_once(variant, build, splits, device, epochs, batch):
    """Train a fresh model and return CPU and wall seconds, compilation of the model and validation
    after each epoch included.
    """
    import gc

    from vaiopt.keras import load_tensorflow
    from vaiopt.search.training import fit as training
    from vaiopt.search.training.fit import Plan, train

    training.BATCHES_THAT_PAY_FOR_BLOCKS = 0  # in blocks even where it does not pay
    make_variables = training._make_variables
    if (
        "twice" in variant
    ):  # as Keras does it: the first step makes the variables, and is traced again without
        training._make_variables = lambda *given: None

    keras = load_tensorflow().keras
    keras.utils.set_random_seed(0)
    model = build()
    if "XLA" in variant:
        model.compile(
            optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"], jit_compile=True
        )
    cpu, wall = time.process_time(), time.perf_counter()
    if variant == "fit on arrays":
        validation = (splits.validation.x, splits.validation.y)
        model.fit(
            splits.train.x,
            splits.train.y,
            batch_size=batch,
            epochs=epochs,
            validation_data=validation,
            verbose=0,
        )
    else:
        steps = 20 if "20 steps" in variant else 1
        plan = Plan(
            epochs,
            batch,
            seed=0,
            metric="val_accuracy",
            maximise=True,
            patience=0,
            steps_per_execution=steps,
        )
        train(model, device, splits, plan)
    training._make_variables = make_variables
    result = time.process_time() - cpu, time.perf_counter() - wall
    keras.backend.clear_session()
    gc.collect()
    return result


def evaluate(build, splits, device, repeat):
    """Print the CPU seconds of evaluating an untrained model, by the size of the batches; tracing
    it is left out.
    """
    model = build()
    seconds = {batch: [] for batch in BATCHES}
    for number in range(repeat + 1):
        for batch in BATCHES:
            data = device.batches(splits.validation.indices, splits.preprocessing, batch)
            cpu = time.process_time()
            model.predict(data, verbose=0)
            if number:
                seconds[batch].append(time.process_time() - cpu)
    plain = statistics.median(seconds[BATCHES[0]])
    for batch, found in seconds.items():
        print(
            "evaluation, batches of"
            f" {batch:<5}{statistics.median(found):8.3f}{plain / statistics.median(found):8.2f}",
            flush=True,
        )


def main():
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("models", nargs="*", default=["mlp", "cnn"])
    arguments = parser.parse_args()
    for name in arguments.models:
        build, splits, device, plan = prepare(name)
        train_once("pipeline", build, splits, device, *plan)
        seconds = {variant: [] for variant in VARIANTS}
        for _ in range(arguments.repeat):
            for variant in VARIANTS:
                seconds[variant].append(train_once(variant, build, splits, device, *plan))
        plain = [statistics.median(s[i] for s in seconds[VARIANTS[0]]) for i in (0, 1)]
        print("{:28}{:>8}{:>8}{:>8}{:>8}".format(name, "CPU s", "ratio", "wall s", "ratio"))
        for variant in VARIANTS:
            cpu, wall = (statistics.median(s[i] for s in seconds[variant]) for i in (0, 1))
            print(
                f"{variant:28}{cpu:8.2f}{plain[0] / cpu:8.2f}{wall:8.2f}{plain[1] / wall:8.2f}",
                flush=True,
            )
        if name == "cnn":
            evaluate(build, splits, device, arguments.repeat)


if __name__ == "__main__":
    main()
