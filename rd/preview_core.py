"""The core of the service of preview jobs; DaCHS wants it as a module beside the RD."""

from datalink.preview.core import Core

__all__ = ["Core"]
