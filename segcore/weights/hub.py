"""The weights that others publish on the Hub of Hugging Face, for networks of transformers.

Nothing that the Hub says of a repository is written down here: sizes, digests, revision and terms
are asked for when a person presses a button, and until then the page says that they are not known.
The answer is kept as a file. It pins the revision (a commit) that is fetched from then on, and
holds the sha256 of every large file and git's own id, a sha1, of every small one; each is checked
before a file gets its name. The whole sha256 of all of them is then recorded and checked at each
load, as for torchvision's files (see segcore.weights.download, which fetches both).

Files lie where the Hub's own library keeps them, which HF_HOME moves. Files that another program
put there are used if they are links to blobs, whose names are their digests.

transformers is told to stay offline and is given the content of files, never a name to look up.
Numbers are read as safetensors alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import pathlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from segcore.errors import WeightsError
from segcore.networks.network import Network
from segcore.weights import FOLDER
from segcore.weights.download import Kept, Source, git_id_of, list_kept, remove

PACKAGE = "transformers"
INSTALL = "pip install 'transformers>=5,<6'"
NUMBERS = "model.safetensors"
# All that is ever fetched of a repository and read; what is large comes last.
FILES = ("config.json", "preprocessor_config.json", NUMBERS)
ANSWER = "dashboard.json"  # what the Hub said of a repository, beside its snapshots
ANSWER_BYTES = 1 << 16  # about as many as an answer has
MEGABYTE = 2**20  # bytes, as for torchvision's files


@dataclass(frozen=True)
class HubFiles:
    """The content of a repository's files.

    Attributes:
        config: how the network is built; `id2label` names its classes.
        preprocessor: how an image is prepared.
        numbers: tensors by name.
    """

    config: dict[str, Any]
    preprocessor: dict[str, Any]
    numbers: dict[str, Any]


# From the content of the files to a network that holds its processor.
OpenHub: TypeAlias = Callable[[HubFiles], Network]
LoadHub: TypeAlias = Callable[[OpenHub, str], Network]
"""From the way to open files and the name of a repository, such as facebook/sam-vit-base."""


def is_hub(name: str) -> bool:
    """Whether weights of this name are a repository of the Hub: owner/name."""
    return "/" in name


def say_not_installed() -> str | None:
    """Why no network of transformers can be run here, and how to change that; None if it can."""
    if importlib.util.find_spec(PACKAGE) is not None:
        return None
    return (
        f"This network needs the Python package {PACKAGE}, which is not installed: add it with "
        f"“{INSTALL}” and start the dashboard again."
    )


# What the Hub says -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HubFile:
    """A file as the Hub describes it.

    Attributes:
        name: its name in the repository.
        n_bytes: its size.
        sha256: of its content, where the Hub publishes it: for large files.
        git_id: git's id of its content, for the others.
    """

    name: str
    n_bytes: int
    sha256: str
    git_id: str


@dataclass(frozen=True)
class Answer:
    """What the Hub said of a repository.

    Attributes:
        commit: the revision that it spoke of.
        terms: the licence by its short name, such as apache-2.0; None if none is named.
        files: those of FILES, in that order.
    """

    commit: str
    terms: str | None
    files: tuple[HubFile, ...]

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)


@dataclass(frozen=True)
class HubWeights:
    """What is known on this machine of a repository.

    Attributes:
        name: owner and name of the repository, such as facebook/sam-vit-base.
        answer: what the Hub said of it; None as long as nobody has asked.
        problem: why its answer is of no use, in one sentence.
        folder: where its files lie, if they are here.
        config: its config.json, if that is here.
    """

    name: str
    answer: Answer | None
    problem: str | None
    folder: pathlib.Path | None
    config: Mapping[str, Any]

    @property
    def is_here(self) -> bool:
        return self.folder is not None

    @property
    def host(self) -> str:
        return urlsplit(hub_address()).hostname or hub_address()

    @property
    def button(self) -> str:
        """What the button says that asks the Hub, or that downloads once it has answered."""
        return say_button(self.answer, self.host)

    @property
    def source(self) -> Source:
        """What that button fetches: the answer first, then the files."""
        if self.answer is None:
            return source_of_answer(self.name)
        return source_of_files(self.name, self.answer)

    @property
    def titles(self) -> tuple[str, ...]:
        """What a legend calls the classes; known once the files are here."""
        labels: dict[str, str] = self.config.get("id2label", {})
        return titles_of(labels)


def describe_hub(name: str) -> HubWeights:
    """What is known on this machine of a repository of the Hub; nobody is asked."""
    problem = say_not_installed()
    if problem is not None:
        return HubWeights(name, None, problem, None, {})
    answer = None
    try:
        answer = read_answer(name)
    except WeightsError as error:
        problem = str(error)
    folder, config = find_snapshot(name), {}
    if folder is not None:
        try:
            config = json.loads((folder / FILES[0]).read_bytes())
        except (OSError, ValueError):
            problem = f"{FILES[0]} of {name} cannot be read; download it again."
    return HubWeights(name, answer, problem, folder, config)


def read_answer(name: str) -> Answer | None:
    """What the Hub said of a repository; None if nobody has asked.

    Raises:
        WeightsError: what it said is of no use.
    """
    path = repository_folder(name) / ANSWER
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_bytes())
        commit, listed = said["sha"], {file["rfilename"]: file for file in said["siblings"]}
        card = said.get("cardData") or {}
        if not re.fullmatch("[0-9a-f]{40}", commit):
            raise ValueError
        missing = [file for file in FILES if file not in listed]
        if missing:
            text = f"{name} has no {missing[0]} on the Hub, and the dashboard reads nothing else."
            raise WeightsError(text)
        files = tuple(_read_file(listed[file]) for file in FILES)
        terms = card.get("license")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        text = f"What the Hub said of {name} cannot be understood; ask it again."
        raise WeightsError(text) from None
    return Answer(commit, str(terms) if terms else None, files)


def _read_file(said: Mapping[str, Any]) -> HubFile:
    """One file of the Hub's answer.

    Raises:
        ValueError: it has neither of the digests.
    """
    sha256 = said["lfs"]["sha256"] if said.get("lfs") else ""
    git_id = "" if sha256 else said["blobId"]
    if not re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}", sha256 or git_id):
        raise ValueError
    return HubFile(said["rfilename"], int(said["size"]), sha256, git_id)


def source_of_answer(name: str) -> Source:
    """The question to the Hub, as a download: all that goes wrong is said as for any other."""
    url = f"{hub_address()}/api/models/{name}/revision/main?blobs=true"
    return Source(url, repository_folder(name) / ANSWER, "", ANSWER_BYTES, "HF_HOME")


def source_of_files(name: str, answer: Answer) -> Source:
    """The download of a repository's files, the small ones before the large one."""
    folder = repository_folder(name) / "snapshots" / answer.commit
    sources: tuple[Source, ...] = ()
    for file in answer.files:
        url = f"{hub_address()}/{name}/resolve/{answer.commit}/{file.name}"
        target = folder / file.name
        source = Source(url, target, file.sha256, file.n_bytes, "HF_HOME", file.git_id, sources)
        sources = (*sources, source)
    return sources[-1]


