"""A browser's camera in a real Chromium, there and back; skipped without it, as test_browser.py is."""

from __future__ import annotations

import threading
import time

import numpy as np

from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput
from realtime.sources.base import frames
from realtime.sources.webrtc import WebRtcSource

from .browser import read_codes, running_program, wait_for
from .fakes import SHAPES, result, wall_ms

DELAY_LIMIT = 5000  # ms, with the networks, MediaPipe and the drawing in it; a test machine may be busy
# Chromium fakes one camera from a file: it is listed twice.
TWO_CAMERAS = """() => {
  const devices = navigator.mediaDevices, list = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = async () => (await list()).flatMap((one) => [one, one]);
}"""
PROGRAM_SECONDS = 120  # until the whole program shows its first picture; two, where a machine is free


def test_camera_page_sends_the_camera_and_shows_the_result(page):
    """The loop is a small one here: it inverts the picture and writes the time on it."""
    source = WebRtcSource()
    with WebRtcOutput(ServeOptions(port=0), ingest=source.take, shape_names=SHAPES) as output:

        def loop() -> None:
            for frame in frames(source):
                image = 255 - frame.image
                timecode.burn(image, wall_ms())
                output.write(result(frame.index, image), image)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            page.goto(f"http://127.0.0.1:{output.port}/camera")
            page.evaluate(TWO_CAMERAS)
            page.click("#start")
            wait_for(page, "document.getElementById('result').videoWidth === 640", 30)
            codes = [code for code, _ in read_codes(page, "#result", 20) if code >= 0]
            assert len(set(codes)) > 10
            colours = page.evaluate(
                """() => ["own", "result"].map((id) => {
                  const canvas = new OffscreenCanvas(640, 480), context = canvas.getContext("2d");
                  context.drawImage(document.getElementById(id), 0, 0, 640, 480);
                  return [30, 610].map((x) => [...context.getImageData(x, 100, 1, 1).data].slice(0, 3));
                })"""
            )
            own, shown = np.array(colours)
            assert own[0, 0] > 180 > 60 > own[0, 1]  # red at the left, green at the right
            assert own[1, 1] > 180 > 60 > own[1, 0]
            np.testing.assert_allclose(shown, 255 - own, atol=25)  # the colours are right, not only similar
            assert output.metrics.values()["publishers"] == 1
            # Another camera in the same connection; then the second one is taken away.
            wait_for(page, "document.getElementById('cameras').options.length === 2")
            sessions = output.metrics.values()["sessions_total"]
            page.evaluate("window.first = document.getElementById('own').srcObject.getVideoTracks()[0]")
            page.select_option("#cameras", index=1)
            wait_for(page, "document.getElementById('own').srcObject.getVideoTracks()[0]?.readyState === 'live'")
            assert page.evaluate("first.readyState") == "ended"
            codes = [code for code, _ in read_codes(page, "#result", 20) if code >= 0]
            assert len(set(codes)) > 10
            assert output.metrics.values()["sessions_total"] == sessions
            page.evaluate(
                "document.getElementById('own').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))"
            )
            wait_for(page, "document.getElementById('notice').textContent === 'The camera gives no more pictures.'")
            page.click("#start")
            wait_for(page, "document.getElementById('state').textContent === 'Connected'", 30)
            page.click("#stop")
            wait_for(page, "document.getElementById('state').textContent === 'Stopped'")
            end = time.monotonic() + 5
            while output.metrics.values()["peers"] and time.monotonic() < end:
                page.wait_for_timeout(50)
            assert output.metrics.values()["peers"] == 0
        finally:
            source.close()
            thread.join()


def test_the_whole_program_takes_the_browsers_camera(page):
    """run.py with the camera page: the face comes back, drawn over, and its numbers by the data channel.

    The time of each picture's arrival is in what comes back, so the delay of the whole loop is measured.
    """
    with running_program("--source", "webrtc", "--view", "wire", "--timecode") as base:
        page.goto(f"{base}/camera")
        page.click("#start")
        wait_for(page, "document.getElementById('result').videoWidth === 640", PROGRAM_SECONDS)
        page.evaluate(
            """async () => {
              const { watch } = await import("/link.js");
              window.messages = [];
              watch(document.createElement("video"), { state() {}, faces: (message) => window.messages.push(message) });
            }"""
        )
        wait_for(page, "window.messages.some((message) => message.faces.length === 1)", PROGRAM_SECONDS)
        face = page.evaluate("window.messages.findLast((message) => message.faces.length === 1).faces[0]")
        assert len(face["blendshapes"]) == 52
        assert all(0 <= value <= 1 for value in face["blendshapes"])
        assert face["position"][2] > 100  # in front of the camera
        good = [(code, now) for code, now in read_codes(page, "#result", 10) if code >= 0]
        assert len({code for code, _ in good}) > 5  # it moves
        assert np.median([(now - code) % timecode.PERIOD for code, now in good]) < DELAY_LIMIT
        # The result differs from the camera where the face is, and nowhere at the edge.
        inside, edge = page.evaluate(
            """() => {
              const pixels = (id) => {
                const canvas = new OffscreenCanvas(640, 480), context = canvas.getContext("2d");
                context.drawImage(document.getElementById(id), 0, 0, 640, 480);
                return (x, y, w, h) => context.getImageData(x, y, w, h).data;
              };
              const own = pixels("own"), result = pixels("result");
              const unlike = (...box) => {
                const a = own(...box), b = result(...box);
                return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length;
              };
              return [unlike(260, 120, 120, 160), unlike(5, 100, 40, 300)];
            }"""
        )
        assert inside > 2 * edge
        page.click("#stop")
        wait_for(page, "document.getElementById('state').textContent === 'Stopped'")
