"""Results as files of Weights & Biases: a run for each trial, and one for what the search came to.

Nothing is sent anywhere, and nobody has to log in: ``wandb sync`` does that, when somebody wants.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional

from vaiopt.study.record import FAILED
from vaiopt.track import tracker
from vaiopt.track.tracker import About, Artifact, Results, TrialContent, flat_names

KEY_BYTES = 6
"""Of the key that the names of a search's runs begin with."""


class WandbTracker(tracker.Tracker):
    """See :class:`vaiopt.track.tracker.Tracker`."""

    @classmethod
    def load(cls) -> None:
        """Import wandb. It reports none of its own errors, unless somebody wants that."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        from wandb import Settings, init  # noqa: F401

    def begin(self, key: str, about: About) -> str:
        """Take note of the search; a run is made for each trial."""
        self.load()
        (self.place.folder / "wandb").mkdir(parents=True, exist_ok=True)
        self._about, self._key = about, key or secrets.token_hex(KEY_BYTES)
        return self._key

    def trial(self, content: TrialContent) -> None:
        """Make the run of a trial."""
        config = {**flat_names(content.point), "trial": content.number}
        run = self._init("trial", content.name, config, f"{self._key}-{content.number}")
        for series in content.series:
            counted = f"{series.name}/step"
            run.define_metric(f"{series.name}/*", step_metric=counted)
            for step, values in series.rows:
                named = {f"{series.name}/{n}": v for n, v in flat_names(values).items()}
                run.log({counted: step, **named})
        state = {"status": content.status, "reason": content.reason}
        run.summary.update({**flat_names(content.figures), **state})
        run.finish(exit_code=int(content.status == FAILED))

    def results(self, results: Results) -> List[str]:
        """Make one more run, with the figures and the files: one that was finished cannot go on."""
        run = self._init("results", self._about.name, flat_names(self._about.values))
        chosen = {"chosen": results.chosen, "reason": results.reason}
        run.summary.update({**flat_names(results.figures), **chosen})
        model = [Artifact(file.path, f"model/{file.folder}") for file in results.model]
        for file in (*results.files, *model):
            self._save(run, file)
        run.finish()
        return []

    def _init(self, kind: str, name: str, config: Dict[str, Any], key: Optional[str] = None) -> Any:
        """Return a new run, beside any that is open."""
        import wandb

        run = wandb.init(
            mode="offline",
            dir=str(self.place.folder),
            project=self.place.name,
            group=f"{self._about.name} {self._key}",
            job_type=kind,
            name=name,
            id=key,
            config=config,
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", save_code=False),
        )
        if self.place.folder not in Path(run.dir).resolve().parents:
            run.finish()  # where it may not write, wandb takes a temporary folder
            raise OSError(f"wandb cannot write to '{self.place.folder}'")
        return run

    @staticmethod
    def _save(run: Any, file: Artifact) -> None:
        """Copy a file to those of a run; a link, as wandb makes it, would change with the file."""
        copy = Path(run.dir) / file.folder / file.path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.path), str(copy))
        run.save(str(copy), base_path=str(run.dir), policy="end")
