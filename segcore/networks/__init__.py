"""What the networks share: layers, the way from an image to labels, and a look inside.

torch is imported inside functions only: it takes seconds, and most pages never need it.
"""
