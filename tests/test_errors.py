import pickle

from vaiopt.errors import DataError, did_you_mean, nearest


def test_an_error_keeps_its_hint_when_it_crosses_a_process():
    error = pickle.loads(pickle.dumps(DataError("x has NaN", "Remove it.")))
    assert type(error) is DataError
    assert (error.message, error.hint) == ("x has NaN", "Remove it.")


def test_message_and_hint_are_one_line_each():
    error = DataError("a\nb", "c\n  d")
    assert (error.message, error.hint) == ("a b", "c d")


def test_nearest_finds_a_misspelt_word_and_nothing_for_a_foreign_one():
    assert set(nearest("zcu103", ["zcu102", "zcu104", "kv260"])[:2]) == {"zcu102", "zcu104"}
    assert nearest("xyz", ["zcu102"]) == []
    assert did_you_mean("xyz", ["b", "a"]) == "Known: a, b."
