"""Quantizers are rows: each is whole, and a made-up one is used like the others."""

import dataclasses
import json
import sys

import pytest
from float_networks import head, images, network

from vaiopt import doctor, settings
from vaiopt.environment import Availability
from vaiopt.errors import QuantizeError
from vaiopt.quantize import choose_backend, quantize_model, quantizers
from vaiopt.quantize.backend import METHODS, Quantizer
from vaiopt.quantize.tfmot.backend import TfmotQuantizer
from vaiopt.quantize.vitis import VitisQuantizer


class Lent(Quantizer):
    """Another's numbers under a name of its own."""

    name, doc, package, methods = "lent", "borrows", "lent_package", ("ptq",)

    def available(self):
        return Availability(True, self.package)

    def quantize(self, request):
        return dataclasses.replace(TfmotQuantizer().quantize(request), release="3.5")


class Absent(Lent):
    name, package = "absent", "absent_package"

    def available(self):
        return Availability(False, "no absent_package", "pip install absent_package")


def test_every_row_is_whole():
    known = {method.name for method in METHODS}
    for row in quantizers.QUANTIZERS:
        assert row.name and row.doc and row.package and row.available().uses
        assert row.methods and set(row.methods) <= known
        assert choose_backend(row.name) == row.name
    for method in METHODS:
        assert method.doc and any(method.name in row.methods for row in quantizers.QUANTIZERS)


def test_the_settings_name_the_rows_and_no_others():
    names = [row.name for row in quantizers.QUANTIZERS]
    assert sorted(settings.QUANTIZERS) == sorted(["auto", *names])
    assert list(settings.METHODS) == [method.name for method in METHODS]


def test_a_made_up_row_is_used_by_its_name_and_by_auto(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_model_optimization")
    monkeypatch.setattr(quantizers, "QUANTIZERS", (Absent(), Lent(), *quantizers.QUANTIZERS))
    assert choose_backend("auto") == "lent"
    result = quantize_model(network(head), images(20), out=tmp_path / "q", backend="lent")
    metrics = json.loads((tmp_path / "q" / "metrics.json").read_text())
    assert (result.record.backend, metrics["backend"], metrics["release"]) == (
        "lent",
        "lent",
        "3.5",
    )
    for method, text in (("finetune", "fast finetuning"), ("qat", "quantization-aware training")):
        with pytest.raises(QuantizeError, match="'lent' has no " + text) as caught:
            quantize_model(network(head), images(20), out=tmp_path / "no", method=method)
        assert caught.value.hint == "Use --method ptq."
    assert not (tmp_path / "no").exists()


def test_a_name_that_only_the_settings_know_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "QUANTIZERS", (*settings.QUANTIZERS, "quark"))
    with pytest.raises(QuantizeError, match="no backend 'quark'"):
        quantize_model(network(head), images(20), out=tmp_path / "q", backend="quark")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_is_installed_auto_is_the_last_which_says_what_to_install(monkeypatch):
    monkeypatch.setattr(quantizers, "QUANTIZERS", (Lent(), Absent()))
    monkeypatch.setattr(Lent, "available", Absent.available)
    assert choose_backend("auto") == "absent"


def test_doctor_tells_the_row_that_auto_takes_and_what_would_give_a_better_one(monkeypatch):
    def quantize():
        return next(row for row in doctor.diagnose().stages if row.stage == "quantize")

    monkeypatch.setattr(doctor, "QUANTIZERS", (Absent(), Lent()))
    assert quantize() == doctor.StageReport(
        "quantize", True, "lent: lent_package", "pip install absent_package"
    )
    monkeypatch.setattr(doctor, "QUANTIZERS", (Absent(), Absent()))
    assert quantize() == doctor.StageReport(
        "quantize", False, "neither absent_package nor absent_package", "pip install absent_package"
    )


def test_the_vendors_package_is_not_taken_for_the_toolkit_of_the_same_name(tmp_path, monkeypatch):
    package = tmp_path / "tensorflow_model_optimization"
    (package / "python" / "core" / "quantization" / "keras" / "vitis").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "tensorflow_model_optimization", raising=False)
    assert VitisQuantizer().available().ready
    assert not TfmotQuantizer().available().ready
    assert choose_backend("auto") == "vitis"
