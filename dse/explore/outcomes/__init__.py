"""What became of each design: its evaluation, the lines of the log that keep it, and the front made from them.

Nothing here knows how designs are proposed or evaluated.
"""
