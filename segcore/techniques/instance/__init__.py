"""Instance

Which one is it? Every countable thing gets a segment of its own, even where two of a class touch:
not "car" but this car and that one. What cannot be counted, such as road and sky, is left out.
"""
