"""What is fetched is whole, the right file, and there once; what goes wrong is one sentence."""

import errno
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from segcore import WeightsError
from segcore.weights import download
from segcore.weights.download import (
    CancelledError,
    Progress,
    Source,
    fetch,
    is_right,
    list_kept,
    remove,
)

ROOT = pathlib.Path(__file__).parents[3]
DATA = np.random.default_rng(1).bytes(1_500_000)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(publisher, tmp_path):
    publisher.files["net.pth"] = DATA
    target = tmp_path / "torch" / "net.pth"
    return Source(publisher.address("net.pth"), target, DIGEST[:8], len(DATA))


def refused(source, **options):
    """The sentence with which a download is refused; nothing that loads is left."""
    with pytest.raises(WeightsError) as error:
        fetch(source, **options)
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert not source.target.exists()
    assert not source.record.exists()
    return text


def names(source):
    return sorted(path.name for path in source.target.parent.iterdir())


def test_a_file_arrives_with_its_whole_digest(source, publisher):
    told = []
    fetch(source, told=told.append)
    assert source.target.read_bytes() == DATA
    assert source.record.read_text() == f"{DIGEST}  net.pth\n"
    assert names(source) == ["net.pth", "net.pth.sha256"]
    assert told[0] == Progress(0, len(DATA))
    assert (told[-1].done, told[-1].fraction) == (len(DATA), 1.0)
    assert told[-1].rate > 0
    assert told[-1].seconds_left == 0
    fetch(source)
    assert len(publisher.asked) == 1


def test_the_record_is_what_sha256sum_reads(source):
    fetch(source)
    check = ["sha256sum", "--check", "--strict", source.record.name]
    assert subprocess.run(check, cwd=source.target.parent, capture_output=True).returncode == 0


def test_offline(source, monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    text = refused(replace(source, url="http://nowhere.invalid/net.pth"))
    assert text == "nowhere.invalid cannot be reached: this machine seems to be offline."


def test_refused(source):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens there
        closed = f"http://127.0.0.1:{held.getsockname()[1]}/net.pth"
        assert refused(replace(source, url=closed)) == "127.0.0.1 refuses the connection."


@pytest.mark.parametrize("code", [404, 403, 500])
def test_an_error_of_the_host(source, publisher, code):
    publisher.code = code
    assert refused(source).startswith(f"127.0.0.1 answered {code} (")


def test_silence(source, publisher, monkeypatch):
    monkeypatch.setattr(download, "SILENCE", 0.2)
    publisher.pause = 1.5
    assert "was silent" in refused(source)


def test_cut_off_in_the_middle_goes_on_from_there(source, publisher):
    publisher.share = 0.5
    assert "broke off after 1 MB of 1 MB" in refused(source)
    begun = len(DATA) // 2
    assert source.part.stat().st_size == begun
    publisher.share = 1.0
    told = []
    fetch(source, told=told.append)
    assert publisher.asked[-1] == ("net.pth", f"bytes={begun}-")
    assert told[0].done == begun
    assert source.target.read_bytes() == DATA


def test_a_host_that_sends_no_parts_starts_over(source, publisher):
    publisher.share = 0.5
    refused(source)
    publisher.share, publisher.takes_ranges = 1.0, False
    fetch(source)
    assert source.target.read_bytes() == DATA


@pytest.mark.parametrize("left", [b"?" * 1000, b"?" * len(DATA), b"?" * (len(DATA) + 9)])
def test_a_part_of_another_file_is_thrown_away(source, left):
    source.part.parent.mkdir(parents=True)
    source.part.write_bytes(left)
    fetch(source)
    assert source.target.read_bytes() == DATA
    assert names(source) == ["net.pth", "net.pth.sha256"]


def test_a_wrong_digest(source):
    wrong = replace(source, digits="0" * 8)
    assert "not the file that was published" in refused(wrong)
    assert names(source) == []


def test_another_size_than_announced(source, publisher):
    publisher.files["net.pth"] = DATA * 3
    assert "another file" in refused(source)


def test_a_full_disk(source):
    """What is written to /dev/full fails as on a disk without room."""
    source.part.parent.mkdir(parents=True)
    source.part.symlink_to("/dev/full")
    assert refused(source) == "The disk is full: net.pth needs 1 MB."
    assert names(source) == []


def test_a_disk_with_too_little_room_is_not_begun_on(source, publisher, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 20))
    assert "The disk is full" in refused(source)
    assert publisher.asked == []


