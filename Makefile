# make            build bin/holdfast
# make run        two nodes that share an address, on this machine
# make test       every test; installs what it needs (as root, on Debian)
# make manual     doc/reference and doc/man, from the keyword tables
# make soak       real nodes under random faults for an hour, or as long as FOR says
# make packages   dist/*.deb and dist/*.rpm for amd64 and arm64
# make bench      side by side with keepalived; about 25 minutes
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FLAGS    = -trimpath -ldflags '-s -w -X main.version=$(VERSION)'

FOR     ?= 1h

.PHONY: all build run test soak unit manual packages bench fuzz setup clean
all: build

build:
	CGO_ENABLED=0 $(GO) build $(FLAGS) -o bin/holdfast ./cmd/holdfast

run: setup build
	./bin/holdfast lab examples/two-nodes/node1.conf examples/two-nodes/node2.conf

test: setup build
	./test/run

# New seeds each time; what it prints says how to repeat one.
soak: setup
	$(GO) test -v -count=1 -timeout 0 ./test/nemesis -run Nemesis -for $(FOR) -first $$(date +%s)

# The tests that need no rights and take seconds.
unit:
	$(GO) test -short ./internal/... ./web ./test/show ./test/samples ./test/broken

manual:
	$(GO) run ./cmd/holdfast manual doc

packages:
	./packaging/build dist

bench: setup build
	$(GO) run ./bench -write

# Ten seconds for every decoder.
fuzz:
	./test/fuzz

setup:
	@./test/setup

clean:
	rm -rf bin dist
