"""Points of any technique: where a click goes if there are several settings of points."""

import ast

import pytest
from streamlit.testing.v1 import AppTest


def a_page():
    """What AppTest runs as a script of its own: a click is what stands under `click`."""
    from dataclasses import dataclass
    from typing import Annotated

    import streamlit as st

    from pages.ui.points import adder, clicked_setting, draw_buttons, draw_choice
    from pages.ui.widgets import current_settings, draw_settings
    from segcore.technique import Choice, Label, Only, Points, Setting, read_settings

    def find(
        *,
        mode: Annotated[str, Choice("both", "first", "neither", "nothing")] = "both",
        inside: Annotated[tuple, Points(2), Label("Inside"), Only(mode=("both", "first"))] = (),
        outside: Annotated[tuple, Points(3), Label("Outside"), Only(mode="both")] = (),
    ) -> None: ...

    @dataclass(frozen=True)
    class Owner:
        key: str
        settings: tuple[Setting, ...]

    owner = Owner("owner", read_settings(find))
    click = st.session_state.pop("click", None)
    if click is not None:
        adder(owner, clicked_setting(owner, current_settings(owner)))(*click)
    draw_settings(owner)
    draw_choice(owner, current_settings(owner))
    draw_buttons(owner, current_settings(owner))
    st.text([current_settings(owner)[name] for name in ("inside", "outside")])


CHOICE = "view.clicks.owner"


@pytest.fixture
def page():
    return AppTest.from_function(a_page).run()


def click(page, *at):
    page.session_state["click"] = at
    page.run()
    assert not page.exception


def points(page):
    return ast.literal_eval(page.text[0].value)


def choice(page):
    return next((w for w in page.segmented_control if w.key == CHOICE), None)


def test_a_click_goes_to_the_setting_that_is_chosen(page):
    click(page, 1, 2)
    choice(page).set_value("outside").run()
    click(page, 3, 4)
    click(page, 5, 6)
    assert points(page) == [((1, 2),), ((3, 4), (5, 6))]
    assert page.caption[0].value == "Inside: 1 · Outside: 2"
    page.button(key="points.undo").click().run()
    assert points(page) == [((1, 2),), ((3, 4),)]
    choice(page).set_value("inside").run()
    page.button(key="points.clear").click().run()
    assert points(page) == [(), ((3, 4),)]
    assert page.button(key="points.undo").disabled


def test_each_setting_has_room_for_its_own_number_of_points(page):
    for x in range(4):
        click(page, x, 0)
    choice(page).set_value("outside").run()
    for x in range(4):
        click(page, x, 1)
    assert [len(given) for given in points(page)] == [2, 3]


def test_with_one_setting_of_points_there_is_nothing_to_choose(page):
    choice(page).set_value("outside").run()
    page.selectbox(key="owner.mode").set_value("first").run()
    assert not page.exception
    assert choice(page) is None
    click(page, 1, 2)
    assert points(page) == [((1, 2),), ()]
    assert page.caption[0].value == "1 point set"
    page.selectbox(key="owner.mode").set_value("neither").run()
    assert [button.key for button in page.button] == []
