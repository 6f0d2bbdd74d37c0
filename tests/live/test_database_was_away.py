"""The database was away, also while descriptors were read: queries come back without a new process."""

import json

READ = """
import json, sys
from gavo import api, base, rscdesc
from gavo.base import sqlsupport
from upstream import descriptors
descriptors.install_early()
from upstream import telling
stock, away = rscdesc.rdinj.injectIntoContext, json.loads(sys.argv[1])
def inject(context, name):
    if any(part in name for part in away):
        raise sqlsupport.OperationalError("server closed the connection unexpectedly")
    return stock(context, name)
rscdesc.rdinj.injectIntoContext = inject
def read():
    try:
        base.caches.getRD("hess_dr/q")
        return "read"
    except Exception as error:
        return [type(error).__name__, telling.told_of(error).status]
seen = [read()]
away.clear()
seen.append(read())
descriptors.PAUSE = -1
seen += [read(), read()]
print(json.dumps(seen))
"""

CONFIGURED = """
import json
from gavo import api, base, rscdesc
from twisted.internet import task
from serving import worker
stock, said = rscdesc.rdinj.injectIntoContext, []
def away(context, name):
    raise ValueError("away")
clock = task.Clock()
clock.stop = lambda: said.append("stopped")
def start():
    worker.configure(lambda: said.append("begun"), clock, clock.seconds() + worker.CONFIGURED_WITHIN)
rscdesc.rdinj.injectIntoContext = away
start()
clock.pump([worker.CONFIGURE_INTERVAL] * 100)
start()
said.append(len(clock.getDelayedCalls()))
rscdesc.rdinj.injectIntoContext = stock
clock.advance(worker.CONFIGURE_INTERVAL)
said.append(len(clock.getDelayedCalls()))
print(json.dumps(said))
"""

RUNNER = """
import json
from gavo import api, rscdesc
from upstream import runner
def away(context, name):
    raise ValueError("away")
rscdesc.rdinj.injectIntoContext = away
try:
    runner.load()
except SystemExit as end:
    print(json.dumps(end.code))
"""


def test_descriptors_are_read_again_once_the_database_is_back(in_dachs):
    for away in ("etc/userconfig", "__system__/obscore", "rd/times", "hess_dr"):
        first, soon, *later = in_dachs(READ, json.dumps([away]))
        assert first == ["OperationalError", 503], away
        assert soon in ("read", ["OperationalError", 503]), away
        assert later == ["read", "read"], away


def test_without_that_a_process_is_lost(in_dachs):
    """When this fails, `upstream.descriptors` may go."""
    seen = in_dachs(READ, json.dumps(["etc/userconfig"]), guards="no")
    assert [name for name, _ in seen] == ["StructureError"] * 4


def test_a_worker_begins_once_it_is_configured_or_ends(in_dachs):
    assert in_dachs(CONFIGURED) == ["stopped", 1, "begun", 0]


def test_jobs_are_not_forked_from_a_process_that_is_not_configured(in_dachs):
    assert in_dachs(RUNNER) == 1


POOLED = """
import json
from gavo import api, base, rscdesc
from gavo.base import sqlsupport
base.caches.getRD("//tap")
with base.getTableConn() as one, base.getTableConn() as two:
    pids = [next(conn.query("SELECT pg_backend_pid()"))[0] for conn in (one, two)]
other = base.getDBConnection("trustedquery")
for pid in pids:
    list(other.query("SELECT pg_terminate_backend(%(pid)s, 5000)", {"pid": pid}))
def ask():
    try:
        with base.getTableConn() as connection:
            return next(connection.query("SELECT 1"))[0]
    except sqlsupport.DBError as error:
        return type(error).__name__
print(json.dumps([ask(), ask()]))
"""


WAITED = """
import json, sys, threading
from gavo import api, base, rscdesc
base.caches.getRD("//tap")
from upstream import telling
begun, go = threading.Event(), threading.Event()
stock = rscdesc.rdinj.injectIntoContext
def inject(context, name):
    if name != "hess_dr/q":
        return stock(context, name)
    begun.set()
    go.wait(60)
    raise ValueError("away")
rscdesc.rdinj.injectIntoContext = inject
said = []
def ask():
    try:
        said.append(base.caches.getRD("hess_dr/q").getById("obscore").id)
    except Exception as error:
        told = telling.told_of(error)
        said.append([told.status, told.defect, told.hint])
first, second = (threading.Thread(target=ask) for _ in range(2))
first.start()
begun.wait(60)
second.start()
while sys._current_frames()[second.ident].f_code.co_name not in ("getRDCached", "_loadRDIntoCache"):
    go.wait(0.05)
go.wait(1)  # it is at the lock; one that came later would read by itself
go.set()
first.join()
second.join()
print(json.dumps(sorted(said)))
"""


def test_who_waited_for_a_descriptor_in_vain_may_come_again(in_dachs):
    assert in_dachs(WAITED) == [[400, False, None], [503, False, None]]
    assert in_dachs(WAITED, guards="no") == [[400, False, None]] * 2, "upstream.descriptors.invalidate may go"


def test_connections_that_were_ended_are_not_used(in_dachs):
    assert in_dachs(POOLED) == [1, 1]


def test_stock_connections_fail_once(in_dachs):
    """When this fails, `get_alive` of `upstream.connections` may go."""
    assert in_dachs(POOLED, guards="no", fast_paths="no") == ["OperationalError", 1]
