"""The two neighbours of segmentation; each folder is a kind of task, each file one network."""
