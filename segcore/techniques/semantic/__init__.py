"""Semantic

Which class does every pixel belong to? Networks that learned it from labelled images: each turns an
image into one map of scores per class, and the greatest score decides. They differ in how they look
far around a pixel and still draw a sharp outline.
"""
