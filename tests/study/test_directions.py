import pytest

from vaiopt.keras import load_keras
from vaiopt.study.directions import direction_of

DOWN = """
    val_loss loss val_hinge val_squared_hinge val_categorical_hinge val_logcosh val_log_cosh
    val_kld val_KLD val_kl_divergence val_kullback_leibler_divergence val_KLDivergence val_huber
    val_poisson val_huber_loss val_false_positives val_false_negatives_2 val_FalsePositives
    val_mse val_MSE val_mae val_mean_absolute_error val_rmse val_RootMeanSquaredError
    val_binary_crossentropy val_bce val_my_loss val_dice_loss val_accuracy_std val_top2_std
    val_mean_relative_error val_error_rate
"""
UP = """
    val_accuracy accuracy val_acc val_f1 val_f1_score val_F1Score val_auc val_AUC val_auc_1
    val_recall val_precision_3 val_true_positives val_mean_io_u val_MeanIoU val_binary_io_u
    val_top2 val_top_k_2 val_sparse_top_k_categorical_accuracy val_cosine_similarity
    val_r2_score val_dice_coef val_my_f1 val_precision_at_recall val_sensitivity_at_specificity
    val_myAccuracy val_psnr
"""


@pytest.mark.parametrize("name", DOWN.split())
def test_less_is_better(name):
    assert direction_of(name) == "minimize"


@pytest.mark.parametrize("name", UP.split())
def test_more_is_better(name):
    assert direction_of(name) == "maximize"


@pytest.mark.parametrize("name", ["val_goodness", "val_score", "val_mean", "val_", ""])
def test_other_names_do_not_tell(name):
    assert direction_of(name) is None


def test_every_metric_of_keras_has_a_direction_but_sums_and_means():
    metrics = load_keras().metrics
    bases = ("Metric", "Mean", "Sum", "MeanTensor", "MeanMetricWrapper")
    classes = [n for n in dir(metrics) if isinstance(getattr(metrics, n), type) and n not in bases]
    assert len(classes) > 20
    assert [name for name in classes if direction_of(f"val_{name}") is None] == []
    functions = [n for n in dir(metrics) if n[0].islower() and callable(getattr(metrics, n))]
    functions = [n for n in functions if n not in ("get", "serialize", "deserialize")]
    assert [name for name in functions if direction_of(f"val_{name}") is None] == []
