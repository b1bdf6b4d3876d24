"""One download for all sessions that want the file; it ends when nobody does."""

import hashlib

import pytest

from segcore.weights.download import Source
from segcore.weights.jobs import Downloads

DATA = bytes(600_000)


@pytest.fixture
def source(publisher, tmp_path):
    publisher.files["net.pth"] = DATA
    digest = hashlib.sha256(DATA).hexdigest()
    return Source(publisher.address("net.pth"), tmp_path / "net.pth", digest, len(DATA))


def test_three_sessions_share_one_download(source, publisher):
    publisher.pause = 0.01
    downloads = Downloads()
    jobs = {id(downloads.start(source, who)) for who in ("ann", "ben", "eve")}
    assert len(jobs) == 1
    job = downloads.find(source)
    assert job.wanted_by == {"ann", "ben", "eve"}
    assert job.wait(20)
    assert job.error is None
    assert job.progress.fraction == 1
    assert len(publisher.asked) == 1
    assert source.target.read_bytes() == DATA


def test_it_goes_on_until_nobody_wants_it(source, publisher):
    publisher.pause = 0.05
    downloads = Downloads()
    for who in ("ann", "ben"):
        downloads.start(source, who)
    job = downloads.find(source)
    downloads.leave(source, "ann")
    assert not job.wait(0.1)
    downloads.leave(source, "ben")
    assert job.wait(20)
    assert job.error is None
    assert not source.target.exists()
    assert downloads.find(source) is None


def test_who_comes_back_after_cancelling_gets_the_file(source, publisher):
    publisher.pause = 0.02
    downloads = Downloads()
    first = downloads.start(source, "ann")
    downloads.leave(source, "ann")
    again = downloads.start(source, "ann")
    assert again is not first
    assert again.wait(20)
    assert first.is_over
    assert source.target.read_bytes() == DATA


def test_what_failed_is_said_and_can_be_tried_again(source, publisher):
    publisher.code = 503
    downloads = Downloads()
    job = downloads.start(source, "ann")
    assert job.wait(20)
    assert job.error.startswith("127.0.0.1 answered 503")
    publisher.code = 200
    assert downloads.start(source, "ann").wait(20)
    assert source.target.is_file()


def test_nothing_begins_by_itself(source, publisher):
    assert Downloads().find(source) is None
    assert publisher.asked == []
