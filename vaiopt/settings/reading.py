"""Settings read from TOML and from ``--set section.key=value``, and kept in ``run.toml``."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from pathlib import Path
from shlex import quote
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

from vaiopt.errors import SettingsError, did_you_mean
from vaiopt.files import FORMAT_VERSION, PathLike, check_version, looked_for, write_text
from vaiopt.reading import LARGEST_WRITTEN, read_text
from vaiopt.runs.commands import command_line
from vaiopt.runs.layout import Run
from vaiopt.settings.choices import names
from vaiopt.settings.examples import example
from vaiopt.settings.schema import checked, checked_section, declarations, kind_words, plain_values
from vaiopt.settings.sections import Settings, section_classes

FILES = (".py", ".npz", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".json", ".h5", ".keras")
"""Endings of files that settings name."""
DATA = tuple(ending for ending in FILES if ending not in (".py", ".json", ".h5", ".keras"))
"""Of those the endings that only data have."""

Overrides = Union[Sequence[str], Mapping[str, Any]]
"""Changed settings: texts ``section.key=value``, or ``{"section.key": value}``."""


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
    try:
        return parse_toml(read_text(path, LARGEST_WRITTEN))
    except FileNotFoundError as error:
        hint = f"{looked_for(path)} Write a commented one with: vaiopt init {path}"
        raise SettingsError(f"there is no settings file '{path}'", hint) from error
    except OSError as error:
        raise SettingsError(
            f"the settings file '{path}' cannot be read: {error}",
            _instead(path) or "Give a TOML file that you may read; 'vaiopt init' writes one.",
        ) from error
    except UnicodeDecodeError as error:
        hint = _instead(path) or "Write a fresh one with: vaiopt init FILE.toml"
        raise SettingsError(f"'{path}' is not a UTF-8 text file", hint) from error
    except ValueError as error:
        hint = _instead(path) or "Mend that line; 'vaiopt init' writes an example."
        raise SettingsError(f"'{path}' is not valid TOML: {error}", hint) from error


def _instead(path: Path) -> str:
    """Return how to give what is no settings file but a run, a model's code or data, by its kind;
    nothing for any other.
    """
    if Run(path).settings.is_file():
        return f"That is a run; go on with it: {command_line('run', path)}"
    if path.suffix == ".py":
        return (
            f"Name the function of a model with: --set {quote(f'model.family={path}:build_model')}"
        )
    if path.is_dir() or path.name.endswith(DATA):
        return f"Name data with: --set {quote(f'data.source={path}')}"
    return ""


def parse_toml(text: str) -> Dict[str, Any]:
    """Parse TOML with tomllib or, before Python 3.11, with tomli. Raises ValueError."""
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        return dict(toml.loads(text))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _apply(content: Dict[str, Any], overrides: Overrides) -> None:
    given = [overrides] if isinstance(overrides, str) else overrides
    pairs = given.items() if isinstance(given, Mapping) else map(_parsed, given)
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
            _example(key.strip()) or "For instance: --set search.trials=30",
        )
    try:
        return key, parse_toml("value = " + value)["value"]
    except ValueError:
        return key, value.strip()


def _example(key: str) -> str:
    """Return how a setting is given, by its key; nothing for what is none."""
    section, _, name = key.rpartition(".")
    known = declarations(section_classes().get(section, Settings))
    return example(key, known[name].default) if name in known else ""


def settings_from_dict(content: Mapping[str, Any]) -> Settings:
    """Check plain values and return them as :class:`Settings`. Raises :class:`SettingsError`."""
    sections, values = section_classes(), {}
    for key, value in content.items():
        if key in declarations(Settings):
            values[key] = checked(Settings, key, key, value)
        elif key not in sections:
            raise SettingsError(f"unknown setting '{key}'", _where(key))
        elif not isinstance(value, Mapping):
            raise SettingsError(
                f"'{key}' must be a section, not {kind_words(value)}", f"Write it as: [{key}]"
            )
        else:
            _check_section_of(key, value)
            values[key] = checked_section(sections[key], key, value)
    return Settings(**values)


def _check_section_of(section: str, content: Mapping[str, Any]) -> None:
    """Raise SettingsError for a setting of another section: no name within this one is meant."""
    known = declarations(section_classes()[section])
    for key in content:
        elsewhere = "" if key in known else _elsewhere(key)
        if elsewhere:
            raise SettingsError(f"unknown setting '{section}.{key}'", elsewhere)


def _elsewhere(key: str) -> str:
    """Return a hint with the setting of that name in any section; nothing where there is none."""
    named = [s for s, cls in section_classes().items() if key in declarations(cls)]
    return f"Did you mean '{named[0]}.{key}'?" if named else ""


def _where(key: str) -> str:
    """Return a hint for an unknown key: a like-named one of any section, else the nearest."""
    return _elsewhere(key) or did_you_mean(key, [f.name for f in dataclasses.fields(Settings)])


def _resolve_paths(settings: Settings, base: Path) -> Settings:
    """Make files that stand beside the settings file, and are named in it, absolute."""

    def resolved(section: Any, name: str) -> Any:
        text = getattr(section, name)
        path, separator, function = text.partition(":")
        looks_like_file = path.endswith(FILES) or os.sep in path
        if looks_like_file and not os.path.isabs(path) and (base / path).exists():
            text = f"{base / path}{separator}{function}"
        return dataclasses.replace(section, **{name: text})

    return dataclasses.replace(
        settings,
        data=resolved(settings.data, "source"),
        model=resolved(resolved(settings.model, "family"), "weights"),
        train=resolved(settings.train, "callbacks"),
        objective=resolved(settings.objective, "metrics"),
        search=resolved(settings.search, "start_from"),
        hardware=resolved(settings.hardware, "target"),
    )


def override(settings: Settings, overrides: Overrides) -> Settings:
    """Return the settings with :data:`Overrides` applied. Raises :class:`SettingsError`."""
    content = settings.to_dict()
    _apply(content, overrides)
    return settings_from_dict(content)


def save_run_settings(run: Run, settings: Settings, environment: Mapping[str, Any]) -> None:
    """Write ``run.toml``: all settings, and versions and commit in a table ``[run]``."""
    import tomli_w

    content = {"version": FORMAT_VERSION, **settings.to_dict(), "run": plain_values(environment)}
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
    if not isinstance(environment, dict):
        raise SettingsError(
            f"'{run.settings}': 'run' is no table", "Restore the file from a copy of the run."
        )
    return settings_from_dict(content), environment


def settings_from_run(run: Run) -> Settings:
    """Return the settings in ``run.toml``. Raises as :func:`read_run_settings`."""
    return read_run_settings(run)[0]


def commented_toml(settings: Optional[Settings] = None) -> str:
    """Return a settings file with the default, meaning and choices of every key."""
    settings = settings if settings is not None else Settings()
    lines = ["# Settings of vaiopt. Every key is optional; what stands here is its default.", ""]
    lines += commented_section(settings)
    for name, cls in section_classes().items():
        lines += ["", f"# {cls.__doc__.splitlines()[0]}", f"[{name}]"]
        lines += commented_section(getattr(settings, name))
    return "\n".join(lines) + "\n"


def commented_section(section: Any) -> Iterator[str]:
    """Yield the lines of a section, or of what stands above the first."""
    import tomli_w

    for name, declared in declarations(type(section)).items():
        value = getattr(section, name)
        rows = [choice for choice in (*declared.choices, *declared.keys) if choice.doc]
        explained = bool(rows)
        short = declared.choices and not explained
        yield f"# {declared.doc}" + (f" ({', '.join(names(declared.choices))})" if short else "")
        if explained:
            yield from (f"#   {choice.name}: {choice.doc}" for choice in rows)
        unset = value is None or value == {}
        yield f"# {name} =" if unset else tomli_w.dumps({name: value}).strip()
