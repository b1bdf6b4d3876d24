"""The weights that ship with the dashboard: one .safetensors file each, and its model card.

A card (.json) states what a network was trained on, on which terms, how, for how long and how well
it does on data that it never saw. It also holds the sha256 of the weights: a file that is not the
one on the card is refused.

What runs several of these networks has a card without a file: it names its parts.
"""

import hashlib
import json
import pathlib
from typing import Any, Final

from segcore.errors import WeightsError
from segcore.networks.network import Build, Network

FOLDER = pathlib.Path(__file__).parent


def read_card(name: str) -> dict[str, Any]:
    """The model card of some weights, such as unet_street.

    Where several networks work together, as in panoptic_street, only scores stand on the card, and
    the sha256 of each of the `parts` that they were measured with; the rest is put together here
    from the cards of the parts.

    Raises:
        WeightsError: there is none.
    """
    card = _read(name)
    return _put_together(card) if "parts" in card else card


def _read(name: str) -> dict[str, Any]:
    """A card as it stands in its file."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        raise WeightsError(f"There are no weights called {name}; train them as README.md says.")
    card: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return card


def _put_together(card: dict[str, Any]) -> dict[str, Any]:
    """The card of several networks, with what the cards of its parts say."""
    parts = [read_card(name) for name in card["parts"]]
    known: dict[str, Any] = {"names": parts[0]["names"]}  # the first gives every pixel a class
    for fact in ("data", "terms"):
        known[fact] = " ".join(dict.fromkeys(part[fact] for part in parts))
    for fact in ("parameters", "bytes", "minutes"):
        known[fact] = round(sum(part[fact] for part in parts), 1)
    return card | known


def shipped() -> tuple[str, ...]:
    """Names of all cards that ship, such as unet_street."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def read_digests() -> dict[str, str]:
    """Name of each file of weights -> the sha256 on its card."""
    cards = {name: _read(name) for name in shipped()}
    return {name: card["sha256"] for name, card in cards.items() if "sha256" in card}


DIGESTS: Final = read_digests()


def load_network(build: Build, name: str) -> Network:
    """The network with these weights, in evaluation mode.

    Args:
        build: makes the module from its number of output channels.
        name: name of the weights, such as unet_street.

    Raises:
        WeightsError: the file is missing, is not the one on its card, or is of another network.
    """
    return from_file(build, read_weights(name), name)


def read_weights(name: str) -> bytes:
    """The bytes of a file of weights, once its sha256 is seen to be the one on its card.

    Raises:
        WeightsError: the file is missing or has changed.
    """
    path = FOLDER / f"{name}.safetensors"
    if name not in DIGESTS or not path.is_file():
        raise WeightsError(f"{path.name} is missing; put it into the folder {FOLDER.name}.")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != DIGESTS[name]:
        raise WeightsError(
            f"{path.name} is not the file that its card describes (its sha256 differs); "
            "put the original back."
        )
    return data


def from_file(build: Build, file: bytes, name: str) -> Network:
    """The network that a file of weights holds, in evaluation mode.

    Args:
        build: makes the module from its number of output channels.
        file: what `to_file` makes.
        name: what an error calls it.

    Raises:
        WeightsError: the weights are of another network.
    """
    # Imported here, since torch takes seconds to load and most pages never need it.
    from safetensors.torch import load

    header = int.from_bytes(file[:8], "little")
    facts = json.loads(file[8 : 8 + header])["__metadata__"]
    names = tuple(facts["names"].split("\n"))
    module = build(len(names))
    try:
        module.load_state_dict(load(file))
    except RuntimeError:
        raise WeightsError(f"{name}.safetensors holds the weights of another network.") from None
    stretched = facts.get("contrast") == "stretched"
    return Network(module.float().eval(), names, int(facts["side"]), stretched)


def to_file(network: Network) -> bytes:
    """A network as a file of weights: its numbers in half precision, and what their use needs.

    The same network gives the same bytes.
    """
    from safetensors.torch import save

    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in network.module.state_dict().items()
    }
    facts = {"names": "\n".join(network.names), "side": str(network.side)}
    if network.stretched:
        facts["contrast"] = "stretched"
    return _in_order(save(tensors, facts))


def _in_order(file: bytes) -> bytes:
    """The same file with the facts of its header in order: safetensors writes them in any."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # numbers begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + file[end:]
