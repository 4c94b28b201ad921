"""What a sweep may choose and must keep: `space:` and `constraints:` of an architecture file.

`model` is their shape and `ranges` what counts up in it; `choices` are those of every setting, `derived` what follows
from others. `constraints` are the limits, and `readable` says them in units that people read.
"""
