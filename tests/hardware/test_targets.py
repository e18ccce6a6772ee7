"""Targets: names, options, arch.json files, fingerprints, and what is said to be validated."""

import json
import re
from pathlib import Path

import pytest

from vaiopt.errors import TargetError
from vaiopt.hardware import list_targets, load_target
from vaiopt.hardware.architectures import SIZES, architectures, decode_fingerprint, parse_range
from vaiopt.hardware.fits import fits

BOARDS = ("zcu102", "zcu104", "kv260", "ultra96")


def test_every_named_target_loads_and_names_its_sources():
    names = [target.name for target in list_targets()]
    assert names[0] == "cpu" and set(BOARDS) <= set(names)
    for name in names:
        content = load_target(name).to_json()
        assert (
            content["name"] == name and content["validation"] and all(content["sources"].values())
        )
        json.dumps(content, allow_nan=False)


@pytest.mark.parametrize(
    "name, size, cores, clock",
    [
        ("zcu102", "B4096", 3, 281),
        ("zcu104", "B4096", 2, 300),
        ("kv260", "B4096", 1, 300),
        ("ultra96", "B1600", 1, 287),
    ],
)
def test_a_board_has_the_architecture_cores_and_clock_of_the_published_tables(
    name, size, cores, clock
):
    target = load_target(name)
    assert (target.architecture.size, target.cores, target.clock_mhz) == (size, cores, clock)
    assert target.validated and "fitted" in target.validation and target.fit.board == name


def test_another_release_size_clock_or_number_of_cores_is_marked_as_extrapolated():
    for name, release in (
        ("zcu102", "3.5"),
        ("ultra96", "3.0"),
        ("zcu102-b2304", None),
        ("kv260-250mhz", None),
        ("kv260-2cores", None),
    ):
        target = load_target(name, release)
        assert not target.validated and target.validation.startswith("extrapolated"), name
    assert load_target("zcu102", "2.5").validated and load_target("zcu102", "v3.0").release == "3.0"


def test_a_target_name_takes_size_clock_and_cores_in_any_order_and_is_usable_as_a_folder():
    target = load_target("ZCU104-2cores-b1600-287.5mhz")
    assert (target.board, target.architecture.size, target.cores, target.clock_mhz) == (
        "zcu104",
        "B1600",
        2,
        287.5,
    )
    assert re.match(r"^[a-z0-9_.-]+$", target.name)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_a_target_of_its_own_and_of_a_board(size):
    alone, on_board = load_target(size.lower()), load_target("zcu102-" + size.lower())
    assert alone.architecture == on_board.architecture and alone.architecture.size == size
    assert alone.cores == 1 and on_board.cores == 3
    dpu = alone.architecture
    assert 2 * dpu.pixel_parallel * dpu.icp * dpu.ocp == dpu.ops_per_cycle == int(size[1:])


def test_other_kinds_of_dpu_promise_nothing():
    for name in ("vck5000", "u50lv", "u250"):
        assert (
            not load_target(name).validated
            and "another kind of DPU" in load_target(name).validation
        )


def test_boards_of_versal_have_constants_of_their_own_for_the_release_of_their_table():
    for name, release, other in (("vck190", "3.0", "2.5"), ("vek280", "3.5", "3.0")):
        target = load_target(name)
        assert target.validated and target.release == release and target.fit.board == name
        older = load_target(name, other)
        assert not older.validated and older.fit == target.fit
        assert "extrapolated" in older.validation and "another kind" not in older.validation
    # 192 engines of 128 multiply-accumulates at 1250 MHz
    peak = load_target("vck190").to_json()["architecture"]["peak_gops"]
    assert peak == 2 * 192 * 128 * 1.25
    # a size of the same kind on an unknown board is nearer to these than to another kind of DPU
    assert load_target("DPUCVDX8G_ISA3_C32B3").fit.board == "vck190"


@pytest.mark.parametrize(
    "wrong, near",
    [("zcu012", "zcu102"), ("kv620", "kv260"), ("DPUCZDX8G_ISA1_B4097", "DPUCZDX8G_ISA1_B4096")],
)
def test_an_unknown_target_names_the_nearest(wrong, near):
    with pytest.raises(TargetError) as error:
        load_target(wrong)
    assert wrong in error.value.message and near in error.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "zcu102-b5000",
        "zcu102-0mhz",
        "zcu102-0cores",
        "zcu102-b512-b800",
        "300mhz",
        "vck190-b512",
        "zcu102-x",
    ],
)
def test_a_malformed_name_is_refused(wrong):
    with pytest.raises(TargetError):
        load_target(wrong)


def test_a_name_that_is_near_nothing_is_told_the_boards_and_not_every_architecture():
    with pytest.raises(TargetError) as error:
        load_target("model.h5")
    assert "zcu102" in error.value.hint and "DPUCAHX8H" not in error.value.hint


@pytest.mark.parametrize("wrong", ["x", "9.9", "3"])
def test_a_release_that_does_not_exist_is_refused(wrong):
    with pytest.raises(TargetError, match="no release") as error:
        load_target("zcu102", wrong)
    assert "3.0" in error.value.hint


# ---------------------------------------------------------------- arch.json


