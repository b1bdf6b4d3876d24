"""What the exported script leaves out, and what it refuses to guess."""

import ast
from types import ModuleType
from typing import Annotated

import pytest

from segcore import SettingError, snippet
from segcore.snippet import _clean, _File


def clean(source, imports=(), **known):
    module = ModuleType("example")
    vars(module).update(known)
    file = _File(module, source, {}, dict.fromkeys(imports, ("torch", "import torch")))
    return _clean(file, ast.parse(source).body[0])


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
