"""What replaces parts of DaCHS: does DaCHS still have what is replaced, and is what comes out the same?"""

import itertools
import json

REPLACED = """
import json
from gavo import api
from upstream import install
shims = [*install.shims(), *install.server_shims(), *install.guards(), *install.server_guards()]
print(json.dumps({f"{s.owner.__name__}.{s.name}": s.changed() for s in shims}))
"""

INSTALLED = """
import json
from gavo import api, base
base.caches.getRD("//tap")
from upstream import install
def done(some):
    return {f"{s.owner.__name__}.{s.name}": getattr(s.owner, s.name) is s.replacement for s in some}
print(json.dumps([done(install.shims()), done(install.guards())]))
"""

TRANSLATED = """
import json, random, sys
from gavo import api, base
from gavo.protocols import adqlglue, tap
base.caches.getRD("//tap")
from upstream import translation

def literal(kind):
    if kind == "s":
        return "'" + random.choice(["Crab", "a''b", "50% x_", "\\u03b1", "", " Zx  z "]) + str(random.random()) + "'"
    return random.choice(["%d" % random.randint(0, 10 ** random.randint(1, 12)), "%.4f" % random.uniform(0, 1e3),
        "%.2e" % random.uniform(0, 1e9), ".%d" % random.randint(0, 999), "%d." % random.randint(0, 99)])

def fill(pattern):
    first, *parts = pattern.split("{")
    return first + "".join(literal(part[0]) + part[2:] for part in parts)

def everything(result):
    sql, table = result
    infos = [(getattr(v, "infoName", ""), getattr(v, "infoValue", ""), str(v)) for v in table.iterMeta("info")]
    return sql, translation.describe(table), infos

random.seed(5)
wrong, known = [], {}
for pattern in json.loads(sys.argv[1]):
    known[pattern] = 0
    for _ in range(12):
        query = fill(pattern)
        stock = everything(translation._stock(query, maxrec=70))
        calls = []
        original, translation._learn = translation._learn, lambda *a: calls.append(1) or original(*a)
        ours = everything(translation.translate(query, maxrec=70))
        translation._learn = original
        known[pattern] += not calls
        if ours != stock:
            wrong.append([query, str(stock), str(ours)])
print(json.dumps([wrong, known]))
"""  # noqa: E501 - lines of a program

LIFTED = [
    "SELECT * FROM ivoa.obscore WHERE obs_publisher_did={s}",
    "SELECT obs_id FROM ivoa.obscore"
    " WHERE 1=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', {n}, -{n}, {n}))",
    "SELECT obs_id FROM hess_dr.obscore"
    " WHERE DISTANCE(s_ra, s_dec, {n}, -{n}) < {n} AND t_min BETWEEN {n} AND {n}",
    "SELECT obs_id FROM hess_dr.obscore WHERE DISTANCE(POINT(s_ra, s_dec), POINT({n}, + {n})) < {n}",
    "SELECT TOP 5 obs_id FROM hess_dr.obscore WHERE 1=INTERSECTS(s_region, CIRCLE({n}, -{n}, {n}))",
    "SELECT o.* FROM hess_dr.obscore AS o WHERE target_name IN ({s},{s}) AND calib_level={n}"
    " AND energy_min>{n} or obs_id like {s} ORDER BY 1",
    "SELECT o.obs_id, h.* FROM ivoa.obscore AS o NATURAL JOIN ivoa.obscore_hea AS h WHERE energy_max > {n}",
    "WITH a AS (SELECT * FROM hess_dr.obscore WHERE t_min>{n}) SELECT * FROM a WHERE t_max<{n}",
    "SELECT s.t_min FROM (SELECT t_min FROM hess_dr.obscore WHERE t_min>{n}) AS s WHERE s.t_min<{n}",
    "SELECT DISTANCE(s_ra, s_dec, {n}, {n}) AS d FROM hess_dr.obscore",
]
NOT_LIFTED = [
    "SELECT TOP 3 obs_id, t_min + {n} AS later FROM hess_dr.obscore",
    "SELECT count(*) AS n FROM hess_dr.obscore GROUP BY target_name HAVING count(*) > {n}",
]


def test_dachs_still_has_what_is_replaced(in_dachs):
    """If this fails: read what changed in DaCHS, adapt the shim, and then its digests (in parentheses)."""
    changed = {name: what for name, what in in_dachs(REPLACED, fast_paths="no", guards="no").items() if what}
    assert not changed, f"DaCHS changed below the replacements in upstream/: {changed}"


def test_all_is_replaced_or_nothing(in_dachs):
    for wanted in itertools.product(("yes", "no"), repeat=2):
        fast, safe = in_dachs(INSTALLED, fast_paths=wanted[0], guards=wanted[1])
        assert fast and safe
        assert (set(fast.values()), set(safe.values())) == ({wanted[0] == "yes"}, {wanted[1] == "yes"})


def test_translations_are_those_of_dachs(in_dachs):
    wrong, known = in_dachs(TRANSLATED, json.dumps(LIFTED + NOT_LIFTED))
    assert not wrong
    # The first query of a kind is DaCHS's, and so is the second, from which the others are learned.
    assert {pattern: known[pattern] for pattern in LIFTED} == dict.fromkeys(LIFTED, 10)
    assert {pattern: known[pattern] for pattern in NOT_LIFTED} == dict.fromkeys(NOT_LIFTED, 0)
