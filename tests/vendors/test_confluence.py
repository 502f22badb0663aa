"""golden.connectors.confluence, held against Confluence's description."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.vendors.conftest import Vendors
from tests.vendors.front import Front
from tests.vendors.odd import ODD
from tests.vendors.program import Program, kept, program

CREATE = {
    "operation": "create-page", "incidentId": "INC-2026-0001", "title": "Slow", "markdown": "Slow.",
}  # fmt: skip
UPDATE = {"operation": "update-page", "pageId": "9", "markdown": "It was slow."}
SPACES, PAGES, ONE, LABEL = "/spaces$", "/pages$", "/pages/9$", "/content/9/label$"
CLASH = {
    "errors": [
        {"status": 400, "title": "A page already exists with the same TITLE in this space"}
    ]
}  # fmt: skip
STALE = {"errors": [{"status": 409, "title": "Version must be incremented"}]}


@pytest.fixture(scope="module")
def warm() -> Iterator[Program]:
    config = {"email": "ops@example.com", "spaceKey": "OPS", "url": "http://127.0.0.1:9"}
    with kept(program("connectors/confluence", config, {"apiToken": "token-of-ops"})) as found:
        yield found


@pytest.fixture
def front(vendors: Vendors) -> Iterator[Front]:
    found = vendors("confluence")
    found.answer(200, {"results": [{"id": "7", "key": "OPS"}]}, "GET", SPACES)
    yield found
    assert found.violations == []


@pytest.fixture
def call(warm: Program, front: Front) -> Any:
    def ask(given: Any, **more: Any) -> Any:
        more["config"] = {"url": front.url, **more.get("config", {})}
        return warm.call(given, **more)

    return ask


def page(text: str = "<p>a</p>", number: int = 1, **more: Any) -> dict[str, Any]:
    """As Confluence gives one."""
    return {
        "id": "9", "spaceId": "7", "title": "Slow", "status": "current",
        "version": {"number": number}, "body": {"storage": {"value": text}},
        "_links": {"webui": "/spaces/OPS/pages/9", "base": "https://x.example/wiki"}, **more,
    }  # fmt: skip


def results(*found: Any) -> dict[str, Any]:
    return {"results": list(found)}


def written(front: Front, method: str = "POST", path: str = PAGES) -> Any:
    """The one body that was sent."""
    (request,) = front.calls(method, path)
    return request.body


def test_a_page_is_made_with_its_mark_and_labels(call: Any, front: Front) -> None:
    front.answer(200, results(), "GET", PAGES)
    front.answer(200, page(), "POST", PAGES)
    front.answer(200, {"results": [{"name": "p1"}], "size": 1}, "POST", LABEL)
    answer = call({**CREATE, "labels": ["P1"]}, config={"parentId": "5"})
    assert answer["changed"] is True
    assert answer["page"] == {
        "id": "9", "title": "Slow", "url": "https://x.example/wiki/spaces/OPS/pages/9",
        "spaceKey": "OPS", "status": "current", "version": 1, "createdAt": None,
        "incidentId": "INC-2026-0001", "labels": ["p1"],
    }  # fmt: skip
    body = written(front)
    assert (body["spaceId"], body["title"], body["parentId"]) == ("7", "Slow", "5")
    assert body["body"]["representation"] == "storage"
    assert "harmony-incident-INC-2026-0001</ac:parameter>" in body["body"]["value"]
    assert written(front, "POST", LABEL) == [{"prefix": "global", "name": "p1"}]
    (listed,) = front.calls("GET", PAGES)
    assert listed.query["space-id"] == ["7"]
    assert listed.headers["Authorization"].startswith("Basic ")


def test_a_create_that_is_tried_again_finds_what_it_made(call: Any, front: Front) -> None:
    front.answer(200, results(), "GET", PAGES, times=1)
    front.drop("POST", PAGES, times=1)
    assert call(CREATE)["error"]["code"] == "UNREACHABLE"
    made = page(written(front)["body"]["value"])
    front.answer(200, results(made), "GET", PAGES)
    front.answer(200, made, "GET", ONE)
    front.answer(200, {"results": [{"name": "p1"}], "size": 1}, "POST", LABEL)
    again = call({**CREATE, "labels": ["p1"]}, attempt=2)
    assert (again["changed"], again["page"]["id"], again["page"]["labels"]) == (True, "9", ["p1"])
    made["labels"] = {"results": [{"name": "p1"}]}
    front.answer(200, made, "GET", ONE)
    assert call(CREATE, key="of another run")["changed"] is False
    assert len(front.calls("POST", PAGES)) == 1


def test_someone_elses_page_is_left_alone(call: Any, front: Front) -> None:
    front.answer(200, results(page()), "GET", PAGES)
    error = call(CREATE)["error"]
    assert error["code"] == "CONFLICT"
    assert "id 9" in error["message"]
    assert front.calls("POST") == []


@pytest.mark.parametrize("status", [400, 409])
def test_a_title_that_was_taken_in_between(call: Any, front: Front, status: int) -> None:
    front.answer(200, results(), "GET", PAGES, times=1)
    front.answer(status, CLASH, "POST", PAGES)
    front.answer(200, results(page()), "GET", PAGES)
    assert call(CREATE)["error"]["code"] == "CONFLICT"


def test_a_title_that_only_confluence_finds_taken(call: Any, front: Front) -> None:
    front.answer(200, results(), "GET", PAGES)
    front.answer(400, CLASH, "POST", PAGES)
    assert call(CREATE)["error"]["code"] == "CONFLICT"
    front.answer(200, page(), "GET", ONE)
    front.answer(400, CLASH, "PUT", ONE)
    assert call({**UPDATE, "title": "Other"})["error"]["code"] == "CONFLICT"


def test_an_update_keeps_the_mark_and_is_made_once(call: Any, front: Front) -> None:
    mark = '<ac:parameter ac:name="">harmony-incident-INC-2026-0001</ac:parameter>'
    front.answer(200, page(f"<p>{mark}</p>", 4), "GET", ONE, times=1)
    front.answer(200, page(number=5), "PUT", ONE)
    answer = call(UPDATE)
    assert (answer["changed"], answer["page"]["incidentId"]) == (True, "INC-2026-0001")
    body = written(front, "PUT", ONE)
    assert (body["version"]["number"], body["title"]) == (5, "Slow")
    assert body["body"]["value"].startswith("<p>It was slow.</p><p>")
    edited = {"results": [{"number": 6}, {"number": 5, "message": body["version"]["message"]}]}
    front.answer(200, page("<p>edited</p>", 6, versions=edited), "GET", ONE)
    again = call(UPDATE, attempt=2)
    assert (again["changed"], again["page"]["version"]) == (False, 6)
    assert len(front.calls("PUT")) == 1


def test_what_is_there_is_not_written(call: Any, front: Front) -> None:
    front.answer(200, page("<p>It was slow.</p>"), "GET", ONE)
    assert call(UPDATE)["changed"] is False
    assert front.calls("PUT") == []


def test_a_stale_version_is_read_again_once(call: Any, front: Front) -> None:
    front.answer(200, page(number=4), "GET", ONE, times=1)
    front.answer(409, STALE, "PUT", ONE, times=1)
    front.answer(200, page("<p>b</p>", 6), "GET", ONE)
    front.answer(200, page(number=7), "PUT", ONE, times=1)
    assert call(UPDATE)["changed"] is True
    assert [one.body["version"]["number"] for one in front.calls("PUT")] == [5, 7]
    front.prefer("code=409", "PUT", ONE)
    error = call(UPDATE)["error"]
    assert error["code"] == "STALE"
    assert len(front.calls("PUT")) == 4


def test_a_stale_version_of_our_own_is_seen(call: Any, front: Front) -> None:
    """It was written although the answer said otherwise, as a proxy's second try does."""
    front.answer(200, page(number=4), "GET", ONE, times=4)
    front.answer(409, STALE, "PUT", ONE)
    assert call(UPDATE)["error"]["code"] == "STALE"
    message = front.calls("PUT")[0].body["version"]["message"]
    front.answer(200, page(version={"number": 5, "message": message}), "GET", ONE)
    assert call(UPDATE)["changed"] is False
    assert len(front.calls("PUT")) == 3


