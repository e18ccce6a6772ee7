"""Every kind of source, whole and broken."""

import importlib
import io
import sys
import textwrap
import zipfile

import numpy as np
import pytest

from vaiopt.data import load_dataset
from vaiopt.data.other_kinds import ELSEWHERE
from vaiopt.data.sources.arrays import OTHERS
from vaiopt.errors import DataError, VaioptError


def refused(match, source, **options):
    with pytest.raises(DataError, match=match) as caught:
        load_dataset(str(source), **options)
    assert caught.value.hint
    return caught.value


def arrays(count=20, **more):
    x = np.random.RandomState(0).randint(0, 255, (count, 6, 5)).astype(np.uint8)
    return dict({"x": x, "y": np.arange(count) % 2}, **more)


@pytest.fixture
def npz(tmp_path):
    np.savez_compressed(str(tmp_path / "data.npz"), **arrays())
    return tmp_path / "data.npz"


def function_file(folder, body, name="mine.py"):
    (folder / name).write_text("import numpy as np\n" + textwrap.dedent(body), encoding="utf-8")
    return folder / name


# --- names


def test_digits_are_scikit_learns_with_their_range_and_names():
    dataset = load_dataset("digits")
    assert (
        dataset.x.shape == (1797, 8, 8, 1) and dataset.x.dtype == np.uint8 and dataset.x.max() == 16
    )
    assert dataset.classes == tuple("0123456789") and dataset.value_range == (0, 16)
    assert dataset.sha256() == "feef9d4e785480c154b61de03acf2d3fd4ddbd17d18d130e9105caa2af9dfc23"


def test_breast_cancer_keeps_the_names_of_classes_and_features():
    dataset = load_dataset("breast_cancer")
    assert dataset.x.shape == (569, 30) and dataset.x.dtype == np.float32
    assert dataset.classes == ("malignant", "benign") and dataset.feature_names[0] == "mean radius"
    assert dataset.sha256() == "ceafe3832f6f4fdb55441bc705ad10f1a6b7344c1354c73b22f7a36c2a535e75"


