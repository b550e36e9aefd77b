"""What all tests share: property tests draw the same examples in every run, so that a failure comes again."""

from hypothesis import settings

settings.register_profile("xit", deadline=None, derandomize=True)  # a busy machine is not a fault
settings.load_profile("xit")