def test_the_budget_of_the_disk(source, publisher, monkeypatch):
    monkeypatch.setenv("SEGCORE_DISK_MB", "2")
    fetch(source)
    second = replace(source, target=source.target.with_name("other.pth"))
    assert "downloads already take 1 MB of the 2 MB" in refused(second)
    assert len(publisher.asked) == 1
    remove(list_kept(source.target.parent)[0])
    fetch(second)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written_to(source, publisher, monkeypatch, code):
    def deny(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(pathlib.Path, "open", deny)
    assert "may not be written to; TORCH_HOME" in refused(source)
    assert publisher.asked == []


def test_only_http_is_opened(source, tmp_path):
    (tmp_path / "net.pth").write_bytes(DATA)
    assert "could not be fetched" in refused(replace(source, url=(tmp_path / "net.pth").as_uri()))


def test_cancel_keeps_the_part(source, publisher):
    publisher.pause = 0.01
    told = []
    with pytest.raises(CancelledError):
        fetch(source, told=told.append, is_cancelled=lambda: len(told) > 2)
    assert names(source) == ["net.pth.part"]
    assert 0 < source.part.stat().st_size < len(DATA)
    publisher.pause = 0
    fetch(source)
    assert source.target.read_bytes() == DATA


def test_a_changed_file_is_fetched_again(source):
    fetch(source)
    source.target.write_bytes(DATA[:-1] + b"?")
    assert not is_right(source)
    fetch(source)
    assert is_right(source)


def test_the_whole_digest_counts_and_not_only_the_published_digits(source):
    fetch(source)
    source.record.write_text(DIGEST[:8] + "0" * 56)
    assert not is_right(source)


def test_kept_files_are_listed_and_removed(source, tmp_path):
    folder = source.target.parent
    fetch(source)
    (folder / "another_program.pth").write_bytes(b"1")
    (folder / "half.pth.part").write_bytes(b"12")
    assert [(k.path.name, k.n_bytes, k.is_part) for k in list_kept(folder)] == [
        ("half.pth.part", 2, True),
        ("net.pth", len(DATA), False),
    ]
    for kept in list_kept(folder):
        remove(kept)
    assert names(source) == ["another_program.pth"]
    assert list_kept(tmp_path / "nowhere") == ()


# Several at once ----------------------------------------------------------------------------------

FETCH = """
import pathlib, sys
from segcore.weights.download import Source, fetch
url, target, digits, n_bytes = sys.argv[1:]
told = []
fetch(Source(url, pathlib.Path(target), digits, int(n_bytes)), told=told.append)
print(any(progress.is_waiting for progress in told))
"""


def begin(source):
    given = [source.url, source.target, source.digits, source.n_bytes]
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *map(str, given)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_two_processes_fetch_once(source, publisher):
    publisher.pause = 0.02  # two seconds
    first = begin(source)
    wait_for(lambda: publisher.asked)
    waited = []
    fetch(source, told=lambda progress: waited.append(progress.is_waiting))
    assert first.communicate()[0].strip() == "False"
    assert first.returncode == 0
    assert waited[0]
    assert len(publisher.asked) == 1
    assert source.target.read_bytes() == DATA
    assert names(source) == ["net.pth", "net.pth.sha256"]


def test_a_killed_process_leaves_nothing_that_loads_and_holds_nothing_up(source, publisher):
    publisher.pause = 0.05
    process = begin(source)
    wait_for(lambda: source.part.is_file() and source.part.stat().st_size > 0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    begun = source.part.stat().st_size
    assert not source.target.exists()
    assert not source.record.exists()
    assert 0 < begun < len(DATA)
    publisher.pause = 0
    fetch(source)
    assert publisher.asked[-1] == ("net.pth", f"bytes={begun}-")
    assert source.target.read_bytes() == DATA


def test_many_threads_fetch_once(source, publisher):
    publisher.pause = 0.002
    threads = [threading.Thread(target=fetch, args=(source,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(publisher.asked) == 1
    assert source.target.read_bytes() == DATA
