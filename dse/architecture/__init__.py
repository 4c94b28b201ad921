"""What it runs on: levels and fan-outs as one hierarchy, dataflows as sets of constraints, and technology tables.

Energies and areas are priced here once; no file is parsed but the tables that are shipped.
"""
