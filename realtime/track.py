"""What the reconstruction remembers of one person from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from realtime.bump_memory import BumpMemory
from realtime.fitting import Fit, IdentityEvidence
from realtime.frames import Array
from realtime.habit import Habit
from realtime.light import NEUTRAL
from realtime.smoothing import FaceSmoother


@dataclass
class Track:
    """What is remembered of one person from frame to frame."""

    albedo: Array  # (A,)
    colors: Array  # (V, 3) linear RGB, of that albedo
    relief: BumpMemory
    habit: Habit = field(default_factory=Habit)
    smoother: FaceSmoother = field(default_factory=FaceSmoother)
    fit: Fit | None = None  # the last, unsmoothed
    person: Array | None = None  # (K,) the identity of whom it is known to be, from an earlier time
    identity: Array | None = None  # the most probable by all frames so far
    evidence: IdentityEvidence | None = None
    looks: int = 0  # frames that the evidence comes from
    next_look: int = 0  # the frame from which on the relief is looked at again
    next_guess: int = 0  # the frame from which on the network's relief is taken in again
    neutral: Array | None = None  # (V, 3) mm, of the identity below
    neutral_of: Array | None = None
    light: Array = field(default_factory=NEUTRAL.copy)  # the last estimate, unsmoothed
    frames: int = 0
    seen: float = 0.0  # seconds on the source's time line
