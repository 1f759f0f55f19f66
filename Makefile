# Two targets do everything on a fresh Debian machine with Swift: `make demo` and `make test`.

PACKAGES := libopenblas-dev libsqlite3-dev zlib1g-dev liblzma-dev
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
CLI := .build/release/adapter-cli

.PHONY: demo serve acceptance soak test stress asan tsan bench setup build format lint clean

demo: build  ## the main job on the embedded model: several heads answer real texts
	@Tools/demo.sh $(CLI)

serve: setup  ## the server on the embedded model, at port 8080; SERVE="--port 80 --host 0.0.0.0" changes that
	swift build -c release --product adapter-server
	.build/release/adapter-server --registry registry.sqlite $(SERVE)

acceptance: build  ## the real clients of other servers against ours, in environments outside the repository
	swift build -c release --product adapter-server
	Tests/Acceptance/run.sh .build/release/adapter-server .build/release/adapter-cli

soak: build  ## the server at 70 % of what it can for an hour, then 200 times killed amid changes of its registry
	swift build -c release --product adapter-server
	Tests/Acceptance/soak.py .build/release/adapter-server $(CLI) --minutes $(MINUTES)
	Tests/Acceptance/kills.py .build/release/adapter-server $(CLI) --rounds $(ROUNDS)

MINUTES := 60
ROUNDS := 200

test: setup  ## every test
	swift build -c release -Xswiftc -enable-testing --build-tests
	swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest

stress: setup  ## the long forms: hundreds of killed writers and runs, 10,000 texts from 8 tasks, a million damaged inputs
	swift build -c release -Xswiftc -enable-testing --build-tests
	REGISTRY_STRESS=500 swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest --filter "Registry"
	TRAINING_STRESS=100 swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest --filter Train
	PREDICTION_STRESS=10000 swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest --filter PrefetchTests
	FUZZ_COUNT=$(FUZZ_COUNT) swift test -c release -Xswiftc -enable-testing --skip-build --disable-xctest --filter FuzzTests

FUZZ_COUNT := 1000000

asan: setup  ## the tests under AddressSanitizer, in a build of its own
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 swift test --scratch-path .build-asan --sanitize=address \
	  -Xcc -O1 --disable-xctest $(SANITIZED)

tsan: setup  ## the tests under ThreadSanitizer, in a build of its own
	TSAN_OPTIONS=halt_on_error=1 swift test --scratch-path .build-tsan --sanitize=thread -Xcc -O1 --disable-xctest \
	  $(SANITIZED)

bench: build  ## our forward pass beside its peers; BENCH="--python VENV/bin/python --texts FILES"
	swift build -c release --package-path Benchmarks
	python3 Benchmarks/run.py $(BENCH)

build: setup
	swift build -c release --product adapter-cli

setup:  ## the system libraries, where they are missing
	@missing=""; \
	if ! command -v dpkg-query >/dev/null; then \
	  echo "Not Debian: OpenBLAS and SQLite are expected with their headers."; exit 0; \
	fi; \
	for package in $(PACKAGES); do \
	  status=$$(dpkg-query -W -f='$${db:Status-Status}' $$package 2>/dev/null) || :; \
	  [ "$$status" = installed ] || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing$$missing"; $(SUDO) apt-get update -qq && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

format:
	swift format -i --recursive Sources Tests Package.swift Benchmarks/Sources Benchmarks/Package.swift

lint:
	swift format lint --strict --recursive Sources Tests Package.swift Benchmarks/Sources Benchmarks/Package.swift
	@python3 Tools/count_circles.py > /dev/null || { python3 Tools/count_circles.py; exit 1; }

clean:
	rm -rf .build
