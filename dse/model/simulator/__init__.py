"""The literal walk of a loop nest, which defines what every count means.

It imports nothing from the closed form, so that each can be held against the other.
"""
