"""The viewers' pages in a real Chromium, end to end; skipped without it, unless CONTOURFACE_REQUIRE_BROWSER is set."""

from __future__ import annotations

import time

import numpy as np
import pytest

from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.hooks import PLAYOUT_DELAY
from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput

from .browser import read_codes, wait_for
from .fakes import SHAPES, Switches, picture

TOKEN = "a-token-of-some-length"
DELAY_LIMIT = 1500  # ms; a test machine may be busy. How short it is on a quiet one: make bench-webrtc


def test_viewer_sees_moving_video_soon(serve, page):
    running = serve(ServeOptions(port=0, token=TOKEN))
    page.goto(running.output.link)
    wait_for(page, "document.getElementById('video').videoWidth === 640")
    assert TOKEN not in page.url  # it is not left in the address bar
    codes = read_codes(page, "#video", 30)
    good = [(code, now) for code, now in codes if code >= 0]
    delays = [(now - code) % timecode.PERIOD for code, now in good]
    assert len(good) >= 25
    assert [code for code, _ in good] == sorted(code for code, _ in good)
    assert len({code for code, _ in good}) >= 20
    assert max(delays) < timecode.PERIOD - 100  # nothing is shown before it was made
    assert np.median(delays) < DELAY_LIMIT
    # What the page itself says about the delay is what the picture says.
    wait_for(page, "document.getElementById('delay').textContent.includes('ms')")
    assert page.inner_text("#state") == "Connected"
    assert int(page.inner_text("#fps")) > 3
    shown = int(page.inner_text("#delay").split()[0])
    assert abs(shown - np.median(delays)) < max(60, 0.7 * np.median(delays))


def test_viewer_connects_again(serve, page):
    running = serve()
    page.goto(running.output.link)
    wait_for(page, "document.getElementById('state').textContent === 'Connected'")
    port = running.output.port
    running.output.close()
    wait_for(page, "document.getElementById('state').textContent !== 'Connected'")
    again = WebRtcOutput(ServeOptions(port=port), shape_names=SHAPES)
    try:
        running.producer.output = again
        wait_for(page, "document.getElementById('state').textContent === 'Connected'", 60)
        assert len({code for code, _ in read_codes(page, "#video", 10)}) > 5
    finally:
        running.producer.output = running.output
        again.close()


def test_pictures_are_not_held_back(serve, page):
    """Chromium takes the wish to show each picture as soon as it is there; its jitter buffer stays next to empty."""
    page.goto(serve().base)
    extensions, held_back = page.evaluate(
        """async () => {
          const { watch } = await import("/link.js");
          const watched = watch(document.createElement("video"), { state() {} });
          const stats = async () => [...(await watched.link.peer.getStats()).values()]
            .find(({ type, framesDecoded }) => type === "inbound-rtp" && framesDecoded > 30);
          let seen;
          while (!(seen = await stats())) await new Promise((done) => setTimeout(done, 100));
          const { headerExtensions } = watched.link.peer.getReceivers()[0].getParameters();
          const { jitterBufferDelay, jitterBufferEmittedCount } = seen;
          return [headerExtensions.map(({ uri }) => uri), 1000 * jitterBufferDelay / jitterBufferEmittedCount];
        }"""
    )
    assert PLAYOUT_DELAY in extensions
    assert held_back < 100  # ms; without the wish it is some 50 on a quiet machine, and more on a busy one


def test_a_page_that_comes_back_from_the_browsers_memory_connects_again(serve, page):
    page.goto(serve().base)
    wait_for(page, "document.getElementById('state').textContent === 'Connected'")
    page.evaluate(
        """() => {
          window.old = true;
          dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
        }"""
    )
    wait_for(page, "document.getElementById('state').textContent === 'Closed'")
    # Later, since the page that answers the event by loading itself anew can no longer answer the test.
    page.evaluate(
        "() => { setTimeout(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })), 50) }"
    )
    page.wait_for_timeout(100)
    page.wait_for_load_state()
    wait_for(page, "window.old === undefined && document.getElementById('state').textContent === 'Connected'")


