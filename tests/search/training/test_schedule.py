import numpy as np
import pytest

from vaiopt.keras import load_keras
from vaiopt.search.training.schedule import cosine, schedule_callbacks


def compiled(rate):
    keras = load_keras()
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


def rates_of(model, kind, epochs=2, batches=4):
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
        callbacks=[*schedule_callbacks(model, kind, epochs, batches), Spy()],
    )
    return seen


def test_a_cosine_starts_at_the_compiled_rate_and_falls_to_nothing():
    rates = rates_of(compiled(0.01), "cosine")
    assert rates == pytest.approx([cosine(0.01, i / 8) for i in range(8)])
    assert rates[0] == pytest.approx(0.01)
    assert all(after < before for before, after in zip(rates, rates[1:]))
    assert cosine(0.01, 1.0) == pytest.approx(0.0, abs=1e-9)


def test_a_constant_rate_stays():
    assert rates_of(compiled(0.01), "constant") == pytest.approx([0.01] * 8)


def test_a_schedule_of_the_models_own_is_left_alone():
    model = compiled(load_keras().optimizers.schedules.ExponentialDecay(0.01, 1, 0.5))
    assert schedule_callbacks(model, "cosine", 2, 4) == []
