# MobileNAT: one makefile, no configure step. `make help` lists the targets.
#
# Every *.c in a program's folder belongs to that program, but for *_test.c, which
# belong to the folder's unit-test runner; adding a file needs no change here.

VERSION := 0.1.0
O       ?= build
CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
V       ?= 0
PREFIX  ?= /usr
DESTDIR ?=

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
else
say =
endif

WARN    := -Wall -Wextra -Werror -Wshadow=local -Wmissing-prototypes -Wstrict-prototypes \
	   -Wformat=2 -Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS  ?= -O2 -g
# SAN=1: AddressSanitizer and UndefinedBehaviorSanitizer in everything
comma   := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined)
ALL_CFLAGS = $(CFLAGS) $(SANFLAGS) -std=gnu11 $(WARN) -Iinclude -I$(O)/bpf -D_GNU_SOURCE \
	   -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -DMNAT_VERSION='"$(VERSION)"' -MMD -MP
LDFLAGS += -pie -Wl,--as-needed -Wl,-z,relro,-z,now $(SANFLAGS)
LIBS    := -lbpf -lelf -lz -luv -lconfuse -ljansson -lmnl -lsqlite3 -lssl -lcrypto -lsystemd -lseccomp -lm

BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -I. -Iinclude -Wall -Wextra -Werror \
	   -Wno-unused-parameter -Wno-missing-declarations -Wno-address-of-packed-member

# program:folder
PROGRAMS := mnat-load:ctl/load mnatctl:ctl/mnatctl mnat-midcomd:ctl/midcom mnatc:ctl/mnatc \
	    mnat-dhcpd:dhcpd mnat-mmd:mm
