"""What all figures share: `style` for colours, sizes and axes, `labels` for words beside points, and `save` for files.

Nothing here knows what a figure shows.
"""
