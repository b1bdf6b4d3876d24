"""What the exported script leaves out, and what it refuses to guess."""

import ast
import re
from types import ModuleType
from typing import Annotated

import pytest

from segcore import TECHNIQUES, SettingError, snippet
from segcore.script import cleaning, pruning
from segcore.script.modules import File
from segcore.script.pruning import Pruned


def clean(source, imports=(), **known):
    module = ModuleType("example")
    vars(module).update(known)
    file = File(module, source, {}, dict.fromkeys(imports, ("torch", "import torch")))
    return cleaning.clean(file, ast.parse(source).body[0])


def test_a_named_setting_becomes_a_plain_argument():
    zoom = Annotated[float, "How large."]
    text, names = clean("def f(*, zoom: Zoom = 1.0, other: Other = 2):\n    pass\n", Zoom=zoom)
    assert text.startswith("def f(*, zoom: float=1.0, other: Other=2):")
    assert "Zoom" not in names


def test_what_is_found_out_at_import_is_written_down():
    text, names = clean("DIGESTS: Final = read()", DIGESTS={"a": "12"})
    assert (text, names) == ("DIGESTS = {'a': '12'}", ())


def test_imports_of_a_function_are_its_own_unless_an_annotation_needs_them():
    source = (
        "def f() -> torch.Tensor:\n    import torch\n    from torch import nn\n"
        "    return nn.x(torch)\n"
    )
    assert clean(source)[1] == ()
    assert clean(source, imports=["torch"])[1] == ("torch",)


def test_show_with_a_default_is_left_out_of_positional_arguments():
    text, _ = clean("def f(self, x, scale=2, show=ignore):\n    show('A', x, '.')\n    return x\n")
    assert text == "def f(self, x, scale=2):\n    return x"


def test_show_calls_are_left_out():
    text, names = clean(
        "def f(image, show):\n"
        "    # why\n"
        "    gray = to_gray(image)\n"
        "    show('Grey', lambda: paint(gray), 'Ünïcode × caption.')\n"
        "    if gray.any():\n"
        "        show('Any', gray, '.')\n"
        "    for i in range(3):\n"
        "        show.progress(i / 3)\n"
        "        gray = step(gray, show, i)\n"
        "    return last(gray, show=show)\n"
    )
    assert text == (
        "def f(image):\n"
        "    # why\n"
        "    gray = to_gray(image)\n"
        "    for i in range(3):\n"
        "        gray = step(gray, i)\n"
        "    return last(gray)"
    )
    assert set(names) == {"to_gray", "range", "step", "last"}


def test_a_block_is_never_left_empty():
    text, _ = clean("def f(show):\n    show('A', 1, '.')\n    show('B', 2, '.')\n")
    ast.parse(text)
    assert "pass" in text


def test_settings_become_plain_arguments():
    text, names = clean(
        "def f(image: Image, *, k: Annotated[int, Range(1, 3), 'Why.'] = 2, show: Show = ignore"
        ") -> int:\n    return k\n"
    )
    assert text == "def f(image: Image, *, k: int=2) -> int:\n    return k"
    assert set(names) == {"Image", "int"}


def test_show_in_an_expression_is_refused():
    with pytest.raises(TypeError, match="cannot be left out"):
        clean("def f(show):\n    return [show]\n")


def test_settings_that_do_not_matter_are_not_in_the_script():
    script = snippet("thresholding", method="otsu", level=3)
    assert "LEVEL" not in script
    assert 'METHOD = "otsu"' in script
    assert "LEVEL = 3" in snippet("thresholding", method="fixed", level=3)


def test_charts_and_the_page_are_not_in_the_script():
    script = snippet("thresholding")
    for name in ("Histogram(", "Marker(", "Preset(", "Technique(", "streamlit"):
        assert name not in script


def test_wrong_settings_are_refused():
    with pytest.raises(SettingError, match="level"):
        snippet("thresholding", level=300)
    with pytest.raises(SettingError, match="nope"):
        snippet("nope")


# What the settings rule out -----------------------------------------------------------------------

FUNCTION = """\
def segment(image: Image, *, mode: str='a', size: int=3, load: Load=load_it) -> int:
    x = first(image)

    # Only now and then
    if mode in MODES and not size < 2:
        # why
        y = load(mode, 'ünïcode ×')
        return last(y)

    # This stays
    if x.any():
        x = twice(x)
    if mode == 'b':
        x = x + size
    elif mode == 'c':
        x = -x
    return x"""


