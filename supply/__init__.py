"""Where everything this project installs comes from: lock files, licences, advisories."""
