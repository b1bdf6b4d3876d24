"""How the shipped weights were made: recipes, data, training, evaluation and model cards.

python -m segcore.training train unet_street      trains and writes weights and card
python -m segcore.training evaluate unet_street   measures the shipped weights again; --write puts
                                                  the scores on the card
python -m segcore.training table                  writes the comparison into README.md
"""
