"""Messages of a kit and its scripts, whose runtime is a stand-in."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any, Callable

from tests.board.made_bundles import BOARD, make_bundle, make_classifier, run_bundle, seal
from tests.contract.standin_models import write_model, write_recorded
from tests.docs.provoked.bench import Bench, Provocations, Said
from tests.made_runs import measured_record
from vaiopt.cli.run import check_measured
from vaiopt.delivered import Delivered, Failure
from vaiopt.deploy import remote
from vaiopt.deploy.ssh import Answer, Connection, Lost, NotCopied
from vaiopt.deploy.verdict import check_trusted
from vaiopt.runs.records import Doubt
from vaiopt.summary import Summary
from vaiopt.text import silent

QUERY = """WARNING: x
{"DPU IP Spec": {}, "kernels": [{"DPU Arch": "DPUCZDX8G_ISA1_B4096", "DPU Frequency (MHz)": 300,
"fingerprint": "0x1000020f6014407"}]}"""

GONE = Delivered(3, failure=Failure("measure", "no connection to 'kit'"))
UNMEASURED = Summary("run", "zcu102", front=(GONE,), go_on="vaiopt run --front 5 --from measure")
DOUBTED = measured_record("zcu102", doubts=(Doubt("busy", "this machine is busy", "End it."),))


def run(bench: Bench, change: Callable[[Any], Any] = lambda bundle: {}, **options: Any) -> Said:
    """Run a bundle's script; ``change`` changes the bundle, and returns variables to set."""
    bundle = make_bundle(bench.folder / "bundle")
    outcome = run_bundle(bundle, **{**options, **(change(bundle) or {})})
    assert outcome.code == 2, outcome
    return Said(outcome.error, outcome.hint)


def other_board(bundle: Any) -> Any:
    tool = bundle.parent / "bin" / "xdputil"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\n/bin/cat <<'EOF'\n{QUERY}\nEOF\n")
    tool.chmod(0o755)
    return {"PATH": str(tool.parent)}


def changed_file(bundle: Any) -> None:
    with open(str(bundle / "samples.npz"), "ab") as file:
        file.write(b"x")


def two_subgraphs(bundle: Any) -> None:
    write_recorded("v3.0_kv260", bundle / "model.xmodel")
    seal(bundle)


def rewritten(change: Callable[[Any], None]) -> Callable[[Any], None]:
    def apply(bundle: Any) -> None:
        content = copy.deepcopy(make_classifier()["content"])
        change(content)
        write_model(bundle / "model.xmodel", content)
        seal(bundle)

    return apply


def operator_on_the_cpu(content: Any) -> None:
    content["ops"][-1]["type"] = "Mylayer"


def other_position(content: Any) -> None:
    content["children"][1]["input_tensors"][0]["attrs"] = {"fix_point": 6}


def other_xir(bundle: Any) -> Any:
    folder = bundle.parent / "other"
    folder.mkdir()
    (folder / "xir.py").write_text("VERSION = 1\n")
    (folder / "vart.py").write_text("")
    return {"PYTHONPATH": str(folder)}


def board_module(bench: Bench, name: str) -> Any:
    bench.patch.syspath_prepend(str(BOARD))
    return __import__(name)


class NoSamples:
    """Samples of which there are none."""

    x: Any = ()

    def __len__(self) -> int:
        return 0


def no_interpreter(bench: Bench) -> None:
    module = board_module(bench, "kit_tflite")
    bench.patch.setattr(module, "INTERPRETERS", ("no_such_interpreter",))
    module.find_interpreter()


def unsafe_threads(bench: Bench) -> None:
    """Outputs differ with threads, as those of a runtime would that is not safe."""
    module = board_module(bench, "kit_measure")
    fps = {"value": 1.0, "different_outputs": 2, "threads": 4}
    bench.patch.setattr(module, "Quantizer", lambda *arguments: lambda x: x)
    bench.patch.setattr(module, "measure_latency", lambda *arguments: ([], {"p50": 1.0}))
    bench.patch.setattr(module, "measure_throughput", lambda *arguments: dict(fps))
    model = SimpleNamespace(input_position=7, output_position=2, batch=1, make_runner=lambda: None)
    task = SimpleNamespace(predict=lambda *arguments: [], score=lambda *arguments: {})
    manifest = SimpleNamespace(task=task, threshold=None, classes=["a", "b"])
    options = SimpleNamespace(threads=4, batch_repeat=1)
    module._run(options, manifest, model, NoSamples(), None, silent)


