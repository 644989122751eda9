"""The action that lets a model find its structures by itself: there for models that take no prompts."""

from types import SimpleNamespace

from app.ui.table import ROWS


def commands(prompts: tuple[str, ...], case: bool, asked: list[str]) -> SimpleNamespace:
    model = SimpleNamespace(automatic=not prompts)
    find = lambda: asked.append("find")  # noqa: E731  # a stand-in
    return SimpleNamespace(
        session=SimpleNamespace(document=object() if case else None, model=model, segment_automatically=find)
    )


def test_structures_are_found_by_models_without_prompts_in_an_open_case():
    row, asked = next(row for row in ROWS if row.id == "find"), []
    assert row.enabled(commands((), True, asked))
    assert not row.enabled(commands(("point",), True, asked))
    assert not row.enabled(commands((), False, asked))
    row.run(commands((), True, asked))
    assert asked == ["find"]
