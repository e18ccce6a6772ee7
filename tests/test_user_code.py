"""A person's file behaves as it would with ``python file.py``."""

import sys

import pytest

from vaiopt.errors import DataError, ModelError
from vaiopt.user_code import describe, load_file, message, named, running


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def fail(what):
    return ModelError(what, "cure")


def load(path):
    with running(fail):
        return load_file(path)


def call(function):
    with running(fail, function):
        return function()


def test_a_file_that_is_loaded_again_runs_anew_by_the_same_code_until_it_changes(tmp_path):
    text = "STATE = []\ndef f():\n    STATE.append(1)\n    return len(STATE)\n"
    file = write(tmp_path / "mine.py", text)
    first = load(file)
    assert (first.f(), first.f()) == (1, 2)
    again = load(file)
    assert again.f() == 1
    assert again.f.__code__ is first.f.__code__  # TensorFlow keeps it for good
    changed = load(write(file, text.replace("len(STATE)", "0")))
    assert changed.f() == 0
    assert again.f() == 2


def test_a_file_imports_what_lies_beside_it_when_loaded_and_when_called(tmp_path):
    write(tmp_path / "vaiopt_beside_a.py", "VALUE = 1\n")
    write(tmp_path / "vaiopt_beside_b.py", "VALUE = 2\n")
    text = (
        "from vaiopt_beside_a import VALUE as a\n"
        "def f():\n    from vaiopt_beside_b import VALUE\n    return a + VALUE\n"
    )
    before = list(sys.path)
    assert call(load(write(tmp_path / "mine.py", text)).f) == 3
    assert sys.path == before


def test_a_neighbour_that_was_edited_is_run_anew_with_all_that_take_of_it(tmp_path):
    (tmp_path / "near.py").write_text("from further import VALUE\n")
    (tmp_path / "further.py").write_text("VALUE = 1\n")
    (tmp_path / "mine.py").write_text("from near import VALUE\n")
    assert load_file(tmp_path / "mine.py").VALUE == 1
    same = sys.modules["near"]
    assert load_file(tmp_path / "mine.py").VALUE == 1 and sys.modules["near"] is same
    (tmp_path / "further.py").write_text("VALUE = 20\n")
    assert load_file(tmp_path / "mine.py").VALUE == 20
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "deep.py").write_text("VALUE = 300\n")
    (tmp_path / "mine.py").write_text("from package.deep import VALUE\n")
    assert load_file(tmp_path / "mine.py").VALUE == 300
    (tmp_path / "package" / "deep.py").write_text("VALUE = 4000\n")
    assert load_file(tmp_path / "mine.py").VALUE == 4000


def test_a_function_from_a_neighbour_imports_its_neighbours_when_called(tmp_path):
    write(tmp_path / "vaiopt_beside_d.py", "VALUE = 5\n")
    text = "def f():\n    from vaiopt_beside_d import VALUE\n    return VALUE\n"
    write(tmp_path / "vaiopt_beside_c.py", text)
    assert call(load(write(tmp_path / "mine.py", "from vaiopt_beside_c import f\n")).f) == 5


def test_files_of_one_name_do_not_get_each_others_modules(tmp_path):
    text = "from vaiopt_namesake import VALUE\ndef f():\n    return VALUE\n"
    modules = []
    for value, folder in enumerate(("one", "two")):
        write(tmp_path / folder / "vaiopt_namesake.py", f"VALUE = {value}\n")
        modules.append(load(write(tmp_path / folder / "mine.py", text)))
    assert [call(module.f) for module in modules] == [0, 1]
    assert len({module.__name__ for module in modules}) == 2
    assert all(sys.modules[module.__name__] is module for module in modules)


def test_a_file_is_not_the_main_program(tmp_path):
    module = load(write(tmp_path / "mine.py", "MAIN = __name__ == '__main__'\n"))
    assert not module.MAIN


def test_classes_of_a_file_can_be_pickled_by_name(tmp_path):
    import pickle

    module = load(write(tmp_path / "mine.py", "class Own:\n    pass\n"))
    assert type(pickle.loads(pickle.dumps(module.Own()))) is module.Own


@pytest.mark.parametrize(
    "text, says",
    [
        ("\n1 / 0\n", "ZeroDivisionError: division by zero (mine.py, line 2)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (mine.py, line 2)"),
        ("import vaiopt_not_there\n", "(mine.py, line 1)"),
        ("def f(:\n", "(mine.py, line 1)"),
    ],
)
def test_what_a_file_raises_is_said_with_its_line_and_leaves_nothing(tmp_path, text, says):
    before = set(sys.modules)
    with pytest.raises(ModelError) as caught:
        load(write(tmp_path / "mine.py", text))
    assert says in caught.value.message and caught.value.hint == "cure"
    assert set(sys.modules) == before


def test_errors_of_ours_pass_and_prints_leave_stdout_alone(tmp_path, capsys):
    with pytest.raises(DataError, match="mine"), running(fail):
        print("hello")
        raise DataError("mine", "cure")
    out, err = capsys.readouterr()
    assert out == "" and "hello" in err


def test_an_error_without_a_message_is_described_all_the_same():
    assert describe(ValueError()) == "ValueError: no message"


@pytest.mark.parametrize(
    "text",
    [
        "class E(BaseException): pass\nraise E",
        "class E(Exception):\n    def __str__(self): raise KeyError\nraise E",
        "raise SystemExit(3)",
        "x = '\\0'\n\0",
    ],
)
def test_whatever_a_file_raises_is_told(tmp_path, text):
    with pytest.raises(ModelError) as caught:
        load(write(tmp_path / "mine.py", text))
    assert caught.value.message.split(":")[0] in ("E", "SystemExit", "SyntaxError", "ValueError")


def test_ctrl_c_in_a_persons_code_is_ctrl_c(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        load(write(tmp_path / "mine.py", "raise KeyboardInterrupt"))


CALLED = """

Call arguments received by layer "pool" (type MaxPooling2D):
  • inputs=tf.Tensor()"""
POOL = 'Exception encountered when calling layer "pool".'
IN_CODE = "in user code:\n\n    File x, line 3  *\n        f()\n\n    ValueError: mine is\n no"
IN_GRAPH = """Graph execution error:

Detected at node 'a' defined at (most recent call last):
    File x
Node: 'a'
label 7 is outside of [0, 2)
\t [[{{node a}}]]"""


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "no message"),
        ("one\n  two", "one two"),
        (f"{POOL}\n\nNegative size.{CALLED}", f"{POOL} Negative size."),
        (IN_CODE, "ValueError: mine is no"),
        (f"{POOL}\n\n{IN_CODE}{CALLED}", f"{POOL} ValueError: mine is no"),
        (f"{POOL}\n\n{IN_CODE}\nCall arguments received:\n x=1", f"{POOL} ValueError: mine is no"),
        (IN_GRAPH, "label 7 is outside of [0, 2) [[{{node a}}]]"),
    ],
)
def test_the_message_of_an_error_holds_its_cause(text, says):
    assert message(ValueError(text)) == says


def test_the_kind_of_an_error_is_named_once():
    assert named(ValueError(IN_CODE)) == "ValueError: mine is no"
    assert named(ValueError("mine is no")) == "ValueError: mine is no"
    assert named(TypeError(IN_CODE)) == "TypeError: ValueError: mine is no"
