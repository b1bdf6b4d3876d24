"""The weights that torchvision publishes: where a file lies, what it is, and reading it safely.

Address, size, digest, classes, scores and terms are those of torchvision's own enum of weights.
Nothing here fetches anything: segcore.weights.download does, when a person asks for it.
"""

from __future__ import annotations

import hashlib
import io
import pathlib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pickle import UnpicklingError  # what torch raises for a file that is no list of tensors
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from segcore.errors import WeightsError
from segcore.networks.network import Network
from segcore.networks.published import Wrap, published, title_of
from segcore.weights import FOLDER

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

MEGABYTE = 2**20  # bytes: torchvision counts the sizes of its files so

_building = threading.Lock()


@dataclass(frozen=True)
class Pretrained:
    """What torchvision says of some weights.

    Attributes:
        name: torchvision's name of the model, such as fcn_resnet50.
        url: where its file is published.
        file: name of the file.
        digits: the first hexadecimal digits of its sha256, which the publisher puts in its name.
        n_bytes: size of the file, to some kilobytes.
        classes: what the channels of the network stand for, as torchvision writes them.
        n_parameters: how many numbers it learned.
        scores: data, measure and value, such as ("COCO-val2017-VOC-labels", "miou", 60.5).
        about: what torchvision says of the training.
        recipe: address of the training recipe.
        terms: the licence of the weights, if torchvision names one.
        preprocessing: how an image is prepared, in torchvision's words.
    """

    name: str
    url: str
    file: str
    digits: str
    n_bytes: int
    classes: tuple[str, ...]
    n_parameters: int
    scores: tuple[tuple[str, str, float], ...]
    about: str
    recipe: str
    terms: str | None
    preprocessing: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def titles(self) -> tuple[str, ...]:
        """What a legend calls the classes; the background is none, nor is a number left free."""
        titles = tuple(title_of(category) for category in self.classes if category != "N/A")
        return titles[1:] if titles[:1] == ("Background",) else titles

    @property
    def size(self) -> str:
        return size_of(published(self.name))

    @property
    def button(self) -> str:
        """What the button says that downloads the file."""
        return ask_for(published(self.name))

    @property
    def target(self) -> pathlib.Path:
        """Where a download puts the file."""
        return hub_folder() / self.file

    @property
    def is_here(self) -> bool:
        return find_file(self.file) is not None


def describe(name: str) -> Pretrained:
    """What torchvision says of the weights of a model.

    Raises:
        WeightsError: there is no such model, or its file has no digest in its name.
    """
    try:
        weights = published(name)
    except ValueError:
        raise WeightsError(f"torchvision offers no weights called {name}.") from None
    meta = weights.meta
    return Pretrained(
        name=name,
        url=weights.url,
        file=file_of(weights),
        digits=digits_of(weights),
        n_bytes=round(meta["_file_size"] * MEGABYTE),
        classes=tuple(meta.get("categories") or ()),
        n_parameters=meta["num_params"],
        scores=tuple(_flat(meta.get("_metrics", {}))),
        about=" ".join(meta.get("_docs", "").split()),
        recipe=meta.get("recipe", ""),
        terms=meta.get("license"),
        preprocessing=_plain(weights.transforms().describe()),
    )


def _flat(metrics: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, str, float]]:
    for data, values in metrics.items():
        for measure, value in values.items():
            yield data, measure, value


def _plain(text: str) -> str:
    """Torchvision's text without the double back quotes of reStructuredText."""
    return text.replace("``", "")


# Reading -----------------------------------------------------------------------------------------


def load_published(wrap: Wrap, name: str) -> Network:
    """The published network, in evaluation mode.

    Args:
        wrap: makes of torchvision's module the one that is run.
        name: torchvision's name of the model, such as fcn_resnet50.

    Raises:
        WeightsError: the file is missing, has changed, or is of another network.
    """
    weights = published(name)
    module = wrap(build_published(name, read_numbers(weights)))
    # Detection models resize by themselves, so that their presets have no size.
    sides = getattr(weights.transforms(), "resize_size", (0,))
    names = tuple(title_of(category) for category in weights.meta["categories"])
    return Network(module.eval(), names, sides[0])