def test_reading_by_id_and_by_title(call: Any, front: Front) -> None:
    labels = {"results": [{"name": "p1"}]}
    front.answer(200, page(labels=labels), "GET", ONE)
    found = call({"operation": "get-page", "pageId": "9"})
    assert (found["storage"], found["page"]["labels"]) == ("<p>a</p>", ["p1"])
    front.answer(200, results(page()), "GET", PAGES, times=1)
    assert call({"operation": "get-page", "title": " Slow\n"})["page"]["id"] == "9"
    assert front.calls("GET", PAGES)[0].query["title"] == ["Slow"]
    front.answer(200, results(), "GET", PAGES)
    error = call({"operation": "get-page", "title": "Gone"})["error"]
    assert error["code"] == "NOT_FOUND"
    assert "Gone" in error["message"]


def test_a_page_of_another_space_is_not_touched(call: Any, front: Front) -> None:
    front.answer(200, page(spaceId="8"), "GET", ONE)
    for given in (UPDATE, {"operation": "add-labels", "pageId": "9", "labels": ["a"]}):
        assert call(given)["error"]["code"] == "NOT_FOUND"
    assert {request.method for request in front.requests} == {"GET"}


def test_a_space_that_is_not_there(call: Any, vendors: Vendors) -> None:
    front = vendors("confluence")
    front.answer(200, results(), "GET", SPACES)
    error = call({"operation": "search", "title": "a"})["error"]
    assert error["code"] == "NOT_FOUND"
    assert "spaceKey" in error["message"]


