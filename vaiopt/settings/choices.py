"""What can be chosen by name in the settings: one row each, with what it means.

The settings' texts, ``--help`` and the reference pages are made from these rows. What a name does
is a row of the package that does it (``vaiopt.data.sources``, ``vaiopt.search.samplers``, ...).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple, TypeVar

from vaiopt.errors import SettingsError, did_you_mean

Row = TypeVar("Row")


@dataclass(frozen=True)
class Choice:
    """One value of a setting.

    Attributes:
        name: as it is written in the settings.
        doc: what it means, in a few words.
        package: the module that it needs beyond those that are always installed, if any.
        pip: what ``pip install`` is given to get that.
        front: of a sampler or pruner: with how many costs at most a front it serves.
        uses: settings of the same section that count with this choice, and not with every other;
            see :func:`vaiopt.settings.unused.unused`.
    """

    name: str
    doc: str
    package: str = ""
    pip: str = ""
    uses: Tuple[str, ...] = ()
    front: int = 0


ANY = 99
"""More costs than there are."""


def names(choices: Sequence[Choice]) -> Tuple[str, ...]:
    """Return the names of choices, in their order."""
    return tuple(choice.name for choice in choices)


TASKS = (
    Choice("auto", "what y looks like, said before the first trial"),
    Choice("classification", "one of several classes"),
    Choice("binary", "one of two classes, by one output: a probability or a logit"),
    Choice("multilabel", "several labels a sample, each there or not: y of zeros and ones (n, k)"),
    Choice("regression", "one or several quantities: y of numbers (n,) or (n, k)"),
    Choice("segmentation", "a class for every pixel: y of masks (n, height, width)"),
    Choice("image_to_image", "an image for every image, such as without noise"),
)

RESIZES = (
    Choice("stretch", "to its sides, each by its own factor"),
    Choice("crop", "the largest part from the middle that has its form; the rest is cut off"),
    Choice("pad", "the whole, with black around it; of masks that is neither learned nor scored"),
)

STANDARDISE = (
    Choice("auto", "for the families of vaiopt; models of your own are given y as it is"),
    Choice("always", "for models of your own, too: they learn (y - mean) / deviation"),
    Choice("never", "not even for the families of vaiopt"),
)

HASHES = (
    Choice("auto", "by all values, above 4 GB by name, size and time of the file"),
    Choice("contents", "by all values, however many"),
)

SOURCES = (
    Choice("digits", "1,797 handwritten digits of 8x8 pixels, which come with scikit-learn"),
    Choice("breast_cancer", "569 tumours of 30 features, which come with scikit-learn"),
    Choice("diabetes", "442 patients of 10 features and a quantity, which come with scikit-learn"),
    Choice("mnist", "70,000 handwritten digits of 28x28 pixels"),
    Choice("fashion_mnist", "70,000 pictures of clothes of 28x28 pixels"),
    Choice(
        "FILE.tfrecord",
        "a TFRecord file, or a folder of such; data.features says what a record holds",
    ),
    Choice(
        "FOLDER/images+masks",
        "images and their masks of the same names, in images/ and masks/, or in such folders in"
        " train/, val/, test/",
    ),
    Choice(
        "FOLDER of IDX files",
        "train-images-idx3-ubyte and train-labels-idx1-ubyte, as MNIST is given away, and those of"
        " t10k or test; also .gz; or one of these files",
    ),
    Choice(
        "FOLDER of named images",
        "images whose names begin with their class: cat.0.jpg, dog_12.png; or train/, val/, test/"
        " of such",
    ),
    Choice("FOLDER", "images, in one folder a class, or in train/, val/, test/ of such folders"),
    Choice(
        "FILE.npz",
        "arrays x and y, and optionally x_val, y_val, x_test, y_test, sample_weight and classes",
    ),
    Choice("FILE.npy", "samples, with labels beside them: x.npy and y.npy, big.npy and big_y.npy"),
    Choice("FILE.h5", "an HDF5 file with the same arrays as an .npz file; also .hdf5"),
    Choice(
        "FILE.csv of images",
        "a table with a column of image files, within its folder; its last column, or data.target,"
        " is learned; a column 'split' of train, val, test gives sets",
    ),
    Choice("FILE.csv", "a table with names; also .tsv, .csv.gz, .parquet; see data.target"),
    Choice("module:function", "a function of your own that returns the data; or file.py:function"),
)
"""Kinds of ``data.source``, in the order in which a text is held against them."""

KINDS = (
    Choice(
        "auto",
        "by their axes: (n, features), (n, height, width, channels); (n, a, b) are grey images"
        " where a and b are alike or at least 8 and within a factor of two of each other, or bytes;"
        " else signals",
    ),
    Choice("image", "grey images (n, height, width), whatever their sides are"),
    Choice("signal", "signals (n, time, channels), or (n, time) of one channel"),
    Choice("table", "rows of numbers, whatever axes they have"),
)
"""Names of ``data.kind``."""

FAMILIES = (
    Choice(
        "auto",
        "cnn_blocks for images, cnn_1d for signals, mlp_tabular for anything else, unet for masks,"
        " autoencoder for images of images",
    ),
    Choice("cnn", "two convolutions and one to five dense layers"),
    Choice("cnn_blocks", "one to four blocks of convolution and pooling"),
    Choice("vgg_small", "stages of 3x3 convolutions, each twice as wide as the one before"),
    Choice("resnet", "a residual network for small images, ResNet-20 and its like"),
    Choice("mobilenet", "MobileNet v1, v2 and v3, as in keras.applications"),
    Choice("efficientnet_lite", "EfficientNet-Lite: ReLU6, no squeeze-and-excite"),
    Choice("cnn_1d", "for signals: one to four blocks of convolution and pooling over time"),
    Choice("mlp", "two dense layers, with regularisation"),
    Choice("mlp_tabular", "one to three dense layers, for tables"),
    Choice("unet", "for masks: down and up again by some steps, with connections across"),
    Choice("autoencoder", "for images of images: down and up again through a narrow middle"),
)

SCHEDULES = (
    Choice("constant", "as it is"),
    Choice("cosine", "down to 0 along half a cosine, which lets few epochs reach more"),
    Choice("linear", "down to 0 in a straight line"),
    Choice("polynomial", "down to 0, as the square of what is left"),
    Choice("exponential", "down to a hundredth"),
    Choice("plateau", "times 0.3 after three epochs without a better metric"),
)

NOTHING_FROZEN, BACKBONE = "none", "backbone"
FREEZE = (
    Choice(NOTHING_FROZEN, "all layers are trained"),
    Choice(BACKBONE, "the layers that took their weights from model.weights, but for the last"),
)
"""Names of ``train.freeze``; a number of layers, or how their names begin, may stand there, too."""

ALL_GPUS, NO_GPUS = "auto", "none"
GPUS = (
    Choice(ALL_GPUS, "all that this machine shows; one for each worker, beyond that shared"),
    Choice(NO_GPUS, "trials are trained on the CPU"),
)
"""Names of ``search.gpus``; a number of GPUs that there must be may stand there, too."""

KEPT = (
    Choice("best", "the best by the objective's metric"),
    Choice("last", "the last"),
)

CLASS_WEIGHTS = (
    Choice("none", "all classes count alike"),
    Choice("balanced", "by one over their samples, so that rare classes count as much as others"),
)
"""Names of ``train.class_weights``; a table of weights may stand there, too."""

SAMPLERS = (
    Choice(
        "gp",
        "a Gaussian process",
        uses=("trials", "acquisition", "initial_points", "start_from"),
        front=3,  # of 40 points a proposal takes a second; each cost more takes 40 times that
    ),
    Choice(
        "forest",
        "a random forest (scikit-optimize)",
        uses=("trials", "acquisition", "initial_points", "start_from"),
    ),
    Choice(
        "tpe",
        "tree-structured Parzen estimators (Optuna)",
        uses=("trials", "initial_points"),
        front=ANY,
    ),
    Choice(
        "optuna_gp",
        "a Gaussian process (Optuna)",
        "torch",
        "torch",
        uses=("trials", "initial_points"),
        front=ANY,
    ),
    Choice(
        "cmaes",
        "an evolution strategy with an adapted covariance matrix (Optuna)",
        "cmaes",
        "cmaes",
        uses=("trials", "initial_points"),
    ),
    Choice("nsga2", "a genetic algorithm (Optuna)", uses=("trials",), front=ANY),
    Choice(
        "nsga3",
        "a genetic algorithm for several costs at once (Optuna)",
        uses=("trials",),
        front=ANY,
    ),
    Choice("random", "points at random", uses=("trials",), front=ANY),
    Choice(
        "grid",
        "all points of a grid, whatever search.trials says",
        uses=("grid_fraction", "grid_points", "grid_limit"),
        front=ANY,
    ),
)

ACQUISITIONS = (
    Choice("EI", "expected improvement"),
    Choice("LCB", "lower confidence bound"),
    Choice("PI", "probability of improvement"),
    Choice("gp_hedge", "a hedge among them"),
)

PRUNERS = (
    Choice("auto", "front where objective.front is set, else median", front=ANY),
    Choice("none", "no trial is stopped", front=ANY),
    Choice("front", "below the front at its cost, even if it gained as much as any did", front=ANY),
    Choice("median", "below the median of the others at the same epoch"),
    Choice("halving", "asynchronous successive halving"),
    Choice("hyperband", "several halvings, of different patience"),
)

FIDELITIES = (
    Choice("epochs", "parts of its training: reports within it and after each epoch"),
    Choice("samples", "trainings on a hundredth and a tenth of the samples, before that on all"),
)
"""What a pruner judges a trial by."""

DIRECTIONS = (
    Choice("auto", "as the name of the metric says; else it must be said"),
    Choice("maximize", "more is better"),
    Choice("minimize", "less is better"),
)

COSTS = (
    Choice("params", "parameters"),
    Choice("macs", "multiply-accumulates"),
    Choice("latency_ms", "predicted time of one sample, end to end"),
    Choice("dpu_latency_ms", "the DPU's part of that"),
    Choice("fps", "predicted frames a second at hardware.threads; more is better"),
)
"""Costs that weights and fronts may name; each is known before training."""

QUANTIZERS = (
    Choice("auto", "vitis where vai_q_tensorflow2 is installed, else tfmot"),
    Choice("tfmot", "without the vendor's tools, to the same numbers"),
    Choice("vitis", "the vendor's vai_q_tensorflow2"),
)

METHODS = (
    Choice("ptq", "post-training quantization"),
    Choice("finetune", "fast finetuning: layer by layer, without labels"),
    Choice("qat", "quantization-aware training", uses=("qat_epochs",)),
)

TRACKERS = (
    Choice("mlflow", "MLflow, in an SQLite file or on a server", "mlflow", "'vaiopt[mlflow]'"),
    Choice("wandb", "files of Weights & Biases, for wandb sync", "wandb", "'vaiopt[wandb]'"),
)
"""Who keeps results besides the run folder."""


def row_of(key: str, name: str, table: Mapping[str, Row]) -> Row:
    """Return the row of a table that a setting names.

    Args:
        key: of the setting, for the message.
        name: its value.
        table: the rows by name.

    Raises:
        SettingsError: there is no such row.
    """
    if name not in table:
        raise SettingsError(f"{key} is '{name}'", did_you_mean(name, table))
    return table[name]


DOUBTS = (
    Choice("golden", "golden outputs are not those of the int8 model"),
    Choice("agreement", "samples are told otherwise than by the int8 Keras model"),
    Choice("fingerprint", "the DPU's fingerprint is not the one compiled for"),
    Choice("unchecked", "the board's check of the fingerprint is switched off"),
    Choice("release", "the board's runtime is of another release than the compiler"),
    Choice("clock", "the DPU's clock is not the target's"),
    Choice("cores", "the DPU has more or fewer cores than the target"),
    Choice("busy", "the kit had no processor free for the measurement"),
)
"""What may speak against a measurement, by the names of ``board/kit_verdict.py``."""
