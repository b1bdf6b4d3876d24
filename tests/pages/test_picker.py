"""The image picker: samples, uploads good and bad, camera, working size, and where points go."""

import io
import re
import struct
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest

from pages.ui import article, frame
from pages.ui.cache import Cache
from pages.ui.picker import MOST_UPLOADS, SIDE, SIDES, full_size, pick_image, verbatim
from segcore.samples import SAMPLES, SIZE
from segcore.technique import Preset

HTML = b"<!doctype html><html><body><script>alert(1)</script></body></html>"
SVG = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/tmp/hacked) (w) file\n"


def encode(image, extension=".png"):
    return cv2.imencode(extension, image)[1].tobytes()


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side):
    """A PNG of side×side that takes little room, until it is decoded."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


BAD_FILES = {
    "empty": ("empty.png", b"", "empty"),
    "cut off": ("cut.jpg", encode(noise(300, 200), ".jpg")[:9000], "cut off"),
    "a web page": ("photo.jpg", HTML, "a web page"),
    "an SVG drawing": ("drawing.png", SVG, "an SVG drawing"),
    "an EPS drawing": ("drawing.png", EPS, "an EPS or PostScript drawing"),
    "a bomb": ("bomb.png", bomb(60_000), "far too many pixels"),
    "too many pixels": ("wide.png", bomb(8_000), "8000×8000 pixels, which is 64 million"),
    "random bytes": ("photo.png", bytes(range(256)) * 9, "not an image of a known format"),
}
BAD_NAMES = {
    "a script": "<script>alert(1)</script>.jpg",
    "300 characters": "x" * 296 + ".jpg",
    "Markdown": "![x](http://evil.example/x.png) **b** $x$ `c`.jpg",
    "an address": "www.evil.example",
    "lines": "a\n\n# b.jpg",
    "a path": "../../etc/passwd",
}


# Samples ------------------------------------------------------------------------------------------


def test_every_sample_is_offered_by_its_title(visit):
    seen = visit()
    assert seen.page.selectbox(key="sample").options == [s.title for s in SAMPLES.values()]
    seen.change("sample", "coins")
    assert seen.link["sample"] == "coins"
    assert seen.viewer["size"] == [384, 303]
    captions = [caption.value for caption in seen.page.sidebar.caption]
    assert f"{SAMPLES['coins'].good_for}. 384×303 px." in captions
    assert SAMPLES["coins"].credit in captions


# Scenes -------------------------------------------------------------------------------------------

SCENES = [key for key, sample in SAMPLES.items() if sample.scene is not None]


def small(key):
    """A link to a scene that is drawn quickly."""
    return {"sample": key, f"{key}.size": "128"}


@pytest.fixture
def pictures(monkeypatch):
    """What the page was given to work on, run by run."""
    given = []
    monkeypatch.setattr(frame, "pick_image", lambda: given.append(pick_image()) or given[-1])
    return given


def settings_drawn(seen, key):
    return {name for name in seen.drawn if name.startswith(f"{key}.")}


@pytest.mark.parametrize("key", SCENES)
def test_a_scene_has_a_widget_for_each_setting_and_no_working_size(visit, key):
    seen = visit(**small(key))
    widgets = {f"{key}.{setting.name}" for setting in SAMPLES[key].settings}
    assert settings_drawn(seen, key) == widgets | {f"{key}.seed.dice"}
    assert "side" not in seen.drawn
    assert SAMPLES[key].credit in [caption.value for caption in seen.page.sidebar.caption]
    seen.change("sample", "coins")
    assert not any(settings_drawn(seen, other) for other in SCENES)
    assert "side" in seen.drawn


@pytest.mark.parametrize("key", SCENES)
def test_the_scene_is_that_of_the_settings_pixel_by_pixel(visit, pictures, key):
    seen = visit(**small(key))
    for name, value in (("seed", 31), ("crowd", 0.9), ("noise", 0.0), ("size", 256)):
        seen.change(f"{key}.{name}", value)
    expected = SAMPLES[key].draw(seed=31, crowd=0.9, noise=0.0, size=256)
    picture = pictures[-1]
    assert picture.image is picture.scene.image
    assert np.array_equal(picture.image, expected.image)
    assert np.array_equal(picture.scene.labels, expected.labels)
    assert picture.scene.things == expected.things
    assert picture.size == picture.full_size == (256, 192)
    assert full_size(picture) is picture
    assert seen.viewer["size"] == [256, 192]


def test_a_photograph_has_no_scene(visit, pictures, png):
    visit(sample="coins").upload(("mine.png", png))
    assert pictures[0].sample == "coins"
    assert pictures[-1].sample is None
    assert [picture.scene for picture in pictures] == [None] * len(pictures)


@pytest.mark.parametrize("key", SCENES)
def test_every_setting_of_a_scene_makes_another_picture_and_stands_in_the_link(
    visit, pictures, key
):
    seen = visit(**small(key))
    plain, digests = seen.digests[0], {pictures[-1].digest}
    for setting in SAMPLES[key].settings[:-1]:
        if setting.options is not None:
            other = setting.options[-1]
        else:
            other = not setting.default if setting.type is bool else setting.type(setting.high)
        seen.change(f"{key}.{setting.name}", other)
        assert seen.digests[0] != plain, setting.name
        assert seen.link[f"{key}.{setting.name}"] == setting.to_text(other)
        digests.add(pictures[-1].digest)
        seen.change(f"{key}.{setting.name}", setting.default)
        assert seen.digests[0] == plain
    assert seen.link == {"technique": "thresholding", **small(key)}
    assert len(digests) == len(SAMPLES[key].settings)
    assert seen.sentences == []


def test_the_dice_make_another_scene(visit):
    seen = visit(**small("street"))
    seeds = {seen.press("street.seed.dice").state["street.seed"] for _ in range(3)}
    assert len(seeds) == 3
    assert seen.link["street.seed"] == str(seen.state["street.seed"])
    seed = SAMPLES["street"].settings[0]
    assert all(seed.check(value) == value for value in seeds)


def test_points_stay_on_a_scene_until_its_seed_changes(visit):
    seen = visit(technique="region_growing", seeds="100-80_0-0", **small("shapes"))
    seen.change("shapes.noise", 0.8)
    assert seen.viewer["points"] == [[100, 80], [0, 0]]
    seen.change("shapes.size", 512)
    assert seen.viewer["points"] == [[400, 320], [0, 0]]
    seen.change("shapes.size", 128)
    assert seen.viewer["points"] == [[100, 80], [0, 0]]
    seen.change("shapes.seed", 5)
    assert seen.viewer["points"] == []
    seen.put(**{"region_growing.seeds": ((20, 30),)}).press("shapes.seed.dice")
    assert seen.viewer["points"] == []
    assert seen.sentences == []


def test_a_scene_keeps_its_settings_while_one_looks_at_something_else(visit, png):
    seen = visit(**small("street"), **{"street.seed": "5"})
    scene = seen.digests[0]
    seen.change("sample", "shapes").change("sample", "coins").change("sample", "street")
    assert seen.digests[0] == scene
    seen.upload(("mine.png", png)).change("source", "Samples")
    assert seen.digests[0] == scene
    seen.go("app.py").go("pages/classical.py")
    assert seen.digests[0] == scene
    assert seen.link == {"technique": "thresholding", "street.seed": "5", **small("street")}


def test_the_working_size_outlives_a_scene(visit):
    seen = visit(sample="retina", side="512")
    seen.change("sample", "street").change("street.size", 1024)
    assert seen.viewer["size"] == [1024, 768]
    assert "side" not in seen.link
    seen.change("sample", "retina")
    assert seen.viewer["size"] == [512, 512]
    assert seen.link["side"] == "512"


def test_no_scene_is_larger_than_the_usual_working_size():
    assert max(SIZE.options) <= SIDE


def test_a_preset_shows_a_scene_as_it_opens(visit, monkeypatch):
    monkeypatch.setattr(article, "best", lambda _: Preset("At its best", {}, "street"))
    seen = visit(**small("street"), **{"street.seed": "5"}).open_tab("Article")
    seen.press("thresholding.a.At its best")
    assert seen.link == {"technique": "thresholding", "sample": "street"}
    assert seen.viewer["size"] == [512, 384]


def test_a_scene_that_a_person_has_set_stays_with_other_techniques(visit):
    seen = visit("app.py").put(sample="shapes")
    seen.change("shapes.size", 128).go("pages/classical.py")
    assert seen.choose("watershed").link == {"technique": "watershed", **small("shapes")}


def test_a_download_of_a_scene_is_at_full_size_anyway(visit):
    seen = visit(**small("cells")).open_tab("Downloads")
    assert "download.full" not in seen.drawn
    assert "All at 128×96 px." in [caption.value for caption in seen.page.caption]


def test_all_arrays_of_a_scene_count_in_the_cache():
    scene = SAMPLES["shapes"].draw()  # 0.6 MB of image and twice 0.8 MB of labels
    tight, roomy = Cache(2), Cache(3)
    for cache in (tight, roomy):
        cache.get("scene", lambda: scene)
    assert "scene" not in tight
    assert "scene" in roomy


# Uploads ------------------------------------------------------------------------------------------


def test_an_upload_becomes_the_image_and_stays_over_all_pages(visit, png):
    seen = visit()
    sample = seen.digests
    seen.upload(("mine.png", png))
    mine = seen.digests
    assert seen.viewer["size"] == [60, 40]
    assert mine[0] != sample[0]
    assert "sample" not in seen.link
    assert seen.sentences == []
    seen.go("app.py").go("pages/classical.py")
    assert seen.digests == mine
    assert seen.choose("watershed").digests[0] == mine[0]


@pytest.mark.parametrize(("name", "data", "reason"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_one_sentence_and_the_image_stays(visit, caplog, png, name, data, reason):
    seen = visit().upload(("mine.png", png))
    mine = seen.digests
    caplog.clear()
    seen.upload((name, data))
    assert len(seen.page.error) == len(seen.sentences) == 1
    assert seen.sentences[0].startswith(f"{name}: The ")
    assert reason in seen.sentences[0]
    assert len(re.findall(r"[.:] [A-Z]", seen.sentences[0])) == 1  # after the name only
    assert seen.digests == mine
    assert all("ScriptRunContext" in record.message for record in caplog.records)
    assert seen.run().sentences == []  # it is said once


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_is_shown_as_it_is_and_not_at_length(visit, png, name):
    seen = visit().upload((name, b"<html>"))
    assert len(seen.sentences[0]) < 220
    start = " ".join(name.split()) if len(name) <= 40 else name[:24]
    assert seen.sentences[0].startswith(start)
    told, _, _ = seen.page.error[0].value.partition(": The file is")
    check_harmless(told)
    seen.upload((name, png))
    label = next(b.label for b in seen.page.button if b.key.startswith("use."))
    check_harmless(label)
    caption = next(c.value for c in seen.page.sidebar.caption if "60×40" in c.value)
    assert caption.startswith(f"{label}: 60×40 px. A link to this page")


def check_harmless(markdown):
    for sign in "!<>[]()$`*_#":
        assert markdown.count(sign) == markdown.count("\\" + sign)
    assert "\n" not in markdown
    assert "www." not in markdown


def test_the_good_one_of_several_files_is_taken(visit, png):
    seen = visit().upload(("a.html", HTML), ("mine.png", png), ("b.png", b""))
    assert seen.viewer["size"] == [60, 40]
    assert [sentence.split(":")[0] for sentence in seen.sentences] == ["a.html", "b.png"]


def test_uploads_are_listed_chosen_and_removed(visit):
    files = [(f"{n}.png", encode(noise(40 + n, 30, n))) for n in range(3)]
    seen = visit().upload(*files)
    use = [button for button in seen.page.button if button.key.startswith("use.")]
    assert [button.label.replace("\\", "") for button in use] == ["2.png", "1.png", "0.png"]
    assert seen.viewer["size"] == [42, 30]
    seen.press(use[2].key)
    assert seen.viewer["size"] == [40, 30]
    seen.press(use[2].key.replace("use.", "drop."))
    assert seen.viewer["size"] == [42, 30]  # the latest of those that are left
    seen.press(use[1].key.replace("use.", "drop."))
    assert seen.viewer["size"] == [42, 30]
    seen.press(use[0].key.replace("use.", "drop."))
    assert seen.viewer["size"] == [512, 512]  # the sample
    assert not [key for key in seen.drawn if key.startswith("use.")]


def test_no_more_uploads_are_kept_than_promised(visit):
    files = [(f"{n}.png", encode(noise(8, 8, n))) for n in range(MOST_UPLOADS + 2)]
    seen = visit().upload(*files)
    kept = [b.label.replace("\\", "") for b in seen.page.button if b.key.startswith("use.")]
    assert kept == [f"{n}.png" for n in reversed(range(2, MOST_UPLOADS + 2))]


def test_the_same_file_twice_is_one_upload(visit, png):
    seen = visit().upload(("a.png", png)).upload(("b.png", png))
    assert len([key for key in seen.drawn if key.startswith("use.")]) == 1


def test_samples_and_uploads_in_turn(visit, png):
    seen = visit().upload(("mine.png", png), ("other.png", encode(noise(70, 50))))
    seen.change("source", "Samples")
    assert seen.viewer["size"] == [512, 512]
    seen.change("source", "Upload")
    assert seen.viewer["size"] == [70, 50]
    mine = next(b.key for b in seen.page.button if b.label == "mine\\.png")
    seen.press(mine).change("source", "Camera")
    assert seen.viewer["size"] == [60, 40]  # what was chosen stays


def test_a_photograph_is_taken_like_an_upload(visit):
    jpeg = encode(noise(60, 40), ".jpg")
    seen = visit()
    before = seen.digests
    seen.change("source", "Camera")
    assert seen.digests == before
    seen.page.camera_input(key="camera").set_value(("photo.jpg", jpeg, "image/jpeg"))
    assert seen.run().viewer["size"] == [60, 40]
    seen.page.camera_input(key="camera").set_value(None)
    assert seen.run().viewer["size"] == [60, 40]


def test_an_upright_photograph(visit):
    """The size that is told is that of the image turned as its EXIF orientation asks."""
    file = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(noise(80, 50)).save(file, "JPEG", exif=exif)
    seen = visit().upload(("turned.jpg", file.getvalue()))
    assert seen.viewer["size"] == [50, 80]
    assert any("50×80 px." in caption.value for caption in seen.page.sidebar.caption)


# Working size and points --------------------------------------------------------------------------


def test_the_working_size_bounds_the_long_side(visit):
    seen = visit().upload(("large.png", encode(noise(1500, 1100))))
    assert seen.viewer["size"] == [1024, 751]
    for side in SIDES:
        seen.change("side", side)
        assert max(seen.viewer["size"]) == min(side, 1500)
        assert seen.link.get("side", "1024") == str(side)


def test_another_image_takes_the_points_with_it(visit, png):
    seen = visit(technique="region_growing", sample="coins", seeds="100-100")
    for change in (
        lambda: seen.change("sample", "cell"),
        lambda: seen.upload(("mine.png", png)),
        lambda: seen.change("source", "Samples"),
    ):
        seen.put(**{"region_growing.seeds": ((20, 30),)})
        assert seen.viewer["points"] == [[20, 30]]
        change()
        assert seen.viewer["points"] == []
        assert seen.sentences == []
        assert "seeds" not in seen.link


@pytest.mark.parametrize("size", [(2048, 1025), (1025, 2048), (700, 300), (1999, 1)])
def test_points_move_with_the_working_size_and_stay_inside(visit, size):
    width, height = size
    seen = visit(technique="region_growing", side="4096", tolerance="0", criterion="neighbor")
    seen.upload(("large.png", encode(noise(width, height))))
    small = 512 / max(size) * min(size)  # the shorter side at the smallest working size
    points = ((0, 0), (width - 1, height - 1), (width // 2, height // 2))
    seen.put(**{"region_growing.seeds": points, "region_growing.max_size": 1})
    for side in (512, 2048, 1024):
        seen.change("side", side)
        assert seen.sentences == []
        shown = seen.viewer["size"]
        for (x, y), (moved_x, moved_y) in zip(points, seen.viewer["points"], strict=True):
            assert moved_x / shown[0] == pytest.approx(x / width, abs=2 / small)
            assert moved_y / shown[1] == pytest.approx(y / height, abs=2 / small)


# Names --------------------------------------------------------------------------------------------


def test_verbatim_escapes_every_sign_of_markdown():
    every = "".join(map(chr, range(33, 127)))
    shown = verbatim(every)
    assert re.sub(r"\\(.)", r"\1", shown).replace("\u200b", "") == every
    assert all("\\" + sign in shown for sign in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


@pytest.mark.parametrize(
    "address", ["www.a.bc", "WWW.a.bc", "http://a.bc", "Https://a.bc", "a@b.cd"]
)
def test_verbatim_breaks_addresses(address):
    shown = verbatim(address).replace("\\", "")
    assert shown != address
    assert shown.replace("\u200b", "") == address
