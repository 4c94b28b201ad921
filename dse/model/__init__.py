"""What a mapping costs: counts in closed form, time, energy, area and reuse, and the simulator that defines the counts.

The simulator imports nothing from the closed form, so that each can be held against the other.
"""
