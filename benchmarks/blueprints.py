"""The blueprints that are measured, written into a project folder of their own."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent / "project"


def _head(name: str) -> str:
    return f"blueprint: {name}\nversion: 1.0.0\ntitle: Measured\nowner: sre-platform\n"


def sequential(name: str, count: int) -> str:
    """One step after the other."""
    steps = "".join(
        f"  - id: s{n}\n    run: golden.bench.echo\n    with: {{number: {n}}}\n"
        for n in range(count)
    )
    return f"{_head(name)}steps:\n{steps}"


def parallel(name: str, count: int) -> str:
    """All steps at once."""
    steps = "".join(
        f"  - id: s{n}\n    needs: []\n    run: golden.bench.echo\n    with: {{number: {n}}}\n"
        for n in range(count)
    )
    return f"{_head(name)}steps:\n{steps}"


def typical(name: str, count: int) -> str:
    """What authors write: references, conditions, texts, a gate now and then."""
    lines = [
        _head(name),
        "inputs: {type: object, properties: {who: {type: string, default: me}}}\n",
    ]
    lines.append("steps:\n")
    for n in range(count):
        before = f"{{{{ steps.s{n - 1}.output.text }}}}" if n else "start"
        lines.append(
            f"  - id: s{n}\n    title: Step number {n}\n    run: golden.bench.echo@1\n"
            f"    needs: [{f's{n - 1}' if n else ''}]\n    timeout: 1m\n"
            f'    with: {{text: "{before} for {{{{ inputs.who }}}}", number: {n}}}\n'
        )
    return "".join(lines)


def loop(name: str, count: int) -> str:
    """One step for each of many items, ten at once."""
    return (
        f"{_head(name)}steps:\n  - id: each\n    run: golden.bench.echo\n"
        f'    foreach: "{{{{ range({count}) }}}}"\n    concurrency: 10\n'
        '    with: {number: "{{ item }}"}\n'
    )


def gated(name: str) -> str:
    """A step, a gate, a step."""
    return (
        f"{_head(name)}steps:\n"
        "  - id: before\n    run: golden.bench.echo\n    with: {number: 0}\n"
        "  - id: ask\n    gate: {ask: Go on?, approvers: [anyone], timeout: 1h}\n"
        "  - id: after\n    run: golden.bench.echo\n    with: {number: 1}\n"
    )


def write_project(folder: Path, texts: dict[str, str]) -> Path:
    """A project folder with the benchmark's capability and these blueprints, by id."""
    shutil.copytree(HERE / "capabilities", folder / "capabilities")
    (folder / "blueprints").mkdir()
    for name, text in texts.items():
        (folder / "blueprints" / f"{name}.yaml").write_text(text)
    return folder