def test_labels_that_are_there_are_not_added(call: Any, front: Front) -> None:
    front.answer(200, page(labels={"results": [{"name": "p1"}]}), "GET", ONE)
    front.answer(200, {"results": [{"name": "p1"}, {"name": "new"}], "size": 2}, "POST", LABEL)
    given = {"operation": "add-labels", "pageId": "9"}
    assert call({**given, "labels": ["P1"]})["changed"] is False
    assert call({**given, "labels": ["p1", "new"]})["labels"] == ["p1", "new"]
    assert written(front, "POST", LABEL) == [{"prefix": "global", "name": "new"}]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "REFUSED"), (403, "FORBIDDEN"), (404, "NOT_FOUND"), (429, "RATE_LIMITED"),
     (503, "UNAVAILABLE")],
)  # fmt: skip
def test_each_request_may_be_refused(call: Any, front: Front, status: int, code: str) -> None:
    """Not only the first one of an operation."""
    front.answer(200, results(), "GET", PAGES)
    front.answer(200, page(), "GET", ONE)
    for method, path, given in (
        ("POST", PAGES, CREATE),
        ("PUT", ONE, UPDATE),
        ("POST", LABEL, {"operation": "add-labels", "pageId": "9", "labels": ["new"]}),
    ):
        front.answer(status, {"message": "some reason"}, method, path, headers={"Retry-After": "7"})
        error = call(given)["error"]
        assert error["code"] == code
        if status == 429:
            assert error["retryAfterSeconds"] == 7


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_well_formed_and_arrives(call: Any, front: Front, text: str) -> None:
    front.answer(200, results(), "GET", PAGES)
    front.answer(200, page(), "POST", PAGES)
    fenced = "\n".join(f"    {line}" for line in text.splitlines())
    call({**CREATE, "title": text, "markdown": f"{text}\n\n{fenced}\n\x00\x01"})
    body = written(front)
    assert len(body["title"]) <= 255
    assert "\n" not in body["title"]
    spaced = body["body"]["value"].replace("ac:", "ac-")
    tree = ElementTree.fromstring(f"<body>{spaced}</body>")
    assert tree.find("script") is None
    assert tree.findtext("pre") == "\n".join([*text.splitlines(), ""])


def test_markdown_becomes_storage_format(call: Any, front: Front) -> None:
    front.answer(200, results(), "GET", PAGES)
    front.answer(200, page(), "POST", PAGES)
    text = (
        "# Slow\n\n## A & B\n\n| a | b |\n| --- | --- |\n| x<y | `c` |\n\n- one *e*\n- two\n\n"
        "3. three\n\n```sh\nls <x>\n```\n\n[l](http://x?a=1&b=2) ![i](http://i) <b>b</b>\n"
        "[bad](javascript:alert(1))\n\n> said  \n> more\n\n---\n"
    )
    call({**CREATE, "markdown": text})
    value = written(front)["body"]["value"]
    assert value.startswith(
        "<h2>A &amp; B</h2><table><tbody><tr><th>a</th><th>b</th></tr><tr><td>x&lt;y</td>"
        "<td><code>c</code></td></tr></tbody></table><ul><li>one <em>e</em></li><li>two</li></ul>"
        '<ol start="3"><li>three</li></ol><pre>ls &lt;x&gt;\n</pre>'
        '<p><a href="http://x?a=1&amp;b=2">l</a> <a href="http://i">i</a> &lt;b&gt;b&lt;/b&gt;\n'
        "[bad](javascript:alert(1))</p><blockquote><p>said<br />more</p></blockquote><hr /><p>"
    )


def test_storage_format_goes_as_it_is_or_not_at_all(call: Any, front: Front) -> None:
    front.answer(200, results(), "GET", PAGES)
    front.answer(200, page(), "POST", PAGES)
    given = {key: value for key, value in CREATE.items() if key != "markdown"}
    text = '<p>a&nbsp;b<ac:link><ri:user ri:account-id="1"/></ac:link></p>'
    call({**given, "storage": text})
    assert written(front)["body"]["value"].startswith(text)
    for bad in ("<p>a", "a & b", "<p>a</p></body><body>", "<!DOCTYPE a><p/>", "&unknown;"):
        assert call({**given, "storage": bad})["error"]["code"] == "BAD_STORAGE"
    said = call({**given, "storage": "<p>a\n</b>"})["error"]["message"]
    assert said.endswith("mismatched tag: line 2, column 3")
    assert call({**CREATE, "markdown": "<" * 1_900_000})["error"]["code"] == "REFUSED"
    assert call({**CREATE, "title": " \n "})["error"]["code"] == "REFUSED"


def test_search_by_labels_asks_in_confluences_language(call: Any, vendors: Vendors) -> None:
    """The description that is kept here does not have it; the sandbox plays it."""
    front = vendors("confluence")
    front.answer(200, results({"id": "7", "key": "OPS"}), "GET", SPACES)
    front.answer(200, results(page()), "GET", "/content/search$")
    given = {"operation": "search", "labels": ["P1", "x"], "title": 'A "b"'}
    assert [one["id"] for one in call(given)["pages"]] == ["9"]
    (request,) = front.calls("GET", "/content/search$")
    assert request.query["cql"] == [
        'type = page and space = "OPS" and label = "p1" and label = "x" and title = "A \\"b\\""'
    ]
    front.requests.clear()
