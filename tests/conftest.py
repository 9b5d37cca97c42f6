"""Settings of the whole suite."""

from hypothesis import settings

settings.register_profile("flowrig", deadline=None)  # no test asserts wall-clock time
settings.register_profile("flowrig-ci", deadline=None, derandomize=True)
settings.load_profile("flowrig-ci" if settings.get_current_profile_name() == "ci" else "flowrig")
