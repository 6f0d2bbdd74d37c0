"""What we replace in DaCHS is still what we have seen."""

import subprocess

from instance.bringup import Instance as Managed
from instance.packages import venv_python
from instance.settings import load

SCRIPT = "from upstream import result_writers as shim; print(shim.source_digest() == shim.KNOWN_SOURCE)"


def test_the_function_is_the_one_that_was_read(instance):
    managed = Managed(load())
    done = subprocess.run(
        [venv_python(managed.home), "-c", SCRIPT],
        env=managed.dachs.environment,
        cwd="/",
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.split()[-1] == "True", (
        "DaCHS has changed taprunner.writeResultTo: compare it with ours"
    )
