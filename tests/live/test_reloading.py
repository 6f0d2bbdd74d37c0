"""A reload waits until no resource descriptor is being read, so that none comes half from before it."""

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


def test_a_reload_waits_for_what_is_being_read(in_dachs):
    assert in_dachs(SCRIPT) == [[True, True, False, False], 0]
