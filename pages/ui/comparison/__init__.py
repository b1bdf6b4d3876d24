"""The comparison page: the same image, several techniques, one look.

entries      which techniques stand in the grid, with settings of their own
lessons      grids that teach something
address      the link that restores a grid
running      runs them one by one, the quick ones first, while the page stays alive
label_file   a label map that a person brings
truth        what the results are held against
measures     scores, agreement, right and wrong pixels: numbers alone
painting     colours that match from panel to panel
panels       the picture component: all panels zoom, move and answer together
page, grid, scores, sweep, report, batch        what is drawn
"""
