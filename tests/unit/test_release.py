"""Release configurations, one by one and as a collection."""

from pathlib import Path

import pytest

from ingest import release
from ingest.errors import ConfigError
from tests.gadf_releases import REGISTRY_TOML, RELEASE_TOML

INPUTS = Path(__file__).resolve().parents[2] / "inputs"


def collection(tmp_path, **texts):
    for name, text in texts.items():
        place = tmp_path / "releases" / name
        place.mkdir(parents=True)
        (place / "release.toml").write_text(text)
    return tmp_path


def test_releases_of_a_collection_are_sorted_by_name(tmp_path):
    directory = collection(tmp_path, b=RELEASE_TOML, a=RELEASE_TOML + REGISTRY_TOML)
    assert list(release.of_collection(directory)) == ["a", "b"]
    assert release.registry(directory).registry.facility == "Test Observatory"


def test_one_bad_release_is_named(tmp_path):
    directory = collection(tmp_path, a=RELEASE_TOML, b=RELEASE_TOML + "color = 3\n")
    with pytest.raises(ConfigError, match=r"b/release\.toml: color"):
        release.of_collection(directory)


def test_a_collection_without_releases(tmp_path):
    with pytest.raises(ConfigError, match=r"no releases/<name>/release\.toml"):
        release.of_collection(tmp_path)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"a": RELEASE_TOML, "b": RELEASE_TOML}, "of a, b, found it in none"),
        (dict.fromkeys("ab", RELEASE_TOML + REGISTRY_TOML), "of a, b, found it in a, b"),
    ],
)
def test_exactly_one_release_has_the_registry_record(tmp_path, texts, found):
    with pytest.raises(ConfigError, match=found):
        release.registry(collection(tmp_path, **texts))


def test_defaults(tmp_path):
    config = release.of_collection(collection(tmp_path, a=RELEASE_TOML))["a"]
    assert (config.files, config.index, config.site, config.registry) == ("data/*.fits.gz", None, None, None)
    assert (config.reference_energy_tev, config.reference_offset_deg) == (1.0, 0.5)
    assert set(config.keywords.model_dump().values()) == {None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('vocabulary = "draft"', "vocabulary"),
        ("calib_level = 5", "calib_level"),
        ("[keywords]\nrelease = 'X'", r"keywords\.release"),
        ("[site]\nlongitude_deg = 10\nlatitude_deg = 95\nheight_m = 0", r"site\.latitude_deg"),
        ("[site]\nlongitude_deg = 10", r"site\.latitude_deg.*site\.height_m"),
        ('release_date = "soon"', "release_date"),
        ("expected_files = 0", "expected_files"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    directory = collection(tmp_path, a=RELEASE_TOML + text + "\n")
    with pytest.raises(ConfigError, match=message):
        release.of_collection(directory)


def test_simulated_releases_say_so_in_the_registry(tmp_path):
    text = RELEASE_TOML.replace("false", "true").replace("TEST-DR1", "SIMULATED") + REGISTRY_TOML
    with pytest.raises(ConfigError, match="title does not say 'simulated'"):
        release.of_collection(collection(tmp_path, a=text))


@pytest.mark.parametrize("path", sorted(INPUTS.glob("*/*.toml")), ids=lambda path: path.name)
def test_all_configurations_of_this_project_load(path):
    loaded = release.load(path)
    assert loaded.obs_collection


def test_every_key_is_documented():
    for model in (release.Release, release.Registry, release.Keywords, release.Site):
        for name, key in model.model_fields.items():
            assert key.description and key.description.endswith("."), name


def test_versions_of_all_collections_that_are_laid_out(tmp_path):
    versioned = RELEASE_TOML + REGISTRY_TOML + 'version = "{}"\n'
    collection(tmp_path / "hess_dr", a=versioned.format("DR1"), b=RELEASE_TOML)
    collection(tmp_path / "ctao", a=versioned.format("2"))
    collection(tmp_path / "none", a=RELEASE_TOML + REGISTRY_TOML)
    collection(tmp_path / "broken", a=RELEASE_TOML)
    found, faults = release.versions(tmp_path)
    assert list(found.items()) == [("ctao", "2"), ("hess_dr", "DR1")]
    assert len(faults) == 1 and "broken" in faults[0]
    assert release.versions(tmp_path / "nothing") == ({}, [])
    with pytest.raises(ConfigError, match=r"registry\.version"):
        release.registry(collection(tmp_path / "empty", a=versioned.format("")))


@pytest.mark.parametrize("path", sorted(INPUTS.glob("*/*.toml")), ids=lambda path: "-".join(path.parts[-2:]))
def test_our_own_records_tell_a_version(path):
    record = release.load(path).registry
    assert record is None or record.version
