import pytest

from vaiopt import memory


@pytest.fixture
def ten_gigabytes(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 10 * 10**9)


def test_what_fits_twice_is_worked_with(ten_gigabytes):
    assert memory.shortage(5 * 10**9) == ""
    told = memory.shortage(6 * 10**9)
    assert "6.0 GB" in told and "10.0 GB are free" in told


def test_a_container_has_no_more_than_its_limit(tmp_path, monkeypatch):
    limit, none = tmp_path / "limit", tmp_path / "max"
    limit.write_text("1000\n", encoding="ascii")
    none.write_text("max\n", encoding="ascii")
    monkeypatch.setattr(memory, "CONTAINER_LIMITS", (str(none), str(tmp_path / "missing")))
    assert memory.available() > 1000
    monkeypatch.setattr(memory, "CONTAINER_LIMITS", (str(none), str(limit)))
    assert memory.available() == 1000
