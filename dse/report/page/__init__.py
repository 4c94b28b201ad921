"""A sweep as one page of HTML that asks nothing of any network: its data, its parts, its script and its style."""
