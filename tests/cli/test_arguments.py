"""What is read from the line: inputs, context, who acts."""

from pathlib import Path

import click
import pytest

from engine.cli import arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1), ("a=true", True), ("a=null", None), ('a={"b": [1]}', {"b": [1]}),
        ('a="1"', "1"), ("a=web-1", "web-1"), ("a=", ""), ("a=b=c", "b=c"), ("a=NaN", "NaN"),
        ("a={b", "{b"), ("a=" + "[" * 5000, "[" * 5000),
    ],
)  # fmt: skip
def test_json_where_it_is_json_else_text(text: str, value: object) -> None:
    assert arguments.inputs([text]) == {"a": value}


@pytest.mark.parametrize("text", ["a", "=1", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="key=value"):
        arguments.inputs([text])


@pytest.mark.parametrize("text", ['{"a": 1, "b": "x"}', "a: 1\nb: x\n", "\ufeffa: 1\nb: x\n"])
def test_a_file_is_json_or_yaml_and_later_wins(tmp_path: Path, text: str) -> None:
    path = tmp_path / "in"
    path.write_text(text, encoding="utf-8")
    assert arguments.inputs([f"@{path}", "a=2"]) == {"a": 2, "b": "x"}


@pytest.mark.parametrize(
    ("text", "said"), [("[1]", "not an object"), ("a: [", "line"), ("a: !!python/x 1", "line 1")]
)
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "in.yaml"
    path.write_text(text)
    with pytest.raises(click.UsageError, match=said):
        arguments.inputs([f"@{path}"])


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"b": [{"a": 1, "a": 1}]}', "a: 1\na: 2\n"])
def test_a_name_given_twice_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "in.json"
    path.write_text(text)
    with pytest.raises(click.UsageError, match=r"-i @.*in\.json.*twice"):
        arguments.inputs([f"@{path}"])


def test_a_value_with_a_name_given_twice_is_refused() -> None:
    with pytest.raises(click.UsageError, match="has the name 'b' twice"):
        arguments.inputs(['a={"b": 1, "b": 2}'])


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(click.UsageError, match="No such file"):
        arguments.inputs(["@/nowhere"])


def test_context_is_text_where_goldencontext_says_so() -> None:
    given = ["incident_id=17", 'impacted_services=["web"]']
    assert arguments.context(given, "P1") == {
        "incident_id": "17", "impacted_services": ["web"], "incident_severity": "P1",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["severity=P1", "@context.json"])
def test_a_context_that_no_expression_could_read_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("context.json").write_text('{"severity": "P1"}')
    with pytest.raises(click.UsageError, match=r"no field 'severity'; it has .*incident_severity"):
        arguments.context([text], None)


def test_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARMONY_USER", "ada")
    assert arguments.who(None).name == "ada"
    assert arguments.who("bob").name == "bob"
    monkeypatch.delenv("HARMONY_USER")
    actor = arguments.who(None)
    assert actor.name == actor.user == arguments.system_user()
    assert (actor.source, bool(actor.host)) == ("cli", True)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "x" * 101, " a"])
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(click.UsageError, match="printable"):
        arguments.who(name)
