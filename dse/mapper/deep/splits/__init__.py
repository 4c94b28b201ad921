"""All ways to cut the bounds of an axis into factors, and what each of them contributes to every count.

`chains` lists them for a dim, without those that `fitting` says fit nowhere; `axes` makes a table of those of an axis,
`filling` works out its columns, and `listing` does so for all axes of a problem. `gathered` tells which differ in outer
lists alone, and `halo` counts ifmap words that neighbours share.
"""