def forget_answer(name: str) -> None:
    """Throws away what the Hub said, so that it is asked anew."""
    answer = repository_folder(name) / ANSWER
    for kept in list_kept(answer.parent):
        if kept.path == answer:
            remove(kept)


def hub_address() -> str:
    """The address of the Hub, which HF_ENDPOINT changes."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def hub_cache() -> pathlib.Path:
    """The folder of all that is downloaded from the Hub, which HF_HOME moves."""
    from huggingface_hub import constants

    return pathlib.Path(constants.HF_HUB_CACHE)


def repository_folder(name: str) -> pathlib.Path:
    """Where a repository lies in the folder of the Hub, named as its own library does."""
    return hub_cache() / folder_of(name)


def folder_of(name: str) -> str:
    """`facebook/sam-vit-base` -> `models--facebook--sam-vit-base`."""
    return "--".join(("models", *name.split("/")))


# What is on the disk -----------------------------------------------------------------------------


@dataclass(frozen=True)
class KeptRepository:
    """What downloads left of a repository: its files, parts of them, and the Hub's answer."""

    name: str
    kept: tuple[Kept, ...]

    @property
    def n_bytes(self) -> int:
        return sum(kept.n_bytes for kept in self.kept)

    @property
    def is_part(self) -> bool:
        return any(kept.is_part for kept in self.kept)


def list_repositories() -> Iterator[KeptRepository]:
    """The repositories that this dashboard downloaded from; those of other programs are not."""
    # Without its library nobody knows where the Hub's files lie.
    known = [] if say_not_installed() else sorted(hub_cache().glob("models--*--*"))
    for folder in known:
        kept = list_kept(folder)
        if kept:
            yield KeptRepository("/".join(folder.name.split("--")[1:]), kept)


def remove_repository(repository: KeptRepository) -> None:
    """Removes what downloads left of a repository, and the folders that are empty then.

    Raises:
        WeightsError: the folder may not be written to.
    """
    for kept in repository.kept:
        remove(kept)
    top = repository_folder(repository.name)
    folders = [path for path in top.rglob("*") if path.is_dir() and not path.is_symlink()]
    for folder in [*sorted(folders, reverse=True), top]:
        if not any(folder.iterdir()):
            folder.rmdir()


# Reading -----------------------------------------------------------------------------------------


def load_hub(open_files: OpenHub, name: str) -> Network:
    """The network of a repository, in evaluation mode.

    Args:
        open_files: makes it of the content of the files.
        name: the repository, such as facebook/sam-vit-base.

    Raises:
        WeightsError: transformers or a file is missing, or a file has changed or is of another
            network.
    """
    problem = say_not_installed()
    if problem is not None:
        raise WeightsError(problem)
    folder = find_snapshot(name)
    if folder is None:
        answer, host = read_answer(name), urlsplit(hub_address()).hostname
        raise WeightsError(
            f"{name} is not on this machine; the dashboard gets on with it when you press "
            f"“{say_button(answer, host or hub_address())}”."
        )
    files = read_snapshot(folder, name)
    try:
        return open_files(files)
    except (KeyError, TypeError, ValueError):
        text = f"The files of {name} are in a form that the {PACKAGE} installed here cannot open."
        raise WeightsError(text) from None


