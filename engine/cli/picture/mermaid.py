"""The shape as a mermaid flowchart, for READMEs and pull requests."""

from collections.abc import Iterator

from engine.cli.picture.shape import Kind, Link, Node, Shape

_BOX: dict[Kind, tuple[str, str]] = {
    "run": ("[", "]"),
    "gate": ("{{", "}}"),
    "blueprint": ("[[", "]]"),
    "wait": ("([", "])"),
    "set": ("[/", "/]"),
}
_PLAIN = frozenset(" .,:/_()-'?+=")
_LONGEST = 80
_STYLES = (
    "classDef gate fill:#fff3bf,stroke:#b08900,color:#1c1c1c",
    "classDef write fill:#d0ebff,stroke:#1864ab,color:#1c1c1c",
    "classDef destructive fill:#ffe3e3,stroke:#c92a2a,color:#1c1c1c",
)


def draw(shape: Shape) -> str:
    """A flowchart that mermaid parses, whatever the titles hold."""
    return "\n".join(_lines(shape))


def _lines(shape: Shape) -> Iterator[str]:
    names = {node.key: f"s{number}" for number, node in enumerate(shape.nodes)}
    last = [node for node in shape.nodes if node.key.startswith("finally/")]
    yield "flowchart TD"
    for node in shape.nodes:
        if node not in last:
            yield f"  {_box(node, names[node.key])}"
    if last:
        yield '  subgraph last["finally"]'
        for node in last:
            yield f"    {_box(node, names[node.key])}"
        yield "  end"
    for link in shape.links:
        yield f"  {names[link.source]} {_arrow(link)} {names[link.target]}"
    yield from _classes(shape, names)


def _box(node: Node, name: str) -> str:
    left, right = _BOX[node.kind]
    lines = [node.key.removeprefix("finally/"), node.text, *node.conditions]
    return f'{name}{left}"{"<br/>".join(_text(line) for line in lines)}"{right}'


def _arrow(link: Link) -> str:
    return f'-->|"{_text(link.label)}"|' if link.label else "-->"


def _classes(shape: Shape, names: dict[str, str]) -> Iterator[str]:
    for number, look in enumerate(("gate", "write", "destructive")):
        members = [names[node.key] for node in shape.nodes if look in (node.kind, node.effect)]
        if members:
            yield f"  {_STYLES[number]}"
            yield f"  class {','.join(members)} {look}"


def _text(text: str) -> str:
    """Everything but letters, digits and harmless signs as `#code;`, so that nothing is markup."""
    shortened = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "".join(_sign(sign) for sign in " ".join(shortened.split()))


def _sign(sign: str) -> str:
    if sign.isalnum() or sign in _PLAIN:
        return sign
    return f"#{ord(sign)};" if sign.isprintable() else "#65533;"
