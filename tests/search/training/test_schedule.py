import numpy as np
import pytest

from vaiopt.keras import load_keras
from vaiopt.search.training.schedule import SCHEDULES, Schedule, schedule_callbacks


def compiled(rate):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


def rates_of(model, kind, epochs=2, batches=4, warmup=0.0):
    """Train and return the learning rate at the end of every batch."""
    keras = load_keras()
    seen = []

    class Spy(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(keras.backend.get_value(self.model.optimizer.learning_rate)))

    x = np.zeros((4 * batches, 2), np.float32)
    model.fit(
        x,
        x[:, 0],
        batch_size=4,
        epochs=epochs,
        verbose=0,
        callbacks=[*schedule_callbacks(model, Schedule(kind, warmup), "loss", False), Spy()],
    )
    return seen


@pytest.mark.parametrize("kind", ["cosine", "linear", "polynomial", "exponential"])
def test_a_schedule_starts_at_the_compiled_rate_and_falls(kind):
    rates = rates_of(compiled(0.01), kind)
    assert rates == pytest.approx([0.01 * SCHEDULES[kind](i / 8) for i in range(8)])
    assert rates[0] == pytest.approx(0.01)
    assert all(after < before for before, after in zip(rates, rates[1:]))


@pytest.mark.parametrize(
    "kind, end", [("cosine", 0), ("linear", 0), ("polynomial", 0), ("exponential", 0.01)]
)
def test_a_schedule_ends_where_it_says(kind, end):
    assert SCHEDULES[kind](1.0) == pytest.approx(end, abs=1e-9)


def test_a_constant_rate_stays():
    assert rates_of(compiled(0.01), "constant") == pytest.approx([0.01] * 8)


def test_a_warm_up_rises_to_the_schedule_and_learns_from_the_first_step():
    rates = rates_of(compiled(0.01), "constant", epochs=3, warmup=1.5)
    assert rates[0] > 0
    assert rates[:6] == pytest.approx([0.01 * (i + 1) / 6 for i in range(6)])
    assert rates[6:] == pytest.approx([0.01] * 6)
    cosine = rates_of(compiled(0.01), "cosine", epochs=3, warmup=1.0)
    assert cosine[4:] == pytest.approx([0.01 * SCHEDULES["cosine"](i / 8) for i in range(8)])


def test_on_a_plateau_the_rate_falls_and_while_the_metric_gets_better_it_does_not():
    on_one = rates_of(compiled(0.01), "plateau", epochs=8, batches=1)  # the loss is 0 throughout
    assert on_one == pytest.approx([0.01] * 4 + [0.003] * 3 + [0.0009])
    model = compiled(0.01)
    (callback,) = schedule_callbacks(model, Schedule("plateau"), "val_accuracy", True)
    for value in range(9):
        callback.on_epoch_end(value, {"val_accuracy": value / 10})
    assert callback._lowered == 1.0


def test_a_schedule_of_the_models_own_is_left_alone():
    model = compiled(load_keras().optimizers.schedules.ExponentialDecay(0.01, 1, 0.5))
    assert schedule_callbacks(model, Schedule("cosine"), "loss", False) == []
