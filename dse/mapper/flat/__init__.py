"""The flat search: the best mapping on outermost level, buffer, array and PE level, or fewer of them.

It walks PE tiles and unrollings against a table of outer tiles, and stops where bounds prove that nothing is left.
"""
