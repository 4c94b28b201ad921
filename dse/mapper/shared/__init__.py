"""What both searches rest on: the statement of the problem, its factors and orders, incumbents and results.

Nothing here knows how either search goes about finding the best mapping.
"""