@pytest.mark.parametrize(
    "source, near",
    [
        ("digit", "digits"),
        ("mnsit", "mnist"),
        ("fashion-mnist", "fashion_mnist"),
        ("zzz", "Known: breast_cancer"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(source, near):
    assert near in refused(f"unknown data source '{source}'", source).hint


@pytest.mark.parametrize("source", ["", "  ", None, 3])
def test_a_source_that_is_no_text_is_refused(source):
    with pytest.raises(DataError, match="data.source"):
        load_dataset(source)


@pytest.mark.parametrize(
    "option",
    [
        {"limit": -1},
        {"seed": -1},
        {"image_size": [8]},
        {"image_size": [8, 0]},
        {"image_size": "88"},
        {"image_size": 8},
    ],
)
def test_wrong_options_are_refused_before_anything_is_loaded(option):
    refused("limit|seed|image_size", "./nowhere.npz", **option)


def test_a_limit_is_seeded_and_remembered():
    first, second = (load_dataset("digits", limit=100, seed=seed) for seed in (1, 2))
    assert len(first) == 100 and np.bincount(first.y).min() >= 9
    assert first.sha256() == load_dataset("digits", limit=100, seed=1).sha256() != second.sha256()
    assert first.request.limit == 100 and first.request.seed == 1


def test_image_settings_are_refused_for_tables():
    refused("'breast_cancer' is a table, but data.image_size", "breast_cancer", image_size=[8, 8])
    refused("'breast_cancer' is a table, but data.grayscale", "breast_cancer", grayscale=True)


def test_array_images_are_resized_and_turned_grey(tmp_path):
    x = np.random.RandomState(0).randint(0, 255, (4, 6, 5, 3)).astype(np.uint8)
    np.savez(str(tmp_path / "data.npz"), x=x, y=[0, 1, 0, 1])
    small = load_dataset(str(tmp_path / "data.npz"), image_size=(3, 4), grayscale=True)
    assert small.x.shape == (4, 3, 4, 1) and small.x.dtype == np.uint8
    assert small.sha256() == load_dataset(str(tmp_path / "data.npz")).sha256(), (
        "the hash is that of the file's arrays"
    )
    grey = load_dataset(str(tmp_path / "data.npz"), grayscale=True)
    assert np.abs(grey.x[..., 0] - x @ np.asarray([0.299, 0.587, 0.114])).max() <= 1
    np.savez(str(tmp_path / "data.npz"), x=x / 255, y=[0, 1, 0, 1])
    small_float = load_dataset(str(tmp_path / "data.npz"), image_size=(3, 4), grayscale=True)
    assert small_float.x.dtype == np.float32 and np.abs(small_float.x * 255 - small.x).max() < 2


# --- .npz


def test_npz_as_x_y_and_as_keras_names_them(tmp_path):
    a = arrays(x_test=np.zeros((3, 6, 5), np.uint8), y_test=[0, 1, 1], classes=["no", "yes"])
    np.savez(str(tmp_path / "a.npz"), **a)
    np.savez(
        str(tmp_path / "b.npz"),
        x_train=a["x"],
        y_train=a["y"],
        x_test=a["x_test"],
        y_test=a["y_test"],
        classes=a["classes"],
    )
    first, second = load_dataset(str(tmp_path / "a.npz")), load_dataset(str(tmp_path / "b.npz"))
    assert (
        first.x.shape == (20, 6, 5, 1) and len(first.test_y) == 3 and first.classes == ("no", "yes")
    )
    assert first.sha256() == second.sha256()


@pytest.mark.parametrize("ending", ["npz", "h5"])
@pytest.mark.parametrize("x, y", OTHERS["training"])
def test_other_names_of_arrays_are_known_where_the_first_are_not_there(tmp_path, x, y, ending):
    pixels, labels = np.zeros((8, 4, 4, 3), np.uint8), np.arange(8) % 2
    pixels[:, 0] = 9
    start = x.partition("_")[0].replace("train", "test")
    given = {x: pixels, y.upper() if y == "labels" else y: labels, "data_x": np.zeros(3)}
    if start == "test":
        given.update({x.replace("train", "test"): pixels, y.replace("train", "test"): labels})
    write_arrays(tmp_path / f"a.{ending}", given)
    found = load_dataset(str(tmp_path / f"a.{ending}"))
    assert np.array_equal(found.x, pixels) and np.array_equal(found.y, labels)
    assert (found.test_x is not None) == (start == "test")
    assert load_dataset(str(tmp_path / f"a.{ending}"), in_memory_mb=0.0).sha256() == found.sha256()


def test_other_names_beside_the_first_are_neither_used_nor_read(tmp_path):
    x = np.zeros((8, 3), np.float32)
    x[0] = 1
    objects = np.array([{}, 1], dtype=object)
    np.savez(str(tmp_path / "a.npz"), x=x, y=np.arange(8) % 2, data=objects, target_names=objects)
    found = load_dataset(str(tmp_path / "a.npz"))
    assert found.x.shape == (8, 3) and any("data, target_names" in note for note in found.notes)


def write_arrays(path, given):
    if path.suffix == ".npz":
        np.savez(str(path), **given)
        return
    h5py = pytest.importorskip("h5py")
    with h5py.File(str(path), "w") as file:
        for name, array in given.items():
            file[name] = array


def test_a_relative_path_starts_at_the_base_then_here_then_in_vaiopt_data(
    npz, tmp_path, monkeypatch
):
    monkeypatch.chdir(str(tmp_path.parent))
    assert len(load_dataset("data.npz", base=tmp_path)) == 20
    refused("there is no 'data.npz' \\(looked at", "data.npz")
    monkeypatch.setenv("VAIOPT_DATA", str(tmp_path))
    assert len(load_dataset("data.npz")) == 20
    assert len(load_dataset("/moved/from/elsewhere/data.npz")) == 20
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("VAIOPT_DATA")
    assert len(load_dataset("data.npz", base="/nowhere")) == 20


def test_missing_arrays_are_named_with_what_there_is(tmp_path):
    np.savez(str(tmp_path / "a.npz"), x=np.zeros((4, 3)), labels=[0, 1, 0, 1])
    refused("holds no array 'y' \\(it holds: labels, x\\)", tmp_path / "a.npz")
    np.savez(str(tmp_path / "b.npz"), y_train=[0, 1])
    refused("holds no array 'x_train'", tmp_path / "b.npz")


def test_arrays_of_a_file_are_named_in_refusals(tmp_path):
    np.savez(str(tmp_path / "a.npz"), x_train=np.full((4, 3), np.nan), y_train=[0, 1, 0, 1])
    refused("x_train of 'a.npz' holds nan", tmp_path / "a.npz")


def test_pickled_arrays_are_never_read(tmp_path):
    np.savez(
        str(tmp_path / "a.npz"),
        x=np.zeros((4, 3)),
        y=np.asarray(["a", None, "a", "b"], dtype=object),
    )
    refused("array 'y' of '.*a.npz' holds pickled Python objects", tmp_path / "a.npz")
    import pickle

    (tmp_path / "b.npz").write_bytes(pickle.dumps({"x": 1}))
    refused("pickle", tmp_path / "b.npz")


@pytest.mark.parametrize("keep", [0, 1, 10, 60, 0.5, -30])
def test_a_file_that_is_cut_off_is_refused(npz, keep):
    content = npz.read_bytes()
    npz.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    refused("data.npz", npz)


def test_a_flipped_byte_in_a_file_is_noticed(npz):
    content = bytearray(npz.read_bytes())
    content[len(content) // 3] ^= 0xFF
    npz.write_bytes(bytes(content))
    refused("data.npz", npz)


def test_other_files_are_refused(tmp_path):
    np.save(str(tmp_path / "x.npy"), np.zeros((3, 3)))
    (tmp_path / "x.mat").write_bytes(b"MATLAB")
    refused("neither an .npz or .csv file nor a folder", tmp_path / "x.mat")
    (tmp_path / "x.npy").rename(tmp_path / "x.npz")
    refused("holds a single array", tmp_path / "x.npz")
    (tmp_path / "t.npz").write_text("hello", encoding="utf-8")
    refused("t.npz", tmp_path / "t.npz")


def test_an_array_larger_than_memory_is_refused(tmp_path):
    with zipfile.ZipFile(str(tmp_path / "a.npz"), "w") as file:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 10**7)}
        )
        file.writestr("x.npy", header.getvalue())
    refused("a.npz' does not fit into memory", tmp_path / "a.npz")


# --- functions


def test_a_function_in_a_file_may_return_any_of_the_three_forms(tmp_path):
    path = function_file(
        tmp_path,
        """
        from vaiopt.data import Dataset
        x, y = np.arange(24.0).reshape(8, 3), np.arange(8) % 2
        def pair(): return x, y
        def four(): return (x, y), (x[:2], y[:2])
        def keras_lists(): return [x.tolist(), y.tolist()]
        def ready(): return Dataset("mine", x, y, ("no", "yes"), feature_names=("a", "b", "c"))
        """,
    )
    assert len(load_dataset(f"{path}:pair")) == 8
    assert len(load_dataset("mine.py:four", base=tmp_path).test_y) == 2
    assert load_dataset("mine.py:keras_lists", base=tmp_path).x.shape == (8, 3)
    ready = load_dataset("mine.py:ready", base=tmp_path)
    assert ready.name == "mine" and ready.classes == ("no", "yes") and ready.x.dtype == np.float32


def test_a_module_beside_the_settings_can_be_named_and_import_its_neighbours(tmp_path):
    function_file(tmp_path, "VALUE = 7\n", "vaiopt_test_neighbour.py")
    function_file(
        tmp_path,
        "import vaiopt_test_neighbour as n\ndef f(): return np.full((4, 2), n.VALUE), [0, 1, 0,"
        " 1]\n",
        "vaiopt_test_module.py",
    )
    before = list(sys.path)
    assert load_dataset("vaiopt_test_module:f", base=tmp_path).x.max() == 7
    assert sys.path == before


def test_what_a_function_prints_stays_off_stdout(tmp_path, capsys):
    function_file(
        tmp_path,
        "print('loading')\ndef f():\n    print('called')\n    return np.zeros((4, 2)), [0, 1, 0,"
        " 1]\n",
    )
    load_dataset("mine.py:f", base=tmp_path)
    captured = capsys.readouterr()
    assert captured.out == "" and "called" in captured.err


@pytest.mark.parametrize(
    "body, match",
    [
        ("def f(): raise KeyError('k')", "'mine.py:f' raised KeyError: 'k' \\(mine.py, line 2\\)"),
        ("def f(): raise SystemExit(3)", "raised SystemExit: 3"),
        ("import not_there_at_all", "raised ModuleNotFoundError"),
        ("def f(:", "raised SyntaxError"),
        ("def f(a): return a", "raised TypeError"),
        ("def f(): return None", "returned None"),
        ("def f(): return 1, 2, 3, 4", "returned a tuple of 4"),
        ("def f(): return np.zeros((4, 2))", "returned a ndarray"),
        ("def f(): return np.zeros(4), [0, 1, 0, 1]", "x of 'mine.py:f' has 1 axes"),
        ("def g(): pass", "'mine.py' has no function 'f'"),
        ("f = 3", "has no function 'f'"),
    ],
)
def test_a_function_that_fails_or_returns_something_else_is_refused(tmp_path, body, match):
    function_file(tmp_path, body)
    refused(match, "mine.py:f", base=tmp_path)


def test_an_error_of_ours_from_a_users_function_is_passed_on(tmp_path):
    function_file(
        tmp_path,
        "from vaiopt.errors import SettingsError\ndef f(): raise SettingsError('mine', 'cure')",
    )
    with pytest.raises(VaioptError, match="mine") as caught:
        load_dataset("mine.py:f", base=tmp_path)
    assert caught.value.hint == "cure"


def test_files_and_modules_that_are_not_there_are_refused(tmp_path):
    refused("there is no file 'absent.py'", "absent.py:f", base=tmp_path)
    refused("raised ModuleNotFoundError", "absent_module:f", base=tmp_path)
    refused("there is no '.*nowhere.npz'", tmp_path / "nowhere.npz")
    refused("there is no './nowhere'", "./nowhere")


def test_a_file_that_changed_is_read_anew(tmp_path):
    for rows in (4, 6):
        function_file(tmp_path, f"def f(): return np.zeros(({rows}, 2)), np.arange({rows}) % 2")
        assert len(load_dataset("mine.py:f", base=tmp_path)) == rows


@pytest.mark.parametrize(
    "name, cure",
    [
        ("a.zip", "unpack it"),
        ("a.tar.gz", "unpack it"),
        ("a.pkl", "can run anything"),
        ("a.MAT", "scipy.io.loadmat"),
        ("a.xlsx", "Save the sheet as CSV"),
        ("iris.data", "call it .csv"),
        ("a.jsonl", "Save it as a table"),
        ("a.wav", "path.py:function"),
        ("a.jpg", "a folder of images for each class"),
        ("a.xyz", "numpy.savez"),
    ],
)
def test_what_to_do_with_a_file_that_no_source_reads_depends_on_its_kind(tmp_path, name, cure):
    (tmp_path / name).write_bytes(b"content")
    with pytest.raises(DataError) as caught:
        load_dataset(name, base=tmp_path)
    assert cure in caught.value.hint


def test_class_folders_of_recordings_are_led_to_a_function(tmp_path):
    for name in ("yes", "no"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match="hold no image") as caught:
        load_dataset(str(tmp_path))
    assert "all recordings: path.py:function" in caught.value.hint


@pytest.mark.parametrize("name", ["cifar10", "CIFAR-10", "iris"])
def test_well_known_data_are_led_to_the_function_that_returns_them(name):
    with pytest.raises(DataError) as caught:
        load_dataset(name)
    assert "A function returns it: data.source = '" in caught.value.hint


@pytest.mark.parametrize("function", sorted(ELSEWHERE.values()))
def test_the_functions_of_well_known_data_exist(function):
    module, _, name = function.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_what_scikit_learn_returns_is_read():
    wine = load_dataset("sklearn.datasets:load_wine")
    assert wine.classes == ("class_0", "class_1", "class_2") and wine.sample_shape == (13,)
    assert wine.feature_names[0] == "alcohol"
    several = load_dataset("sklearn.datasets:load_linnerud")
    assert several.task == "regression" and several.y.shape == (20, 3)
