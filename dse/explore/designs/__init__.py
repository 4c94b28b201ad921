"""The declared space, the samplers that propose designs from it, and how a proposal becomes hardware."""
