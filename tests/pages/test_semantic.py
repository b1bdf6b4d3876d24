"""The semantic page: weights and their terms, model card, scores, and what it says without them."""

import re

import cv2
import numpy as np
import pytest

from pages.ui import cache, card, category, models
from pages.ui.class_scores import compare
from segcore import TECHNIQUES, run, weights
from segcore.catalog import in_category
from segcore.metrics.overlap import mean_of_known
from segcore.render import CLASS_COLORS
from segcore.samples import get_sample

SEMANTIC = "pages/semantic.py"
KEYS = [technique.key for technique in in_category("semantic")]


@pytest.fixture
def unet(visit, loaded):
    """`unet(**link)` on the page of the U-Net with random weights; a seed is that of the street."""

    def start(seed=None, **link):
        return visit(SEMANTIC, technique="unet", **link, **(street(seed) if seed else {}))

    return start


def street(seed):
    return {"sample": "street", "street.seed": str(seed)}


def tabs(seen):
    return [tab.label for tab in seen.page.tabs]


def texts(seen):
    return "\n".join(part.value for part in (*seen.page.markdown, *seen.page.main.caption))


def legend(seen):
    html = next(part.value for part in seen.page.main.get("html") if "seg-legend" in part.value)
    return dict(re.findall(r"</i>(\w+) <b>([^<]+)</b>", html)), html


# Results ------------------------------------------------------------------------------------------


def test_a_network_shows_its_classes_with_colours_and_shares(unet):
    seen = unet()
    assert seen.sentences == []
    assert seen.link == {"technique": "unet", "sample": "street"}
    labels = run("unet", get_sample("street").load(), load_model=models.get_network).segmentation
    shares, html = legend(seen)
    assert shares == {s.name: f"{(labels.labels == s.label).mean():.1%}" for s in labels.segments}
    for name in shares:
        assert "rgb({}, {}, {})".format(*CLASS_COLORS[name]) in html


def test_every_session_shares_one_copy(unet, loaded):
    unet(seed=77).change("unet.zoom", 0.5)
    unet(seed=78)
    unet(sample="coffee", side="512").open_tab("Downloads").change("download.full", True)
    assert loaded == ["unet_street"]


def test_a_class_has_one_colour_in_result_steps_and_downloads(unet):
    seen = unet().change("view.paint", "labels")
    colors = set(map(tuple, decoded(seen.viewer["panes"][1]).reshape(-1, 3).tolist()))
    assert colors == {CLASS_COLORS[name] for name in legend(seen)[0]}
    step = next(number for number, text in enumerate(seen.steps, 1) if "Labels" in text)
    seen.change("view.shown.unet", step)
    assert seen.viewer["panes"][1]["caption"] == "Labels"
    shown = set(map(tuple, decoded(seen.viewer["panes"][1]).reshape(-1, 3).tolist()))
    assert shown == colors


