"""Preview jobs as a UWS service of DaCHS; the analysis is `portal.jobs`, in an environment of its own."""
