"""Opens what the user wants sent to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from realtime.loop import Sink
from realtime.outputs.programs.options import ProgramOptions


def open_programs(
    options: ProgramOptions, names: Sequence[str], faces: int, size: tuple[int, int], stack: ExitStack
) -> list[Sink]:
    """The sinks, each of which ends with `stack`. Modules are imported when they are needed.

    Args:
        options: what is asked for.
        names: the blendshapes, in the order of the coefficients.
        faces: how many faces are followed.
        size: width and height of a virtual camera's pictures.
        stack: closes them.

    Raises:
        UserError: a host that is not known, a file that cannot be written, a camera that is missing.
    """
    sinks: list[Sink] = []
    if options.osc:
        from realtime.outputs.programs.vmc import Vmc

        sinks.append(stack.enter_context(Vmc(options.osc, faces, names)))
    if options.ifacialmocap:
        from realtime.outputs.programs.ifacialmocap import IFacialMocap

        sinks.append(stack.enter_context(IFacialMocap(options.ifacialmocap, faces, names)))
    if options.livelink:
        from realtime.outputs.programs.livelink import LiveLink

        sinks.append(stack.enter_context(LiveLink(options.livelink, faces, names)))
    if options.csv:
        from realtime.outputs.programs.table import Table

        sinks.append(stack.enter_context(Table(options.csv, names)))
    if options.virtual_camera is not None:
        from realtime.outputs.programs.virtual_camera import VirtualCamera

        sinks.append(stack.enter_context(VirtualCamera(options.virtual_camera, size)))
    return sinks
