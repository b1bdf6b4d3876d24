"""The navigation lists every page by itself and refuses one that does not introduce itself."""

from pathlib import Path

import pytest

from pages.ui import navigation
from segcore.catalog import CATEGORIES

PAGES = Path(__file__).parents[2] / "pages"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(navigation, "PAGES", tmp_path)
    navigation.all_pages.cache_clear()
    yield tmp_path
    navigation.all_pages.cache_clear()


def write(folder, name, title, facts):
    (folder / name).write_text(f'"""{title}\n\nWhat it is\nfor.\n\n{facts}\n"""\n', "utf-8")


def test_every_file_is_a_page_and_every_category_has_one():
    paths = {page.path for page in navigation.all_pages()}
    assert paths == {f"pages/{file.name}" for file in PAGES.glob("*.py")}
    assert all(navigation.page_of_category(category) for category in CATEGORIES)


def test_pages_say_where_they_stand(folder):
    write(folder, "b.py", "Second", "Icon: star  Group: Tools  Order: 20")
    write(folder, "a.py", "Third", "Icon: star  Group: More tools  Order: 30")
    write(folder, "c.py", "First", "Icon: home  Group: Tools  Order: 10")
    (folder / "ui").mkdir()
    first = navigation.Page(
        "pages/c.py", "First", "What it is for.", ":material/home:", "Tools", 10
    )
    assert navigation.all_pages()[0] == first
    groups = [(group, [page.title for page in pages]) for group, pages in navigation.groups()]
    assert groups == [("Tools", ["First", "Second"]), ("More tools", ["Third"])]
    assert navigation.page_of_category("a").title == "Third"
    assert navigation.page_of_category("nothing") is None


@pytest.mark.parametrize("facts", ["", "Icon: star", "Icon: star  Group: Tools  Order: last"])
def test_a_page_without_facts_is_refused(folder, facts):
    write(folder, "new.py", "New", facts)
    with pytest.raises(ValueError, match=r"pages/new\.py lacks `Icon: … Group: … Order: …`"):
        navigation.all_pages()


def test_a_page_without_docstring_is_refused(folder):
    (folder / "new.py").write_text("print()\n", "utf-8")
    with pytest.raises(ValueError, match=r"pages/new\.py"):
        navigation.all_pages()


def test_every_page_draws_without_an_exception_and_links_to_all(visit):
    for path in ["app.py", *(page.path for page in navigation.all_pages())]:
        seen = visit(path)
        shown = [link.label for link in seen.page.sidebar.get("page_link")]
        assert shown == ["Home", *(page.title for page in navigation.all_pages())]
        assert seen.sentences == []
