"""A walk runs what a page tells to type, and writes what that printed into the page."""

from pathlib import Path

import pytest
from walks import WIDEST, WalkError, cut, fitted, shorten, tidy, walk

pytestmark = pytest.mark.host

PAGE = """# A page

<!-- file: names.txt -->
```text
a
b
```

<!-- walk -->
```bash
cat names.txt; pwd
seq 1 9
```

<!-- output: first 2, last 1 -->
```text
of yesterday
```

<!-- walk -->
```python
value = 6
```

<!-- walk -->
```python
print(open("names.txt").read().split())
value * 7
```

<!-- output -->
```text
```

```bash
exit 1
```
"""


def test_a_page_gets_what_its_commands_print(tmp_path: Path) -> None:
    walked = walk(PAGE, tmp_path)
    assert "\n```text\na\nb\n...\n9\n```\n" in walked and "yesterday" not in walked
    assert "\n```text\n['a', 'b']\n42\n```\n" in walked
    assert walk(walked, tmp_path) == walked  # another walk changes nothing
    before = walked.replace("a\nb\n...\n9\n", "of yesterday\n")
    assert before.replace("['a', 'b']\n42\n", "") == PAGE


def test_the_command_of_a_page_is_that_of_the_checkout(tmp_path: Path) -> None:
    walked = walk(
        "<!-- walk -->\n```bash\nvaiopt --version\n```\n\n<!-- output -->\n```text\n```\n", tmp_path
    )
    assert "vaiopt 0." in walked


def test_a_command_that_fails_stops_the_walk(tmp_path: Path) -> None:
    with pytest.raises(WalkError, match="no such thing"):
        walk("<!-- walk -->\n```bash\necho no such thing; false\n```\n", tmp_path)


def test_what_is_printed_is_made_fit_for_a_page() -> None:
    printed = (
        "\n\x1b[1mfirst\x1b[0m \r\n"
        + "x" * 400
        + "\nin /tmp/walk/runs and /tmp/walk, /tmp/tmp.aB3\n\n"
    )
    first, second, third = tidy(printed, Path("/tmp/walk")).splitlines()
    assert (first, third) == ("first", "in runs and ., /tmp/tmp.X")
    assert len(second) == WIDEST and second.endswith(" …") and cut("short") == "short"


def test_only_long_output_is_shortened() -> None:
    assert shorten("1\n2\n3\n", 1, 1) == "1\n2\n3\n"
    assert shorten("1\n2\n3\n4\n", 1, 1) == "1\n...\n4\n"
    assert shorten("1\n2\n3\n4\n", 0, 1) == "...\n4\n"


def test_sentences_are_folded_and_nothing_of_them_is_lost() -> None:
    sentence = "hint: " + "run this command here " * 20
    lines = fitted(sentence.rstrip())
    assert len(lines) > 1 and max(map(len, lines)) <= WIDEST
    assert " ".join(line.strip() for line in lines) == sentence.rstrip()
