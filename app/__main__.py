"""`python -m app`: check the options, say what is open to whom, and serve."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import sys
from collections.abc import Sequence

from hitl_core.domain.errors import ConfigurationError, HitlError

NO_SIGN_IN = (
    "there is no sign-in yet: everybody who can reach {host}:{port} can read and decide everything under any name"
)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m app", description="The review app.", epilog="example: python -m app --port 8600"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--database", help="database address; default: HITL_DATABASE_URL, else data/local/hitl.db")
    parser.add_argument("--policy", help="policy file to open the database with")
    parser.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME", help="a name browsers reach this server by"
    )
    parser.add_argument(
        "--without-sign-in",
        action="store_true",
        help="listen on an address other than this machine's, knowing that there is no sign-in yet",
    )
    return parser.parse_args(arguments)


def is_local(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check(options: argparse.Namespace) -> None:
    """Refuse what must not start.

    Raises:
        ConfigurationError: an open address without the acknowledgement, or an impossible port.
    """
    if not 0 < options.port < 65_536:
        raise ConfigurationError(f"--port is {options.port}, expected 1 to 65535")
    if not is_local(options.host) and not options.without_sign_in:
        why = NO_SIGN_IN.format(host=options.host, port=options.port)
        raise ConfigurationError(f"{why}; add --without-sign-in to do it all the same, or leave out --host")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; return 2 for options or a database that cannot be used."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Said once for each cache at import, before there is a runtime; it means nothing to whoever starts the app.
    logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(
        lambda record: "No runtime" not in record.msg
    )
    options = parse(arguments)
    try:
        check(options)
        if not is_local(options.host):
            sys.stderr.write(f"app: WARNING: {NO_SIGN_IN.format(host=options.host, port=options.port)}\n")
        from app.launch import serve
        from hitl_core.cli.supervising import follow_supervisor

        follow_supervisor()
        serve(options)
    except HitlError as error:
        sys.stderr.write(f"app: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