def arch(tmp_path: Path, content: object, name: str = "arch.json") -> str:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "fingerprint", ["0x101000056010407", "0x101000016010407", "101000056010407", 0x0101000056010407]
)
def test_an_arch_json_is_decoded_to_its_architecture(tmp_path, fingerprint):
    target = load_target(arch(tmp_path, {"fingerprint": fingerprint}))
    assert (
        target.architecture.name == "DPUCZDX8G_ISA1_B4096"
        and int(target.fingerprint, 16) & 0xFF == 7
    )
    assert target.kind == "dpu" and not target.validated and "not known" in target.sources["board"]


def test_an_arch_json_may_name_its_target_board_clock_and_cores(tmp_path):
    by_name = load_target(arch(tmp_path, {"target": "DPUCZDX8G_ISA1_B1600"}))
    assert by_name.architecture.size == "B1600"
    content = {"fingerprint": "0x101000056010407", "board": "kv260"}
    assert load_target(arch(tmp_path, content)).validated
    changed = load_target(arch(tmp_path, dict(content, clock_mhz=250, cores=2), "mine.json"))
    assert (changed.name, changed.clock_mhz, changed.cores, changed.validated) == (
        "mine",
        250.0,
        2,
        False,
    )


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        {},
        {"fingerprint": "0xzz"},
        {"fingerprint": None},
        {"fingerprint": "0x0"},
        {"fingerprint": float("inf")},
        {"fingerprint": "0xff01000056010407"},
        {"fingerprint": "0x1010000560104ff"},
        {"target": "DPU_OF_MINE"},
        {"fingerprint": "0x101000056010407", "board": "zcu1"},
        {"fingerprint": "0x101000056010407", "clock_mhz": -1},
        {"fingerprint": "0x101000056010407", "clock_mhz": float("nan")},
        {"fingerprint": "0x101000056010407", "clock_mhz": 10**400},
        {"fingerprint": "0x101000056010407", "cores": 1.5},
        {"fingerprint": "0x101000056010407", "clock_mhz": 1e-320},
        "[" * 9999,
    ],
)
def test_a_bad_arch_json_is_refused_with_its_name_and_a_cure(tmp_path, content):
    path = arch(tmp_path, content)
    with pytest.raises(TargetError) as error:
        load_target(path)
    assert "arch.json" in error.value.message and error.value.hint


def test_a_missing_arch_json_is_refused(tmp_path):
    with pytest.raises(TargetError, match="no file"):
        load_target(str(tmp_path / "arch.json"))


def test_every_fingerprint_in_the_table_is_decoded_to_its_own_architecture():
    for name, architecture in architectures().items():
        assert decode_fingerprint(architecture.fingerprint, "table").name == name
        assert architecture.source and architecture.conv.kernels and architecture.icp > 0


def test_the_alu_parallelism_is_read_from_a_fingerprint_that_is_not_in_the_table():
    assert decode_fingerprint("0x101000056010207", "here").depthwise.pixels == 2
    assert decode_fingerprint("0x101000016010407", "here").depthwise.pixels == 4
    of_2_5 = decode_fingerprint("0x603000b16011861", "here")  # of a model compiled with 2.5
    assert (of_2_5.name, of_2_5.fingerprint) == ("DPUCVDX8G_ISA3_C32B6", "0x0603000b16011861")


def test_ranges_are_read_as_the_vendor_writes_them():
    assert parse_range("1-4") == (1, 2, 3, 4)
    assert parse_range("1,2,3,5,7") == (1, 2, 3, 5, 7)
    assert parse_range(None) == ()


def test_every_fit_states_its_error_and_source():
    assert {(fit.board, fit.release) for fit in fits()} >= {
        (board, "3.0") for board in BOARDS[:3]
    } | {("ultra96", "2.5")}
    for fit in fits():
        assert fit.source and fit.architecture in architectures()
        assert fit.error["single"]["networks"] >= 10 and fit.error["single"]["mean_percent"] > 0
        assert fit.single.overhead > 0 and fit.single.bandwidth > 5
        efficiency = fit.single.efficiency if fit.batched is None else fit.batched.array
        assert 0.9 < efficiency < (1.5 if fit.batched is None else 2.5)


@pytest.mark.parametrize(
    "board, release, fingerprint",
    [
        ("zcu102", "1.4", "0x01000020f6014407"),
        ("zcu102", "2.0", "0x01000020f6014407"),
        ("zcu102", "2.5", "0x0101000016010407"),
        ("zcu102", "3.0", "0x0101000056010407"),
        ("zcu102-b2304", "1.4", "0x01000020f6014405"),
        ("ultra96", "2.5", "0x0101000016010404"),
        ("vck190", "2.5", "0x0603000b16011861"),
        ("vck190", "3.0", "0x0603000b56011861"),
    ],
)
def test_a_board_has_the_fingerprint_of_its_release(board, release, fingerprint):
    target = load_target(board, release)
    assert target.fingerprint == target.to_json()["architecture"]["fingerprint"] == fingerprint


def test_an_arch_json_s_own_fingerprint_counts_in_every_release(tmp_path):
    (tmp_path / "arch.json").write_text('{"fingerprint": "0x101000036010407"}')
    assert load_target(str(tmp_path / "arch.json"), "2.0").fingerprint == "0x0101000036010407"