def lost(bench: Bench) -> None:
    def action() -> None:
        raise Lost("Permission denied (publickey)")

    board = SimpleNamespace(host="root@board", _progress=silent)
    Connection.keep_trying(board, "copying the bundle", action)  # type: ignore[arg-type]


def answers(bench: Bench, said: bytes) -> None:
    bench.patch.setattr(remote, "STALLED_SECONDS", -1.0)
    answer = Answer(0, said, "")
    shell = SimpleNamespace(
        host="root@board", shell=lambda text: answer, run=lambda *words, folder: answer
    )
    remote._Job(shell, "place", silent).follow()  # type: ignore[arg-type]


def raising(error: Exception) -> None:
    raise error


class Shell:
    """A board whose shell answers so, whatever it is asked."""

    host = "root@board"

    def __init__(self, code: int, stdout: bytes, said: str = "") -> None:
        self.answer = Answer(code, stdout, said or "no message", said)

    def shell(self, text: str) -> Answer:
        return self.answer


READY = f"{remote.READY}\nFilesystem\n/dev/root 9 9 9 9% /\n".encode()


def in_use(bench: Bench) -> None:
    module, lock = board_module(bench, "kit_lock"), str(bench.folder / "lock")
    bench.patch.setattr(module, "LONGEST_SECONDS", -1.0)
    with module.dpu_alone("first", silent, lock), module.dpu_alone("second", silent, lock):
        pass


MESSAGES: Provocations = {
    "'…' was compiled for fingerprint …, this board's DPU has …": lambda b: run(
        b, other_board, STANDIN_FINGERPRINT="0x1000020f6014407"
    ),
    "no connection to '…' while …: …": lost,
    "… cannot be trusted: …": lambda b: check_trusted(DOUBTED, (), "the measurement of trial 3"),
    "… of … candidates were not measured": lambda b: check_measured(UNMEASURED),
    "nothing can be written to '…' on '…': …": lambda b: remote.make_folder(
        Shell(1, b"", "mkdir: Read-only file system"), "place"
    ),
    "the disk of '…' is full: …": lambda b: raising(
        remote._not_copied(Shell(0, READY), "place", NotCopied("scp: Failure"))
    ),
    "the bundle cannot be copied to '…': …": lambda b: raising(
        remote._not_copied(Shell(0, f"{remote.READY}\n".encode()), "place", NotCopied("x", "x"))
    ),
    "'…' answers …": lambda b: answers(b, b"Welcome!\n"),
    "'…' is not the file that '…' describes: its SHA-256 differs": lambda b: run(b, changed_file),
    "'…' needs … DPU subgraphs (…)…; running one would be half a model": lambda b: run(
        b, two_subgraphs
    ),
    "'…' needs operators on the CPU that would be left out: …": lambda b: run(
        b, rewritten(operator_on_the_cpu)
    ),
    "'…' has its … at fix position …, the manifest says …": lambda b: run(
        b, rewritten(other_position)
    ),
    "'…' is not the xir of Vitis-AI": lambda b: run(b, other_xir),
    "the runtime of the DPU cannot be imported (…)": lambda b: run(b, bare=True),
    "no TFLite interpreter is installed": no_interpreter,
    "the measurement on '…' ended without a word: …": lambda b: answers(b, b"gone\n"),
    "the DPU was in use for an hour: …": in_use,
    "another vaiopt has taken up the measurement on '…'": lambda b: answers(b, b"- other\n"),
    "'…' has said nothing for … s": lambda b: answers(b, b"-\n"),
    "… outputs differ from the first runner's, with … thread(s)": unsafe_threads,
}
