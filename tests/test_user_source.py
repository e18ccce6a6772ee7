"""Functions that a person passes: where they are found, and the file that is made of them."""

import functools
import sys
import types
from pathlib import Path
from typing import Any, Dict, List

import pytest

from vaiopt.errors import ModelError
from vaiopt.user_source import place_of, source_of

CELLS = [
    "%matplotlib inline\nimport numpy as np\nfrom math import pi as PI, tau\n",
    "UNITS = 4\nshape = np.zeros((2, 3)).shape[1:]\nbroken = (\n",
    "UNITS = 4\nvalues = np.zeros((2, 3))\n",
    "def helper(n):\n    return [n + value for value in values[0]]\n",
    "def build_model(hp):\n    return 'old', missing\n",
    "import os\n\n@np.vectorize\ndef unused(x):\n    return os\n",
    "def build_model(hp):\n    'Text.'\n    return helper(hp), UNITS, len(shape), PI, __name__\n",
    "shape = values.shape[1:]\n",
]


def notebook(cells: List[str]) -> Dict[str, Any]:
    """Run cells as IPython does, in a module without a file."""
    module = types.ModuleType("made_notebook")
    sys.modules["made_notebook"] = module
    vars(module)["In"] = cells
    for cell in cells:
        text = "\n".join(line for line in cell.splitlines() if not line.startswith("%"))
        try:
            exec(compile(text, "<cell>", "exec"), vars(module))
        except SyntaxError:
            continue
    return vars(module)


def test_a_function_of_a_notebook_comes_with_what_it_uses_and_nothing_else() -> None:
    function = notebook(CELLS)["build_model"]
    assert place_of(function) == ""
    text = source_of(function)
    made: Dict[str, Any] = {"__name__": "made"}
    exec(text, made)
    assert made["build_model"](1) == ([1, 1, 1], 4, 1, 3.141592653589793, "made")
    for absent in ("unused", "import os", "missing", "matplotlib"):
        assert absent not in text


def test_what_is_not_known_here_is_refused_by_its_name() -> None:
    space = notebook(["def build_model(hp):\n    return thing\n"])
    space["thing"] = object()
    with pytest.raises(ModelError, match="'build_model' uses 'thing'") as caught:
        source_of(space["build_model"])
    assert "file of its own" in caught.value.hint


def test_a_function_that_was_made_by_exec_is_refused() -> None:
    made: Dict[str, Any] = {"__name__": "a_module_that_is_not_there"}
    exec("def build(hp):\n    return hp\n", made)
    with pytest.raises(ModelError, match="the function 'build' is not known here"):
        source_of(made["build"])


def test_a_value_stands_as_it_is_now() -> None:
    space = notebook(
        ["UNITS = int(input())\n"[:0] + "UNITS = 1\n", "def f(hp):\n    return UNITS\n"]
    )
    space["UNITS"] = 7
    made: Dict[str, Any] = {}
    exec(source_of(space["f"]), made)
    assert made["f"](0) == 7


def test_a_function_of_a_file_is_found_there(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "made_file.py").write_text("def build_model(hp):\n    return 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import made_file  # type: ignore[import-not-found]

    assert place_of(made_file.build_model) == f"{(tmp_path / 'made_file.py').resolve()}:build_model"


def test_a_function_of_a_package_is_imported_from_it() -> None:
    from vaiopt.models.cnn import build_model

    assert place_of(build_model) == ""
    assert source_of(build_model) == "from vaiopt.models.cnn import build_model\n"


def inner() -> Any:
    def build_model(hp: Any) -> Any:
        return hp

    return build_model


@pytest.mark.parametrize(
    "function",
    [lambda hp: hp, inner(), functools.partial(inner), object()],
    ids=["lambda", "inner", "partial", "object"],
)
def test_what_no_other_process_can_find_is_refused(function: Any) -> None:
    with pytest.raises(ModelError, match="cannot be found by another process") as caught:
        place_of(function)
    assert "def build_model(hp)" in caught.value.hint
