"""What we replace in DaCHS is still what we have seen."""

SCRIPT = """
import json
from upstream import result_writers as shim
print(json.dumps(shim.source_digest() == shim.KNOWN_SOURCE))
"""


def test_the_function_is_the_one_that_was_read(in_dachs):
    assert in_dachs(SCRIPT), "DaCHS has changed taprunner.writeResultTo: compare it with ours"
