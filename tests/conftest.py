"""Settings for the whole test suite."""

from hypothesis import settings

settings.register_profile("dse", deadline=None)  # other work on the machine must not fail a test
settings.load_profile("dse")
