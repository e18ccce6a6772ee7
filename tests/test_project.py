"""What holds for the project as a whole: packaging, dependencies, what is imported when. The
documents have tests of their own, in docs/.
"""

import ast
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks import house
from scripts import locks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if sys.version_info >= (3, 8):
    from importlib import metadata
else:
    import importlib_metadata as metadata

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(p for folder in ("vaiopt", "board") for p in (ROOT / folder).rglob("*.py"))
VENDOR = {
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "tf-keras",
    "protobuf",
    "h5py",
    "tensorflow-model-optimization",
}
HEAVY = {
    "tensorflow",
    "tf_keras",
    "keras",
    "tensorflow_model_optimization",
    "skopt",
    "sklearn",
    "scipy",
    "plotly",
    "optuna",
    "pandas",
    "dask",
    "distributed",
}


def source_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def project() -> Dict[str, object]:
    with open(str(ROOT / "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]


def imports_on_loading(tree: ast.AST) -> Iterator[Tuple[str, int]]:
    """Yield the top-level package and line of each import that runs when the module is loaded: not
    in functions, not for types only.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0], node.lineno
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from imports_on_loading(node)


# --- sources


def test_modules_stay_short_and_functions_shorter() -> None:
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > 500:
            long.append(source_id(path))
        for node in ast.walk(ast.parse(text)):
            # The last line of a function is known from Python 3.8 on.
            if (
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
                and getattr(node, "end_lineno", 0) - node.lineno >= 60
            ):
                long.append(f"{source_id(path)}:{node.lineno} {node.name}")
    assert long == [], "\n".join(long)


def test_no_line_is_longer_than_100_characters() -> None:
    found = [f"{path}:{number}" for path, number in house.long_lines(ROOT)]
    assert found == [], "\n".join(found)


def test_modules_do_not_import_each_other_inside_functions_either() -> None:
    graph = house.import_graph(house.read_sources(ROOT, "vaiopt"))
    found = house.circles(graph)
    assert found == [], "\n".join(
        f"{module} imports {other}"
        for circle in found
        for module in circle
        for other in sorted(graph[module] & set(circle))
    )


def test_private_names_stay_in_their_module() -> None:
    found = house.private_imports(house.read_sources(ROOT, "vaiopt"))
    assert found == [], "\n".join(found)


def made_sources(**texts: str) -> List[house.Source]:
    return [
        house.Source(f"vaiopt/{name}.py", text, ast.parse(text)) for name, text in texts.items()
    ]


def test_a_circle_through_a_function_or_from_a_package_is_found() -> None:
    sources = made_sources(
        __init__="",
        a="from vaiopt import b",
        b="def f():\n    from vaiopt.c import g",
        c="import vaiopt.a",
        d="from vaiopt.a import b",
    )
    assert house.circles(house.import_graph(sources)) == [["vaiopt.a", "vaiopt.b", "vaiopt.c"]]
    assert house.circles(house.import_graph(sources, in_functions=False)) == []


def test_the_use_of_a_private_name_is_found() -> None:
    sources = made_sources(
        __init__="__version__ = '1'",
        a="def _f(): pass",
        b="from vaiopt import __version__, a\nfrom vaiopt.a import _f\na._f()\nself._f()",
    )
    assert house.private_imports(sources) == [
        "vaiopt/b.py:2 vaiopt.a._f",
        "vaiopt/b.py:3 vaiopt.a._f",
    ]


LIGHT = {"__init__", "_version", "errors", "text", "files", "user_code", "runs/layout"}
"""What the command line loads before it knows what is asked for."""


def test_no_heavy_package_is_imported_by_loading_a_module() -> None:
    light = {ROOT / "vaiopt" / (name + ".py") for name in LIGHT}
    assert all(path.is_file() for path in light)
    found = []
    for path in SOURCES:
        is_light = path in light or path.parent == ROOT / "vaiopt" / "cli"
        banned = HEAVY | {"numpy"} if is_light else HEAVY
        for package, line in imports_on_loading(ast.parse(path.read_text(encoding="utf-8"))):
            if package in banned:
                found.append(f"{source_id(path)}:{line} {package}")
    assert found == []


def test_the_kit_needs_numpy_and_its_runtime_only() -> None:
    modules = {p.stem for p in (ROOT / "board").glob("*.py")}
    assert modules, "board/ has no scripts"
    allowed = modules | {"numpy", "xir", "vart", "ai_edge_litert", "tflite_runtime"}
    for path in (ROOT / "board").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                assert top in allowed or is_standard(top), f"{path.name} imports {name}"


def is_standard(module: str) -> bool:
    """Whether a module comes with Python."""
    if sys.version_info >= (3, 10):
        return module in sys.stdlib_module_names
    specification = importlib.util.find_spec(module)
    return specification is not None and "site-packages" not in str(specification.origin)


def test_the_command_line_starts_without_tensorflow_or_numpy() -> None:
    code = (
        "import sys, vaiopt.cli; print(' '.join(sorted({name.split('.')[0] for name in"
        " sys.modules})))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=str(ROOT), capture_output=True, check=True
    )
    loaded = set(result.stdout.decode().split())
    assert "vaiopt" in loaded
    assert loaded & (HEAVY | {"numpy"}) == set()


# --- dependencies


def requirements_of(name: str) -> List[Requirement]:
    """What an installed package needs here."""
    found = []
    for text in metadata.distribution(name).requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(requirement)
    return found


def test_base_dependencies_reach_no_package_of_the_vendor() -> None:
    waiting = [Requirement(text) for text in project()["dependencies"]]
    waiting = [r for r in waiting if r.marker is None or r.marker.evaluate({"extra": ""})]
    seen: Set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name not in VENDOR, f"{name} is the vendor's"
        assert requirement.specifier.contains(
            metadata.version(requirement.name), prereleases=True
        ), str(requirement)
        if name not in seen:
            seen.add(name)
            waiting.extend(requirements_of(requirement.name))
    assert {"numpy", "optuna", "scikit-optimize"} <= seen


DISTRIBUTIONS = {
    "PIL": "pillow",
    "mlflow": "mlflow-skinny",
    "skopt": "scikit-optimize",
    "sklearn": "scikit-learn",
    "tf_keras": "tf-keras",
}
# In every container and with every TensorFlow, so that vaiopt may not ask for them; or of the
# container, the kit, a cluster or a notebook only.
NOT_ASKED_FOR = {"h5py", "flatbuffers", "vart", "xir", "dask", "distributed", "IPython"}


def test_every_package_that_vaiopt_imports_is_asked_for() -> None:
    texts = list(project()["dependencies"])
    for extra in project()["optional-dependencies"].values():
        texts += extra
    asked = {canonicalize_name(Requirement(text).name) for text in texts}
    missing = set()
    for path in (ROOT / "vaiopt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]}
            else:
                continue
            for name in names - NOT_ASKED_FOR - {"vaiopt", "tomllib"}:
                if canonicalize_name(
                    DISTRIBUTIONS.get(name, name)
                ) not in asked and not is_standard(name):
                    missing.add(f"{name} ({source_id(path)})")
    assert missing == set()


LOCKS = {
    "host-3.11": ("3.11", ["host", "notebook", "onnx", "parquet", "test", "lint"]),
    "host-cuda-3.11": ("3.11", ["host", "cuda"]),
    "docs-3.11": ("3.11", ["docs"]),
    "release-3.11": ("3.11", []),
    "container-1.4": ("3.7", ["cpu", "test"]),
    "container-2.5": ("3.7", ["cpu", "test"]),
    "container-3.5": ("3.8", ["cpu", "test"]),
}
NEEDED = {"docs-3.11": ["typer"], "release-3.11": []}
"""What of vaiopt's own dependencies a lock file has, if not all: the site needs but the command
line, to read it; what makes a release runs nothing of vaiopt.
"""


def test_every_lock_file_is_known_here() -> None:
    assert sorted(LOCKS) == locks.lock_names()


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_file_holds_what_pyproject_asks_for(name: str) -> None:
    python, extras = LOCKS[name]
    pins = {pin.name: pin.version for pin in locks.read_lock(name).values()}
    needed = NEEDED.get(name)
    asked = [
        text
        for text in project()["dependencies"]
        if needed is None or canonicalize_name(Requirement(text).name) in needed
    ]
    for extra in extras:
        asked += project()["optional-dependencies"][extra]
    inputs = (ROOT / "requirements" / (name + ".in")).read_text(encoding="utf-8").splitlines()
    asked += [line for line in inputs if line and not line.startswith("#")]
    for ours, stand_in in locks.STAND_INS.items():
        if stand_in in pins:
            pins[ours] = pins[stand_in]
    for text in asked:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(
            {"python_version": python, "python_full_version": python + ".0", "extra": ""}
        ):
            pin = pins.get(canonicalize_name(requirement.name))
            assert pin is not None and requirement.specifier.contains(pin, prereleases=True), (
                f"{text}: run scripts/lock"
            )


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_file_names_no_index(name: str) -> None:
    assert "://" not in (ROOT / "requirements" / (name + ".txt")).read_text(encoding="utf-8")


# --- the package


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("vaiopt", "board"):
        shutil.copytree(
            str(ROOT / name),
            str(folder / "tree" / name),
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(str(ROOT / name), str(folder / "tree" / name))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(folder),
        ".",
    ]
    result = subprocess.run(
        command, cwd=str(folder / "tree"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert result.returncode == 0, result.stdout.decode()
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(str(path))


@pytest.mark.slow
def test_the_wheel_holds_every_module_data_file_and_script_of_the_kit(
    wheel: zipfile.ZipFile,
) -> None:
    def files(folder: str) -> Set[str]:
        found = (
            p for p in (ROOT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts
        )
        return {
            str(p.relative_to(ROOT / folder))
            for p in found
            if not any(part.startswith(".") for part in p.parts[len(ROOT.parts) :])
        }

    expected = {"vaiopt/" + name for name in files("vaiopt")} | {
        "vaiopt/_board/" + name for name in files("board")
    }
    assert expected - set(wheel.namelist()) == set()


@pytest.mark.slow
def test_the_wheel_installs_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    information = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "vaiopt = vaiopt.__main__:run" in wheel.read(information["entry_points.txt"]).decode()
    assert wheel.read(information["LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    text = wheel.read(information["METADATA"]).decode()
    assert "License :: OSI Approved :: Apache Software License" in text
    assert "Requires-Python: >=3.7" in text


def test_the_licence_is_the_whole_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_citation_has_the_version_of_the_package() -> None:
    from vaiopt import __version__

    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert {"cff-version: 1.2.0", f"version: {__version__}", "license: Apache-2.0"} <= set(lines)


# --- examples


def test_the_examples_are_settings_that_vaiopt_reads() -> None:
    from vaiopt.settings import load_settings

    examples = sorted((ROOT / "examples").glob("*.toml"))
    assert [path.name for path in examples if path.name == "digits.toml"], (
        "scripts/demo runs examples/digits.toml"
    )
    for path in examples:
        load_settings(path, [])


# --- benchmarks, scripts


def test_benchmarks_and_scripts_import_what_vaiopt_has_inside_functions_too() -> None:
    missing = []
    scripts = [ROOT / "scripts" / "fit-latency"]
    for folder in ("benchmarks", "scripts", "examples"):
        scripts += sorted((ROOT / folder).rglob("*.py"))
    for path in scripts:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vaiopt":
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    if not hasattr(module, alias.name) and not importlib.util.find_spec(inner):
                        missing.append(f"{source_id(path)}:{node.lineno} {inner}")
    assert missing == []


def test_every_benchmark_finds_what_it_imports() -> None:
    code = (
        "import runpy, sys\nfor path in sys.argv[1:]:\n    runpy.run_path(path, run_name='loaded')"
    )
    scripts = sorted(str(path) for path in (ROOT / "benchmarks").glob("*.py"))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *scripts],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout.decode()


def test_the_files_that_take_longest_are_there() -> None:
    with (ROOT / "tests" / "longest.csv").open(encoding="utf-8") as file:
        named = [line.split(",")[0] for line in file if line.startswith("tests/")]
    assert named == list(dict.fromkeys(named)) and all((ROOT / name).is_file() for name in named)
