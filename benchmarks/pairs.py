"""Start two commands at once on one run, and look what comes of it.

    python benchmarks/pairs.py --turns 10

Each must be done (exit code 0), or told that another is at work (2); afterwards the run must be
whole: every record fits the files that it names, and nothing is left over. Prints a line per pair;
the exit code is 1 if anything was wrong.
"""

import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from kills import leftovers, load, sets, started, unreadable, whole_run

PAIRS = {
    "choose + choose": (["choose", "RUN", "--trial", "0"], ["choose", "RUN", "--trial", "1"]),
    "quantize + quantize": (["quantize", "RUN"], ["quantize", "RUN"]),
    "quantize + choose": (["quantize", "RUN"], ["choose", "RUN", "--trial", "1"]),
    "quantize + evaluate": (["quantize", "RUN"], ["evaluate", "RUN"]),
    "quantize + compile": (["quantize", "RUN"], ["compile", "RUN"]),
    "compile + compile": (["compile", "RUN"], ["compile", "RUN"]),
    "compile + bundle": (["compile", "RUN"], ["bundle", "RUN"]),
    "bundle + measure": (["bundle", "RUN"], ["measure", "RUN"]),
    "measure + measure": (["measure", "RUN"], ["measure", "RUN"]),
    "evaluate + evaluate": (["evaluate", "RUN"], ["evaluate", "RUN"]),
    "report + report": (["report", "RUN"], ["report", "RUN"]),
    "quantize + report": (["quantize", "RUN"], ["report", "RUN"]),
    "search + search": (["search", "--run", "RUN", "SETS"], ["search", "--run", "RUN", "SETS"]),
    "search + choose": (["search", "--run", "RUN", "MORE"], ["choose", "RUN", "--trial", "1"]),
}
"""What is started at once."""

FROM_NOTHING = ("search + search",)


def words_of(words, folder, arguments):
    """Return a command line with the folder and the settings in their places."""
    more = ["--set", f"search.trials={arguments.trials + 3}"]
    places = {"RUN": [str(folder)], "SETS": sets(arguments), "MORE": more}
    return [word for text in words for word in places.get(text, [text])]


def turn(pair, folder, arguments, moments):
    """Start both, the second a moment later, and return their exit codes."""
    children = []
    for number, words in enumerate(PAIRS[pair]):
        log = folder.with_name(f"{folder.name}{number}")
        children.append(started(words_of(words, folder, arguments), log, pair))
        time.sleep(moments.uniform(0, arguments.seconds))
    statuses = [os.waitpid(child, 0)[1] for child in children]
    return tuple(s >> 8 if os.WIFEXITED(s) else -os.WTERMSIG(s) for s in statuses)


def wrong_with(folder, codes):
    """Return what is wrong with a run after two commands."""
    if any(code not in (0, 2) for code in codes) or codes == (2, 2):
        return "exit codes"
    return unreadable(folder, ["chosen.json", "float"]) or ", ".join(leftovers(folder))


def main():
    """Start the pairs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pair", choices=list(PAIRS), action="append")
    parser.add_argument("--turns", type=int, default=10, help="of each pair")
    parser.add_argument("--seconds", type=float, default=0.3, help="between the two, at most")
    parser.add_argument("--trials", type=int, default=2)
    arguments = parser.parse_args()
    load()
    moments, faults = random.Random(0), 0
    with tempfile.TemporaryDirectory() as place:
        whole = whole_run(arguments, Path(place) / "whole")
        folder = Path(place) / "pair"
        for pair in arguments.pair or PAIRS:
            ends, wrong = collections.Counter(), []
            for _ in range(arguments.turns):
                shutil.rmtree(str(folder), ignore_errors=True)
                if pair not in FROM_NOTHING:
                    shutil.copytree(str(whole), str(folder), symlinks=True)
                codes = turn(pair, folder, arguments, moments)
                ends[codes] += 1
                wrong += filter(None, [wrong_with(folder, codes)])
            faults += len(wrong)
            told = ", ".join(f"{codes} {count} times" for codes, count in ends.items())
            print(f"{pair:22} {told}; wrong: {len(wrong)} {wrong[:2] or ''}", flush=True)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
