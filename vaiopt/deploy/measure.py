"""The stage ``measure``: run a bundle's own scripts, here or on a kit, and keep what they
report.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Sequence

from vaiopt.deploy.launch import Launch
from vaiopt.deploy.local import run_local
from vaiopt.deploy.result import read_result
from vaiopt.errors import BoardError, RunError, SettingsError
from vaiopt.files import PathLike
from vaiopt.hardware.devices import named_targets
from vaiopt.hardware.targets import load_target
from vaiopt.present.shown import Shown
from vaiopt.record import read_record, write_record
from vaiopt.runs.choice import refresh_links
from vaiopt.runs.layout import Candidate
from vaiopt.runs.lineage import file_sha256
from vaiopt.runs.records import KitResult, Manifest, Measured
from vaiopt.runs.work import together
from vaiopt.settings import Settings
from vaiopt.signals import raised
from vaiopt.text import Progress, silent

FOREIGN = frozenset(["vaiopt", "tensorflow", "tf_keras", "keras", "torch", "jax"])
"""Modules that must not be loaded where a bundle is measured: it is to run on a kit that has none
of them.
"""

Kit = Callable[[Path, Sequence[str], str, Sequence[str], Progress], str]
"""Runs a bundle: its folder, the names of its files, its entry script, the script's arguments, who
is told of progress; returns the text of the result file.
"""


@dataclass(frozen=True)
class MeasureResult(Shown):
    """What was measured.

    Attributes:
        path: ``measured/<target>.json`` of the candidate; ``measured/cpu@<host>.json`` for the CPU
            of a kit.
        record: its content.
    """

    path: Path
    record: Measured

    def to_json(self) -> Dict[str, Any]:
        """Return the record, with its path."""
        return {**self.record.to_json(), "path": str(self.path)}


def check_measure(settings: Settings) -> None:
    """Check that the board can be asked from here, if one is meant.

    Raises:
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
        SettingsError: there is no such ``deploy.ssh_config``.
    """
    if settings.deploy.host != "local":
        from vaiopt.deploy.ssh import check_tools

        check_tools()
        ssh_config_of(settings)


def ssh_config_of(settings: Settings) -> Optional[str]:
    """Return the configuration file for ``ssh`` that is set; None for the user's own. Raises
    SettingsError: there is none.
    """
    if not settings.deploy.ssh_config:
        return None
    path = Path(settings.deploy.ssh_config).expanduser()
    if not path.is_file():
        raise SettingsError(
            f"deploy.ssh_config is '{settings.deploy.ssh_config}', and there is no such file",
            "Give the path of a file as ssh -F takes it, or leave the setting out.",
        )
    return str(path.resolve())


@contextlib.contextmanager
def open_kit(
    host: str,
    ssh_config: Optional[PathLike] = None,
    progress: Progress = silent,
    launch: Optional[Launch] = None,
) -> Iterator[Kit]:
    """Yield what measures several bundles on one host: on a board over one connection, and what
    they have in common is copied once.

    Args:
        host, ssh_config: as in :func:`measure_candidate`.
        progress: told of retries.
        launch: how scripts are started there.

    Raises:
        BoardError: ``host`` is not a host.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    if host == "local":
        yield lambda folder, _, entry, arguments, tell: run_local(folder, entry, arguments, tell)
        return
    from vaiopt.deploy.remote import run_on
    from vaiopt.deploy.ssh import Connection

    seen: Dict[str, str] = {}
    with raised(), Connection(host, ssh_config, progress) as board:
        yield lambda folder, files, entry, arguments, tell: run_on(
            board, folder, files, entry, arguments, tell, seen, launch or Launch()
        )


