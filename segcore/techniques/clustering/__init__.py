"""Clustering

Every pixel is a point: its colour, perhaps its place. What lies together in that space belongs
together in the picture. No training data, no thresholds to set; but somebody has to say how many
groups there are, or how near is near.
"""
