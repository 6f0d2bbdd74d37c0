"""From GADF FITS files to observation records to table rows; no DaCHS import in here."""
