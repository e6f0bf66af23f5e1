"""What the senders to other programs have in common."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from realtime.frames import FaceState, FrameResult, Image
from realtime.outputs.programs.datagrams import Destination
from realtime.outputs.programs.options import Address
from realtime.outputs.programs.slots import Slots


class DatagramSink:
    """A sink that tells one receiver about the faces of every frame.

    Args:
        flag: the option that asked for it.
        address: the receiver; with several ports, the first of them.
        faces: how many faces are followed.
        ports: how many ports they are sent to: 1, or one for each face, counted up from the address's.

    Raises:
        UserError: there is no such host, or no way to it.
    """

    needs_picture = False

    def __init__(self, flag: str, address: Address, faces: int, ports: int) -> None:
        self._slots = Slots(faces)
        self._used = 1  # slots that have had a face, and the first
        self._destinations = [
            Destination(flag, Address(address.host, address.port + number)) for number in range(ports)
        ]

    def datagrams(self, result: FrameResult, slot: int, face: FaceState | None) -> Iterable[bytes]:
        """What is sent about one avatar: its face, or that there is none."""
        raise NotImplementedError

    def write(self, result: FrameResult, picture: Image | None) -> None:
        """Sends one frame; the drawn picture is not part of it."""
        slots = self._slots.assign(face.id for face in result.faces)
        faces = {slots[face.id]: face for face in result.faces if face.id in slots}
        self._used = max([self._used, *(slot + 1 for slot in faces)])
        for slot in range(self._used):
            destination = self._destinations[slot % len(self._destinations)]
            for datagram in self.datagrams(result, slot, faces.get(slot)):
                destination.send(datagram)

    def __enter__(self) -> DatagramSink:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for destination in self._destinations:
            destination.close()
