"""What a sweep may choose and must keep: `space:` and `constraints:` of an architecture file."""
