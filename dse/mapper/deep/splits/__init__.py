"""All ways to cut the bounds of an axis into factors, and what each of them contributes to every count.

`chains` lists them for a dim, `axes` makes a table of those of an axis, `filling` works out its columns, and `halo`
counts ifmap words that neighbours share.
"""
