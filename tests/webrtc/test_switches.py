"""What viewers change: checked by the site, kept for the thread that draws."""

from __future__ import annotations

import asyncio
import json

from realtime.outputs.controls import Action, Controls
from realtime.outputs.webrtc.switches import RemoteControls
from realtime.render.views import VIEWS, find_view

from .fakes import Client, Switches


def test_wishes_reach_the_next_picture_once():
    remote = RemoteControls(Controls())
    remote.change("view", "wire")
    remote.change("hands", "half")
    assert remote.values() == {"view": "wire", "hands": "half", "gaze": False}  # told before it is drawn
    controls = remote.after(Controls(gaze=True))
    assert (controls.view, controls.hands, controls.gaze) == ("wire", "half", True)
    assert remote.controls == controls
    later = controls.after(Action("view", "off"))  # the window's keys go on from there
    assert remote.after(later) == later


def test_every_view_and_every_way_with_hands_can_be_chosen():
    choices = RemoteControls(Controls()).choices()
    assert list(choices["view"]) == list(VIEWS)
    assert list(choices["hands"]) == ["show", "half", "remove"]
    assert all(meaning for words in choices.values() for meaning in words.values())


def test_hands_are_as_the_view_has_them_until_somebody_chooses():
    remote = RemoteControls(Controls())
    for view in ("mask", "shaded"):
        remote.change("view", view)
        assert remote.values()["hands"] == find_view(view).hands
    remote.change("hands", "half")
    remote.change("view", "mask")
    assert remote.values()["hands"] == "half"


def test_overlays_are_a_switch_only_where_there_are_any():
    assert "overlays" not in RemoteControls(Controls()).values()
    remote = RemoteControls(Controls(), has_overlays=True)
    assert remote.values()["overlays"] is True
    remote.change("overlays", False)
    assert remote.after(Controls()).overlays is False


def test_the_site_takes_what_there_is_and_nothing_else(serve):
    fake = Switches()
    running = serve(switches=fake)

    async def check():
        client = Client(running.base)
        kind = {"Content-Type": "application/json"}
        bodies = [
            '{"view": "off", "gaze": true}',
            '{"view": "none"}',
            '{"view": ["wire"]}',
            '{"view": true}',
            '{"gaze": 1}',
            '{"other": true}',
            "[]",
            "{",
            "[" * 9999,
        ]
        answers = [await client.request("POST", "/switches", body, kind) for body in bodies]
        plain = await client.request("POST", "/switches", bodies[0], {"Content-Type": "text/plain"})
        await client.peer.close()
        return [status for status, _, _ in answers], plain[0], json.loads(answers[0][2])

    statuses, plain, said = asyncio.run(check())
    assert statuses == [200, 422, 422, 422, 422, 422, 422, 400, 400]
    assert plain == 415
    assert said == {"values": {"view": "off", "hands": "show", "gaze": True}, "choices": fake.choices()}
    assert fake.state == {"view": "off", "hands": "show", "gaze": True}