def say_button(answer: Answer | None, host: str) -> str:
    """What the button says that asks the Hub, or that downloads once it has answered."""
    if answer is None:
        return f"Ask {host} how many MB it is"
    size = answer.n_bytes / MEGABYTE
    return f"Download {size:,.{1 if size < 100 else 0}f} MB from {host}"


def find_snapshot(name: str) -> pathlib.Path | None:
    """The folder with all files of a repository: beside this code, or where the Hub's lie."""
    top = repository_folder(name)
    try:
        answer = read_answer(name)
    except WeightsError:
        answer = None  # said elsewhere; what is here can be used all the same
    pinned = answer.commit if answer is not None else ""
    places = [FOLDER / folder_of(name)]
    if (top / "snapshots").is_dir():
        places += sorted((top / "snapshots").iterdir(), key=lambda place: place.name != pinned)
    whole = (p for p in places if all(_is_trusted(p / file) for file in FILES))
    return next(whole, None)


def _is_trusted(path: pathlib.Path) -> bool:
    return path.is_file() and bool(_expected_digest(path))


def _expected_digest(path: pathlib.Path) -> str:
    """The digest that a file must have; "" if none is known.

    A download of ours has recorded the sha256. Otherwise it is the name of the blob that the file
    is a link to: the sha256 of a large file, git's id of a small one.
    """
    record = path.with_name(f"{path.name}.sha256")
    if record.is_file():
        return record.read_text("ascii", "replace")[:64]
    blob = path.resolve()
    is_blob = blob.parent.name == "blobs" and re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", blob.name)
    return blob.name if is_blob else ""


def read_snapshot(folder: pathlib.Path, name: str) -> HubFiles:
    """The content of a repository's files, once the digests are seen to be right.

    Raises:
        WeightsError: a file cannot be read, has changed, or is none of its kind.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    config, preprocessor, numbers = (_read_checked(folder / file, name) for file in FILES)
    try:
        return HubFiles(json.loads(config), json.loads(preprocessor), load(numbers))
    except (ValueError, SafetensorError):
        raise WeightsError(f"The files of {name} hold something else; they are not read.") from None


def _read_checked(path: pathlib.Path, name: str) -> bytes:
    """The bytes of a file, once its digest is seen to be right."""
    try:
        data, expected = path.read_bytes(), _expected_digest(path)
    except OSError as error:
        raise WeightsError(f"{path.name} of {name} cannot be read: {error.strerror}.") from None
    is_git_id = len(expected) == 40
    found = git_id_of(data) if is_git_id else hashlib.sha256(data).hexdigest()
    if found != expected:
        raise WeightsError(
            f"{path.name} of {name} is not the file that was published (its "
            f"{'git id' if is_git_id else 'sha256'} differs); download it again."
        )
    return data


def zip_repository(name: str) -> bytes:
    """The files of a repository and their digests in the folder that a script looks for.

    Raises:
        WeightsError: they are not here, or have changed.
    """
    folder = find_snapshot(name)
    if folder is None:
        raise WeightsError(f"{name} is not on this machine.")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for file in FILES:
            data = _read_checked(folder / file, name)
            record = f"{hashlib.sha256(data).hexdigest()}  {file}\n"
            archive.writestr(f"{folder_of(name)}/{file}", data)
            archive.writestr(f"{folder_of(name)}/{file}.sha256", record)
    return made.getvalue()


def build_hub(network: Any, config: Any, files: HubFiles) -> Any:
    """The library's module with the numbers of the files, in float32, in evaluation mode.

    Args:
        network: its class, such as transformers.SamModel.
        config: the class of its configuration.
        files: content of the files.

    Raises:
        WeightsError: the numbers are of another network.
        KeyError, TypeError: the configuration names what this library does not know.
    """
    from huggingface_hub import constants
    from transformers.utils import logging

    constants.HF_HUB_OFFLINE = True  # all fetching is segcore.weights.download's
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        # Its own way of loading, and not load_state_dict: it knows the names of older versions.
        module, found = network.from_pretrained(
            None,
            config=config.from_dict(files.config),
            state_dict=dict(files.numbers),
            dtype="float32",
            output_loading_info=True,
        )
    except (RuntimeError, ValueError):
        found = None
    if found is None or found["missing_keys"] or found["mismatched_keys"]:
        raise WeightsError(f"{NUMBERS} holds the numbers of another network.")
    return module.eval()


def titles_of(labels: Mapping[Any, str]) -> tuple[str, ...]:
    """The classes of a config's `id2label` in order, as a legend shows them.

    ADE20K has several words for a class, of which the first is shown.
    """
    names = (labels[key] for key in sorted(labels, key=int))
    first = (name.split(",")[0].replace("-", " ").replace("_", " ").strip() for name in names)
    return tuple(name[:1].upper() + name[1:] for name in first)
