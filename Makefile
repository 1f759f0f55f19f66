# Two targets do everything on a fresh Debian machine with Swift: `make demo` and `make test`.

PACKAGES := libopenblas-dev libsqlite3-dev libsentencepiece-dev
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
CLI := .build/release/adapter-cli

.PHONY: demo test stress bench setup build format lint clean

demo: build  ## the main job on the embedded model: several heads answer real texts
	@Tools/demo.sh $(CLI)

test: setup  ## every test
	swift build -c release --build-tests
	swift test -c release --skip-build --disable-xctest

build: setup
	swift build -c release --product adapter-cli

setup:  ## the system libraries, where they are missing
	@missing=""; \
	for package in $(PACKAGES); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq $$missing; \
	fi

format:
	swift format -i --recursive Sources Tests Package.swift

lint:
	swift format lint --strict --recursive Sources Tests Package.swift

clean:
	rm -rf .build
