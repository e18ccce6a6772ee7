"""Numbers and names as people read them."""

from __future__ import annotations

from vaiopt.present import words


def test_a_score_of_one_of_several_outputs_is_named_as_it_is_alone() -> None:
    named = {
        "rmse": "RMSE",
        "ink_rmse": "ink RMSE",
        "ink_r2": "ink R²",
        "mask_mean_iou": "mask mean IoU",
        "digit_macro_f1": "digit macro F1",
        "f1": "f1",
        "exact_accuracy": "exact accuracy",
    }
    assert {key: words.score_name(key) for key in named} == named
