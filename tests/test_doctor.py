"""``vaiopt doctor``: what each stage could use here."""

from vaiopt.doctor import diagnose


def test_every_stage_is_told_ready_or_how_to_make_it_so():
    diagnosis = diagnose()
    assert [s.stage for s in diagnosis.stages] == [
        "search",
        "GPUs",
        "quantize",
        "compile (cpu)",
        "compile (DPU)",
        "measure",
        "report",
    ]
    for stage in diagnosis.stages:
        assert stage.uses
        assert stage.ready or stage.hint
