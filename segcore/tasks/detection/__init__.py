"""Detection

What is where? A box, a class and a score for every object, so that they can be counted and found,
but neither their outline nor anything that cannot be counted, such as the road.
"""
