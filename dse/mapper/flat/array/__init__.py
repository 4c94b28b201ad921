"""What a PE holds and how the rest is spread over the array: PE tiles, their unrollings, and which of these fit.

`spreads` groups unrollings by how far they spread a dim, `fitting` knows which fit what is left of an array, and
`tiles` lists PE tiles with the fewest steps that any spread leaves on each.
"""
