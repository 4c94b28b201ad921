"""What a design does in full: where its energy, time and area go, layer by layer, and what one step away from it is.

A sweep keeps a card for each design that its page shows, in `cards.json` beside the log.
"""
