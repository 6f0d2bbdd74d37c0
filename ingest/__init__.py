"""From GADF FITS files to observation records to table rows; no DaCHS import in here."""

PROJECT_VERSION = "0.2.0"
"""Version of this software, as the provenance of what it publishes has it; pyproject.toml has the same."""
