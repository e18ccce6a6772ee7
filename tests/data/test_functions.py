"""A function that makes data makes the same for every worker and every later step."""

import random

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.load import load_request
from vaiopt.data.sources.function import check_repeats
from vaiopt.errors import DataError

TEXT = """
import random

import numpy as np

AT_IMPORT = np.random.rand(30, 4)

def of_numpy():
    return np.random.permutation(AT_IMPORT), np.random.permutation(30) % 2

def of_python():
    order = list(range(30))
    random.shuffle(order)
    return AT_IMPORT[order], np.array(order) % 2

def of_its_own():
    return np.random.default_rng().random((30, 4)), np.arange(30) % 2

def of_a_seed():
    return np.random.default_rng(1).random((30, 4)), np.arange(30) % 2
"""


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "mine.py").write_text(TEXT)
    return lambda name: load_dataset(f"{tmp_path / 'mine.py'}:{name}")


@pytest.mark.parametrize("name", ["of_numpy", "of_python", "of_a_seed"])
def test_global_random_numbers_that_nobody_seeds_are_the_same_at_each_call(mine, name):
    first = mine(name)
    np.random.rand(3)
    assert mine(name).sha256() == first.sha256()
    check_repeats(first, load_request)


def test_random_numbers_of_whoever_calls_go_on_as_if_nothing_was_called(mine):
    random.seed(5)
    np.random.seed(5)
    wanted = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    mine("of_numpy")
    assert (random.random(), np.random.rand()) == wanted


def test_a_function_of_other_data_each_time_is_refused(mine):
    with pytest.raises(
        DataError, match="mine.py:of_its_own' returns other data each time"
    ) as caught:
        check_repeats(mine("of_its_own"), load_request)
    assert "default_rng(0)" in caught.value.hint