def decoded(pane):
    return cv2.imdecode(np.frombuffer(pane["file"], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


# Weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "terms", "caution"),
    [
        ("street", "As free as the code (MIT)", "never saw a photograph"),
        ("camvid", "For research and personal use only (CC BY-NC 4.0).", "one town"),
        ("nuclei", "CC0.", "nothing else"),
    ],
)
def test_the_page_says_what_the_weights_know_and_their_terms(unet, chosen, terms, caution):
    seen = unet(weights=chosen)
    card = weights.read_card(f"unet_{chosen}")
    said = [caption.value for caption in seen.page.main.caption]
    assert any(card["data"] in text and terms in text for text in said)
    knows = ", ".join(name for name in card["names"] if name != "Background")
    assert any(f"It knows {knows} and nothing else" in t and caution in t for t in said)


def test_the_model_card_holds_every_fact(unet):
    seen = unet(weights="camvid").open_tab("Model card")
    card, network = weights.read_card("unet_camvid"), TECHNIQUES["unet"].network
    shown = texts(seen)
    assert [(m.label, m.value) for m in seen.page.metric] == [
        ("Mean IoU", "0.512"),
        ("Pixel accuracy", "0.900"),
    ]
    facts = [
        *(
            card["sha256"],
            card["terms"],
            card["data"],
            card["machine"],
            "12.6 processor minutes in all",
        ),
        *(f"{card['parameters']:,}", f"{network.paper_parameters:,}", network.paper_score),
        *(
            network.paper_network,
            network.smaller,
            "| start | unet_street |",
            "100% of the steps at 256×192",
        ),
        *(f"| steps | {card['recipe']['steps']:,} |", "| augmentation | scale 0.7 to 2, "),
    ]
    assert [fact for fact in facts if fact not in shown] == []


def test_the_model_card_tells_what_was_done_before(unet, monkeypatch):
    facts = weights.read_card("unet_camvid")
    before = {"data": "Drawings of last year.", "recipe": facts["recipe"], "minutes": 41.5}
    monkeypatch.setattr(card, "read_card", lambda _: {**facts, "earlier": [before]})
    shown = texts(unet(weights="camvid").open_tab("Model card"))
    steps = facts["recipe"]["steps"]
    assert f"| before that | {steps:,} steps, 41.5 minutes, dice 0.5" in shown
    assert "Drawings of last year." in shown


def test_the_card_of_nuclei_has_scores_of_its_own(unet):
    seen = unet(weights="nuclei", sample="cells").open_tab("Model card")
    values = {metric.label: metric.value for metric in seen.page.metric}
    assert values == {"IoU": "0.812", "Dice": "0.896", "AP50": "0.700"}


def test_the_script_comes_with_its_weights(unet):
    seen = unet().open_tab("Script")
    assert seen.page.download_button(key="download.weights").label == "Download the weights"
    assert "with the weights beside it" in texts(seen)


@pytest.mark.parametrize("key", KEYS)
def test_without_weights_the_page_says_one_sentence_and_still_teaches(
    visit, monkeypatch, tmp_path, key
):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(cache, "networks", cache.Cache(1))
    seen = visit(SEMANTIC, technique=key, **street(4321))
    if TECHNIQUES[key].network.build is None:
        assert seen.page.button(key="download.start")  # it has none of ours: there is an offer
        return
    assert len(seen.sentences) == 1
    assert seen.sentences[0].startswith(f"{key}_street.safetensors is missing")
    assert [pane["caption"] for pane in seen.viewer["panes"]] == ["Image"]
    assert tabs(seen) == ["Article", "Model card"]
    seen.open_tab("Model card")
    assert f"{TECHNIQUES[key].network.paper_parameters:,}" in texts(seen)
    assert any(s.startswith(f"There are no weights called {key}_street") for s in seen.sentences)


def test_missing_weights_keep_the_picture_before(unet):
    seen = unet(seed=4)
    before = seen.digests
    seen.change("unet.weights", "pets")
    assert len(seen.sentences) == 1
    assert seen.sentences[0].startswith("unet_pets.safetensors is missing")
    assert seen.digests == before
    assert seen.change("unet.weights", "street").sentences == []


# Scores -------------------------------------------------------------------------------------------


def test_scores_are_those_of_segcore_metrics(unet):
    seen = unet(seed=5).open_tab("Scores")
    scene = get_sample("street").draw(seed=5)
    result = run("unet", scene.image, load_model=models.get_network).segmentation
    compared = compare(result, scene, has_background=False)
    assert [(metric.label, metric.value) for metric in seen.page.metric] == [
        ("Mean IoU", f"{mean_of_known(compared.scores.iou[1:]):.3f}"),
        ("Pixel accuracy", f"{compared.scores.pixel_accuracy:.3f}"),
        ("Mean Dice", f"{mean_of_known(compared.scores.dice[1:]):.3f}"),
        ("Boundary F", f"{mean_of_known(compared.boundary[1:]):.3f}"),
    ]
    assert seen.page.download_button(key="download.truth")
    assert truth(seen) == ["Ground truth", "Result", "Wrong pixels"]
    seen.change("scores.class", "Building")
    assert truth(seen)[2] == "Building: right and wrong"
    assert "missed" in seen.page.main.get("html")[-1].value


def truth(seen):
    """Captions of the pictures in the tab of the scores."""
    found = next(e.proto for e in seen.page if getattr(e, "key", None) == "viewer.truth")
    return re.findall(r'"caption": "([^"]+)"', found.bytes[4:4000].decode("utf-8", "ignore"))


def test_scores_are_made_once_and_only_when_somebody_looks(unet, monkeypatch):
    from pages.ui import class_scores

    counted = []
    monkeypatch.setattr(
        class_scores, "compare", lambda *a, **k: counted.append(1) or compare(*a, **k)
    )
    seen = unet(seed=6)
    assert counted == []
    seen.open_tab("Scores").change("scores.class", "Sky").open_tab("Steps").open_tab("Scores")
    assert counted == [1]


def test_nuclei_are_scored_one_by_one(unet):
    seen = unet(weights="nuclei", sample="cells").open_tab("Scores")
    labels = [metric.label for metric in seen.page.metric]
    assert labels == ["Objects found", "Dice", "Boundary F", "Panoptic quality"]
    assert truth(seen) == ["Ground truth", "Result", "Right and wrong objects"]


def test_a_network_that_knows_other_classes_is_not_scored(unet):
    seen = unet(weights="nuclei", sample="street").open_tab("Scores")
    assert seen.page.metric == []
    assert seen.sentences == [
        "This network knows Nucleus, Rim; this scene has Sky, Building, Pole, Road, Pavement, "
        "Tree, Sign, Fence, Car, Pedestrian, Bicyclist. There is nothing to compare."
    ]


def test_a_photograph_has_no_scores_and_neither_has_a_classical_technique(unet, visit):
    assert "Scores" in tabs(unet())
    assert "Scores" not in tabs(unet(sample="coffee"))
    assert "Scores" not in tabs(visit(technique="thresholding", sample="street"))


# Choosing classes ---------------------------------------------------------------------------------


def test_classes_are_chosen_without_another_run(visit, monkeypatch):
    seen = visit("pages/clustering.py", technique="kmeans", sample="coins")
    before = seen.digests
    monkeypatch.setattr(category, "run", lambda *_, **__: pytest.fail("It runs again."))
    pictures = {before[1]}
    for paint in ("fill", "outlines", "labels", "means"):
        seen.change("view.paint", paint)
        seen.change("view.classes.here", [])
        pictures.add(seen.digests[1])
        seen.change("view.classes.here", ["Cluster 1"])
        pictures.add(seen.digests[1])
    assert len(pictures) == 8
    assert 'class="off"' in legend(seen)[1]
    assert seen.change("view.classes.here", []).change("view.paint", "fill").digests == before


def test_chosen_classes_stay_over_techniques_and_pages(visit):
    seen = visit("pages/clustering.py", technique="kmeans", sample="coins")
    seen.change("view.classes.here", ["Cluster 2"])
    seen.go("pages/classical.py", technique="watershed", sample="coins")
    assert list(seen.state["view.classes.here"]) == []
    seen.change("view.classes.here", ["Region 3"])
    seen.go("pages/clustering.py", technique="kmeans", sample="coins")
    assert list(seen.state["view.classes.here"]) == ["Cluster 2"]


def test_what_is_not_chosen_is_dim_and_without_colour(visit):
    seen = visit("pages/clustering.py", technique="kmeans", sample="coins")
    seen.change("view.classes.here", ["Cluster 1"]).change("view.opacity", 0.0)
    labels = run("kmeans", get_sample("coins").load()).segmentation.labels
    before, after = (decoded(pane).astype(float).mean(-1) for pane in seen.viewer["panes"])
    chosen = cv2.erode((labels == 1).view(np.uint8), np.ones((9, 9))) > 0
    other = cv2.erode((labels != 1).view(np.uint8), np.ones((9, 9))) > 0
    assert after[chosen].mean() == pytest.approx(before[chosen].mean(), rel=0.03)
    assert after[other].mean() == pytest.approx(0.35 * before[other].mean(), rel=0.05)
