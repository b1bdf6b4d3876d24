"""The download panel in Chromium: asked for, watched, cancelled, gone on with, and then used.

The server's torchvision is told of a publisher on this machine, and builds small networks.
"""

import re
from pathlib import Path

import pytest

from tests.segcore.weights import stand_ins
from tests.segcore.weights.publisher import start

PIXELS, BOXES = "deeplabv3_resnet50", "ssdlite320_mobilenet_v3_large"

# Python runs a file of this name when it starts. Torch takes seconds to load, so that this waits
# until a page needs the module that describes published weights.
TOLD = """
import os, sys

class Later:
    def find_spec(self, name, path=None, target=None):
        if name == "segcore.networks.published":
            sys.meta_path.remove(self)
            tell()

def tell():
    sys.path.insert(0, {tests!r})
    from stand_ins import install
    from torchvision.models import get_model_weights
    install({made!r})
    for name, url in {urls!r}.items():
        get_model_weights(name).DEFAULT.value.url = url
    os.environ["TORCH_HOME"] = {home!r}
    sys.path.remove({tests!r})

sys.meta_path.insert(0, Later())
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A publisher of small networks, and a server's environment that knows of no other."""
    folder = tmp_path_factory.mktemp("published")
    stand_ins.make_files(folder / "made", [PIXELS, BOXES])
    publisher, server = start()
    for file in (folder / "made").glob("hub/checkpoints/*.pth"):
        publisher.files[file.name] = file.read_bytes()
    urls = {name.rpartition("-")[0]: publisher.address(name) for name in publisher.files}
    (folder / "sitecustomize.py").write_text(
        TOLD.format(
            tests=str(Path(stand_ins.__file__).parent),
            made=str(folder / "made"),
            urls=urls,
            home=str(folder / "home"),
        )
    )
    root = Path(__file__).parents[2]
    yield publisher, folder / "home", {"PYTHONPATH": f"{folder}:{root}", "no_proxy": "127.0.0.1"}
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(serve, open_page, published):
    """`opened(address, **size)` opens an address and returns the page and Playwright's expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)

    def open_address(address, **size):
        page = open_page(**size)
        page.set_default_timeout(90_000)
        page.goto(f"{serve('app.py', **published[2])}/{address}")
        return page, expect

    return open_address


def test_a_download_is_asked_for_watched_cancelled_and_gone_on_with(opened, published):
    publisher, home, _ = published
    page, expect = opened(f"semantic?technique=deeplab&weights={PIXELS}&sample=coffee&side=512")
    button = page.get_by_role("button", name=re.compile(r"Download \d+\.\d MB from 127\.0\.0\.1"))
    expect(button).to_be_visible(timeout=240_000)  # the server loads torch and torchvision first
    expect(page.get_by_text("Until then, and without a network")).to_be_visible()
    assert publisher.asked == []

    publisher.pause = 0.4  # some two minutes for all of it: nobody is that slow to cancel
    button.click()
    expect(
        page.get_by_text(re.compile(r"\d\.\d of \d+\.\d MB · \d\.\d MB/s · .* left"))
    ).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(button).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    (part,) = home.glob("hub/checkpoints/*.part")
    assert part.stat().st_size > 0

    publisher.pause = 0.0
    button.click()
    expect(page.locator("[class*='st-key-steps-run']")).to_contain_text("ASPP branch, whole image")
    expect(page.get_by_text(re.compile(r"\d+ segments?\b")).first).to_be_visible()
    expect(button).to_have_count(0)
    first, second = (asked for _, asked in publisher.asked)
    assert first is None
    assert re.fullmatch(r"bytes=[1-9]\d*-", second)
    assert not part.exists()
    page.get_by_role("button", name=re.compile("Downloads, ")).click()
    expect(page.get_by_text(re.compile(re.escape(PIXELS) + r"-[0-9a-f]{8}\.pth"))).to_be_visible()


def test_a_detector_of_others_answers_on_a_phone(opened, published):
    publisher, _, _ = published
    before = len(publisher.asked)
    page, expect = opened(
        f"tasks?sample=coffee&side=512&shows=other&detection={BOXES}", width=400, height=800
    )
    main = page.get_by_test_id("stMain")
    main.get_by_role("button", name=re.compile(r"Download \d+\.\d MB from")).click()
    expect(main.get_by_text(re.compile("one box each"))).to_be_visible()
    expect(main.get_by_text("Steps of the detector")).to_be_visible()
    assert len(publisher.asked) == before + 1
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
