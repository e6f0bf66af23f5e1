# `make demo` and `make test` are all a stranger needs; each does its own set-up.
VENV := .venv
PYTHON := $(VENV)/bin/python
EXTRAS ?=
ARGS ?=

.PHONY: help install demo test run bench bench-webrtc doctor lint format clean

help:
	@echo "make demo     install, then turn the demo photo into out/demo.mp4"
	@echo "make run      install, then start at the webcam        (ARGS='--source clip.mp4')"
	@echo "make test     install with the test extra, then run the tests  (ARGS='-k fitting')"
	@echo "make bench    speed and memory on this machine          (ARGS='--clip clip.mp4')"
	@echo "make bench-webrtc  delay and cost of viewers in Chromium (ARGS='--clip clip.mp4')"
	@echo "make doctor   which engine runs the networks here, and why (EXTRAS=gpu: for NVIDIA GPUs)"
	@echo "make lint     ruff and mypy"
	@echo "make install  only the set-up                           (EXTRAS=train,test)"

install:
	@tools/install.sh $(VENV) "$(EXTRAS)"

demo: install
	@mkdir -p out
	$(PYTHON) run.py --source demo --headless --view split --record out/demo.mp4 $(ARGS)
	@echo "The video: $(CURDIR)/out/demo.mp4"

run: install
	$(PYTHON) run.py $(ARGS)

test: EXTRAS := $(if $(EXTRAS),$(EXTRAS),test)
test: install
	$(PYTHON) -m pytest $(ARGS)

bench: EXTRAS := $(if $(EXTRAS),$(EXTRAS),test)
bench: install
	$(PYTHON) -m realtime.bench $(ARGS)

bench-webrtc: EXTRAS := $(if $(EXTRAS),$(EXTRAS),test)
bench-webrtc: install
	$(PYTHON) -m realtime.webrtc_bench $(ARGS)

doctor: install
	$(PYTHON) -m engines doctor

lint: EXTRAS := $(if $(EXTRAS),$(EXTRAS),test)
lint: install
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: EXTRAS := $(if $(EXTRAS),$(EXTRAS),test)
format: install
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

clean:
	rm -rf $(VENV) out *.egg-info
