"""The page of the three tasks: one picture, three answers, and what each cannot tell."""

from collections.abc import Callable, Mapping

import streamlit as st

from pages.ui import link
from pages.ui.article import draw_article
from pages.ui.frame import frame_with_image
from pages.ui.navigation import page_of_category
from pages.ui.picker import Picture, suggest_sample, verbatim
from pages.ui.steps import draw_steps
from pages.ui.subject import ask, link_values, restore, say_question
from pages.ui.tasks import facts
from pages.ui.tasks.answers import Answer, classified, detected, segmented
from pages.ui.tasks.networks import (
    MISSING,
    NETWORKS,
    ask_network,
    draw_kept,
    say_missing,
    take_from_link,
    to_link,
)
from pages.ui.tasks.panels import draw_bars, draw_detections, draw_key, draw_masks, draw_plain
from pages.ui.tasks.subjects import CLASSIFIER, DETECTOR, SUBJECTS, Subject, Way
from segcore.catalog import KINDS, TASKS
from segcore.errors import SegcoreError, SettingError
from segcore.result import Classification, Detections, Segmentation
from segcore.task import Task

COMPARED = """
| | Classification | Detection | Segmentation |
|:--|:--|:--|:--|
| **Asks** | What is to be seen? | What is where? | Which pixels belong to what? |
| **Answers with** | a probability for each name | a box, a name and a score for each object | \
a label for each pixel |
| **Looks at** | the image as a whole | objects one by one | every pixel, and what lies around it |
| **Costs** | least: one answer, labels in a second each | more: thousands of places are judged, \
boxes in seconds each | most: as many answers as pixels, masks in minutes each |
| **Suits** | sorting, searching, screening | counting, following, warning | measuring, cutting \
out, planning a way |
| **For example** | is the part faulty, is there a tumour on the X-ray, which bird is it | cars \
before a vehicle, people in a hall, fruit on a tree | the outline of an organ, the road that can \
be driven on, fields seen from space |
"""


def tasks_page() -> None:
    """Draws the whole page."""
    link.follow(_restore)
    suggest_sample("street")
    picture = frame_with_image("Classification, detection, segmentation")
    link.complaints()
    shows = ask(picture)
    if shows is None:
        say_question()
        draw_plain(picture)
        _draw_table()
        return
    subject = SUBJECTS[shows]
    known = facts.truth(picture.scene, subject) if picture.scene is not None else None
    if known is not None:
        st.caption(known)
    columns = st.columns(3, gap="medium")
    with columns[0]:
        classes = _draw_classification(picture, subject)
    with columns[1]:
        boxes = _draw_detection(picture, subject)
    with columns[2]:
        way = _draw_segmentation(picture, subject)
    draw_kept(subject)
    _draw_below(classes, boxes)
    _write(picture, subject, way)


# Link --------------------------------------------------------------------------------------------


def _restore(given: Mapping[str, list[str]]) -> list[str]:
    """Takes over the picture, what it shows and how it is segmented."""
    values, errors = link.restore_picture(given)
    way, shows = values.pop("way", None), values.get("shows")
    by = {kind: values.pop(kind) for kind in NETWORKS if kind in values}
    errors += restore(values)
    errors += [f"{name} is nothing that this page knows." for name in values]
    if shows is not None and shows in SUBJECTS:
        known = [str(index) for index in range(1, len(SUBJECTS[shows].at_hand) + 1)]
        if way in known:
            st.session_state[f"tasks.way.{shows}"] = int(str(way)) - 1
        elif way is not None:
            errors.append(str(SettingError("way", "one of " + ", ".join(known), way)))
        errors += [
            error for kind, name in by.items() if (error := take_from_link(kind, name, shows))
        ]
    elif by and shows is None:
        errors.append(f"{' and '.join(by)} must come with shows, one of {', '.join(SUBJECTS)}.")
    return errors


def _write(picture: Picture, subject: Subject, way: int) -> None:
    chosen = ({"way": str(way + 1)} if way else {}) | to_link(subject)
    shows = {"shows": subject.key} if chosen else link_values(picture)
    link.send(link.picture_values(picture) | shows | chosen)


# The panels --------------------------------------------------------------------------------------


def _head(kind: str, question: str) -> None:
    st.markdown(f"#### {kind}\n{question}")


