"""Stands in for `datalink.previews.worker`: the kind of a job says what becomes of it."""

import os
import pickle
import signal
import sys
import time
from multiprocessing.connection import Connection

from ingest.errors import KeywordError


def answer(connection: Connection) -> None:
    job = pickle.loads(connection.recv_bytes())
    error = None
    match job.kind:
        case "hang":
            time.sleep(3600)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "error":
            error = KeywordError("run.fits", "missing", hdu="EVENTS", keyword="RA")
        case _:
            job.target.write_bytes(f"{os.getpid()} {job.size} ".encode() + job.source.read_bytes())
    connection.send_bytes(pickle.dumps(error))


if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as other_end:
        while True:
            try:
                answer(other_end)
            except EOFError:
                break
