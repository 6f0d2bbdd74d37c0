"""The configuration of one release: ``release.toml`` beside the collection's ``q.rd``."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from string import Formatter
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Registry(_Strict):
    """What the registry record says of the release (VOResource 1.1)."""

    title: str = Field(description="Title of the resource.")
    short_name: str = Field(
        max_length=12, description="Short name; services append up to 4 characters to make VOResource's 16."
    )
    description: str = Field(description="What the data are, for somebody who has never heard of them.")
    creators: tuple[str, ...] = Field(min_length=1, description="Who made the data, one name per entry.")
    subjects: tuple[str, ...] = Field(
        min_length=1, description="Terms of the Unified Astronomy Thesaurus in their URI form."
    )
    creation_date: datetime.date = Field(description="When this resource was created here.")
    version: str | None = Field(
        None,
        min_length=1,
        description="Version of the data, to be changed with them; answers to queries tell it.",
    )
    reference_url: str = Field(description="A page where people can read on.")
    source_doi: str | None = Field(None, description="DOI of the release, without a resolver.")
    source: str | None = Field(None, description="Bibcode of the paper to cite.")
    rights: str = Field(description="Terms of use, in the words of the release.")
    rights_uri: str | None = Field(None, description="URI of the licence.")
    attribution: str = Field(description="The acknowledgement that the release asks for.")
    facility: str = Field(description="Name of the observatory, in the registry's spelling.")
    instrument: str = Field(description="Name of the instrument.")


class Keywords(_Strict):
    """Header keywords that a facility uses for what GADF has no keyword for."""

    proposal_id: str | None = Field(None, description="Keyword with the ObsCore proposal_id.")
    proposal_type: str | None = Field(None, description="Keyword with the kind of proposal.")
    proposal_title: str | None = Field(None, description="Keyword with the title of the proposal.")
    proposal_contact: str | None = Field(None, description="Keyword with the contact of the proposal.")
    release_date: str | None = Field(
        None, description="Keyword with the date (ISO 8601) from which the observation is public."
    )
    target_class: str | None = Field(None, description="Keyword with the ObsCore target_class.")


class Site(_Strict):
    """Where the telescopes stand, if the headers do not say it, or say it wrongly."""

    longitude_deg: float = Field(ge=-180, le=360, description="Longitude, positive to the east.")
    latitude_deg: float = Field(ge=-90, le=90, description="Latitude, positive to the north.")
    height_m: float = Field(ge=-500, le=9000, description="Height above sea level in metres.")


class Release(_Strict):
    """One release of one collection."""

    obs_collection: str = Field(description="ObsCore obs_collection of every row.")
    dataproduct_subtype: str = Field("GADF DL3", description="ObsCore dataproduct_subtype of every row.")
    calib_level: int = Field(2, ge=0, le=4, description="ObsCore calib_level; 2 for DL3 event lists.")
    simulated: bool = Field(description="True if no telescope took these data; titles then say so.")
    files: str = Field(
        "data/*.fits.gz", description="Pattern of the event files below the release's directory."
    )
    index: str | None = Field(
        None,
        description="Directory of the index tables (hdu-index and obs-index) below the release's directory;"
        " they are used in place of the pattern.",
    )
    creator_name: str = Field(description="ObsCore obs_creator_name of every row.")
    bib_reference: str | None = Field(None, description="ObsCore bib_reference of every row.")
    data_rights: Literal["public", "secure", "proprietary"] = Field(
        "public", description="ObsCore data_rights of every row."
    )
    release_date: datetime.date | None = Field(None, description="ObsCore obs_release_date of every row.")
    access_groups: tuple[str, ...] = Field(
        ("{collection}",),
        description="Groups of DaCHS users who may have the bytes before the release date, or at all if the"
        " rights are not public. {collection}, {obs_collection}, {proposal_id} and {obs_id} stand for the"
        " observation's; a group with one that is unknown does not count; spaces become underscores.",
    )
    calib_status: Literal["calibrated"] | None = Field(
        None, description="ObsCore s_, t_ and em_calib_status of every row; without it they are NULL."
    )
    reference_energy_tev: float = Field(
        1.0, gt=0, description="Energy in TeV at which the resolutions and the field of view are given."
    )
    reference_offset_deg: float = Field(
        0.5, ge=0, description="Off-axis angle in degrees at which the resolutions are given."
    )
    expected_files: int | None = Field(
        None, gt=0, description="Number of event files of the complete release; fewer are reported."
    )
    keywords: Keywords = Field(
        default_factory=lambda: Keywords.model_validate({}), description="Keywords of the facility's own."
    )
    site: Site | None = Field(None, description="The site, if the headers do not have it right.")
    registry: Registry | None = Field(
        None, description="The registry record; exactly one release of a collection has it."
    )

    @field_validator("access_groups")
    @classmethod
    def _groups_can_be_filled_in(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        known = {"collection", "obs_collection", "proposal_id", "obs_id"}
        for group in groups:
            try:
                fields = {name for _, name, _, _ in Formatter().parse(group) if name is not None}
            except ValueError as error:
                raise ValueError(f"{group!r}: {error}") from error
            if fields - known:
                raise ValueError(f"{group!r}: expected no other than {', '.join(sorted(known))} in braces")
        return groups

    @model_validator(mode="after")
    def _simulated_says_so(self) -> Release:
        if self.simulated:
            texts = {"obs_collection": self.obs_collection}
            if self.registry is not None:
                texts |= {"title": self.registry.title, "description": self.registry.description}
            for name, text in texts.items():
                if "simulated" not in text.lower():
                    raise ValueError(f"simulated = true, but {name} does not say 'simulated'")
        return self


def load(path: Path) -> Release:
    """Read a release configuration.

    Raises
    ------
    ConfigError
        The file is missing, is not TOML, or has unknown, missing or senseless keys; the message
        lists them all.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the release configuration ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        return Release.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'release'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise ConfigError(f"{path}: {faults}") from error


def of_collection(directory: Path) -> dict[str, Release]:
    """Read the configurations of all releases of a collection.

    Parameters
    ----------
    directory
        The collection's directory, with ``releases/<name>/release.toml``.

    Raises
    ------
    ConfigError
        There is none, or one cannot be used.
    """
    found = {path.parent.name: load(path) for path in sorted(directory.glob("releases/*/release.toml"))}
    if not found:
        raise ConfigError(f"{directory}: no releases/<name>/release.toml")
    return found


def versions(inputs: Path) -> tuple[dict[str, str], list[str]]:
    """Tell which versions of which collections are laid out.

    Parameters
    ----------
    inputs
        The DaCHS inputs directory.

    Returns
    -------
    tuple
        Versions by collection, sorted by its name; and what is wrong with collections that cannot be read.
    """
    found, faults = {}, []
    for place in sorted({path.parents[2] for path in inputs.glob("*/releases/*/release.toml")}):
        try:
            record = registry(place).registry
        except ConfigError as error:
            faults.append(str(error))
            continue
        if record is not None and record.version is not None:
            found[place.name] = record.version
    return found, faults


def registry(directory: Path) -> Release:
    """Give the release of a collection that has the registry record.

    Raises
    ------
    ConfigError
        Not exactly one of them has it.
    """
    releases = of_collection(directory)
    with_record = [name for name, release in releases.items() if release.registry is not None]
    if len(with_record) != 1:
        raise ConfigError(
            f"{directory}: expected [registry] in exactly one release of {', '.join(releases)},"
            f" found it in {', '.join(with_record) or 'none'}"
        )
    return releases[with_record[0]]
