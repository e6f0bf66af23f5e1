"""Video files and streams as the world makes them."""

import functools
import http.server
import logging
import threading
import time

import av
import cv2
import numpy as np
import pytest
from clips import gradient, turn, write_clip

from realtime.errors import UserError
from realtime.sources.video import Video, _without_password


def shots(path):
    return list(Video(str(path)).shots())


def test_frames_times_and_colours(tmp_path):
    found = shots(write_clip(tmp_path / "a.mp4"))
    assert [shot.time for shot in found] == pytest.approx([index / 30 for index in range(10)], abs=2e-3)
    assert found[0].image.shape == (48, 64, 3)
    assert found[0].image.dtype == np.uint8
    assert np.abs(found[3].image.astype(int) - gradient(64, 48, 60)).mean() < 8  # RGB, not BGR
    assert found[0].name is None


def test_variable_frame_rate_keeps_the_true_times(tmp_path):
    times = [0.0, 0.04, 0.5, 0.51, 1.7]
    assert [shot.time for shot in shots(write_clip(tmp_path / "a.mp4", times=times))] == pytest.approx(times, abs=2e-3)


def test_times_begin_at_zero_whatever_the_file_says(tmp_path):
    found = shots(write_clip(tmp_path / "a.mkv", times=[5.0, 5.1, 5.2]))
    assert [shot.time for shot in found] == pytest.approx([0, 0.1, 0.2], abs=2e-3)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_portrait_clips_of_phones_stand_upright(tmp_path, quarter_turns):
    upright = gradient(48, 64) if quarter_turns % 2 else gradient(64, 48)
    stored = np.rot90(upright, quarter_turns)  # the phone stores what its sensor saw and notes how it was held
    path = turn(write_clip(tmp_path / "a.mp4", picture=np.ascontiguousarray(stored)), quarter_turns)
    image = shots(path)[0].image
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 8


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mkv", "ffv1", "gray"),
        ("a.mkv", "ffv1", "yuva420p"),
        ("a.mkv", "ffv1", "gray16le"),
        ("a.avi", "mjpeg", "yuvj422p"),
    ],
)
def test_grey_alpha_deep_and_camera_formats(tmp_path, name, codec, pixels):
    found = shots(write_clip(tmp_path / name, codec=codec, pixels=pixels))
    assert len(found) == 10
    assert found[0].image.shape == (48, 64, 3)
    assert found[0].image.std() > 20


@pytest.mark.parametrize("size", [(63, 47), (17, 16), (16, 16), (2, 2)])
def test_odd_and_tiny_sizes(tmp_path, size):
    found = shots(write_clip(tmp_path / "a.mkv", size=size, codec="ffv1", pixels="bgr0"))
    assert found[0].image.shape == (size[1], size[0], 3)
    assert np.array_equal(found[0].image, gradient(*size))  # lossless, so exact: no row of padding slipped in


