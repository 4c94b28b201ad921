"""What was read, in our words: levels and operands are chosen in `plan`, and the others write what it chose.

`rules` makes a dataflow of the constraints, `nest` a mapping of the directives, and `write` the text of the files.
"""
