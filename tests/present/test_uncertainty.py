import pytest

from vaiopt.present.uncertainty import differ, interval, is_accuracy, sure, wilson


@pytest.mark.parametrize(
    "right, samples, low, high",
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.8830, 1),
    ],
)
def test_the_interval_is_wilsons(right, samples, low, high):
    # Newcombe 1998, table I (0.2553 and 0.3662 for 81 of 263, ...)
    assert wilson(right / samples, samples) == pytest.approx((low, high), abs=5e-5)


def test_an_accuracy_is_told_with_its_interval_and_nothing_else_is():
    assert interval("val_accuracy", 0.95, 179) == "90.8 to 97.4 %"
    assert sure("accuracy", 0.95, 179) == "95 %: 90.8 to 97.4 %"
    assert interval("val_accuracy", 0.95, 0) == ""
    assert interval("val_accuracy", None, 179) == ""
    assert interval("val_f1", 0.95, 179) == interval("val_accuracy_std", 0.01, 179) == ""
    assert interval("val_accuracy", float("nan"), 179) == interval("accuracy", 7.0, 9) == ""


def test_few_samples_do_not_tell_close_accuracies_apart():
    assert not differ(0.95, 0.93, 179)
    assert not differ(0.93, 0.95, 179)
    assert differ(0.95, 0.93, 5000)
    assert differ(0.95, 0.80, 179)
    assert not differ(0.95, 0.95, 10**6)


def test_what_counts_pixels_or_labels_has_no_interval_of_samples():
    assert is_accuracy("val_accuracy") and is_accuracy("val_exact_accuracy")
    assert not is_accuracy("val_pixel_accuracy") and not is_accuracy("label_accuracy")
