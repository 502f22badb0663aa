"""Text to values: YAML 1.2's core schema, places, and files that mean harm."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.language.loader import MAX_FILE_BYTES, load, load_text

CORE = [
    ("true True TRUE", True),
    ("false False FALSE", False),
    ("null Null NULL ~", None),
    ("0o17", 15),
    ("0x1f 0x1F", 31),
    ("012 +12", 12),
    ("-5", -5),
    ("1e3 1.0e+3 +1000.", 1000.0),
    (".5 0.5 5e-1", 0.5),
]
TEXTS = """yes No on OFF y 2026-01-02 1_000 0b11 0o8 0xg 1:30 12e03x . .. + 1.2.3 ="""


@pytest.mark.parametrize(("words", "value"), CORE)
def test_the_core_schema(words: str, value: Any) -> None:
    for word in words.split():
        document = load_text(f"a: {word}\n".encode(), "f")
        assert document.value == {"a": value}, word
        assert type(document.value["a"]) is type(value)
        assert load_text(f"a: '{word}'\n".encode(), "f").value == {"a": word}


@pytest.mark.parametrize("word", TEXTS.split())
def test_everything_else_is_text(word: str) -> None:
    assert load_text(f"a: {word}\n".encode(), "f").value == {"a": word}


def test_every_key_and_value_has_its_place() -> None:
    text = "a: 1\nb:\n  - x\n  - {c: y}\nd: >\n  folded\n"
    document = load_text(text.encode(), "f")
    places = {
        (): (1, 1),
        ("a",): (1, 4),
        ("b", 0): (3, 5),
        ("b", 1): (4, 5),
        ("b", 1, "c"): (4, 9),
        ("d",): (5, 4),
        ("d", "nowhere"): (5, 4),
    }
    for path, place in places.items():
        assert document.place(path) == place
    assert document.place(("b", 1, "c"), key=True) == (4, 6)
    assert document.place(("b", 1, "c", "d"), key=True) == (4, 9)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    plain = load_text(b"a: 1\nb: [x]\n", "f")
    windows = load_text(b"\xef\xbb\xbfa: 1\r\nb: [x]\r\n", "f")
    assert windows.value == plain.value
    assert windows.place(("b", 0)) == plain.place(("b", 0)) == (2, 5)


def test_an_alias_is_one_object_and_a_quoted_merge_key_is_a_key() -> None:
    document = load_text(b"a: &x [1]\nb: *x\n'<<': 2\n", "f")
    assert document.faults == ()
    assert document.value == {"a": [1], "b": [1], "<<": 2}
    assert document.value["a"] is document.value["b"]
    assert document.place(("b", 0)) == (1, 8)


HOSTILE = {
    "nested lists": (b"[" * 1_000_000, "YAML_DEPTH", (1, 101)),
    "nested mappings": (b"{a: " * 200_000, "YAML_DEPTH", (1, 401)),
    "nested sequences": (b"- " * 500_000, "YAML_DEPTH", (1, 201)),
    "nested keys": (b"? " * 500_000, "YAML_KEY", (1, 3)),
    "NUL": (b"a: x\0y", "YAML_ENCODING", (1, 5)),
    "UTF-16": ("a: 1".encode("utf-16"), "YAML_ENCODING", (1, 1)),
    "UTF-16 without a mark": ("a: 1\nb: 2".encode("utf-16-le"), "YAML_ENCODING", (1, 1)),
    "Latin-1": (b"a: 1\nb: \xe9\n", "YAML_ENCODING", (2, 4)),
    "control character": (b"a: \xc3\xa9\nb: \x01\n", "YAML_SYNTAX", (2, 4)),
    "unclosed": (b"a: [1, 2\nb: 3\n", "YAML_SYNTAX", (2, 2)),
    "tab": (b"a:\n\tb: 1\n", "YAML_SYNTAX", (2, 1)),
    "list as key": (b"? [a]\n: 1\n", "YAML_KEY", (1, 3)),
    "bomb": (
        b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + b"".join(
            b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
        ),
        "YAML_ALIAS",
        (5, 25),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_one_fault_with_its_place_at_once(name: str) -> None:
    data, code, place = HOSTILE[name]
    began = time.monotonic()
    document = load_text(data, "f")
    assert time.monotonic() - began < 2
    assert [(f.code, (f.line, f.column)) for f in document.faults] == [(code, place)]
    assert document.value is None


def test_a_flood_of_faults_is_cut() -> None:
    assert len(load_text(b"a: 1\n" * 100_000, "f").faults) == 200


def make_link_outside(project: Path) -> Path:
    outside = project.parent / "outside.yaml"
    outside.write_text("secret: 1\n")
    (project / "a.yaml").symlink_to(outside)
    return project / "a.yaml"


def make_link_to_itself(project: Path) -> Path:
    (project / "a.yaml").symlink_to(project / "a.yaml")
    return project / "a.yaml"


def make_pipe(project: Path) -> Path:
    os.mkfifo(project / "a.yaml")
    return project / "a.yaml"


def make_folder(project: Path) -> Path:
    (project / "a.yaml").mkdir()
    return project / "a.yaml"


def make_large(project: Path) -> Path:
    (project / "a.yaml").write_bytes(b"a: 1\n" * 2_000_000)
    return project / "a.yaml"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (make_link_outside, "FILE_OUTSIDE"),
        (make_link_to_itself, "FILE_UNREADABLE"),
        (make_pipe, "FILE_UNREADABLE"),
        (make_folder, "FILE_UNREADABLE"),
        (make_large, "FILE_TOO_LARGE"),
        (lambda project: project / "none.yaml", "FILE_UNREADABLE"),
    ],
)
def test_a_file_that_may_not_be_read_is_one_fault(tmp_path: Path, make: Any, code: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    document = load(make(project), project)
    assert [fault.code for fault in document.faults] == [code]
    assert document.value is None


def test_a_link_within_the_project_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    assert load(tmp_path / "b.yaml", tmp_path).value == {"a": 1}


def test_hostile_files_take_little_memory(tmp_path: Path) -> None:
    """All of them, one after the other, below 300 MB of address space beyond the interpreter."""
    (tmp_path / "blueprints").mkdir()
    for number, (data, _, _) in enumerate(HOSTILE.values()):
        (tmp_path / "blueprints" / f"h{number}.yaml").write_bytes(data[:MAX_FILE_BYTES])
    (tmp_path / "blueprints" / "large.yaml").write_bytes(b"a: 1\n" * 2_000_000)
    program = (
        "import sys; from pathlib import Path\n"
        "from engine.validation.check import check; from engine.project.folder import Project\n"
        "faults = check(Project(Path(sys.argv[1])))\n"
        # Not ru_maxrss: that begins with what the process had before it became this program.
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(len(faults), int(peak) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    faults, megabytes = map(int, done.stdout.split())
    assert faults == len(HOSTILE) + 1
    assert megabytes < 300


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:\n\t- b\n", "Indent with spaces; YAML takes no tabs."),
        ("a: @b\n", "A value that begins with @ is written in quotes."),
        (
            "a: say: hello\n",
            "Text that holds ': ' is written in quotes; else look at the indentation.",
        ),
    ],
)
def test_a_slip_in_the_yaml_is_said_with_what_to_write(text: str, hint: str) -> None:
    assert [fault.hint for fault in load_text(text.encode(), "x.yaml").faults] == [hint]


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_another_encoding_without_a_mark_is_named(coding: str) -> None:
    (fault,) = load_text("blueprint: a\n".encode(coding), "f").faults
    assert fault.message == "the file is UTF-16 or UTF-32, not UTF-8"
