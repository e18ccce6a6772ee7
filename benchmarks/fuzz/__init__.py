"""Damaged files of every kind, given to what reads them: ``python -m benchmarks.fuzz --help``.

``table`` is what reads which file, its rows are in ``readers`` and beside it; ``damage`` changes a
file; ``watch`` runs a reader under limits and judges how it ended; ``engines`` say where the
changes come from. Tests use the same tables (``tests/test_damaged_files.py``).
"""
