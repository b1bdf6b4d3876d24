"""How the exported script is taken from the source, one step per file, for segcore.snippet.

`modules` takes segcore's modules apart, `cleaning` leaves out what only serves the page, `pruning`
what the settings rule out, `collecting` follows names to everything that is left; `edits` are the
changes of a text that leave all else in it as it stands.
"""
