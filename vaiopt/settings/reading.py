"""Settings read from TOML and from ``--set section.key=value``, and kept in a run as ``run.toml``."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
import typing
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.files import FORMAT_VERSION, PathLike, check_version, write_text
from vaiopt.runs.layout import Run
from vaiopt.settings.ranges import Spec, is_spec, parse_spec
from vaiopt.settings.schema import _checked, _kind, _plain, _section
from vaiopt.settings.sections import Settings

Overrides = Union[Sequence[str], Mapping[str, Any]]
"""Changed settings: texts ``section.key=value``, whose values are TOML, or a mapping of
``"section.key"`` to plain values.
"""


def section_classes() -> Dict[str, Any]:
    """Return the data class of each section, by name, in the order of the file."""
    hints = typing.get_type_hints(Settings)
    return {
        f.name: hints[f.name]
        for f in dataclasses.fields(Settings)
        if dataclasses.is_dataclass(hints[f.name])
    }


def load_settings(path: Optional[PathLike] = None, overrides: Overrides = ()) -> Settings:
    """Read settings from a TOML file and apply overrides.

    Args:
        path: the file; ``None`` gives the defaults. Relative files named in it are looked up beside
            it.
        overrides: ``{"section.key": value}``, or texts ``section.key=value``; the value of a text
            is TOML, or a bare text.

    Raises:
        SettingsError: the file is missing or not TOML, a key is unknown, a value of the wrong type
            or out of range.
    """
    content = _read_toml(Path(path)) if path is not None else {}
    content.pop("run", None)
    content.pop("version", None)
    _apply(content, overrides)
    settings = settings_from_dict(content)
    return _resolve_paths(settings, Path(path).resolve().parent) if path is not None else settings


def _read_toml(path: Path) -> Dict[str, Any]:
    if not path.is_file():
        raise SettingsError(
            f"there is no settings file '{path}'", f"Write a commented one with: vaiopt init {path}"
        )
    try:
        return parse_toml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"'{path}' is not a UTF-8 text file", "Write a fresh one with: vaiopt init FILE.toml"
        ) from error
    except ValueError as error:
        raise SettingsError(
            f"'{path}' is not valid TOML: {error}",
            "Mend that line; 'vaiopt init' writes an example.",
        ) from error


def parse_toml(text: str) -> Dict[str, Any]:
    """Parse TOML with the standard library or, before Python 3.11, with tomli. Raises
    ValueError.
    """
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return dict(toml.loads(text))


def _apply(content: Dict[str, Any], overrides: Overrides) -> None:
    if isinstance(overrides, Mapping):
        pairs = list(overrides.items())
    else:
        pairs = [
            _parsed(text) for text in ([overrides] if isinstance(overrides, str) else overrides)
        ]
    for key, value in pairs:
        parts = [part.strip() for part in key.strip().split(".")]
        table = content
        for part in parts[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise SettingsError(
                    f"'{key}' cannot be set: '{part}' is not a section",
                    "For instance: search.trials=30",
                )
        table[parts[-1]] = value


def _parsed(text: str) -> Tuple[str, Any]:
    """Return key and value of a text ``section.key=value``."""
    key, separator, value = text.partition("=")
    if not separator or not all(part.strip() for part in key.split(".")):
        raise SettingsError(
            f"'--set {text}' is not of the form section.key=value",
            "For instance: --set search.trials=30",
        )
    try:
        return key, parse_toml("value = " + value)["value"]
    except ValueError:
        return key, value.strip()


def settings_from_dict(content: Mapping[str, Any]) -> Settings:
    """Check plain values and return them as :class:`Settings`. Raises :class:`SettingsError`."""
    known = section_classes()
    names = [f.name for f in dataclasses.fields(Settings)]
    values: Dict[str, Any] = {}
    for key, value in content.items():
        if key not in names:
            raise SettingsError(f"unknown setting '{key}'", _where(key, names))
        if key in known:
            if not isinstance(value, Mapping):
                raise SettingsError(
                    f"'{key}' must be a section, not {_kind(value)}", f"Write it as: [{key}]"
                )
            values[key] = _section(known[key], key, value)
        else:
            values[key] = _checked(
                next(f for f in dataclasses.fields(Settings) if f.name == key), int, key, value
            )
    return Settings(**values)


def _where(key: str, names: Sequence[str]) -> str:
    """Return a hint for an unknown key: a like-named one of any section, else the nearest of
    ``names``.
    """
    for section, cls in section_classes().items():
        if key in [f.name for f in dataclasses.fields(cls)]:
            return f"Did you mean '{section}.{key}'?"
    return did_you_mean(key, names)


def _resolve_paths(settings: Settings, base: Path) -> Settings:
    """Make files that the settings name relative to the settings file absolute, where they exist
    there.
    """

    def resolved(text: str) -> str:
        path, separator, function = text.partition(":")
        looks_like_file = path.endswith((".py", ".npz", ".json")) or os.sep in path
        return (
            str(base / path) + separator + function
            if looks_like_file and not os.path.isabs(path) and (base / path).exists()
            else text
        )

    return dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, source=resolved(settings.data.source)),
        model=dataclasses.replace(settings.model, family=resolved(settings.model.family)),
        hardware=dataclasses.replace(settings.hardware, target=resolved(settings.hardware.target)),
    )


def searched(settings: Settings) -> Dict[str, Spec]:
    """Return the search ranges that stand in place of a data or training setting, by hyperparameter
    name.
    """
    found = {}
    for section, name in (("data", "split"), ("train", "epochs"), ("train", "batch_size")):
        value = getattr(getattr(settings, section), name)
        if is_spec(value):
            found[name] = parse_spec(f"{section}.{name}", value)
    return found


def override(settings: Settings, overrides: Overrides) -> Settings:
    """Return the settings with ``{"section.key": value}``, or texts ``section.key=value``, applied.
    Raises :class:`SettingsError`.
    """
    content = settings.to_dict()
    _apply(content, overrides)
    return settings_from_dict(content)


def save_run_settings(run: Run, settings: Settings, environment: Mapping[str, Any]) -> None:
    """Write ``run.toml``: the settings, filled in, and in a table ``[run]`` the versions and the
    caller's commit.
    """
    import tomli_w

    content = {"version": FORMAT_VERSION, **settings.to_dict(), "run": _plain(environment)}
    write_text(run.settings, tomli_w.dumps(content))


def read_run_settings(run: Run) -> Tuple[Settings, Dict[str, Any]]:
    """Read ``run.toml`` and return the settings and its table ``[run]``.

    Raises:
        RunError: it is of another version.
        SettingsError: it cannot be read.
    """
    content = _read_toml(run.settings)
    check_version(
        content.pop("version", None), run.settings, "vaiopt search SETTINGS.toml --run NEW_FOLDER"
    )
    environment = content.pop("run", {})
    return settings_from_dict(content), environment


def settings_from_run(run: Run) -> Settings:
    """Return the settings in ``run.toml``. Raises as :func:`read_run_settings`."""
    return read_run_settings(run)[0]


def commented_toml(settings: Optional[Settings] = None) -> str:
    """Return a settings file in which every key stands with its default, its meaning and its
    choices.
    """
    import tomli_w

    settings = settings if settings is not None else Settings()
    lines = ["# Settings of vaiopt. Every key is optional; what stands here is its default.", ""]
    lines += _commented(
        settings,
        [f for f in dataclasses.fields(Settings) if f.name not in section_classes()],
        tomli_w.dumps,
    )
    for name, cls in section_classes().items():
        lines += ["", "# {}".format((cls.__doc__ or "").splitlines()[0]), f"[{name}]"]
        lines += _commented(getattr(settings, name), list(dataclasses.fields(cls)), tomli_w.dumps)
    return "\n".join(lines) + "\n"


def _commented(section: Any, fields: Sequence[Any], dumps: Any) -> List[str]:
    lines: List[str] = []
    for declared in fields:
        value = getattr(section, declared.name)
        choices = declared.metadata["choices"]
        lines.append(
            "# {}{}".format(
                declared.metadata["doc"], " ({})".format(", ".join(choices)) if choices else ""
            )
        )
        if value is None or value == {}:
            lines.append(f"# {declared.name} =")
        else:
            lines.append(dumps({declared.name: value}).strip())
    return lines
