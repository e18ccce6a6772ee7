"""Whether more of a metric is better, by its name: those of Keras, their classes and short names,
and names that are made of such words.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, Optional

from vaiopt.tasks import TASKS

UP, DOWN = "maximize", "minimize"

_DOWN = """
    MeanSquaredError MSE MeanAbsoluteError MAE MeanAbsolutePercentageError MAPE
    MeanSquaredLogarithmicError MSLE RootMeanSquaredError RMSE MeanRelativeError
    RootMeanSquaredLogarithmicError RMSLE Hinge SquaredHinge CategoricalHinge LogCosh LogCoshError
    KLDivergence KullbackLeiblerDivergence KLD KL Poisson Huber HuberLoss
    BinaryCrossentropy BCE CategoricalCrossentropy CCE SparseCategoricalCrossentropy SCCE
    BinaryFocalCrossentropy CategoricalFocalCrossentropy NLL Nloglik Perplexity BrierScore Brier
    FalsePositives FP FalseNegatives FN FPR FNR FalsePositiveRate FalseNegativeRate
    WER CER EER ECE HammingDistance EditDistance
"""
_UP = """
    Accuracy Acc BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy BalancedAccuracy
    TopKCategoricalAccuracy SparseTopKCategoricalAccuracy AUC ROC PR AUROC AUPRC ROCAUC PRAUC
    Precision Recall PPV NPV TPR TNR Sensitivity Specificity
    PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity
    TruePositives TP TrueNegatives TN TruePositiveRate TrueNegativeRate
    F1 F1Score F2 FScore FBeta FBetaScore FMeasure Dice DiceCoef DiceCoefficient Jaccard
    IoU MeanIoU MIoU BinaryIoU OneHotIoU OneHotMeanIoU CosineSimilarity CosineProximity
    R2 R2Score RSquare Kappa CohenKappa MCC MatthewsCorrelationCoefficient Correlation Pearson
    Spearman PSNR SSIM MAP mAP MeanScore
"""
_WORDS_DOWN = (
    "loss error err errors crossentropy entropy divergence deviation std distance hinge mse mae"
    " mape msle rmse rmsle logcosh huber kld poisson bce perplexity false penalty regret risk cost"
)
_WORDS_UP = (
    "accuracy acc auc precision recall f1 f2 fbeta fscore iou dice jaccard kappa mcc sensitivity"
    " specificity similarity correlation r2 psnr ssim true top hit hits"
)


def _table(names: str, direction: str) -> Dict[str, str]:
    return {_letters(name): direction for name in names.split()}


def _letters(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


NAMES: Dict[str, str] = {**_table(_DOWN, DOWN), **_table(_UP, UP)}
"""Whole names: in lower case, without lines between their words."""

WORDS: Dict[str, str] = {**_table(_WORDS_DOWN, DOWN), **_table(_WORDS_UP, UP)}
"""What a word of a longer name says of it."""


def direction_of(metric: str) -> Optional[str]:
    """Return ``minimize`` or ``maximize`` for a metric, None if its name does not tell.

    Args:
        metric: as trials report it, such as ``val_accuracy`` or ``val_KLDivergence_1``; ``_std``
            is its spread over the folds.
    """
    for task in TASKS.values():
        if metric and metric == task.validated:
            return DOWN if task.minimise else UP
    name = re.sub(r"^val_", "", metric)
    if name.endswith("_std"):
        return DOWN
    for form in (name, re.sub(r"_\d+$", "", name)):
        if _letters(form) in NAMES:
            return NAMES[_letters(form)]
    said = {WORDS[word] for word in _words(name) if word in WORDS}
    # Of an "accuracy loss" and a "false recall" less is better.
    return DOWN if DOWN in said else UP if UP in said else None


def _words(name: str) -> Iterator[str]:
    """Yield the words of ``my_f1``, ``MyF1`` or ``top5`` in lower case, with and without digits."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    for word in re.split(r"[\W_]+", spaced):
        yield word.lower()
        yield re.sub(r"\d+$", "", word.lower())
