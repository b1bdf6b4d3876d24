"""Fetching a file of weights so that it can be trusted: whole, checked, once, and only when asked.

What arrives is written to NAME.part. Once its sha256 begins with the digits that the publisher
gives, the whole sha256 is recorded in NAME.sha256 (in the form that `sha256sum -c` reads) and the
file gets its name. A part that was left over is gone on with; nothing ever loads it.

A lock on NAME.lock keeps two processes from fetching the same file; the system lets go of it when
a process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import pathlib
import re
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit

from segcore.errors import SegcoreError, WeightsError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

BLOCK = 1 << 18  # bytes asked for at once
SILENCE = 20.0  # seconds without a byte after which a host is given up
POLL = 0.2  # seconds between two looks at what another process fetches
SPAN = 5.0  # seconds over which the rate is measured
SLACK = 1 << 20  # bytes that a file may be larger than announced
SPARE = 64 << 20  # bytes of the disk that stay free
BUDGET_MB = 4096  # of all downloads together; SEGCORE_DISK_MB in the environment changes it


class CancelledError(SegcoreError):
    """A person cancelled the download; what had arrived is kept to go on with."""


@dataclass(frozen=True)
class Source:
    """A file that is published somewhere.

    Attributes:
        url: its address.
        target: where it is to lie.
        digits: what the hexadecimal sha256 of the file must begin with; all 64 where they are
            known.
        n_bytes: about how large it is.
        moved_by: variable of the environment that puts such files elsewhere.
        git_id: git's id of the content, which the Hub publishes of small files in place of a
            sha256.
        before: small files that belong to it and are fetched first.
        counted: further folders whose downloads share the disk budget.
    """

    url: str
    target: pathlib.Path
    digits: str
    n_bytes: int
    moved_by: str = "TORCH_HOME"
    git_id: str = ""
    before: tuple[Source, ...] = ()
    counted: tuple[pathlib.Path, ...] = ()

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    @property
    def part(self) -> pathlib.Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def record(self) -> pathlib.Path:
        return record_of(self.target)


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        done, total: bytes.
        rate: bytes a second over the last seconds; 0 if nothing is known.
        is_waiting: whether another process of this machine is the one that fetches.
    """

    done: int
    total: int
    rate: float = 0.0
    is_waiting: bool = False

    @property
    def fraction(self) -> float:
        return min(1.0, self.done / max(1, self.total))

    @property
    def seconds_left(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate > 0 else None


Told: TypeAlias = Callable[[Progress], None]
OpenUrl: TypeAlias = Callable[[str, Mapping[str, str]], Any]
"""From an address and headers to an answer with status, headers, read1 and close."""


def fetch(
    source: Source,
    *,
    told: Told = lambda _: None,
    is_cancelled: Callable[[], bool] = lambda: False,
    open_url: OpenUrl | None = None,
) -> None:
    """Sees to it that the file lies at its place, whole and with the right digest.

    So do the files that are to be there before it.

    Args:
        source: the file.
        told: receives the progress.
        is_cancelled: asked again and again; if it says True the download ends.
        open_url: opens an address; without it that is done over HTTP, proxies of the environment
            included.

    Raises:
        CancelledError: `is_cancelled` said so.
        WeightsError: in one sentence, why there is no file now.
    """
    for first in source.before:
        fetch(first, is_cancelled=is_cancelled, open_url=open_url)
    with _in_words(source):
        source.target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(source, told, is_cancelled):
            if is_right(source):
                return
            _check_room(source)
            _receive_checked(source, told, is_cancelled, open_url or _open)


def is_right(source: Source) -> bool:
    """Whether the file is there, with the sha256 that is published, and recorded if it is."""
    if not source.target.is_file():
        return False
    digest = _digest(source.target)
    recorded = source.record.read_bytes()[:64] if source.record.is_file() else digest.encode()
    return digest.encode() == recorded and _is_published(source, source.target, digest)


def _is_published(source: Source, path: pathlib.Path, digest: str) -> bool:
    """Whether a file with this sha256 is the one that the publisher means."""
    return digest.startswith(source.digits) and source.git_id in ("", _git_id(path))


def record_of(target: pathlib.Path) -> pathlib.Path:
    """Where the whole sha256 of a downloaded file is written down."""
    return target.with_name(f"{target.name}.sha256")


# What lies on the disk ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A file that a download left on the disk; `is_part` if it is not whole."""

    path: pathlib.Path
    n_bytes: int
    is_part: bool


def list_kept(folder: pathlib.Path) -> tuple[Kept, ...]:
    """The files that downloads of this dashboard left in a folder and those in it, by name.

    A file without a record was put there by another program, and is not ours to list or remove.
    """
    whole = (path.with_suffix("") for path in folder.rglob("*.sha256"))
    files = [(path, False) for path in whole if path.is_file()]
    files += [(path, True) for path in folder.rglob("*.part")]
    kept = [Kept(path, _size(path), part) for path, part in files]
    return tuple(sorted(kept, key=lambda file: file.path.name))


def remove(kept: Kept) -> None:
    """Removes a file and its record.

    Raises:
        WeightsError: the folder may not be written to.
    """
    try:
        kept.path.unlink(missing_ok=True)
        if not kept.is_part:
            record_of(kept.path).unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"{kept.path.name} cannot be removed: {error.strerror}.") from None


