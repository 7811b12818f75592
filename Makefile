# SessionDock's commands. Each works on a bare Debian machine with python3: as root, or with the system packages of
# packaging/setup/debian-packages.txt already there (without root the missing ones are named). Once everything is there,
# none of them uses the network to set up.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
SETUP := packaging/setup
PYTEST_ARGS ?=
SOAK_ARGS ?=
# Not empty: tests run in a home folder with a history, beside an agent, and with our ports taken (tests/support/used_home.py).
USED_HOME ?=
IN_HOME := $(if $(USED_HOME),$(PY) -m tests.support.used_home)

.PHONY: help setup setup-run setup-test run test parity check format smoke smoke-docker bench-launch bench-tunnel \
	bench-files bench-api bench-app \
	soak soak-bytes soak-files screenshots test-py38 icons dist dist-check clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- setting up ------------------------------------------------------------------------------------------------------

.venv/.installed: pyproject.toml
	@echo "Setting up .venv (once, and again when pyproject.toml changes)"
	@$(SETUP)/venv.sh

# The system packages come before the virtual environment (python3-venv is one of them), whatever -j says.
setup-run:
	@$(SETUP)/system_packages.sh run
	@$(MAKE) -s --no-print-directory .venv/.installed
	@$(SETUP)/applications.sh

setup-test:
	@$(SETUP)/system_packages.sh run test
	@$(MAKE) -s --no-print-directory .venv/.installed
	@$(SETUP)/applications.sh
	@$(SETUP)/clearml_session.sh
	@if [ "$$(id -u)" = 0 ]; then $(SETUP)/system_packages.sh engine && $(SETUP)/engine_image.sh; fi

setup: setup-test ## install all that the other commands need

# ---- using it --------------------------------------------------------------------------------------------------------

run: ## set everything up and open the app on the sandbox of this computer
	@if [ "$$(uname)" = Linux ] && [ -z "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
		echo "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open."; \
		echo "Everything works without one, too: 'make setup-run', then '.venv/bin/sessiondock --ask' (asks what to"; \
		echo "launch) or '.venv/bin/sessiondock launch'. Secrets need a keyring; docs/command-line.md says how to have one."; \
		echo "'make smoke' does the main job through the real window on a virtual screen."; \
		exit 1; \
	fi >&2
	@$(MAKE) --no-print-directory setup-run
	@exec $(PY) -m desktop_app

# ---- testing it ------------------------------------------------------------------------------------------------------

test: ## set everything up, run the checks and every test, end-to-end ones included
	@began=$$SECONDS; $(MAKE) --no-print-directory setup-test; \
	echo "set up in $$((SECONDS - began)) s"; began=$$SECONDS; \
	$(MAKE) --no-print-directory check; \
	echo "checked in $$((SECONDS - began)) s"; began=$$SECONDS; \
	$(IN_HOME) $(PY) -m pytest $(PYTEST_ARGS) || { code=$$?; [ $$code = 1 ] || exit $$code; \
		echo "Some tests failed. Once more, those alone: what passes now depends on the machine's load and wants mending."; \
		$(IN_HOME) $(PY) -m pytest --last-failed --last-failed-no-failures none $(PYTEST_ARGS); }; \
	echo "tested in $$((SECONDS - began)) s"

parity: setup-test ## the tests that docs/parity.md names, and no others; ends with "N passed, M failed"
	@$(PY) -m tests.parity

check: .venv/.installed ## formatting, lint, types, architecture
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(PY) -m pytest -q tests/test_architecture.py tests/test_shape.py

format: .venv/.installed ## rewrite the code in the project's format
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

smoke: setup-test ## the main job through the real window on a virtual screen; ends with one JSON line
	@$(PY) -m tests.e2e.smoke

smoke-docker: setup-test ## the main job in a real Docker container, as root only; ends with one JSON line
	@$(PY) -m tests.containers.smoke

bench-launch: setup-test ## our launch against clearml-session's, warm and cold; ends with one JSON line
	@$(PY) -m tests.bench.launch

bench-files: setup-test ## our file transfers against scp's; ends with one JSON line
	@$(PY) -m tests.bench.files

soak-files: setup-test ## ten gigabytes up and down, cancelled, cut off and resumed
	@SESSIONDOCK_TRANSFER_MB=10000 $(PY) -m pytest -q --timeout 3600 tests/integration/test_transfers.py -k large

bench-api: setup-test ## what we ask of a ClearML server per hour against clearml-session's; ends with one JSON line
	@$(PY) -m tests.bench.api $(BENCH_ARGS)

bench-app: setup-test ## how fast the window is there, and what it costs, against a bare one; ends with one JSON line
	@$(PY) -m tests.bench.app $(BENCH_ARGS)

bench-tunnel: setup-test ## our tunnel against ssh's, on loopback and a slow link; ends with one JSON line
	@$(PY) -m tests.bench.tunnel

soak: setup-test ## half an hour of faults and redials under load; ends with one JSON line
	@$(PY) -m tests.bench.soak $(SOAK_ARGS)

soak-bytes: setup-test ## a hundred gigabytes through one connection, each byte checked; ends with one JSON line
	@$(PY) -m tests.bench.soak_bytes $(SOAK_ARGS)

screenshots: setup-test ## take the pictures in assets/screenshots again
	@$(SETUP)/system_packages.sh screenshots
	@$(PY) -m tests.e2e.screenshots

test-py38: .venv/.installed ## run the bootstrap's tests on Python 3.8, where one is installed
	@tests/remote/run_py38.sh

# ---- shipping it -----------------------------------------------------------------------------------------------------

icons: .venv/.installed ## draw assets/icons/*.png from the SVG files again
	@$(PY) packaging/render_icons.py

dist: ## build the executable into dist/sessiondock
	@$(SETUP)/system_packages.sh run test
	@$(MAKE) -s --no-print-directory .venv/.installed
	@$(PY) -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build packaging/sessiondock.spec
	@du -sh dist/sessiondock

dist-check: setup-test ## start the built executable on a virtual screen and check what it can do
	@test -x dist/sessiondock/sessiondock || $(MAKE) --no-print-directory dist
	@$(PY) -m tests.packaging.dist_check dist/sessiondock/sessiondock

clean: ## remove what the commands above made inside the checkout (the caches in ~/.cache stay)
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache *.egg-info
