"""What can be wrong with an instance: all faults that are brought about."""

from tests.faults import illnesses_explorer, illnesses_instance, illnesses_releases, illnesses_served
from tests.faults.illness import ILLNESSES, Case

__all__ = [
    "ILLNESSES",
    "Case",
    "illnesses_explorer",
    "illnesses_instance",
    "illnesses_releases",
    "illnesses_served",
]
