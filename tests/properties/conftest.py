"""Property tests over whole files: as the unit tests, without server and network, but a minute long."""

from hypothesis import HealthCheck, settings

# How fast a machine draws examples is not a property of this project.
settings.register_profile("machine-independent", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machine-independent")
