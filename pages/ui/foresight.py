"""The picture that other values of the sliders would give, made beside the session."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from weakref import ref

import numpy as np

from pages.ui import gate, previews
from pages.ui.painting import Finished, View, after, run_name
from pages.ui.picker import Picture
from pages.ui.progress import run_briefly
from pages.ui.viewer import Pane, Preview
from pages.ui.widgets import sliders, state_key
from segcore.result import Image
from segcore.run import run
from segcore.technique import Recorder, Setting, Technique, Value

OPACITY = "view.opacity"  # the key of the slider of the opacity
MOMENT = 0.05  # seconds that a run may take if it is made before anybody has asked for it


def offer_preview(finished: Finished, view: View) -> Preview | None:
    """Where the browser gets the picture for other values of the sliders, if that is quick."""
    technique, picture = finished.technique, finished.picture
    if technique.network is not None or not gate.runs.is_short(technique.key):
        return None
    # The cache alone decides how long an image is kept: no session holds on to one.
    bare = replace(picture, image=np.empty((0, 0, 3), np.uint8), scene=None)
    asked = Foresight(technique, bare, ref(picture.image), finished.settings, view)
    url = previews.offer(asked)
    if url is None:
        return None
    return Preview(url, asked.values, foresees=gate.runs.is_short(technique.key, MOMENT))


@dataclass(frozen=True, eq=False)
class Foresight:
    """Makes the picture for other values of the sliders. It runs beside the session, not in it."""

    technique: Technique
    picture: Picture
    image: ref[Image]
    settings: Mapping[str, Value]
    view: View

    @property
    def values(self) -> dict[str, float]:
        """The sliders' values in what is shown, by their keys."""
        shown = ((state_key(self.technique, s), self.settings[s.name]) for s in self._sliders)
        numbers = {key: value for key, value in shown if isinstance(value, int | float)}
        return {**numbers, OPACITY: self.view.opacity}

    @property
    def _sliders(self) -> list[Setting]:
        return list(sliders(self.technique, self.settings))

    def __call__(self, values: Mapping[str, str]) -> Pane:
        """The picture.

        Args:
            values: those of `values`, as they are now.

        Raises:
            SettingError: a value is none of its setting, or they do not go together.
            TooLongError: it takes longer than a request may, or the image has left the cache.
            ValueError: these are not the sliders, or the opacity is none.
        """
        image = self.image()
        if image is None:
            raise previews.TooLongError
        if values.keys() != self.values.keys():
            raise ValueError("These are not the sliders of this page.")
        opacity = float(values[OPACITY])
        if not 0 <= opacity <= 1:
            raise ValueError("The opacity is out of its range.")
        technique, picture = self.technique, replace(self.picture, image=image)
        moved = {s.name: s.from_text(values[state_key(technique, s)]) for s in self._sliders}
        settings = {**self.settings, **moved}
        done = run_briefly(
            run_name(technique, picture, settings),
            technique.key,
            lambda told: run(technique.key, image, show=Recorder(told), **settings),
        )
        view = replace(self.view, opacity=opacity)
        return after(Finished(technique, picture, settings, done), view)
