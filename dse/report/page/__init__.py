"""A sweep as one page of HTML that asks nothing of any network: its data, its parts, its script and its style.

The page shows what the sweep recorded, and computes nothing anew.
"""
