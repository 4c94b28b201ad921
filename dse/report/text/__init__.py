"""What the commands print: tables and lines of text.

Layers, nests, networks, sweeps and the files that people write, each in a screenful.
"""
