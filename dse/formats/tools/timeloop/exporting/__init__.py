"""What Timeloop's files need of one of our machines: its parts, its tables of energies, and what cannot be said there."""
