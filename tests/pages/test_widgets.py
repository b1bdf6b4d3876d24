"""Widgets made from settings: which kind each becomes, in a column and in little room."""

import pytest
from streamlit.testing.v1 import AppTest

CLUSTERING = "pages/clustering.py"


def test_a_seed_is_typed_or_thrown(visit):
    """Among ten thousand values nobody finds the one that is meant with a slider."""
    seen = visit(CLUSTERING, technique="kmeans", sample="microaneurysms", seed="17")
    assert seen.page.number_input(key="kmeans.seed").value == 17
    seen.change("kmeans.seed", 9999)
    assert seen.link["seed"] == "9999"
    thrown = {seen.press("kmeans.seed.dice").state["kmeans.seed"] for _ in range(3)}
    assert len(thrown) > 1
    assert all(0 <= seed <= 9999 for seed in thrown)
    assert seen.link["seed"] == str(seen.state["kmeans.seed"])
    assert seen.sentences == []


def a_page():
    """What AppTest runs as a script of its own."""
    from dataclasses import dataclass
    from typing import Annotated

    import streamlit as st

    from pages.ui.widgets import draw_in_pairs, draw_settings
    from segcore.technique import Choice, Only, Points, Range, Setting, read_settings

    def paint(
        *,
        seed: Annotated[int, Range(10, 50_010, step=20)] = 30,
        word: Annotated[str, "Any word."] = "a",
        short: Annotated[str, Choice("one", "two", "three", "four")] = "one",
        long: Annotated[str, Choice("a rather long option", "another long option")] = (
            "another long option"
        ),
        strength: Annotated[float, Range(0, 1)] = 0.5,
        steps: Annotated[int, Range(0, 2000)] = 3,
        switch: Annotated[bool, "On or off."] = False,
        hidden: Annotated[int, Range(0, 9), Only(switch=True)] = 4,
        clicks: Annotated[tuple[tuple[int, int], ...], Points()] = (),
    ) -> None: ...

    @dataclass(frozen=True)
    class Owner:
        key: str
        settings: tuple[Setting, ...]

    def changed(setting: Setting) -> None:
        st.session_state["changed"] = [*st.session_state.get("changed", []), setting.name]

    owner = Owner("owner", read_settings(paint))
    if st.session_state.get("narrow", False):
        draw_in_pairs(owner, changed)
    else:
        draw_settings(owner)


@pytest.mark.parametrize("narrow", [False, True])
def test_each_kind_of_setting_has_its_widget(narrow):
    page = AppTest.from_function(a_page)
    page.session_state["narrow"] = narrow
    page.session_state["owner.hidden"] = 7
    page.run()
    assert not page.exception
    assert page.number_input(key="owner.seed").value == 30
    assert page.number_input(key="owner.seed").step == 20
    assert page.text_input(key="owner.word").value == "a"
    assert page.selectbox(key="owner.short").value == "one"
    assert page.selectbox(key="owner.long").value == "another long option"
    assert page.slider(key="owner.strength").value == 0.5
    assert page.slider(key="owner.steps").max == 2000
    keys = [getattr(widget, "key", None) for widget in page]
    assert "owner.hidden" not in keys
    assert "owner.clicks" not in keys
    page.toggle(key="owner.switch").set_value(True).run()
    assert page.slider(key="owner.hidden").value == 7  # kept while nobody saw it


def test_a_change_is_told_with_the_setting_that_it_changed():
    page = AppTest.from_function(a_page)
    page.session_state["narrow"] = True
    page.run()
    page.slider(key="owner.strength").set_value(0.7).run()
    page.selectbox(key="owner.short").set_value("two").run()
    page.number_input(key="owner.seed").set_value(50).run()
    page.button(key="owner.seed.dice").click().run()
    assert page.session_state["changed"] == ["strength", "short", "seed", "seed"]
    assert page.session_state["owner.seed"] in range(10, 50_011, 20)
