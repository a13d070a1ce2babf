# Thin on purpose: every target is a command or two that you could type.
# Tests and the demo open network namespaces and TAPs, so they want root;
# without it, and without tshark or spin, the tests concerned are skipped and
# listed at the end.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

# Inputs for each fuzz target (a time, such as 5s, works too, but Go before 1.27
# may then end with "context deadline exceeded": go.dev/issue/75804), time for
# and runs of each benchmark, and more flags for go test.
FUZZTIME  ?= 50000x
BENCHTIME ?= 200ms
COUNT     ?= 5
SEEDS     ?= 10000
TESTFLAGS ?=
NOSKIP    ?=

# What go test -v writes, cut to failures and skips.
BRIEF := 2>&1 | awk -v noskip=$(NOSKIP) -f .ci/brief.awk

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := bin/golangci-lint-$(GOLANGCI_VERSION)

.PHONY: build install tools test portable race sim debug fuzz fuzz-control soak bench bench-executive bench-peers bench-report generate lint arm64 demo clean

build: # bin/cellhubd, bin/cellsigd, bin/cellctl, bin/atmtap, bin/demo, bin/cellbench
	go build -o bin/ ./cmd/...

# Where install puts things; DESTDIR comes before, for packages.
PREFIX  ?= /usr/local
UNITDIR ?= /etc/systemd/system
DESTDIR ?=

SHARE   = $(DESTDIR)$(PREFIX)/share

install: build # programs, manual pages, completions for shells, units for systemd
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/sbin bin/atmtap bin/cellhubd bin/cellsigd bin/cellctl
	install -d $(SHARE)/man/man8 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions \
		$(SHARE)/fish/vendor_completions.d $(DESTDIR)$(UNITDIR)
	for p in atmtap cellhubd cellsigd; do bin/$$p --help | awk -v name=$$p -f cmd/atmtap/man.awk >$(SHARE)/man/man8/$$p.8; done
	CELLHUB_CONTROL= bin/cellctl man $(SHARE)/man/man8
	bin/cellctl completion bash >$(SHARE)/bash-completion/completions/cellctl
	bin/cellctl completion zsh >$(SHARE)/zsh/site-functions/_cellctl
	bin/cellctl completion fish >$(SHARE)/fish/vendor_completions.d/cellctl.fish
	for u in atmtap/atmtap@ cellhubd/cellhubd cellsigd/cellsigd; do \
		sed 's|/usr/local|$(PREFIX)|' cmd/$$u.service >$(DESTDIR)$(UNITDIR)/$${u#*/}.service; done
	install -m 644 cmd/cellhubd/cellhubd.socket $(DESTDIR)$(UNITDIR)/cellhubd.socket

tools: # what the tests call, installed when it is missing: as root on Debian
	bash .ci/tools

test:
	-@bash .ci/tools # without them tests are skipped
	go test -v -timeout 15m $(TESTFLAGS) ./... $(BRIEF)

portable: # the code that other processors than amd64 run
	go test -v -timeout 5m -tags purego $(TESTFLAGS) ./aal/... ./nic $(BRIEF)

race: # all but the commands, whose tests are other processes; needs a C compiler
	go test -v -race -timeout 15m $(TESTFLAGS) ./aal/... ./dataplane/... ./nic/... ./signalling/... ./loader/... $(BRIEF)

sim: # hubs on a virtual clock, tunnels of real modules on them, signalling over bad links: SEEDS seeds of each
	go test -timeout 12h -count=1 -run Simulation -v $(TESTFLAGS) ./dataplane ./dataplane/modules ./signalling/sscop ./signalling/q2931 ./signalling/node ./signalling/atmarp -seeds $(SEEDS)

debug: # the executive with its ledger of who holds each block
	go test -v -tags hubdebug -timeout 15m $(TESTFLAGS) ./dataplane/... $(BRIEF)

fuzz: # every fuzz target in turn
	@go test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ {names[++n] = $$1} /^ok/ {for (i = 1; i <= n; i++) print $$2, names[i]; n = 0}' | \
	while read -r package name; do \
		echo "$$package $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1000x "$$package" </dev/null | grep -v 'baseline\|^PASS'; \
	done

soak: build # for a night: what CI runs a part of
	go test -race -count=20 -timeout 12h ./aal/... ./dataplane/... ./nic/... ./signalling/... ./loader/...
	go test -count=10 -timeout 6h ./cmd/...
	go test -run TestLoad -timeout 30m ./cmd/atmtap -load 10m
	OVERLOAD=60s go test -run TestOverload ./cmd/cellhubd
	go test -run TestManyCrossConnects -v -timeout 1h ./cmd/cellhubd -crosses 100000
	$(MAKE) sim SEEDS=1000000
	go test -run 'TestKillCycles|TestManySockets' -timeout 1h ./dataplane/client -kills 10000 -sockets 100000
	bin/cellbench sockets --many 100000
	$(MAKE) fuzz-control
	$(MAKE) fuzz FUZZTIME=5000000x

# By message, by sequence of messages, and by what an application does to its rings.
FUZZCONTROL = control:FuzzMessage control:FuzzTLV server:FuzzSequence client:FuzzSock client:FuzzRing region:FuzzScribble ring:FuzzForeignIndices

fuzz-control: # the control socket and shared memory, more than an hour in all
	for t in $(FUZZCONTROL); do go test -run '^$$' -fuzz "^$${t#*:}\$$" -fuzztime 10m ./dataplane/$${t%:*} </dev/null || exit 1; done

bench: build bench-peers # functions, then tunnels side by side; as root, on a quiet machine
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(COUNT) -timeout 1h ./...
	bin/cellbench tunnel

bench-executive: build # the executive alone; its tables for ARCHITECTURE.md come last
	go test -run '^$$' -bench Table -benchtime $(BENCHTIME) -count $(COUNT) ./dataplane/modules
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(COUNT) -timeout 30m ./dataplane
	bin/cellbench put
	bin/cellbench ring

bench-peers: # wireguard-go and nebula, from a module of their own that pins them
	go -C cmd/cellbench/peers build -o $(CURDIR)/bin/peers/ tool

# As root, on a quiet machine, in less than 20 minutes; QUICK=--quick takes 5.
# What is not installed is passed over: apt-get install openvpn vtun dpdk-dev.
QUICK ?=
bench-report: build bench-peers # BENCHMARKS.md and its picture, of everything that cellbench measures
	bin/cellbench report $(QUICK)

generate: # the assembly, from its generators; the classifier's objects, by clang 14
	go generate ./...

lint: $(GOLANGCI)
	$(GOLANGCI) run ./...
	go -C aal/internal/asmgen vet ./...
	go -C nic/internal/asmgen vet ./...

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

arm64: # builds there, tests included
	GOARCH=arm64 go build ./...
	GOARCH=arm64 go vet ./...

demo: build
	bin/demo

clean:
	rm -rf bin
