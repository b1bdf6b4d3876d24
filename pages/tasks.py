"""Classification, detection, segmentation

One picture, three questions: what is to be seen, where is it, and which pixels belong to it?

Icon: view_column  Group: Compare  Order: 72
"""

from pages.ui.tasks.page import tasks_page

tasks_page()
