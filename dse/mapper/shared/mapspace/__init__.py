"""What the mappings of a layer are: factors of its loops, orders, and what the rules of a dataflow leave of them.

`bypass` lists what levels may keep, `places` and `rules` where and what a dataflow allows; `factors` and `orders` list
the rest, `sizes` says how many mappings there are, and `words` how many words a tile has.
"""
