"""Makes the docstrings fit what mkdocstrings reads: an extension of griffe, its reader, named in
``mkdocs.yml``.
"""

import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).resolve().parent))

from docs_pages import tidy_docstring


class Docstrings(griffe.Extension):
    """Tidies every docstring as it is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the text of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = tidy_docstring(obj.docstring.value)
