"""Classification

What is to be seen? One answer for the whole image: a probability for each class, and nothing about
where it is, how much of it there is or how often.
"""