def test_wide_pixels_become_square(tmp_path):
    path = write_clip(tmp_path / "a.mp4")
    wide = tmp_path / "wide.mp4"
    with av.open(str(path)) as source, av.open(str(wide), "w") as target:
        stream = target.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        for frame in source.decode(video=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    assert shots(wide)[0].image.shape == (48, 128, 3)


def test_it_can_be_played_again(tmp_path):
    video = Video(str(write_clip(tmp_path / "a.mp4")))
    assert len(list(video.shots())) == len(list(video.shots())) == 10


def test_close_ends_it(tmp_path):
    video = Video(str(write_clip(tmp_path / "a.mp4")))
    playing = video.shots()
    next(playing)
    video.close()
    assert list(playing) == []


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("name", ["a.mkv", "a.ts"])
def test_a_truncated_file_plays_up_to_its_break(tmp_path, name, share):
    path = write_clip(tmp_path / name, times=[index / 30 for index in range(60)])
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert 5 < len(shots(path)) < 60


def test_a_cut_file_that_knows_its_length_says_so(tmp_path, caplog):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(1)
        for _ in range(60):
            noise = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with caplog.at_level(logging.WARNING):
        found = shots(path)
    assert 10 < len(found) < 50
    assert "a.mp4" in caplog.text


def test_damage_in_the_middle_is_passed_over(tmp_path):
    path = write_clip(tmp_path / "a.mkv", times=[index / 30 for index in range(60)], codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    assert len(shots(path)) > 30


@pytest.mark.parametrize("content", [b"these are only words\n" * 50, b"", bytes(5000)])
def test_what_is_no_video_is_the_users_mistake(tmp_path, content):
    path = tmp_path / "notes.mp4"
    path.write_bytes(content)
    with pytest.raises(UserError, match="notes"):
        Video(str(path))


def test_a_text_file_called_mp4_is_not_played_as_letters(tmp_path):
    """FFmpeg draws text files as ANSI art if one lets it."""
    path = tmp_path / "notes.mp4"
    path.write_text("Dear diary,\n" * 400)
    with pytest.raises(UserError):
        shots(path)


def test_sound_alone_is_no_video(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(UserError, match="no video"):
        Video(str(tmp_path / "a.wav"))


@pytest.fixture
def server(tmp_path):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_behind_a_url_loses_no_frame(tmp_path, server):
    write_clip(tmp_path / "a.mp4")
    video = Video(f"{server}/a.mp4")
    assert not video.live
    assert len(list(video.shots())) == 10


class Broadcast(http.server.BaseHTTPRequestHandler):
    """An IP camera: MJPEG over HTTP, without an end."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        try:
            for index in range(10_000):
                jpeg = cv2.imencode(".jpg", gradient(64, 48, index))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                time.sleep(0.005)
        except OSError:
            pass  # the viewer left

    def log_message(self, *_):
        pass


def test_a_camera_on_the_network_is_live():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broadcast) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        video = Video(f"http://127.0.0.1:{running.server_port}/stream")
        assert video.live
        playing = video.shots()
        found = [next(playing) for _ in range(5)]
        assert found[0].image.shape == (48, 64, 3)
        times = [shot.time for shot in found]
        assert times == sorted(set(times))
        video.close()
        assert list(playing) == []
        running.shutdown()


class Breaking(Broadcast):
    """An IP camera that hangs up after a few pictures; every second caller finds it out of order."""

    calls = 0

    def do_GET(self):
        Breaking.calls += 1
        if Breaking.calls % 2 == 0:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        for index in range(40):
            jpeg = cv2.imencode(".jpg", gradient(64, 48, index))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")


@pytest.fixture
def breaking():
    Breaking.calls = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/stream"
        running.shutdown()


def test_a_live_stream_that_breaks_is_opened_again(breaking, caplog):
    caplog.set_level(logging.INFO)
    video = Video(breaking, retry=0.01)
    assert video.live
    times = [shot.time for shot, _ in zip(video.shots(), range(90), strict=False)]
    assert len(times) == 90  # more than two connections' worth
    assert times == sorted(set(times))
    assert Breaking.calls >= 5  # the three good ones and the refusals between
    assert "Waiting for it to come back" in caplog.text
    assert "is back" in caplog.text


def test_closing_ends_the_waiting(breaking):
    video = Video(breaking, retry=60.0)
    playing = video.shots()
    for _ in range(30):
        next(playing)
    closer = threading.Timer(0.2, video.close)
    closer.start()
    start = time.monotonic()
    assert len(list(playing)) <= 10
    assert time.monotonic() - start < 10.0


def test_a_url_that_leads_nowhere(server):
    with pytest.raises(UserError, match="cannot be opened"):
        Video(f"{server}/missing.mp4")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.mp4", "rtsp://127.0.0.1:1/live", "gopherx://a/b"])
def test_nobody_there(url):
    with pytest.raises(UserError, match="cannot be opened"):
        Video(url)


def test_passwords_are_not_printed():
    assert _without_password("rtsp://me:secret@cam.local:554/live") == "rtsp://cam.local:554/live"
    with pytest.raises(UserError) as caught:
        Video("rtsp://me:secret@127.0.0.1:1/live")
    assert "secret" not in str(caught.value)
