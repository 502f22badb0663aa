"""No value of a secret is left in what is kept, however it was written."""

import base64
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.steps.striking import STRUCK, Striker

SECRETS = (
    "hunter2!",
    "ab/cd+ef==",
    'qu"ote\\back',
    "domain\\user\\\nünder\\\u001f\\🔑",
    "päss wörd 🔑",
    "line one is long enough\nline two is long enough too\n",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTU\n",
    "tok_" + "Zz9" * 80,
)


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def shifted(before: str, after: str) -> Callable[[str], str]:
    return lambda value: base64_of(before + value + after)


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "json": lambda value: json.dumps({"key": value}),
    "json in unicode": lambda value: json.dumps({"key": value}, ensure_ascii=False),
    "json in json": lambda value: json.dumps(json.dumps([value])),
    "json in json in json": lambda value: json.dumps(json.dumps(json.dumps(value))),
    "go's json": lambda value: json.dumps(value).replace("+", "\\u002b").replace("=", "\\u003D"),
    "php's json": lambda value: json.dumps(value).replace("/", "\\/"),
    "url": lambda value: "https://host/?q=" + quote(value, safe=""),
    "url with slashes": quote,
    "small url": lambda value: quote(value, safe="").lower() if value.islower() else quote(value),
    "form": lambda value: "key=" + quote_plus(value),
    "url in url": lambda value: quote(quote(value, safe=""), safe=""),
    "base64": base64_of,
    "base64 without padding": lambda value: base64_of(value).rstrip("="),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64 after one": shifted("x", ""),
    "base64 after two": shifted("xy", ""),
    "base64 between": shifted("user:", ":rest"),
    "base64 before": shifted("", "?!"),
    "wrapped base64": lambda value: base64.encodebytes(value.encode()).decode(),
    "a break at each place of base64": lambda value: "".join(
        base64.encodebytes(f"{'x' * before}{value}{'y' * 60}".encode()).decode()
        for before in range(60)
    ),
    "wrapped base64 in json": lambda value: json.dumps(base64.encodebytes(value.encode()).decode()),
}


def leaks(value: str, text: str) -> bool:
    """Whether eight characters in a row of the value, or of its base64, are left."""
    encoded = base64_of(value.strip()).rstrip("=")
    flat = text.replace("\n", "").replace("\\n", "")
    pieces = [value.strip()[at : at + 8] for at in range(max(len(value.strip()) - 7, 1))]
    if any(piece in text for piece in pieces if "\n" not in piece):
        return True
    return any(encoded[at : at + 12] in flat for at in range(max(len(encoded) - 11, 1)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", SECRETS)
def test_a_value_is_struck_in_every_form(value: str, form: str) -> None:
    text = f"before {FORMS[form](value)} after"
    struck = Striker([value]).text(text)
    assert STRUCK in struck
    assert not leaks(value, struck), struck
    assert struck.startswith("before ")
    assert struck.endswith(" after")


@given(
    value=st.text(st.characters(codec="utf-8"), min_size=4, max_size=60),
    before=st.text(st.characters(codec="utf-8"), max_size=5),
    after=st.text(st.characters(codec="utf-8"), max_size=5),
    form=st.sampled_from(sorted(FORMS)),
)
@example(value="\\\\\\\\", before="\\", after="\\", form="json in json")
@example(value="0\\\x1f0", before="", after="", form="go's json")
@example(value="a\\\nb0", before="", after="", form="json in json in json")
@example(value='"\\""\\', before='"', after="", form="json in json")
def test_any_value_in_any_form_among_anything(
    value: str, before: str, after: str, form: str
) -> None:
    if len(value.strip()) < 4:
        return
    text = FORMS[form](f"{before}{value}{after}")
    assert STRUCK in Striker([value]).text(text)


def test_other_text_is_left_alone() -> None:
    text = "the quick brown fox 100% + \\n \\u0041 aGVsbG8gd29ybGQ="
    assert Striker(["hunter2!", "another-one"]).text(text) == text
    assert Striker([]).text(text) == text


def test_keys_numbers_and_nested_values() -> None:
    striker = Striker(["hunter2!", "12345678"])
    assert striker.json(
        {"hunter2!": [1, True, None, 12345678, {"a": "is hunter2!"}], "n": 123456789}
    ) == {STRUCK: [1, True, None, STRUCK, {"a": f"is {STRUCK}"}], "n": 123456789}


def test_the_longest_value_counts_where_one_holds_another() -> None:
    assert Striker(["hunter", "hunter2-and-more"]).text("hunter2-and-more") == STRUCK


@pytest.mark.parametrize(
    ("text", "struck"),
    [("the pin is 42.", f"the pin is {STRUCK}."), ("in 1942 or x42", "in 1942 or x42")],
)
def test_a_short_value_is_struck_where_it_stands_alone(text: str, struck: str) -> None:
    assert Striker(["42"]).text(text) == struck


def test_white_space_around_a_value_does_not_hide_it() -> None:
    assert Striker(["hunter2!\n"]).text("it is hunter2!.") == f"it is {STRUCK}."
    assert Striker(["", " \n"]).text("a b\n") == "a b\n"


def test_a_long_line_of_a_value_is_a_secret_too() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nshort\n-----END KEY-----\n"
    striker = Striker([key])
    assert striker.text("leaked MIIEvQIBADANBgkqhkiG9w0BAQ") == f"leaked {STRUCK}"
    assert striker.text("a short one") == "a short one"


def test_half_a_value_at_a_cut_is_not_left() -> None:
    striker = Striker(["hunter2-and-more"])
    assert striker.tail("and-more\nfirst hunter2-and-more\n") == f"first {STRUCK}\n"
    assert "more" not in striker.tail("and-more, and no end of line")
    assert Striker([]).tail("kept") == "kept"


@pytest.mark.parametrize(
    "text",
    ["\\" * 1_000_000, "%25" * 300_000, "a+" * 500_000, "\\u0061" * 150_000, "A\n" * 500_000],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    striker = Striker(['a\\\\b"c/d', "A" * 60, "+a+a+b", "%2525%"])
    began = time.perf_counter()
    striker.text(text)
    assert time.perf_counter() - began < 5
