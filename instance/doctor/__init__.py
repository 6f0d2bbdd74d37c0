"""Diagnosis: what is wrong with this machine or this instance, and what to do about it.

Only the standard library is imported here, so that it works before anything is installed. Nothing is changed.
"""

from __future__ import annotations

from ingest.errors import CherenkovVOError, ConfigError
from instance.doctor import data, database, explorer, files, machine, serving
from instance.doctor.faults import FAULTS, Diagnosis, fault, well
from instance.doctor.patient import Examination, Patient
from instance.settings import Settings, load

__all__ = ["EXAMINATIONS", "FAULTS", "Diagnosis", "diagnose", "examine"]

EXAMINATIONS: tuple[Examination, ...] = (
    *machine.EXAMINATIONS,
    *files.EXAMINATIONS,
    *database.EXAMINATIONS,
    *data.EXAMINATIONS,
    *serving.EXAMINATIONS,
    *explorer.EXAMINATIONS,
)
"""All that is looked at, in this order."""


def diagnose() -> list[Diagnosis]:
    """Look at everything that can be looked at."""
    try:
        settings = load()
    except ConfigError as error:
        return [fault("settings-unusable", "settings", str(error))]
    return examine(settings)


def examine(settings: Settings) -> list[Diagnosis]:
    """Look at one instance."""
    patient = Patient(settings)
    found = [well("settings", f"instance in {patient.home}, port {settings.port}")]
    for look in EXAMINATIONS:
        try:
            found += list(look(patient))
        except (CherenkovVOError, OSError, ValueError) as error:
            name = f"{look.__module__.rpartition('.')[2]}, {look.__name__}"
            found.append(Diagnosis(name, f"cannot be looked at: {error}", "See the message.", "unexpected"))
    return found
