"""UDP to other programs: never blocks, and nothing that happens on the way ends the loop."""

from __future__ import annotations

import logging
import socket

from realtime.errors import UserError
from realtime.outputs.programs.options import Address

log = logging.getLogger(__name__)

QUIET = 300  # datagrams that must go out without a complaint before the next complaint is logged


class Destination:
    """Where datagrams go. What cannot be delivered is dropped, as a network may do at any time.

    Args:
        flag: the option that asked for it; part of the messages.
        address: the receiver.

    Raises:
        UserError: there is no such host, or no way to it.
    """

    def __init__(self, flag: str, address: Address) -> None:
        self._name = f"{flag} {address}"
        self._since_complaint = QUIET
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:  # the latter: a label that is too long
            raise UserError(
                f"{flag}: the host {address.host} is not known.", "Check the name, or give its number."
            ) from error
        # A name may have both kinds of number ("localhost" does); receivers of these protocols listen at the older.
        family, kind, protocol, _, place = min(found, key=lambda each: each[0] != socket.AF_INET)
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            # A connected socket is told when nobody listens (ICMP); an unconnected one is not.
            self._socket.connect(place)
        except OSError as error:
            self._socket.close()
            raise UserError(
                f"{flag}: {address} cannot be reached: {_reason(error)}.", "Check the address and the network."
            ) from error

    def send(self, datagram: bytes) -> None:
        """Sends it if that is possible at once."""
        try:
            self._socket.send(datagram)
        except ConnectionRefusedError as error:
            # This is about an earlier datagram, and this one has not been sent.
            self._complain(error)
            self._send_again(datagram)
        except BlockingIOError:
            pass  # the network is behind; the next frame is as good
        except OSError as error:
            self._complain(error)
        else:
            self._since_complaint += 1

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()

    def _send_again(self, datagram: bytes) -> None:
        try:
            self._socket.send(datagram)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if self._since_complaint >= QUIET:
            gone = isinstance(error, ConnectionRefusedError)
            why = "nobody listens there (yet)" if gone else _reason(error)
            log.warning("%s: %s. Sending goes on.", self._name, why)
        self._since_complaint = 0


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
