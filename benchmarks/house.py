"""How the code is built, in figures: of the working tree, or of any revision beside it.

    python benchmarks/house.py                    # the working tree
    python benchmarks/house.py 8e36f32 .          # a revision (or a folder), and the working tree
    python benchmarks/house.py --list             # also where the figures come from

Prints a Markdown table with a column for each. A revision is read with ``git archive`` into a
temporary folder. Standard library only; ruff counts E501 where it is installed. The tests of the
project take its rules on imports and line lengths from here (``tests/test_project.py``).
"""

import argparse
import ast
import contextlib
import io
import math
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100
PACKAGE = "vaiopt"

RELEASES = {"1.4", "2.0", "2.5", "3.0", "3.5"}
RELEASE_TABLE = "vaiopt/releases"
"""What begins so is the table of releases or reads it, and may name them."""

VARIANTS = {
    "sampler": {"gp", "forest", "tpe", "optuna_gp", "cmaes", "nsga2", "random", "grid"},
    "pruner": {"median", "halving", "hyperband"},
    "quantizer": {"tfmot", "vitis"},
    "schedule": {"constant", "cosine"},
    "data source": {"digits", "breast_cancer", "mnist", "fashion_mnist"},
    "target": {"cpu"},
}
"""Names whose meaning belongs in one row; code that compares with one decides elsewhere."""

EXAMPLES = ("tfmot", "3.5", "fashion_mnist")
"""A quantizer, a release and a data source: the files that name one would name the next."""

TASK_WORDS = re.compile(r"\b(classes|accuracy|threshold|argmax)\b")


class Import(NamedTuple):
    """One import of a module of the package: ``name`` is what is taken from it, if anything."""

    module: str
    name: str
    line: int
    in_function: bool


