"""Drawn images with exact ground truth: one function per kind of scene, and a seed for each scene.

The keyword parameters of such a function are its settings, as those of a technique are: a page
makes its sliders from them.
"""
