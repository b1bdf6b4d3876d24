"""Settings that every network has, stated once."""

from typing import Annotated, TypeAlias

from segcore.technique import Choice, Label, Range

StreetWeights: TypeAlias = Annotated[
    str,
    Choice(street="Street scenes, drawn", camvid="Street photographs (CamVid)"),
    Label("Trained on"),
    "What the network learned: it knows these classes and no other.",
]

ThingWeights: TypeAlias = Annotated[
    str,
    Choice(
        street="Street scenes, drawn",
        nuclei="Cell nuclei (DSB 2018)",
        pets="Cats and dogs (Oxford pets)",
    ),
    Label("Trained on"),
    "What the network learned: it finds these things and no other.",
]

LeastScore: TypeAlias = Annotated[
    float, Range(0.05, 0.95, 0.05), "Least probability of a thing: lower finds and invents more."
]

MostOverlap: TypeAlias = Annotated[
    float,
    Range(0.1, 0.9, 0.05),
    Label("NMS threshold"),
    "Greatest overlap (IoU) of two boxes of a class that both stay.",
]

Zoom: TypeAlias = Annotated[
    float,
    Range(0.5, 2.0, 0.25),
    "Size at which the network sees the image, against that of its training images. "
    "Larger finds small things, and mistakes the large ones.",
]