class Source(NamedTuple):
    """A Python file: its path within the project, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.AST


def read_sources(root: Path, *folders: str) -> List[Source]:
    """Return the Python files below the folders, in the order of their paths."""
    found = []
    paths = {path for folder in folders for path in (root / folder).rglob("*.py")}
    for path in sorted(path for path in paths if path.relative_to(root).parts[0][0] != "."):
        text = path.read_text(encoding="utf-8")
        found.append(Source(path.relative_to(root).as_posix(), text, ast.parse(text)))
    return found


# --- lines


def is_text(path: Path) -> bool:
    """Whether a file is Python, a shell script or settings, of which lines can be too long;
    documents, data, pictures, lock files, the licence and what is for a browser are not held to a
    width.
    """
    skipped = (".md", ".json", ".csv", ".txt", ".ipynb", ".css", ".js", ".svg")
    if path.suffix in skipped or path.name == "LICENSE":
        return False
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def tracked_files(root: Path) -> List[Path]:
    """Return the files of the project: those that git knows; in an unpacked sdist those that it was
    made of; elsewhere all.
    """
    made_of = root / f"{PACKAGE}.egg-info" / "SOURCES.txt"
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists() and shutil.which("git"):
        names = subprocess.check_output(command, cwd=str(root)).decode().split("\0")
        files = [root / name for name in names if name]
    elif made_of.exists():
        names = made_of.read_text(encoding="utf-8").splitlines()
        files = [root / name for name in names if not name.startswith(made_of.parent.name)]
    else:
        files = [path for path in root.rglob("*") if "__pycache__" not in path.parts]
    return sorted(path for path in files if path.is_file())


def long_lines(root: Path) -> List[Tuple[str, int]]:
    """Return path and number of each line of more than :data:`WIDTH` characters."""
    return [
        (path.relative_to(root).as_posix(), number)
        for path in tracked_files(root)
        if is_text(path)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH
    ]


# --- imports


def module_name(path: str) -> str:
    """Return how a file of the package is imported."""
    parts = path[: -len(".py")].split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: Source, modules: Set[str]) -> Iterator[Import]:
    """Yield every import of the package in a file, those in functions and for types included.
    ``from package import module`` is an import of that module, not of the package.
    """
    waiting = [(source.tree, False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules:
                    yield Import(alias.name, "", node.lineno, inside)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                module, name = (full, "") if full in modules else (node.module, alias.name)
                yield Import(module, name, node.lineno, inside)
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def import_graph(sources: List[Source], in_functions: bool = True) -> Dict[str, Set[str]]:
    """Return what each module of the package imports of it."""
    modules = {module_name(source.path) for source in sources}
    return {
        module_name(source.path): {
            found.module
            for found in imports(source, modules)
            if (in_functions or not found.in_function) and found.module != module_name(source.path)
        }
        for source in sources
    }


def circles(graph: Dict[str, Set[str]]) -> List[List[str]]:
    """Return the groups of modules that reach each other (Tarjan's strongly connected
    components of more than one module).
    """
    order: Dict[str, int] = {}
    lowest: Dict[str, int] = {}
    stack: List[str] = []
    found: List[List[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in stack:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            place = stack.index(module)
            group = sorted(stack[place:])
            del stack[place:]
            if len(group) > 1:
                found.append(group)

    for module in sorted(graph):
        if module not in order:
            visit(module)
    return found


def is_private(name: str) -> bool:
    """Whether a name is for its own module only; ``__version__`` is not."""
    return name.startswith("_") and not name.startswith("__")


def private_imports(sources: List[Source]) -> List[str]:
    """Return each use of another module's private name: imported, or as an attribute of the
    imported module.
    """
    modules = {module_name(source.path) for source in sources}
    found = []
    for source in sources:
        aliases: Dict[str, str] = {}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ImportFrom) and node.module in modules:
                for alias in node.names:
                    if f"{node.module}.{alias.name}" in modules:
                        aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    elif is_private(alias.name):
                        found.append(f"{source.path}:{node.lineno} {node.module}.{alias.name}")
            elif isinstance(node, ast.Import):
                aliases.update({a.asname: a.name for a in node.names if a.asname})
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = aliases.get(node.value.id)
                if owner in modules and is_private(node.attr):
                    found.append(f"{source.path}:{node.lineno} {owner}.{node.attr}")
    return found


# --- sizes


def functions(sources: List[Source]) -> List[Tuple[int, str]]:
    """Return the length in lines and the place of each function, longest first."""
    found = [
        (node.end_lineno - node.lineno + 1, f"{source.path}:{node.lineno} {node.name}")
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    return sorted(found, reverse=True)


# --- copies of one rule


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield the text literals of a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def naming_releases(sources: List[Source]) -> Dict[str, int]:
    """Return how many text literals that are the name of a release each file has, outside the
    table of releases.
    """
    found = {
        source.path: sum(text in RELEASES for text in texts(source.tree))
        for source in sources
        if not source.path.startswith(RELEASE_TABLE)
    }
    return {path: count for path, count in found.items() if count}


def scripts_naming_releases(root: Path) -> List[str]:
    """Return the shell scripts and Dockerfiles that name a release outside of comments."""
    pattern = re.compile(r"(?<![\d.])(?:1\.4|2\.0|2\.5|3\.0|3\.5)(?![\d.]*\d)")
    found = []
    for folder in ("docker", "scripts", ".ci"):
        for path in sorted(p for p in (root / folder).glob("*") if p.is_file() and not p.suffix):
            text = path.read_text(encoding="utf-8")
            if not text.startswith("#!/usr/bin/env python") and any(
                pattern.search(line) for line in text.splitlines() if not re.match(r"\s*#", line)
            ):
                found.append(path.relative_to(root).as_posix())
    return found


def branches_on_names(sources: List[Source]) -> List[str]:
    """Return the comparisons (``==``, ``!=``, ``in``, ``not in``) with the name of a variant."""
    names = set().union(*VARIANTS.values())
    return [
        f"{source.path}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Compare) and any(text in names for text in texts(node))
    ]


# --- the table


def count_e501(root: Path) -> Optional[int]:
    """Return how many lines ruff finds too long; None where there is no ruff."""
    ruff = shutil.which("ruff") or shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        return None
    command = [ruff, "check", "--isolated", "--no-cache", "--select", "E501"]
    command += ["--line-length", str(WIDTH), "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=str(root), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().count(" E501 ")


def count_wide(sources: List[Source]) -> str:
    """Return how many lines are too long, and the share."""
    lines = [line for source in sources for line in source.text.splitlines()]
    wide = sum(len(line) > WIDTH for line in lines)
    return f"{wide:,} ({wide / len(lines):.1%})"


def measure(root: Path) -> Dict[str, str]:
    """Return the figures of a checkout, by what they say."""
    package = read_sources(root, PACKAGE)
    text = "".join(source.text for source in package)
    sizes = functions(package)
    releases, e501 = naming_releases(package), count_e501(root)
    tasks = [s for s in read_sources(root, PACKAGE, "board") if TASK_WORDS.search(s.text)]
    longest = max((len(source.text.splitlines()), source.path) for source in package)
    return {
        "lines of `vaiopt/`": f"{len(text.splitlines()):,}",
        "import circles, at loading": str(len(circles(import_graph(package, False)))),
        "import circles, imports in functions included": str(len(circles(import_graph(package)))),
        "uses of another module's private name": str(len(private_imports(package))),
        f"lines over {WIDTH} characters, `vaiopt/`": count_wide(package),
        f"lines over {WIDTH} characters, all Python files": count_wide(read_sources(root, ".")),
        f"ruff's E501 at {WIDTH}, everywhere": "-" if e501 is None else f"{e501:,}",
        "`Dict[str, Any]`": str(text.count("Dict[str, Any]")),
        '`.get("`': str(text.count('.get("')),
        "longest module": "{}, `{}`".format(*longest),
        "longest function": "{}, `{}`".format(*sizes[0]),
        "lines of a function, median": str(sizes[len(sizes) // 2][0]),
        "lines of a function, 90th percentile": str(
            sizes[len(sizes) - math.ceil(0.9 * len(sizes))][0]
        ),
        "names of releases in Python outside their table": (
            f"{sum(releases.values())} in {len(releases)} files"
        ),
        "shell scripts and Dockerfiles that name a release": str(
            len(scripts_naming_releases(root))
        ),
        "files of `vaiopt/` that name `{}`, `{}`, `{}`".format(*EXAMPLES): ", ".join(
            str(sum(name in texts(source.tree) for source in package)) for name in EXAMPLES
        ),
        "comparisons with the name of a variant": str(len(branches_on_names(package))),
        "files that say classes, accuracy, threshold or argmax": str(len(tasks)),
    }


def print_details(root: Path) -> None:
    """Print where the figures of a checkout come from."""
    package = read_sources(root, PACKAGE)
    graph = import_graph(package)
    for circle in circles(graph):
        print("circle: " + ", ".join(circle))
        for module in circle:
            for other in sorted(graph[module] & set(circle)):
                print(f"  {module} imports {other}")
    for kind, rows in (
        ("private name", private_imports(package)),
        ("names releases", [f"{path} ({n})" for path, n in naming_releases(package).items()]),
        ("names a release", scripts_naming_releases(root)),
        ("compares with a variant's name", branches_on_names(package)),
        ("long line", [f"{path}:{number}" for path, number in long_lines(root)]),
    ):
        for row in rows:
            print(f"{kind}: {row}")


@contextlib.contextmanager
def checkout(name: str) -> Iterator[Path]:
    """Give the folder of that name, or one that holds the revision of that name."""
    if Path(name).is_dir():
        yield Path(name).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.check_output(["git", "archive", name], cwd=str(ROOT))
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder)
        yield Path(folder)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkouts", nargs="*", metavar="FOLDER|REVISION", default=[str(ROOT)])
    parser.add_argument("--list", action="store_true", help="also where the figures come from")
    given = parser.parse_args()
    columns = []
    for name in given.checkouts:
        with checkout(name) as root:
            columns.append(measure(root))
            if given.list:
                print_details(root)
    names = ["working tree" if Path(name).is_dir() else name for name in given.checkouts]
    print("| | " + " | ".join(names) + " |")
    print("|" + " --- |" * (len(names) + 1))
    for row in columns[0]:
        print(f"| {row} | " + " | ".join(column[row] for column in columns) + " |")


if __name__ == "__main__":
    main()
