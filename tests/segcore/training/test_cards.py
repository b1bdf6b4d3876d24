"""Files of weights and their cards, and the table that is made from the cards."""

import hashlib
import json
from dataclasses import asdict, replace

import pytest
from safetensors.torch import load

import segcore
from segcore import SettingError, WeightsError
from segcore.networks.network import Network
from segcore.training import __main__ as commands
from segcore.training import table
from segcore.training.cards import write_card, write_joint_card, write_scores
from segcore.training.kinds import JOINTS, kind_of, set_of
from segcore.training.recipes import RECIPES, get_recipe
from segcore.training.sets import SETS
from segcore.weights import DIGESTS, read_card, shipped, to_file


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


def test_a_card_keeps_what_was_done_to_the_weights_before(tmp_path):
    data, first = SETS["street"], replace(get_recipe("simple_cnn_street"), start=None, steps=1)
    file = to_file(Network(segcore.TECHNIQUES["simple_cnn"].network.build(11), data.names, 320))
    second, third = (replace(first, start=first.name, steps=steps) for steps in (2, 3))
    for recipe, seconds in ((first, 90.0), (second, 60.0), (third, 30.0)):
        write_card(tmp_path, recipe, data, file, parameters=7, seconds=seconds, scores={"miou": 0})
    card = json.loads((tmp_path / "simple_cnn_street.json").read_text("utf-8"))
    assert card["recipe"]["steps"] == 3
    assert card["minutes"] == 3.0
    assert [one["minutes"] for one in card["earlier"]] == [1.5, 1.0]
    assert [one["recipe"]["steps"] for one in card["earlier"]] == [1, 2]
    assert {one["data"] for one in card["earlier"]} == {data.about}
    # What starts from other weights, or from nothing, has no past of its own.
    write_card(tmp_path, first, data, file, parameters=7, seconds=6.0, scores={"miou": 0})
    assert json.loads((tmp_path / "simple_cnn_street.json").read_text())["earlier"] == []


def test_every_network_has_its_recipes():
    for technique in segcore.TECHNIQUES.values():
        network = technique.network
        if network is not None and (network.build is not None or network.parts):
            assert set(technique.weights_files("street")) <= RECIPES.keys()
    for recipe in RECIPES.values():
        assert recipe.data in kind_of(recipe).sets
        assert recipe.start is None or recipe.start in RECIPES
    with pytest.raises(SettingError, match="one of"):
        get_recipe("unet_moon")


def test_scores_are_written_over_those_before_and_nothing_else(tmp_path):
    recipe, data = get_recipe("simple_cnn_street"), SETS["street"]
    write_card(tmp_path, recipe, data, b"x", parameters=7, seconds=90.0, scores={"miou": 0.5})
    path = tmp_path / "simple_cnn_street.json"
    before = json.loads(path.read_text("utf-8"))
    write_scores(tmp_path, recipe.name, {"miou": 0.25})
    assert json.loads(path.read_text("utf-8")) == before | {"scores": {"miou": 0.25}}
    assert (tmp_path / "simple_cnn_street.safetensors").read_bytes() == b"x"


@pytest.mark.parametrize("name", JOINTS)
def test_the_card_of_a_joint_names_the_weights_that_it_was_measured_with(tmp_path, name):
    joint = JOINTS[name]
    for part in joint.parts:
        (tmp_path / f"{part}.safetensors").write_bytes(part.encode())
    write_joint_card(tmp_path, name, joint, {"pq": 0.5})
    assert json.loads((tmp_path / f"{name}.json").read_text("utf-8")) == {
        "name": name,
        "network": joint.network,
        "weights": joint.data,
        "parts": {part: hashlib.sha256(part.encode()).hexdigest() for part in joint.parts},
        "scores": {"pq": 0.5},
    }


def test_a_joint_is_stale_when_one_of_its_networks_is_another(monkeypatch):
    (name,) = JOINTS
    card = read_card(name)
    commands._compare(name, card["scores"])
    with pytest.raises(SystemExit, match="says otherwise"):
        commands._compare(name, {"pq": 0.0})
    monkeypatch.setattr(commands, "read_digests", lambda *_: dict.fromkeys(card["parts"], "0"))
    with pytest.raises(SystemExit, match="for other weights"):
        commands._compare(name, card["scores"])


@pytest.mark.parametrize("name", DIGESTS)
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
