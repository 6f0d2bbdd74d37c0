"""The explorer: whether it is made, runs, and has what it needs."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Iterator

from instance import explorer_parts, packages, pages
from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient
from instance.explorer_parts import Facts, Picture, Places
from instance.settings import Settings, variable_of

PATIENCE = 5.0
DISCOVERY = ".well-known/openid-configuration"
IS_THERE = "SELECT 1 FROM pg_database WHERE datname = 'explorer'"


def made(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether it has all that it is made of."""
    settings = patient.settings
    if not (settings.explorer and settings.fast_paths):
        name = variable_of("fast_paths" if settings.explorer else "explorer")
        yield well("explorer", f"switched off ({name}=no)")
        return
    if not patient.made:
        return
    if packages.installed_version(packages.STORE) is None:
        yield fault("explorer-package-missing", "explorer", f"missing: {packages.STORE}")
    if not pages.are_built(patient.home):
        yield fault("explorer-unbuilt", "explorer's pages", f"not as in {pages.SOURCE}")
    if patient.cluster is not None and not patient.sql(IS_THERE):
        yield fault("explorer-database-missing", "explorer's database", "is not there")
    yield from _provider(settings)


def running(patient: Patient) -> Iterator[Diagnosis]:
    """Ask its processes."""
    if not (patient.settings.explorer and patient.settings.fast_paths) or patient.server is None:
        return
    places = Places(patient.home)
    facts = Facts.read(places.run)
    if facts is not None and facts.phase == "preparing":
        yield well("explorer", "is being prepared")
        return
    if not explorer_parts.store_answers(places, PATIENCE):
        yield fault("explorer-store-dead", "explorer's Redis", f"does not answer on {places.store}")
    if not explorer_parts.answers(places, PATIENCE):
        why = f" ({facts.reason})" if facts is not None and facts.reason else ""
        yield fault("explorer-dead", "explorer", f"does not answer{why}")
    else:
        told = "answers" if explorer_parts.readiness(places, PATIENCE) else "answers, but misses something"
        yield well("explorer", f"{told}; {patient.settings.url}{explorer_parts.PATH}/ready says more")
    yield from _picture(patient.settings, places)


def _picture(settings: Settings, places: Places) -> Iterator[Diagnosis]:
    """Look at the picture of events; that it is old or missing is a warning, for all else is served."""
    if not settings.explorer_hips:
        yield well("picture of events", f"switched off ({variable_of('explorer_hips')}=no)")
        return
    found = Picture.read(places.run)
    if found is not None:
        warning = "WARNING: " if found.phase == "failed" else ""
        more = " log/explorer-hips.log tells more; it is tried again" if warning else ""
        yield well("picture of events", f"{warning}{found.doing}{more}")


def _provider(settings: Settings) -> Iterator[Diagnosis]:
    """Look for the provider of logins; that it is away is a warning, for it is not ours."""
    issuer = settings.explorer_oidc_issuer
    if not issuer:
        yield well("logins", f"none; {variable_of('explorer_oidc_issuer')} names who tells who people are")
        return
    try:
        with urllib.request.urlopen(f"{issuer.rstrip('/')}/{DISCOVERY}", timeout=PATIENCE) as reply:  # noqa: S310
            reply.read(1)
        yield well("logins", f"{issuer} answers")
    except (OSError, http.client.HTTPException, ValueError) as error:
        yield well("logins", f"WARNING: {issuer} does not answer ({error}); nobody can log in until it does")


EXAMINATIONS = (made, running)