def build_published(name: str, numbers: Mapping[str, Any]) -> Any:
    """Torchvision's module of that name with these numbers, built as torchvision builds it.

    Raises:
        WeightsError: the numbers are of another network.
    """
    from torchvision.models import get_model

    weights = published(name)
    with _building:
        # Some builders shape the network by its weights, so they are given their enum, which would
        # download, hands out these numbers instead and is left as it was.
        vars(weights)["get_state_dict"] = lambda **_: numbers
        try:
            return get_model(name, weights=weights)
        except RuntimeError:
            raise WeightsError(
                f"{file_of(weights)} holds the weights of another network."
            ) from None
        finally:
            del vars(weights)["get_state_dict"]


def read_numbers(weights: WeightsEnum) -> Mapping[str, Any]:
    """The tensors of a file of published weights by name, once its digest is seen to be right.

    Raises:
        WeightsError: the file is missing, has changed, or holds anything but tensors.
    """
    import torch

    data = io.BytesIO(read_published(weights))
    try:
        numbers: Mapping[str, Any] = torch.load(data, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError):
        raise WeightsError(f"{file_of(weights)} holds more than numbers; it is not read.") from None
    return numbers


def read_published(weights: WeightsEnum) -> bytes:
    """The bytes of a file of published weights, once its digest is seen to be right.

    The sha256 must begin with the digits in the file's name; where a download has recorded it
    whole, it must be that one.

    Raises:
        WeightsError: the file is missing, cannot be read or has changed.
    """
    name = file_of(weights)
    path = find_file(name)
    if path is None:
        raise WeightsError(
            f"{name} is not on this machine; the dashboard fetches it when you press "
            f"“{ask_for(weights)}”."
        )
    try:
        data = path.read_bytes()
        record = path.with_name(f"{name}.sha256")
        recorded = record.read_bytes()[:64] if record.is_file() else None
    except OSError as error:
        raise WeightsError(f"{name} cannot be read: {error.strerror}.") from None
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(digits_of(weights)) or recorded not in (None, digest.encode()):
        raise WeightsError(
            f"{name} is not the file that was published (its sha256 differs); download it again."
        )
    return data


def find_file(name: str) -> pathlib.Path | None:
    """Where a file of published weights lies: beside this code, or where torch keeps its own."""
    places = (folder / name for folder in (FOLDER, hub_folder()))
    return next((path for path in places if path.is_file()), None)


def hub_folder() -> pathlib.Path:
    """The folder of torch's own downloads, which TORCH_HOME moves."""
    import torch

    return pathlib.Path(torch.hub.get_dir()) / "checkpoints"


def file_of(weights: WeightsEnum) -> str:
    """Name of the file, such as fcn_resnet50_coco-….pth."""
    return pathlib.PurePosixPath(urlsplit(weights.url).path).name


def digits_of(weights: WeightsEnum) -> str:
    """The first digits of the sha256, as they stand in the file's name.

    Raises:
        WeightsError: there are none, so that nobody could tell a right file from a wrong one.
    """
    found = re.search(r"-([0-9a-f]{8,64})\.pth$", weights.url)
    if found is None:
        raise WeightsError(f"{file_of(weights)} has no digest in its name; it is not trusted.")
    return found[1]


def ask_for(weights: WeightsEnum) -> str:
    """What the button says that downloads these weights, with size and host."""
    return f"Download {size_of(weights)} from {urlsplit(weights.url).hostname}"


def size_of(weights: WeightsEnum) -> str:
    """Size of the file in words, such as 12.5 MB."""
    size = weights.meta["_file_size"]
    return f"{size:,.{1 if size < 100 else 0}f} MB"
