"""Settings that several networks have, stated once; a technique adds what is its own."""

from typing import Annotated, TypeAlias

from segcore.result import Point
from segcore.technique import Choice, Label, Points, Range

TrainedOn: TypeAlias = Annotated[
    str,
    Label("Trained on"),
    "What the network learned: it knows these classes and no other.",
]

StreetWeights: TypeAlias = Annotated[
    TrainedOn,
    Choice(street="Street scenes, drawn", camvid="Street photographs (CamVid)"),
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

LeastMask: TypeAlias = Annotated[
    float,
    Range(0.1, 0.9, 0.05),
    Label("Mask threshold"),
    "Least probability of a pixel that belongs to the mask: higher draws it thinner.",
]

Share: TypeAlias = Annotated[float, Range(0.0, 1.0, 0.05)]

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

LookFrom: TypeAlias = Annotated[
    tuple[Point, ...],
    Points(1),
    Label("Place to look from"),
    "Click a place to see what it attends to. Without a click it is the middle.",
]
