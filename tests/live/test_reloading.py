"""A reload waits until no resource descriptor is being read, so that none comes half from before it."""

import json
import subprocess

from instance.bringup import Instance as Managed
from instance.packages import venv_python
from instance.settings import load

SCRIPT = """
import json, time
from gavo import api, base, rscdesc
from twisted.internet import task
from upstream import reloading
clock, cache = task.Clock(), base.caches.getRD.cacheCopy
reloading.reactor = clock
kept = base.caches.getRD("//tap")
seen = []
def look():
    seen.append(cache.get("__system__/tap") is kept)
rscdesc._CURRENTLY_PARSING["other"] = None
reloading.reload_config()
look()
clock.advance(2 * reloading.PAUSE)
look()
del rscdesc._CURRENTLY_PARSING["other"]
clock.advance(2 * reloading.PAUSE)
look()
kept = base.caches.getRD("//tap")
rscdesc._CURRENTLY_PARSING["other"] = None
reloading.reload_config(time.monotonic() - reloading.PATIENCE)
look()
print(json.dumps([seen, len(clock.getDelayedCalls())]))
"""


def test_a_reload_waits_for_what_is_being_read(instance):
    managed = Managed(load())
    done = subprocess.run(
        [venv_python(managed.home), "-c", SCRIPT],
        env=managed.dachs.environment,
        cwd="/",
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[True, True, False, False], 0]
