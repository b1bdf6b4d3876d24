"""The home page: a card with a result for every technique, which leads to it."""

from urllib.parse import parse_qs

from segcore import TECHNIQUES


def test_every_technique_has_a_card_that_leads_to_it(visit):
    seen = visit("app.py")
    links = {}
    for link in seen.page.main.get("page_link"):
        query = {name: text for name, (text,) in parse_qs(link.proto.query_string).items()}
        if query:
            links[query.pop("technique")] = (link.proto.page, query, link.label)
    assert links == {
        technique.key: (
            technique.category,
            {"sample": technique.sample},
            f"**{technique.title}** · {technique.year}",
        )
        for technique in TECHNIQUES.values()
    }
    assert len(seen.page.main.image) == len(TECHNIQUES)


def test_a_card_shows_the_technique_at_its_best(visit):
    seen = visit("app.py")
    seen.go("pages/classical.py", technique="watershed", sample="coins")
    assert seen.state["technique.classical"] == "watershed"
    assert seen.sentences == []
    assert seen.viewer["size"] == [384, 303]
