"""Every setting: declared once, read from TOML, checked before anything starts."""

from vaiopt.settings.compare import Change, changes
from vaiopt.settings.reading import (
    Overrides,
    commented_toml,
    load_settings,
    override,
    read_run_settings,
    save_run_settings,
    settings_from_dict,
    settings_from_run,
)
from vaiopt.settings.sections import (
    METHODS,
    QUANTIZERS,
    DataSettings,
    DeploySettings,
    HardwareSettings,
    ModelSettings,
    ObjectiveSettings,
    QuantizeSettings,
    SearchSettings,
    Settings,
    TrainSettings,
    section_classes,
)

__all__ = [
    "METHODS",
    "QUANTIZERS",
    "Change",
    "DataSettings",
    "DeploySettings",
    "HardwareSettings",
    "ModelSettings",
    "ObjectiveSettings",
    "Overrides",
    "QuantizeSettings",
    "SearchSettings",
    "Settings",
    "TrainSettings",
    "changes",
    "commented_toml",
    "load_settings",
    "override",
    "read_run_settings",
    "save_run_settings",
    "section_classes",
    "settings_from_dict",
    "settings_from_run",
]