def test_wrong_token_is_told(serve, browser):
    running = serve(ServeOptions(port=0, token=TOKEN))
    context = browser.new_context()
    page = context.new_page()
    page.goto(running.base + "/#token=wrong-token-of-length")
    wait_for(page, "document.getElementById('state').textContent === 'Refused'")
    assert "Open the link that the program printed" in page.inner_text("#notice")
    context.close()


def test_faces_belong_to_the_picture_that_is_shown(serve, page):
    """Each picture's time code is the one that was burnt into the picture whose number comes with its face."""
    running = serve()
    page.goto(f"{running.base}/head")
    wait_for(page, "document.body.dataset.frame > 10", 30)  # the example page finds them
    assert "shape0" in page.inner_text("#shapes")
    assert page.evaluate("document.getElementById('head').getContext('webgl2') !== null")
    pairs = page.evaluate(
        f"""async () => {{
          const read = {timecode.READ_IN_PAGE};
          const {{ watch }} = await import("/link.js");
          const video = document.createElement("video"), faces = new Map(), got = [];
          video.muted = true;
          const pictureOf = () => {{
            try {{
              return new VideoFrame(video);
            }} catch (error) {{
              if (error.name !== "InvalidStateError") throw error;  // on a busy machine it has none at hand
            }}
          }};
          return new Promise((done, fail) => {{
            setTimeout(() => fail(new Error(`only ${{got.length}} pictures came`)), 30000);
            watch(video, {{
              state() {{}},
              faces: (message) => faces.set(message.rtp, message),
              frame() {{
                // The picture with its own time stamp: by now it may be another than the one announced.
                const shown = pictureOf();
                if (!shown) return;
                const message = faces.get(shown.metadata().rtpTimestamp);
                shown.videoWidth = shown.displayWidth;
                shown.videoHeight = shown.displayHeight;
                if (message) got.push([read(shown), message.frame, message.faces[0].blendshapes[0]]);
                shown.close();
                if (got.length === 20) done(got);
              }},
            }});
          }});
        }}"""
    )
    good = [(code, frame, value) for code, frame, value in pairs if code >= 0]
    assert len(good) >= 15
    assert [running.producer.codes[frame] for _, frame, _ in good] == [code for code, _, _ in good]
    assert [value for _, _, value in good] == pytest.approx([frame / 10000 for _, frame, _ in good], abs=1e-4)


def test_pages_fit_a_phone(serve, browser):
    running = serve(switches=Switches())
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True)
    page = context.new_page()
    for path in ("/", "/camera", "/head"):
        page.goto(running.base + path)
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        small = page.evaluate(
            "[...document.querySelectorAll('button, select')]"
            ".filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 40).length"
        )
        assert small == 0, path
    context.close()


def test_switches_and_snapshot(serve, page):
    switches = Switches()
    running = serve(switches=switches)
    page.goto(running.output.link)
    wait_for(page, "document.getElementById('video').videoWidth > 0 && document.getElementById('switch-view') !== null")
    # The size is known a moment before the first picture is there, which is what the notice waits for.
    wait_for(page, "document.getElementById('notice').hidden")
    page.keyboard.press("v")
    wait_for(page, "document.getElementById('switch-view').value === 'off'")
    page.get_by_label("Gaze").check()
    page.get_by_label("Hand in front").select_option("remove")
    wait_for(page, "document.getElementById('about').textContent.endsWith('Hand in front: gone.')")
    assert switches.state == {"view": "off", "hands": "remove", "gaze": True}
    page.locator("nav a").first.focus()
    page.keyboard.press("o")
    page.keyboard.press("g")
    end = time.monotonic() + 5
    while switches.state != {"view": "off", "hands": "show", "gaze": False} and time.monotonic() < end:
        page.wait_for_timeout(50)
    assert switches.state == {"view": "off", "hands": "show", "gaze": False}
    with page.expect_download() as download:
        page.click("#snapshot")
    saved = download.value.path().read_bytes()
    assert saved.startswith(b"\x89PNG")
    # Everything can be reached with the keyboard, in the order in which it is seen.
    page.locator("nav a").first.focus()
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert [one for one in reached if one.startswith("s")] == ["switch-view", "switch-hands", "switch-gaze", "snapshot"]


def test_the_fake_picture_can_be_read():
    """The measuring itself: what the tests burn in is what they read."""
    assert timecode.read(picture(3)) is not None
