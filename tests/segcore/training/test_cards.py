"""Files of weights and their cards, and the table that is made from the cards."""

import hashlib
import json
from dataclasses import asdict, replace

import pytest
from safetensors.torch import load

import segcore
from segcore import SettingError, WeightsError
from segcore.networks.network import Network
from segcore.training import table
from segcore.training.cards import write_card
from segcore.training.kinds import kind_of, set_of
from segcore.training.recipes import RECIPES, get_recipe
from segcore.training.sets import SETS
from segcore.weights import read_card, shipped, to_file


def test_a_file_and_its_card_agree(tmp_path):
    recipe = replace(get_recipe("simple_cnn_street"), steps=1)
    data = SETS["street"]
    module = segcore.TECHNIQUES["simple_cnn"].network.build(11)
    network = Network(module, data.names, data.side)
    file = to_file(network)
    write_card(tmp_path, recipe, data, file, parameters=7, seconds=90.0, scores={"miou": 0.5})
    card = json.loads((tmp_path / "simple_cnn_street.json").read_text("utf-8"))
    assert (tmp_path / "simple_cnn_street.safetensors").read_bytes() == file
    assert card["sha256"] == hashlib.sha256(file).hexdigest()
    assert card["minutes"] == 1.5
    assert card["names"] == list(data.names)
    assert card["recipe"]["steps"] == 1
    assert {p.suffix for p in tmp_path.iterdir()} == {".safetensors", ".json"}
    assert load(file).keys() == module.state_dict().keys()
    assert to_file(network) == file  # byte for byte


def test_every_network_has_its_recipes():
    for key, technique in segcore.TECHNIQUES.items():
        if technique.network is not None and technique.network.build is not None:
            assert f"{key}_street" in RECIPES
    for recipe in RECIPES.values():
        assert recipe.data in kind_of(recipe).sets
        assert recipe.start is None or recipe.start in RECIPES
    with pytest.raises(SettingError, match="one of"):
        get_recipe("unet_moon")


@pytest.mark.parametrize("name", shipped())
def test_a_card_tells_of_the_recipe_that_stands_here(name):
    card, recipe = read_card(name), get_recipe(name)
    assert card["recipe"] == json.loads(json.dumps(asdict(recipe)))
    data = set_of(recipe)
    assert (card["data"], card["terms"]) == (data.about, data.terms)
    assert card["names"] == list(data.names)


def test_the_readme_holds_the_table_of_the_cards():
    text = table.README.read_text("utf-8")
    assert table.comparison() in text, "run `python -m segcore.training table`"
    for name in shipped():
        card = read_card(name)
        assert f"| {card['bytes'] / 1e6:.1f} MB |" in table.comparison()


def test_the_table_goes_between_its_marks(tmp_path, monkeypatch):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", "utf-8")
    monkeypatch.setattr(table, "README", readme)
    table.write_table()
    assert readme.read_text("utf-8") == (
        f"before\n{table.BEGIN}\n{table.comparison()}\n{table.END}\nafter\n"
    )
    readme.write_text("no marks", "utf-8")
    with pytest.raises(WeightsError, match="must hold the lines"):
        table.write_table()
