"""Property tests here go by examples alone, not by the clock: machines under load are slow."""

from hypothesis import settings

settings.register_profile("trunkline", deadline=None, database=None, print_blob=True)
settings.load_profile("trunkline")
