from pathlib import Path

import pytest

# Servers, browsers, cameras and threads, at their own pace: where the machine stalls for a moment, such a test may
# miss a deadline, so it may try once more. What is broken fails twice; pytest's last line counts the second tries.
AGAINST_THE_CLOCK = ("loop", "sources", "stream", "webrtc")
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(HERE).parts[0] in AGAINST_THE_CLOCK:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
