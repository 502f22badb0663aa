"""Text to plan, against libyaml's loader alone."""

import tempfile
from pathlib import Path

import yaml

from benchmarks.blueprints import typical, write_project
from benchmarks.measure import Figure, best_of, exponent
from engine.language.catalog import Catalog
from engine.language.planner import compile_blueprint

SIZES = [20, 200, 2_000]


async def figures() -> list[Figure]:
    """Seconds for 20, 200 and 2,000 steps, their ratio to CSafeLoader, and how they grow."""
    found: list[Figure] = []
    seconds: list[float] = []
    texts = {f"bench.compile{size}": typical(f"bench.compile{size}", size) for size in SIZES}
    with tempfile.TemporaryDirectory() as name:
        folder = write_project(Path(name), texts)
        for size in SIZES:
            blueprint = f"bench.compile{size}"

            def ours(blueprint: str = blueprint) -> object:
                return compile_blueprint(Catalog.load(folder), blueprint)

            def bare(text: str = texts[blueprint]) -> object:
                return yaml.load(text, Loader=yaml.CSafeLoader)

            rounds = 3 if size > 1_000 else 7
            mine, theirs = best_of(ours, rounds), best_of(bare, rounds)
            seconds.append(mine)
            limit = 0.1 if size == 200 else None
            found.append(Figure(f"compile {size} steps", mine, limit, "s"))
            found.append(Figure(f"compile {size} steps / CSafeLoader", mine / theirs, None))
    found.append(
        Figure("growth of compile, 20 to 2,000", exponent(SIZES, seconds), 1.1, "exponent")
    )
    return found
