"""Confluence's storage format: XHTML with elements of its own, built as XML, never by pasting."""

import html.entities
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.parsers import expat

from failure import Failed
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

LARGEST = 5 * 1024 * 1024
"""Bytes of a text that Confluence takes."""
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN = {
    "blockquote": "blockquote", "bullet_list": "ul", "list_item": "li", "em": "em",
    "strong": "strong", "s": "del", "tr": "tr", "hr": "hr", "hardbreak": "br",
}  # fmt: skip
_ENTITIES = "".join(
    f'<!ENTITY {name} "&#{code};">'
    for name, code in html.entities.name2codepoint.items()
    if name not in ("lt", "gt", "amp", "quot")
)


def from_markdown(text: str, title: str) -> str:
    """CommonMark with tables, without a first heading that only repeats the title."""
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tree = SyntaxTreeNode(parser.parse(_NOT_IN_XML.sub("\ufffd", text)))
    blocks = list(tree.children)
    if blocks and blocks[0].type == "heading" and _words(blocks[0]) == title:
        del blocks[0]
    body = Element("body")
    _into(body, blocks)
    return "".join(tostring(block, encoding="unicode") for block in body)


def checked(text: str) -> str:
    """The same text; Failed where it is not well-formed."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(f"<!DOCTYPE body [{_ENTITIES}]><body>\n", False)  # noqa: FBT003
        parser.Parse(f"{text}</body>", True)  # noqa: FBT003
    except expat.ExpatError as error:
        place = f"line {error.lineno - 1}, column {error.offset + 1}"
        raise _not_storage(f"{expat.ErrorString(error.code)}: {place}") from error
    except ValueError as error:
        raise _not_storage(str(error)) from error
    return text


def _not_storage(why: str) -> Failed:
    said = f"the text is not in Confluence's storage format, correct it: {why}"
    return Failed("BAD_STORAGE", said)


def one_line(text: str) -> str:
    """As a title: single spaces, at most 255 characters, nothing that XML cannot hold."""
    line = " ".join(_NOT_IN_XML.sub(" ", text).split())
    if not line:
        raise Failed("REFUSED", "the title is blank: give it words")
    return line if len(line) <= 255 else f"{line[:254]}…"


def _words(node: SyntaxTreeNode) -> str:
    """What a reader sees of it, as one line."""
    leaves = (leaf for leaf in node.walk() if leaf.type in ("text", "code_inline"))
    return one_line("".join(leaf.content for leaf in leaves) or "-")


def _into(parent: Element, nodes: list[SyntaxTreeNode]) -> None:
    for node in nodes:
        _BUILDERS.get(node.type, _element)(parent, node)


def _element(parent: Element, node: SyntaxTreeNode) -> None:
    _into(SubElement(parent, _PLAIN[node.type]), node.children)


def _transparent(parent: Element, node: SyntaxTreeNode) -> None:
    _into(parent, node.children)


def _text(parent: Element, node: SyntaxTreeNode) -> None:
    _append(parent, node.content)


def _append(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _paragraph(parent: Element, node: SyntaxTreeNode) -> None:
    """Of a tight list no paragraph is seen."""
    _into(parent if node.hidden else SubElement(parent, "p"), node.children)


def _tagged(parent: Element, node: SyntaxTreeNode) -> None:
    _into(SubElement(parent, node.tag), node.children)


def _table(parent: Element, node: SyntaxTreeNode) -> None:
    """Heads are rows, as Confluence writes them."""
    _into(SubElement(SubElement(parent, "table"), "tbody"), node.children)


def _ordered(parent: Element, node: SyntaxTreeNode) -> None:
    start = node.attrGet("start")
    attributes = {} if start is None else {"start": str(start)}
    _into(SubElement(parent, "ol", attributes), node.children)


def _code(parent: Element, node: SyntaxTreeNode) -> None:
    SubElement(parent, "code").text = node.content


def _block_of_code(parent: Element, node: SyntaxTreeNode) -> None:
    SubElement(parent, "pre").text = node.content


def _link(parent: Element, node: SyntaxTreeNode) -> None:
    _into(SubElement(parent, "a", {"href": str(node.attrGet("href") or "")}), node.children)


def _image(parent: Element, node: SyntaxTreeNode) -> None:
    """A link to it: a page that is read does not tell another site so."""
    address = str(node.attrGet("src") or "")
    SubElement(parent, "a", {"href": address}).text = node.content or address


_BUILDERS: dict[str, Callable[[Element, SyntaxTreeNode], None]] = {
    "inline": _transparent,
    "table": _table,
    "thead": _transparent,
    "tbody": _transparent,
    "text": _text,
    "softbreak": lambda parent, _: _append(parent, "\n"),
    "paragraph": _paragraph,
    "heading": _tagged,
    "th": _tagged,
    "td": _tagged,
    "ordered_list": _ordered,
    "code_inline": _code,
    "code_block": _block_of_code,
    "fence": _block_of_code,
    "link": _link,
    "image": _image,
}