def _draw_classification(picture: Picture, subject: Subject) -> Answer[Classification] | None:
    _head(KINDS["classification"].title, "What is to be seen?")
    draw_plain(picture)
    answer = ask_network("classification", subject, lambda weights: classified(picture, weights))
    if answer is None:
        return None
    draw_bars(answer)
    _draw_facts(
        facts.size_of_classes(answer.found),
        facts.cost(answer),
        subject,
        facts.count_by_classes(answer.found, subject),
        facts.share_by_classes(subject),
    )
    return answer


def _draw_detection(picture: Picture, subject: Subject) -> Answer[Detections] | None:
    _head(KINDS["detection"].title, "What is where?")
    place = st.container()
    answer = ask_network("detection", subject, lambda weights: detected(picture, weights))
    with place:
        if answer is None:
            draw_plain(picture)
            return None
        draw_detections(picture, answer)
    draw_key(answer.found.names)
    _draw_facts(
        facts.size_of_boxes(answer.found),
        facts.cost(answer),
        subject,
        facts.count_by_boxes(answer.found, subject),
        facts.share_by_boxes(answer.found, subject, picture.size),
    )
    return answer


def _draw_segmentation(picture: Picture, subject: Subject) -> int:
    """The third panel; the index of the way that is chosen."""
    _head("Segmentation", "Which pixels belong to what?")
    place = st.container()
    ways = subject.at_hand
    st.session_state.setdefault(
        f"tasks.way.{subject.key}", next((i for i, way in enumerate(ways) if way.is_ready), 0)
    )
    index: int = st.selectbox(
        "By",
        range(len(ways)),
        format_func=lambda i: ways[i].title,
        key=f"tasks.way.{subject.key}",
        persist_state="session",
        label_visibility="collapsed",
    )
    way = ways[index]
    try:
        answer = segmented(picture, way)
    except SegcoreError as error:
        with place:
            draw_plain(picture)
        say_missing(f"{verbatim(str(error))} {MISSING}")
        return index
    with place:
        draw_masks(picture, way, answer)
    _draw_segmentation_facts(picture, subject, way, answer)
    return index


def _draw_segmentation_facts(
    picture: Picture, subject: Subject, way: Way, answer: Answer[Segmentation]
) -> None:
    _draw_facts(
        facts.size_of_labels(answer.found),
        facts.cost(answer),
        subject,
        facts.count_by_labels(answer.found, way, subject),
        facts.share_by_labels(answer.found, subject),
    )
    page = page_of_category(way.technique.category)
    if page is not None:
        texts = {s.name: s.to_text(way.settings[s.name]) for s in way.technique.settings
                 if s.name in way.settings}  # fmt: skip
        st.page_link(
            page.path,
            label=f"All of {way.technique.title}",
            icon=page.icon,
            query_params={"technique": way.key, **link.picture_values(picture), **texts},
        )


def _draw_facts(size: str, cost: str, subject: Subject, count: str, share: str) -> None:
    st.markdown(
        f"**Size** {size}  \n**Takes** {cost}\n\n"
        f"**How many {subject.plural}?**  \n{count}\n\n"
        f"**How much of the picture is {subject.extent}?**  \n{share}"
    )


# Below -------------------------------------------------------------------------------------------


def _draw_below(classes: Answer[Classification] | None, boxes: Answer[Detections] | None) -> None:
    """The table, the steps of both networks and their articles; only the open tab is made."""
    draw: dict[str, Callable[[], None]] = {"The three compared": _draw_table}
    if classes is not None:
        draw["Steps of the classifier"] = lambda: draw_steps(classes.run, "classifier")
    if boxes is not None:
        draw["Steps of the detector"] = lambda: draw_steps(boxes.run, "detector")
    draw["How the classifier works"] = lambda: _draw_article(TASKS[CLASSIFIER])
    draw["How the detector works"] = lambda: _draw_article(TASKS[DETECTOR])
    tabs = st.tabs(list(draw), key="tasks.tabs", on_change="rerun")
    for title, tab in zip(draw, tabs, strict=True):
        if tab.open:
            with tab:
                draw[title]()


def _draw_article(task: Task) -> None:
    draw_article(task)
    shows = next(key for key, s in SUBJECTS.items() if s.weights == task.fails.settings["weights"])
    st.page_link(
        "pages/tasks.py",
        label=f"Show it fail: {task.fails.title.lower()}",
        icon=":material/thumb_down:",
        query_params={"sample": task.fails.sample or "", "shows": shows},
    )


def _draw_table() -> None:
    with st.container(key="scrolls-tasks"):  # see style.css
        st.markdown(COMPARED)
