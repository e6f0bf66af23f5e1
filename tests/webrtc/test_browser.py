"""The pages in a real Chromium, end to end. Skipped where it is missing, unless CONTOURFACE_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.outputs.webrtc import timecode
from realtime.outputs.webrtc.hooks import PLAYOUT_DELAY
from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput
from realtime.sources.base import frames
from realtime.sources.webrtc import WebRtcSource
from realtime.webrtc_bench_pages import BROWSER_FLAGS, find_chromium

from .fakes import SHAPES, Switches, picture, result, wall_ms

TOKEN = "a-token-of-some-length"
FLAGS = [*BROWSER_FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
DELAY_LIMIT = 1500  # ms; a test machine may be busy. How short it is on a quiet one: make bench-webrtc
LOOP_DELAY_LIMIT = 5000  # ms, the same with the networks, MediaPipe and the drawing in it


def chromium() -> str:
    """Where Chromium is; skips the test where it is not."""
    found = find_chromium()
    missing = "" if found else "Chromium is not installed (Debian: apt-get install chromium)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing = "playwright is not installed (pip install -e .[test])"
    if not missing:
        return str(found)
    if os.environ.get("CONTOURFACE_REQUIRE_BROWSER"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory) -> Path:
    """What the fake camera shows, as Motion JPEG: a face (a photograph of NASA's) that sways between red and green."""
    import cv2
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    face = cv2.resize(astronaut()[:320, 60:380], (480, 480))
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for index in range(30):
            image = np.zeros((480, 640, 3), np.uint8)
            left = 80 + round(15 * np.sin(2 * np.pi * index / 30))
            image[:, left : left + 480] = face
            image[:, :60], image[:, 580:] = (220, 30, 30), (30, 200, 30)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def browser(camera_file):
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
        running = play.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page of a fresh profile. Nothing may go wrong in it unnoticed, the content policy included."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not [error for error in errors if "net::ERR_" not in error]  # the server is away at times


def wait_for(page, expression: str, seconds: float = 20.0) -> object:
    """Asks the page until the expression is true. (Playwright's own wait needs eval, which the policy forbids.)"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = page.evaluate(expression)
        if value:
            return value
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not come true; the page says: {page.inner_text('body')}")


def read_codes(page, selector: str, count: int) -> list[tuple[int, int]]:
    """(time in the picture, time when it was read), of pictures as they are shown."""
    script = f"""([selector, count]) => new Promise((done) => {{
      const read = {timecode.READ_IN_PAGE};
      const video = document.querySelector(selector), got = [];
      const each = () => {{
        got.push([read(video), Math.round(performance.timeOrigin + performance.now())]);
        if (got.length < count) video.requestVideoFrameCallback(each); else done(got);
      }};
      video.requestVideoFrameCallback(each);
    }})"""
    return [(code, now) for code, now in page.evaluate(script, [selector, count])]


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
        wait_for(page, "document.getElementById('state').textContent === 'Connected'")
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


def test_wrong_token_is_told(serve, browser):
    running = serve(ServeOptions(port=0, token=TOKEN))
    context = browser.new_context()
    page = context.new_page()
    page.goto(running.base + "/#token=wrong-token-of-length")
    wait_for(page, "document.getElementById('state').textContent === 'Refused'")
    assert "Open the link that the program printed" in page.inner_text("#notice")
    context.close()


def test_camera_page_sends_the_camera_and_shows_the_result(page):
    """The loop is a small one here: it inverts the picture and writes the time on it."""
    import threading

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
        wait_for(page, "document.getElementById('result').videoWidth === 640", 60)
        page.evaluate(
            """async () => {
              const { watch } = await import("/link.js");
              window.messages = [];
              watch(document.createElement("video"), { state() {}, faces: (message) => window.messages.push(message) });
            }"""
        )
        wait_for(page, "window.messages.some((message) => message.faces.length === 1)", 60)
        face = page.evaluate("window.messages.findLast((message) => message.faces.length === 1).faces[0]")
        assert len(face["blendshapes"]) == 52
        assert all(0 <= value <= 1 for value in face["blendshapes"])
        assert face["position"][2] > 100  # in front of the camera
        good = [(code, now) for code, now in read_codes(page, "#result", 10) if code >= 0]
        assert len({code for code, _ in good}) > 5  # it moves
        assert np.median([(now - code) % timecode.PERIOD for code, now in good]) < LOOP_DELAY_LIMIT
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


@contextmanager
def running_program(*flags: str):
    """run.py in a process of its own, on a free port; must end by itself when asked to."""
    command = [sys.executable, "run.py", "--headless", "--serve", "127.0.0.1:0", *flags]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            link = next((line.split()[-1] for line in process.stdout if line.startswith("Watch: ")), None)
            assert link, "the program did not start"
            yield link.rstrip("/")
        finally:
            process.terminate()
            process.communicate(timeout=20)
        assert process.returncode == 0


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
          return new Promise((done) => watch(video, {{
            state() {{}},
            faces: (message) => faces.set(message.rtp, message),
            frame() {{
              // The picture with its own time stamp: by now it may be another than the one announced.
              const shown = new VideoFrame(video), message = faces.get(shown.metadata().rtpTimestamp);
              shown.videoWidth = shown.displayWidth;
              shown.videoHeight = shown.displayHeight;
              if (message) got.push([read(shown), message.frame, message.faces[0].blendshapes[0]]);
              shown.close();
              if (got.length === 20) done(got);
            }},
          }}));
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
    assert page.evaluate("document.getElementById('notice').hidden")
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