def budget() -> int:
    """Bytes that all downloads together may take."""
    given = os.environ.get("SEGCORE_DISK_MB", "")
    return (int(given) if given.isdigit() else BUDGET_MB) << 20


def _check_room(source: Source) -> None:
    folders = (source.target.parent, *source.counted)
    kept = {file.path: file.n_bytes for folder in folders for file in list_kept(folder)}
    kept.pop(source.part, None)
    here = sum(kept.values())
    missing = source.n_bytes - _size(source.part)
    if here + source.n_bytes > budget():
        raise WeightsError(
            f"{source.target.name} needs {_mb(source.n_bytes)}, but downloads already take "
            f"{_mb(here)} of the {_mb(budget())} that they may: remove some first."
        )
    if shutil.disk_usage(source.target.parent).free < missing + SPARE:
        raise OSError(errno.ENOSPC, "no room")


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 20):,.0f} MB"


# Receiving ---------------------------------------------------------------------------------------


def _receive_checked(
    source: Source, told: Told, is_cancelled: Callable[[], bool], open_url: OpenUrl
) -> None:
    """Receives the file and gives it its name if it is the right one.

    A part may be left over from another version of the file: if a file that was gone on with turns
    out wrong, it is fetched once more from its beginning.
    """
    while True:
        begun = _size(source.part)
        _receive(source, told, is_cancelled, open_url)
        digest = _digest(source.part)
        if _is_published(source, source.part, digest):
            break
        source.part.unlink()
        if not begun:
            raise WeightsError(
                f"What {source.host} sent is not the file that was published (its "
                f"{'git id' if source.git_id else 'sha256'} differs); it was thrown away."
            )
    # The record first: a file without one would be taken for another program's.
    source.record.write_text(f"{digest}  {source.target.name}\n", "ascii")
    source.part.replace(source.target)


def _receive(
    source: Source, told: Told, is_cancelled: Callable[[], bool], open_url: OpenUrl
) -> None:
    """Receives what is missing of the part."""
    begun = _size(source.part)
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    try:
        answer = open_url(source.url, headers)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not begun:
            raise
        error.close()
        source.part.unlink()  # it is as long as the file or longer, and not the file
        return _receive(source, told, is_cancelled, open_url)
    with contextlib.closing(answer):
        goes_on = bool(begun) and _starts_at(answer) == begun
        done = begun if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else source.n_bytes
        if total > source.n_bytes + SLACK:
            raise WeightsError(f"{source.host} wants to send {_mb(total)}; that is another file.")
        meter = _Meter(done, total, told)
        with source.part.open("ab" if goes_on else "wb") as file:
            while block := answer.read1(BLOCK):
                if is_cancelled():
                    raise CancelledError("The download was cancelled.")
                _write(file, block, meter, source)
            file.flush()
            os.fsync(file.fileno())
    if length and meter.done < total:
        raise http.client.IncompleteRead(b"", total - meter.done)
    return None


