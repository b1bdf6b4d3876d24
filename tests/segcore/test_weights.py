"""The weights that ship are those on their cards, and nothing else is ever loaded."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest

import segcore
from segcore import WeightsError, weights
from segcore.catalog import get_method
from segcore.weights import load_network, read_card, read_weights, shipped

MEGABYTE = 1_000_000


def build(key):
    return get_method(key).network.build


def choices(method):
    """The weights of our own that a technique or a task offers."""
    return [
        option
        for setting in method.settings
        if setting.name == "weights"
        for option in setting.options
        if option not in setting.downloads
    ]


def test_every_choice_of_weights_ships():
    cards, files = set(), set()
    for technique in segcore.TECHNIQUES.values():
        for option in choices(technique) if technique.network is not None else ():
            cards.add(f"{technique.key}_{option}")
            files |= set(technique.weights_files(option))
    for task in segcore.TASKS.values():
        files |= {task.weights_name(option) for option in choices(task)}
    assert set(shipped()) == cards | files
    assert set(weights.DIGESTS) == files
    assert {path.stem for path in weights.FOLDER.glob("*.safetensors")} == files


def test_weights_of_several_networks_are_those_of_their_techniques():
    for technique in segcore.TECHNIQUES.values():
        if technique.network is not None and technique.network.parts:
            assert technique.network.build is None
            for part in technique.network.parts:
                assert segcore.TECHNIQUES[part].network.build is not None


JOINTS = [name for name in shipped() if name not in weights.DIGESTS]


@pytest.mark.parametrize("name", JOINTS)
def test_the_card_of_a_joint_was_measured_with_the_weights_that_ship(name):
    card = read_card(name)
    technique = segcore.TECHNIQUES[card["network"]]
    assert tuple(card["parts"]) == technique.weights_files(card["weights"])
    for part, digest in card["parts"].items():
        assert digest == weights.DIGESTS[part], f"evaluate {name} --write"
    parts = [read_card(part) for part in card["parts"]]
    assert card["parameters"] == sum(part["parameters"] for part in parts)
    assert card["bytes"] == sum(part["bytes"] for part in parts)
    assert card["minutes"] == pytest.approx(sum(part["minutes"] for part in parts))
    assert all(part["data"] in card["data"] for part in parts)
    assert all(part["terms"] in card["terms"] for part in parts)
    assert card["names"] == parts[0]["names"]
    assert 0 < card["scores"]["pq"] < 1


@pytest.mark.parametrize("name", weights.DIGESTS)
def test_a_card_tells_what_its_file_is(name):
    card = read_card(name)
    data = (weights.FOLDER / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == card["sha256"]
    assert len(data) == card["bytes"] <= 5 * MEGABYTE
    for fact in ("data", "terms", "recipe", "minutes", "machine", "scores", "parameters"):
        assert card[fact], fact
    network = load_network(build(card["network"]), name)
    assert list(network.names) == card["names"]
    assert sum(p.numel() for p in network.module.parameters()) == card["parameters"]
    assert not network.module.training


@pytest.mark.parametrize(("folders", "most"), [({"semantic"}, 40), ({"instance"}, 12)])
def test_the_weights_of_a_page_together_are_small(folders, most):
    names = [
        name for name in shipped() if get_method(read_card(name)["network"]).category in folders
    ]
    assert names
    assert sum(read_card(name)["bytes"] for name in names) <= most * MEGABYTE


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A folder with one file of weights that a test may spoil."""
    name = shipped()[0]
    shutil.copy(weights.FOLDER / f"{name}.safetensors", tmp_path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return name, tmp_path / f"{name}.safetensors"


def test_a_changed_byte_is_refused_by_name(copied):
    name, path = copied
    read_weights(name)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=rf"^{name}\.safetensors is not the file") as error:
        read_weights(name)
    assert str(error.value).endswith(".")


def test_a_missing_file_is_named(copied):
    name, path = copied
    path.unlink()
    with pytest.raises(WeightsError, match=rf"{name}\.safetensors is missing"):
        read_weights(name)


def test_weights_without_a_card_are_refused(copied):
    _, path = copied
    shutil.copy(path, path.with_name("stranger.safetensors"))
    with pytest.raises(WeightsError, match=r"stranger\.safetensors"):
        read_weights("stranger")
    with pytest.raises(WeightsError, match="no weights called stranger"):
        read_card("stranger")


def test_weights_of_another_network_are_refused():
    name = next(n for n in shipped() if n.startswith("unet"))
    with pytest.raises(WeightsError, match="another network"):
        load_network(build("simple_cnn"), name)


def test_torch_is_loaded_only_when_a_network_runs():
    code = (
        "import sys, segcore, segcore.weights\n"
        "segcore.snippet('thresholding')\n"
        "print(json.dumps(sorted({'torch', 'safetensors'} & set(sys.modules))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", "import json\n" + code], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == []
