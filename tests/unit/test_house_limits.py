"""The limits of the house: 40 lines a function, 250 a class, 400 a file. Past that the design lacks a noun."""

import ast

import pytest

from tests.data import ROOT, tracked

FUNCTION, CLASS, FILE = 40, 250, 400
SOURCES = tracked("*.py") or sorted((ROOT / "app").glob("**/*.py"))


def excess(source: str, name: str = "file") -> list[str]:
    """Every part of a source text that is over its limit, said with its length."""
    tree = ast.parse(source)
    parts = [(name, len(source.splitlines()), FILE)]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            limit = CLASS if isinstance(node, ast.ClassDef) else FUNCTION
            parts.append((f"{name}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1, limit))
    return [f"{part} has {lines} lines of at most {limit}" for part, lines, limit in parts if lines > limit]


def unreasoned(source: str) -> list[str]:
    """Lines that silence a checker without saying which rule, or a type checker's line in app/ without saying why."""
    silenced = [line.strip() for line in source.splitlines() if "# type: ignore" in line or "# noqa" in line]
    return [line for line in silenced if "# type: ignore[" not in line and "# noqa: " not in line]


def test_the_sources_are_found():
    assert ROOT / "app" / "session.py" in SOURCES
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_keeps_the_limits(path):
    source = path.read_text(encoding="utf-8")
    assert excess(source, path.name) == []
    if path.name != "test_house_limits.py":
        assert unreasoned(source) == []


def test_each_limit_can_be_broken():
    assert excess("def f():\n" + "    pass\n" * FUNCTION) == [
        f"file:1 f has {FUNCTION + 1} lines of at most {FUNCTION}"
    ]
    assert excess("class C:\n" + "    a = 1\n" * CLASS) == [f"file:1 C has {CLASS + 1} lines of at most {CLASS}"]
    assert excess("a = 1\n" * (FILE + 1)) == [f"file has {FILE + 1} lines of at most {FILE}"]
    assert unreasoned("a = b  # type: ignore\n") == ["a = b  # type: ignore"]