@together
def measure_candidate(
    candidate: Candidate,
    settings: Settings,
    *,
    repeat: int = 0,
    ssh_config: Optional[PathLike] = None,
    kit: Optional[Kit] = None,
    new: bool = False,
    progress: Progress = silent,
) -> MeasureResult:
    """Run the bundle of a target and write ``measured/<target>.json``.

    Args:
        candidate: with a bundle for the target.
        settings: ``hardware`` names the target; ``deploy.host`` is ``local``, for a separate Python
            process here, or a board for ``ssh`` and ``scp``, such as ``root@192.168.1.10``;
            ``deploy.threads`` are for the throughput measurement.
        repeat: how often the samples are gone over for throughput; 0: for about a second.
        ssh_config: configuration file for ``ssh`` and ``scp`` instead of that of the settings, or
            the user's own.
        kit: from :func:`open_kit` of this host, for several candidates over one connection.
        new: measure, also where the same measurement runs on the kit, or has ended there and was
            not fetched; else its result is taken.
        progress: told one line at a time, the bundle's own messages included.

    Raises:
        RunError: there is no bundle for this target, or it was changed.
        BoardError: the scripts report an error, or the board cannot be reached.
        MissingToolError: no ``ssh`` or ``scp`` is installed here.
    """
    name = load_target(settings.hardware.target, settings.hardware.release).name
    host = settings.deploy.host
    folder = candidate.bundle(name)
    command = f"{candidate.command('bundle')} --target {settings.hardware.target}"
    manifest = check_bundle(folder, command)
    arguments = [manifest.model.file, "--data", manifest.samples.file]
    arguments += ["--threads", str(settings.deploy.threads)]
    arguments += ["--batch-repeat", str(repeat)] if repeat else []
    files = sorted([*manifest.files, "manifest.json"])
    if kit is not None:
        text = kit(folder, files, manifest.entry, arguments, progress)
    elif host == "local":
        text = run_local(folder, manifest.entry, arguments, progress)
    else:
        from vaiopt.deploy.remote import run_remote

        launch = launch_of(settings)
        where: Any = (host, ssh_config or ssh_config_of(settings), progress, launch, new)
        text = run_remote(folder, files, manifest.entry, arguments, *where)
    result = read_result(text)
    _check_result(result, manifest, settings.deploy.threads)
    record = _measured(result, manifest, name, host)
    path = candidate.measured(measured_name(name, host))
    write_record(path, record)
    refresh_links(candidate)
    for doubt in record.all_doubts[len(record.doubts) :]:  # those of the scripts were told
        progress(f"warning: {doubt.line}")
    if settings.objective.metrics:
        progress("note: objective.metrics is not computed on the kit: scores are the task's")
    return MeasureResult(path, record)


def _measured(result: KitResult, manifest: Manifest, target: str, host: str) -> Measured:
    """Return the record of a kit's result."""
    fields = {key: value for key, value in vars(result).items() if key != "modules"}
    return Measured(
        **{**fields, "more": {k: v for k, v in result.more.items() if k not in _OWN}},
        target=target,
        host=host,
        measured=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        expected=manifest.expected,
    )


def launch_of(settings: Settings) -> Launch:
    """Return how scripts are started on the kit of these settings."""
    deploy = settings.deploy
    return Launch(deploy.python, deploy.setup, deploy.sudo)


_OWN = ("target", "host", "measured", "expected")
"""What a measurement says itself, whatever the scripts say."""


def _check_result(result: KitResult, manifest: Manifest, threads: int) -> None:
    kind = Path(manifest.model.file).suffix[1:]
    if result.model.sha256 != manifest.model.sha256 or result.model.kind not in ("", kind):
        raise BoardError("the result is of another model than the bundle's", "Measure again.")
    told = result.more.get("samples_sha256", manifest.files.get(manifest.samples.file))
    count = manifest.samples.count
    if told != manifest.files.get(manifest.samples.file) or result.samples != count:
        raise BoardError(
            f"the result is of other samples than the bundle's {count}", "Measure again."
        )
    if result.fps.threads != threads:
        raise BoardError(
            f"the result is of {result.fps.threads} threads, not of {threads}", "Measure again."
        )
    if manifest.golden is not None and not result.golden.compared:
        raise BoardError(
            "the result says nothing of the bundle's golden outputs", "Measure again with --new."
        )
    if not result.latency_ms.p50 or not result.fps.value:
        raise BoardError("the result says that the model took no time", "Measure again.")
    loaded = sorted(FOREIGN.intersection(result.modules))
    if loaded:
        raise BoardError(
            f"the measurement loaded {', '.join(loaded)}",
            "Install a TFLite interpreter: pip install ai-edge-litert",
        )


def measured_name(target: str, host: str) -> str:
    """Return the name of a measurement's file: the target, and for a device that many machines
    have (``cpu``: a kit's ARM cores) elsewhere also the host.
    """
    if target not in named_targets() or host == "local":
        return target
    board = re.sub(r"[^A-Za-z0-9_.-]+", "-", host.rpartition("@")[2]).strip("-.")
    return f"{target}@{board}"


def check_bundle(folder: Path, command: str) -> Manifest:
    """Return the manifest of a bundle whose files are all there and unchanged.

    Raises:
        RunError: a file is missing or changed.
    """
    manifest = read_record(folder / "manifest.json", Manifest, command)
    wrong = [
        name
        for name, digest in manifest.files.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    ]
    if wrong:
        raise RunError(
            f"the bundle '{folder}' is not what its manifest.json says: {', '.join(wrong)}",
            f"Make it again with: {command}",
        )
    return manifest
