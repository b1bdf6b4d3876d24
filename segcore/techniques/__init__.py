"""The techniques: one folder per category, one file per technique, found by themselves.

The docstring of a category's `__init__.py` is what its page says: title, blank line, summary.
"""
