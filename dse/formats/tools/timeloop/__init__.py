"""Timeloop's files: read into ours by `read`, written from ours by `export`.

On the way in they pass two wings, `reading` (what the files say) and `translating` (the same in our words); on the way
out one, `exporting`.
"""
