"""What int8 costs: float, post-training int8 and quantization-aware int8 accuracy on the test
splits of MNIST and Fashion-MNIST.

The lab's CNN at its default point, 3 epochs; calibration on 200 images, 3 epochs of
quantization-aware training.

Run: python benchmarks/quantize_accuracy.py [mnist] [fashion_mnist]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from vaiopt import flow
from vaiopt.runs.layout import Run
from vaiopt.settings import load_settings, override

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    print("| data | float | PTQ | QAT |")
    print("| --- | --- | --- | --- |")
    for source in sys.argv[1:] or ["mnist", "fashion_mnist"]:
        settings = load_settings(
            ROOT / "examples" / "mnist_cnn.toml", [f"data.source={source}", "search.trials=1"]
        )
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder) / "run")
            flow.search(settings, run.folder)
            found = []
            for method in ("ptq", "qat"):
                flow.quantize(run, override(settings, [f"quantize.method={method}"]))
                found.append(flow.evaluate(run, settings))
        accuracies = [
            found[0].float_test.accuracy,
            *[evaluations.int8_test.accuracy for evaluations in found],
        ]
        print(
            "| {} | {} |".format(source, " | ".join(f"{100 * a:.2f} %" for a in accuracies)),
            flush=True,
        )


if __name__ == "__main__":
    main()
