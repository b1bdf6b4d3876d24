"""The six models: every figure on the page is that of the technique or of a card."""

import pytest

from pages.ui.six_models import PURPOSES, cards_of
from segcore import TECHNIQUES, weights

PAGE = "pages/models.py"


def texts(seen):
    return "\n".join(part.value for part in (*seen.page.main.markdown, *seen.page.main.caption))


def test_every_model_has_its_idea_its_numbers_and_a_link(visit, finders):
    seen = visit(PAGE)
    assert finders == []  # no network is loaded to speak of it
    shown = texts(seen)
    assert len(PURPOSES) == 6
    links = [link.proto for link in seen.page.main.get("page_link")]
    for key in PURPOSES:
        technique = TECHNIQUES[key]
        assert f"### {technique.title} · {technique.year}" in shown
        assert PURPOSES[key] in shown
        assert technique.article.used_for in shown
        assert f"| {technique.network.paper_network} |" in shown
        assert f"{technique.network.paper_parameters:,}" in shown
        assert technique.network.paper_score in shown
        assert any(f"technique={key}" in link.query_string for link in links), key


@pytest.mark.parametrize(
    ("key", "score"),
    [
        ("mask_rcnn", ("on Cell nuclei (DSB 2018)", "AP 0.432")),
        ("fcn", ("on Street scenes, drawn", "Mean IoU 0.512")),
    ],
)
def test_the_weights_that_ship_stand_with_their_scores_and_sizes(visit, finders, key, score):
    shown = texts(visit(PAGE))
    names = [name for name in weights.shipped() if name.startswith(f"{key}_")]
    cards = cards_of(TECHNIQUES[key])
    assert [card["name"] for card in cards] == names != []
    assert "| {} | {} |".format(*score) in shown
    assert f"{max(card['parameters'] for card in cards):,}" in shown


def test_the_page_stands_without_any_weights(visit, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    shown = texts(visit(PAGE))
    assert shown.count("No weights yet") == len(PURPOSES)
