"""Panoptic

What is every pixel, and which one? Stuff such as road and sky gets its class, every countable thing
a segment of its own, and no pixel belongs to two: semantic and instance segmentation in one answer.
"""
