"""What every mapping must do; splits with which no mapping of a subproblem does it are dropped.

Lists have loops to stay over (`staying`), children stand on rows and columns (`standing`), and fill the fan-out that
steps are priced for (`filled`). `dropping` holds prices of splits against what is left to prove.
"""