prog     = $(word 1,$(subst :, ,$(1)))
folder   = $(word 2,$(subst :, ,$(1)))
srcs     = $(filter-out %_test.c,$(wildcard $(1)/*.c))
objs     = $(patsubst %.c,$(O)/obj/%.o,$(1))

BINS     := $(foreach p,$(PROGRAMS),$(O)/bin/$(call prog,$(p)))
BPF_OBJS := $(patsubst bpf/%.bpf.c,$(O)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELS    := $(BPF_OBJS:.bpf.o=.skel.h)
TEST_DIRS := $(sort $(patsubst %/,%,$(dir $(wildcard ctl/*/*_test.c dhcpd/*_test.c mm/*_test.c))))
UNIT     := $(foreach d,$(TEST_DIRS),$(O)/test/unit-$(subst /,-,$(d)))
BPF_TEST := $(O)/test/bpf
HELPERS  := $(patsubst selftests/lib/%.c,$(O)/test/%,\
			$(filter-out %.bpf.c %.so.c,$(wildcard selftests/lib/*.c))) \
	    $(O)/test/xdp.bpf.o $(O)/test/wallclock.so \
	    $(patsubst selftests/bench/%.c,$(O)/test/%,\
			$(filter-out %.bpf.c,$(wildcard selftests/bench/*.c))) $(O)/test/empty.bpf.o

.PHONY: all help deps test demo bench install clean unit bpf-test fuzz test-programs vm
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BINS) $(BPF_OBJS)

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)
#: make            build everything into build/
#: make deps       install what Debian packages are missing (root)
#: make demo       watch a download survive moves between networks (root, 1-2 minutes)
#: make test       unit tests, BPF packet tables, scenarios in namespaces (root)
#: make vm         boot Debian's 6.1 kernel, emulated, and run the tests there (about 10 minutes)
#: make bench      figures, printed and in build/bench.json (root)
#: make fuzz       run each fuzz target, FUZZ_SECONDS=10 each
#: make install    DESTDIR=... PREFIX=/usr
#: make vmlinux    regenerate vmlinux.h from the running kernel's BTF
#: variables       O=build CLANG=clang-19 SAN=1 V=1

# ---- what a machine needs ----

deps:
	$(Q)selftests/deps.sh build test

$(O)/.deps-build:
	$(Q)selftests/deps.sh build && mkdir -p $(O) && touch $@

$(O)/.deps-vm:
	$(Q)selftests/deps.sh build test vm && mkdir -p $(O) && touch $@

$(O)/.deps-test:
	$(Q)selftests/deps.sh build test && mkdir -p $(O) && touch $@

# ---- BPF ----

$(O)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) include/mnat/abi.h $(wildcard include/mnat/abi/*.h) include/mnat/session_table.h vmlinux.h | $(O)/.deps-build
	$(call say,CLANG,$@) mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp && $(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp
	$(Q)echo __clang_major__ | $(CLANG) -E -P - >$(@D)/clang

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

.PHONY: vmlinux
vmlinux: | $(O)/.deps-build
	$(Q)$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c | \
		python3 bpf/mkvmlinux.py > vmlinux.h.tmp && mv vmlinux.h.tmp vmlinux.h

# ---- user space ----

# which skeletons an object needs its .d file tells, once they are there
$(O)/obj/%.o: %.c | $(SKELS) $(O)/.deps-build
	$(call say,CC,$@) mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(O)/libmnat.a: $(call objs,$(call srcs,ctl/lib))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

define program_rule
$(O)/bin/$(call prog,$(1)): $$(call objs,$$(call srcs,$(call folder,$(1)))) $(O)/libmnat.a
	$$(call say,LD,$$@) mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) $$^ $$(LIBS) $$(LIBS_$(call prog,$(1))) -o $$@
endef
LIBS_mnatctl := -lsmartcols
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# ---- tests ----

# a folder's runner: its code but main.c, its tests, what tests share, Criterion
define unit_rule
$(O)/test/unit-$(subst /,-,$(1)): $$(call objs,$$(filter-out %/main.c,$$(call srcs,$(1))) \
		$$(wildcard $(1)/*_test.c selftests/unit/*.c)) $(O)/libmnat.a | $(O)/.deps-test
	$$(call say,LD,$$@) mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) $$^ $$(LIBS) -lsmartcols -lcriterion -o $$@
endef
$(foreach d,$(TEST_DIRS),$(eval $(call unit_rule,$(d))))

$(BPF_TEST): $(call objs,$(wildcard selftests/bpf/*.c)) $(O)/libmnat.a | $(O)/.deps-test
	$(call say,LD,$@) mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -lcriterion -o $@

$(O)/test/%.bpf.o: selftests/lib/%.bpf.c selftests/lib/bench.h vmlinux.h | $(O)/.deps-build
	$(call say,CLANG,$@) mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Iselftests/lib -c $< -o $@

$(O)/test/%.bpf.o: selftests/bench/%.bpf.c vmlinux.h | $(O)/.deps-build
	$(call say,CLANG,$@) mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# what tests preload into programs
$(O)/test/%.so: selftests/lib/%.so.c | $(O)/.deps-build
	$(call say,LD,$@) mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -std=gnu11 $(WARN) -fPIC -shared $< -o $@

# small programs that tests run (traffic sources and sinks): one file each
$(O)/test/%: $(O)/obj/selftests/lib/%.o $(O)/libmnat.a
	$(call say,LD,$@) mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@
$(O)/test/%: $(O)/obj/selftests/bench/%.o $(O)/libmnat.a
	$(call say,LD,$@) mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) $^ $(LIBS) -o $@

# test objects need Criterion's header
$(foreach f,$(wildcard ctl/*/*_test.c dhcpd/*_test.c mm/*_test.c selftests/bpf/*.c),\
	$(eval $(call objs,$(f)): | $(O)/.deps-test))

test-programs: all $(UNIT) $(BPF_TEST) $(HELPERS)

test: test-programs | $(O)/.deps-test
	$(Q)O=$(O) selftests/run

vm: test-programs | $(O)/.deps-vm
	$(Q)O=$(O) selftests/vm/run

unit: $(UNIT) | $(O)/.deps-test
	$(Q)O=$(O) selftests/run unit

bpf-test: $(BPF_TEST) | $(O)/.deps-test
	$(Q)O=$(O) selftests/run bpf

demo: all $(HELPERS) | $(O)/.deps-test
	$(Q)O=$(O) selftests/net/demo

bench: all $(HELPERS) | $(O)/.deps-test
	$(Q)O=$(O) selftests/bench/run

# ---- fuzzing: selftests/fuzz/NAME.c with corpus selftests/fuzz/NAME.corpus/ ----

FUZZ_CC ?= clang-19
FUZZERS := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(wildcard selftests/fuzz/*.c))
FUZZ_LIB_SRC := $(filter-out ctl/lib/maps.c,$(call srcs,ctl/lib))
# targets dhcpd* are of the DHCP server's code too
FUZZ_DHCPD_SRC := $(filter-out dhcpd/main.c,$(call srcs,dhcpd))
FUZZ_DHCPD := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(wildcard selftests/fuzz/dhcpd*.c))
$(FUZZ_DHCPD): FUZZ_MORE := -Idhcpd $(FUZZ_DHCPD_SRC)
$(FUZZ_DHCPD): $(FUZZ_DHCPD_SRC)
# targets mm* are of the manager's
FUZZ_MM_SRC := $(filter-out mm/main.c,$(call srcs,mm))
FUZZ_MM := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(wildcard selftests/fuzz/mm_*.c))
$(FUZZ_MM): FUZZ_MORE := -iquote mm $(FUZZ_MM_SRC)
$(FUZZ_MM): $(FUZZ_MM_SRC)
# the client's state file, by its own code
FUZZ_STATE_SRC := $(addprefix ctl/mnatc/,state.c roam.c shim.c) ctl/lib/maps.c
$(O)/fuzz/mnatc_state: FUZZ_MORE := -iquote ctl/mnatc $(FUZZ_STATE_SRC)
$(O)/fuzz/mnatc_state: $(FUZZ_STATE_SRC)
# the programs themselves, through BPF_PROG_TEST_RUN
$(O)/fuzz/gateway: FUZZ_MORE := -I$(O)/bpf selftests/bpf/packet.c
$(O)/fuzz/gateway: selftests/bpf/packet.c $(SKELS)
$(O)/fuzz/%: selftests/fuzz/%.c $(wildcard selftests/fuzz/*.h) $(FUZZ_LIB_SRC) | $(O)/.deps-test
	$(call say,FUZZ,$@) mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-std=gnu11 -D_GNU_SOURCE -DMNAT_VERSION='"$(VERSION)"' -Iinclude $< $(FUZZ_MORE) $(FUZZ_LIB_SRC) $(LIBS) -o $@

fuzz: $(FUZZERS)
	$(Q)O=$(O) selftests/run fuzz

# ---- install ----

install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(filter-out %/mnatctl,$(BINS)) $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(O)/bin/mnatctl $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/lib/mobilenat/bpf
	install -m 644 $(BPF_OBJS) $(DESTDIR)$(PREFIX)/lib/mobilenat/bpf
	install -d $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(wildcard ctl/man/*.8) $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(wildcard ctl/man/*.5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 ctl/completion/mnatctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mnatctl
	install -d $(DESTDIR)/lib/systemd/system
	install -m 644 $(wildcard ctl/systemd/*.service) $(DESTDIR)/lib/systemd/system
	install -d $(DESTDIR)/etc/mobilenat
	for f in $(notdir $(wildcard ctl/dist/*.conf)); do \
		test -e $(DESTDIR)/etc/mobilenat/$$f || \
		install -m 644 ctl/dist/$$f $(DESTDIR)/etc/mobilenat || exit 1; done

clean:
	rm -rf $(O)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
