"""What the mappings of a layer are: factors of its loops, orders, and what the rules of a dataflow leave of them."""
