"""A SAMP hub with the Web profile, and a program that takes tables: what a page finds on somebody's machine.

Run as a module, with a word. Prints a line of JSON once it listens, and one for each message. The word says
whether whoever sits before it lets pages in that want to register.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from astropy import log
from pyvo.samp import SAMPHubServer, SAMPIntegratedClient, WebProfileDialog, conf

NAME = "Reader of tables"
MTYPE = "table.load.votable"


class Answer(WebProfileDialog):
    """Somebody who always gives the same answer.

    Parameters
    ----------
    is_yes
        The answer.
    """

    def __init__(self, *, is_yes: bool) -> None:
        self.is_yes = is_yes
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while True:
            self.handle_queue()
            time.sleep(0.05)

    def show_dialog(self, samp_name: str, details: Any, client: Any, origin: Any) -> None:
        """Tell who asks, and answer."""
        _say({"asks": samp_name, "origin": origin})
        self.consent() if self.is_yes else self.reject()


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """Run until the input ends."""
    log.setLevel("WARNING")
    # The hub looks for the internet otherwise.
    conf.use_internet = False
    with tempfile.TemporaryDirectory() as directory:
        hub = SAMPHubServer(
            addr="127.0.0.1",
            lockfile=str(Path(directory) / "hub"),
            web_profile_dialog=Answer(is_yes=sys.argv[1] == "yes"),
        )
        hub.start()
        client = SAMPIntegratedClient(name=NAME, addr="127.0.0.1")
        client.connect(hub_params=hub.params)
        client.bind_receive_notification(
            MTYPE, lambda private_key, sender, mtype, params, extra: _say({"mtype": mtype, **params})
        )
        _say({"listens": True})
        sys.stdin.read()
        client.disconnect()
        hub.stop()


if __name__ == "__main__":
    main()
