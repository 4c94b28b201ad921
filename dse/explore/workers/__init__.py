"""Where designs are evaluated: processes of this machine, or of a cluster, that may die without ending the sweep."""