def prune(text=FUNCTION, **settings):
    return pruning.prune(text, {"MODES": ("m", "n")}, {"mode": "a", "size": 3} | settings)


def test_an_if_that_is_never_entered_is_left_out_with_what_it_alone_needs():
    pruned = prune()
    head, _, end = FUNCTION.partition("\n    # Only now and then")
    left = head.replace(", load: Load=load_it", "") + end[end.index("\n\n    # This stays") + 1 :]
    assert pruned.text == left
    assert pruned.parameters == {"image", "mode", "size"}
    assert pruned.decided == {"mode", "size"}


def test_an_if_that_is_always_entered_and_returns_gives_way_to_its_body():
    pruned = prune(mode="n")
    assert pruned.text == (
        "def segment(image: Image, *, mode: str='a', load: Load=load_it) -> int:\n"
        "    x = first(image)\n"
        "\n"
        "    # Only now and then\n"
        "    # why\n"
        "    y = load(mode, 'ünïcode ×')\n"
        "    return last(y)"
    )
    assert pruned.parameters == {"image", "mode", "load"}


CHOSEN = """\
def segment(x, *, mode='a', load=load_it, fetch=fetch_it):
    if mode in MODES:
        # why
        x = fetch(x)
        x = -x
    else:
        # why not
        x = load(x)
    return x"""


@pytest.mark.parametrize(
    ("mode", "body", "left"),
    [
        ("m", "    # why\n    x = fetch(x)\n    x = -x\n", {"x", "fetch"}),
        ("a", "    # why not\n    x = load(x)\n", {"x", "load"}),
    ],
)
def test_of_an_if_with_an_else_the_branch_is_left_that_is_taken(mode, body, left):
    pruned = prune(CHOSEN, mode=mode)
    head, _, rest = pruned.text.partition("\n")
    assert rest == body + "    return x"
    assert head.startswith("def segment(x, *")
    assert pruned.parameters == left
    assert pruned.decided == {"mode"}


@pytest.mark.parametrize(
    "test",
    [
        "x",
        "x > size",
        "size > 2 and ask()",
        "size + 1 > 2",
        "1 < size < 5",
        "UNKNOWN == size",
        "size > 2",  # true, and goes on below
    ],
)
def test_an_if_that_asks_for_more_or_goes_on_stays(test):
    text = f"def segment(x, *, size=3):\n    if {test}:\n        x = x + 1\n    return x"
    assert prune(text) == Pruned(text, frozenset({"x", "size"}), frozenset())


def test_a_setting_that_is_reassigned_decides_nothing():
    text = (
        "def segment(x, *, size=3):\n    size = ask(x)\n    if size < 2:\n        x = 0\n"
        "    return x"
    )
    assert prune(text).text == text


@pytest.mark.parametrize("key", ["fcn", "deeplab", "mask_rcnn"])
def test_own_weights_bring_no_code_of_published_ones(key):
    script = snippet(key, weights="street")
    names = ("PUBLISHED", "published", "pretrained", "def open_", "walk_backbone", "split_backbone")
    assert [name for name in names if name in script] == []
    assert re.search(r"def build(_rcnn)?\(", script)
    assert "def load_network(" in script
    assert ("torchvision" in script) == (key == "mask_rcnn")  # ours is of its classes


@pytest.mark.parametrize("key", ["fcn", "deeplab", "mask_rcnn"])
def test_published_weights_bring_no_code_of_our_own_network(key):
    setting = next(s for s in TECHNIQUES[key].settings if s.name == "weights")
    script = snippet(key, weights=setting.downloads[0])
    names = ("def build(", "build_rcnn", "load_network", "conv_norm_relu", "safetensors", "STRIDE")
    assert [name for name in names if name in script] == []
    assert f"def open_{key.removeprefix('mask_')}(" in script
    assert "def load_published(" in script


def test_the_script_says_where_a_setting_cannot_be_changed_freely():
    assert 'METHOD = "otsu"  # code for some other values is left out' in snippet("thresholding")
    script = snippet("thresholding", method="multi_otsu", n_classes=4)
    assert "METHOD" not in script
    assert "N_CLASSES = 4\n" in script
    assert "def otsu_level(" not in script
    assert "BLUR" not in snippet("thresholding", blur=0.0)
    assert "BLUR = 1.5\n" in snippet("thresholding", blur=1.5)
