"""What attackers send, by kind; marks in it show where it comes out again."""

from __future__ import annotations

MARK = "zqxv7"
"""Stands in everything that could come back as markup or as a header."""

EVIL = "evil.invalid"
"""A host that nobody has."""

STEPS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%252f", "..%5c", "..\\", "....//", "..%c0%af", ".%00./")

TRAVERSALS = (
    *(
        prefix + step * 12 + target
        for target in ("etc/passwd", "gavo.rc")
        for prefix in ("", "x/")
        for step in STEPS
    ),
    *(
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "file:///etc/passwd",
        "//etc/passwd",
        "..",
        ".",
        "%00",
        "%00.fits",
        "~root",
    ),
)

INJECTIONS = (
    "'", "''", "' OR '1'='1", "1; SELECT pg_sleep(20)--",
    "') UNION SELECT username, password FROM dc.users--",
    "\\'; DROP TABLE dc.users; --", "$$||pg_read_file('/etc/passwd')||$$", "1/0", "%(x)s",
    "%s", "{0}", "\\macro",
)  # fmt: skip

MARKUPS = (
    f"<script id={MARK}>x</script>",
    f"\"'><img {MARK}=1 src=x onerror={MARK}()>",
    f"]]><{MARK}/>",
    f"javascript:{MARK}()",
    f"<?{MARK}?>&{MARK};",
)

HEADERS = (
    f"x\r\nX-{MARK}: 1\r\n\r\n<{MARK}>",
    f"x\nSet-Cookie: {MARK}=1",
    f"http://{EVIL}/{MARK}",
    f"//{EVIL}/",
    f"\\\\{EVIL}",
    f"/\\{EVIL}",
)

ODDITIES = (
    "", " ", "-1", "1e999", "nan", "99999999999999999999", "0x10", "\x00", "\ud7ff", "a" * 5000, "[]", "true",
    "2026-99-99", "1 2 3 4 5", "CIRCLE 1 2", "NaN NaN NaN", "*", "../x", "text/html",
    "application/x-nosuch; a=b", "ivo://", "ivo://x.y/z?%zz", "\u202e", "1:2:3",
)  # fmt: skip

BYTES = (b"%ff%fe", b"%c0%80", b"%ED%A0%80", b"%00", b"%", b"%zz")
"""Percent-encoded as they are sent."""

VALUES = TRAVERSALS[:6] + INJECTIONS + MARKUPS + HEADERS + ODDITIES