def _write(file: BinaryIO, block: bytes, meter: _Meter, source: Source) -> None:
    if meter.done + len(block) > source.n_bytes + SLACK:
        raise WeightsError(f"{source.host} sends more than was announced; that is another file.")
    file.write(block)
    meter.add(len(block))


def _starts_at(answer: Any) -> int:
    """The first byte of the file that the answer holds."""
    if answer.status != http.client.PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


class _Meter:
    """Counts bytes and tells how far they are, at most some times a second."""

    def __init__(self, done: int, total: int, told: Told) -> None:
        self.done = done
        self._total = total
        self._told = told
        self._marks = deque([(time.monotonic(), done)])
        told(Progress(done, total))

    def add(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self._marks[-1][0] < 0.1 and self.done < self._total:
            return
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > SPAN:
            self._marks.popleft()
        then, before = self._marks[0]
        self._told(Progress(self.done, self._total, (self.done - before) / max(now - then, 1e-6)))


def _open(url: str, headers: Mapping[str, str]) -> Any:
    """Opens an address over HTTP or HTTPS and nothing else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    opener.addheaders = [("User-Agent", "segmentation-dashboard"), *headers.items()]
    return opener.open(url, timeout=SILENCE)


def _digest(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_id(path: pathlib.Path) -> str:
    return git_id_of(path.read_bytes())  # of small files alone


def git_id_of(data: bytes) -> str:
    """Git's id of a file's content: the sha1 of its length and its bytes."""
    head = b"blob %d\0" % len(data)
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest()


# One at a time -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(source: Source, told: Told, is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Waits until no other process or thread fetches the same file."""
    path = source.target.with_name(f"{source.target.name}.lock")
    while True:
        file = path.open("ab")
        if _try_lock(file) and _is_same(file, path):
            break
        file.close()
        if is_cancelled():
            raise CancelledError("The download was cancelled.")
        told(Progress(_size(source.part), source.n_bytes, is_waiting=True))
        time.sleep(POLL)
    try:
        yield
    finally:
        # Removed while it is held: who waits for it sees that it is another file now.
        with contextlib.suppress(OSError):
            path.unlink()
        file.close()


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_same(file: BinaryIO, path: pathlib.Path) -> bool:
    """Whether the open file still is the one that has the path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


# Sentences ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _in_words(source: Source) -> Iterator[None]:
    """Turns what can go wrong with a network or a disk into one sentence."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        text = f"{source.host} answered {error.code} ({error.reason}); nothing was fetched."
        raise WeightsError(text) from None
    except urllib.error.URLError as error:
        cause = error.reason if isinstance(error.reason, OSError) else error
        raise WeightsError(_sentence(cause, source)) from None
    except http.client.HTTPException:
        raise WeightsError(_cut_off(source)) from None
    except OSError as error:
        if error.errno in _FULL:
            source.part.unlink(missing_ok=True)
        raise WeightsError(_sentence(error, source)) from None


_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def _sentence(error: OSError, source: Source) -> str:
    match error:
        case socket.gaierror() | OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return f"{source.host} cannot be reached: this machine seems to be offline."
        case ConnectionRefusedError():
            return f"{source.host} refuses the connection."
        case TimeoutError():
            return f"{source.host} was silent for {SILENCE:.0f} s; press the button again to go on."
        case ssl.SSLError():
            return f"{source.host} does not prove who it is; nothing is fetched from it."
        case ConnectionError():
            return _cut_off(source)
    if error.errno in _FULL:
        return f"The disk is full: {source.target.name} needs {_mb(source.n_bytes)}."
    if error.errno in _FORBIDDEN:
        return (
            f"The folder {source.target.parent} may not be written to; {source.moved_by} in the "
            "environment names another."
        )
    return f"{source.target.name} could not be fetched: {error.strerror or error}."


def _cut_off(source: Source) -> str:
    return (
        f"{source.host} broke off after {_mb(_size(source.part))} of {_mb(source.n_bytes)}; press "
        "the button again to go on from there."
    )
