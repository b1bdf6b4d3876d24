"""The pages of the three tasks and of the guided choice in Chromium, wide and on a phone."""

import re

import pytest


@pytest.fixture
def expect():
    from playwright.sync_api import expect

    expect.set_options(timeout=90_000)
    return expect


def test_three_panels_answer_for_one_street_on_a_phone_too(serve, open_page, expect):
    page = open_page(width=400, height=800)
    page.goto(f"{serve('app.py')}/tasks?sample=street&street.size=256")
    main = page.get_by_test_id("stMain")
    for kind in ("Classification", "Detection", "Segmentation"):
        expect(main.get_by_role("heading", name=kind, exact=True)).to_be_visible()
    expect(main.get_by_text(re.compile("the truth is known"))).to_be_visible()
    expect(main.get_by_role("tab", name="The three compared")).to_be_visible()
    expect(main.locator("img")).to_have_count(3)
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_the_guide_tries_its_techniques_and_leads_to_them(serve, page, expect):
    page.set_default_timeout(90_000)
    page.goto(f"{serve('app.py')}/guide?sample=coins&side=512")
    main = page.get_by_test_id("stMain")
    for answer in ("Every object by itself, to count them", "Brightness", "Shadows or a gradient"):
        main.get_by_text(answer, exact=True).click()
    first = main.get_by_role("link", name=re.compile("1. Thresholding"))
    expect(first).to_be_visible()
    expect(main.locator("img")).not_to_have_count(0)
    expect(page).to_have_url(re.compile("light=uneven"))
    first.click()
    expect(page).to_have_url(re.compile(r"/classical\?.*method=sauvola"))
    expect(page.get_by_role("tab", name="Steps")).to_be_visible()
