"""Unit tests: no server, no network, no clock."""

from hypothesis import HealthCheck, settings

# How fast a machine draws examples is not a property of this project.
settings.register_profile("machine-independent", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("machine-independent")
