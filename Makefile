# rocker - see `make help`.
#
# One file for everything: programs, tests, install. Objects go to $(BUILD); a build with other flags (SANITIZE=,
# CXX=) has its own folder, so that two never mix.

VERSION := 0.1.0

# As many jobs as there are processors, unless the user (or a make above this one) says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
.DELETE_ON_ERROR:

PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
LIBEXECDIR  ?= $(PREFIX)/libexec/rocker
MANDIR      ?= $(PREFIX)/share/man
COMPDIR     ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR      ?= $(PREFIX)/share/zsh/site-functions
FISHDIR     ?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR     ?= $(PREFIX)/lib/systemd/system

SANITIZE ?=
BUILD    ?= build$(if $(SANITIZE),-sanitize)
CXX      ?= g++
CXXFLAGS ?= -O2 -g1
LDFLAGS  ?=
V        ?= 0

# What the code needs, whatever CXXFLAGS says. _FILE_OFFSET_BITS: images are large on 32-bit machines too.
OUR_CXXFLAGS := -std=c++20 -I. -MMD -MP -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough \
                -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -DROCKER_VERSION='"$(VERSION)"'
# Relocations are much of what a start reads of a position-independent program: packed, they are a tenth of that. What
# nothing uses is left out, which is most of libarchive.
OUR_LDFLAGS  := -Wl,-z,relro -Wl,-z,pack-relative-relocs -Wl,--as-needed -Wl,-O1 -Wl,--gc-sections
ifneq ($(SANITIZE),)
OUR_CXXFLAGS += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
OUR_LDFLAGS  += -fsanitize=$(SANITIZE)
else
# A start of rocker-runc is a few hundred microseconds: the C++ runtime is linked in, since loading it would take
# longer than all that the program does.
OUR_CXXFLAGS += -ffunction-sections -fdata-sections -D_FORTIFY_SOURCE=2
OUR_LDFLAGS  += -static-libstdc++ -static-libgcc -Wl,-z,now
endif

# V=1 shows the commands.
ifeq ($(V),0)
say = @printf '  %-6s %s\n' $(1) $(2);
else
say =
endif

SPEC_SOURCES  := $(wildcard spec/*.cc spec/support/*.cc)
IMAGE_SOURCES := $(wildcard rocker-image/*.cc rocker-image/*/*.cc)
RUNC_SOURCES  := $(wildcard rocker-runc/*.cc rocker-runc/*/*.cc)
ATTACH_SOURCES := $(wildcard scripts/attach/*.cc)
UNIT_SOURCES  := $(wildcard tests/unit/*.cc)
SOURCES       := $(SPEC_SOURCES) $(IMAGE_SOURCES) $(RUNC_SOURCES) $(ATTACH_SOURCES) $(UNIT_SOURCES)

# In a folder of their own: $(BUILD)/rocker-image is the program.
objects = $(patsubst %.cc,$(BUILD)/obj/%.o,$(1))
SPEC_LIB := $(BUILD)/librocker-spec.a

# Debian has no static libmount: it is loaded on demand. libarchive is linked in, with the formats and filters that we
# ask for and no others: the shared one brings libxml2 and ICU along, which take longer to load than most commands run.
RUNC_LIBS  := -l:libseccomp.a -ldl
IMAGE_LIBS := -l:libarchive.a -l:libcrypto.a -l:libz.a -l:libbz2.a -l:liblzma.a -l:libzstd.a -l:liblz4.a -ldl

PROGRAMS := $(if $(wildcard rocker-image/main.cc),$(BUILD)/rocker-image) $(if $(wildcard rocker-runc/main.cc),$(BUILD)/rocker-runc) \
            $(if $(wildcard scripts/rocker),$(BUILD)/rocker)

# First in the file, so that plain `make` builds.
.PHONY: all
all: $(PROGRAMS) ## build the three programs into $(BUILD)/

.PHONY: help
help: ## show this list
	@echo 'usage: make [TARGET...] [VARIABLE=VALUE...]'; echo; \
	sed -n 's/^\([a-z][a-z.-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | sed 's/$$(BUILD)/$(BUILD)/; s/$$(DIST)/$(DIST)/' | \
	  while IFS='|' read -r target text; do printf '  %-18s %s\n' "$$target" "$$text"; done; \
	echo; \
	echo '  V=1                show the commands as they are run'; \
	echo '  SANITIZE=LIST      build with sanitizers (address,undefined) into build-sanitize/'; \
	echo '  CXX CXXFLAGS CPPFLAGS LDFLAGS BUILD PREFIX DESTDIR   as everywhere'; \
	echo '  TESTS="FILE..." FILTER=REGEX   what `make test` runs'

$(BUILD)/obj/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(OUR_CXXFLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(SPEC_LIB): $(call objects,$(SPEC_SOURCES))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(BUILD)/rocker-image: $(call objects,$(IMAGE_SOURCES)) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS)

$(BUILD)/rocker-runc: $(call objects,$(RUNC_SOURCES)) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^ $(RUNC_LIBS)

# The client of conmon's attach socket, which the shell program can't be.
$(BUILD)/rocker-attach: $(call objects,$(ATTACH_SOURCES)) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^

# The shell program is told where its helpers are: beside it in the build tree, below PREFIX when it is installed.
place_rocker = sed -e 's|@VERSION@|$(VERSION)|g' -e 's|@BINDIR@|$(1)|g' -e 's|@SBINDIR@|$(2)|g' \
                   -e 's|@LIBEXECDIR@|$(3)|g' -e 's|@ATTACH@|$(4)|g' scripts/rocker

$(BUILD)/rocker: scripts/rocker $(BUILD)/rocker-attach $(filter %/rocker-image %/rocker-runc,$(PROGRAMS)) Makefile
	$(call say,GEN,$@)$(call place_rocker,$(abspath $(BUILD)),$(abspath $(BUILD)),$(CURDIR)/scripts/rocker.d,$(abspath $(BUILD))/rocker-attach) \
	  >$@.new && chmod 755 $@.new && mv $@.new $@

# Unit tests link the rooms of both programs, without their mains, as archives: what no test uses is not linked,
# so the two programs may use the same names. Criterion finds its tests in a section that a linker thinks unused.
$(BUILD)/unit-image.a: $(call objects,$(filter-out %/main.cc,$(IMAGE_SOURCES)))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(BUILD)/unit-runc.a: $(call objects,$(filter-out %/main.cc,$(RUNC_SOURCES)))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(BUILD)/unit-tests: $(call objects,$(UNIT_SOURCES)) $(BUILD)/unit-image.a $(BUILD)/unit-runc.a $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(filter-out %--gc-sections,$(OUR_LDFLAGS)) $(LDFLAGS) -o $@ $^ \
	  -lcriterion $(RUNC_LIBS) $(IMAGE_LIBS)

# What integration tests run beside and inside containers, static for any root file system, and so without sanitizers.
HELPERS := $(patsubst tests/helpers/%.cc,$(BUILD)/helpers/%,$(wildcard tests/helpers/*.cc))
$(BUILD)/helpers/%: tests/helpers/%.cc Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$@)$(CXX) $(filter-out -fsanitize=% -fno-sanitize%,$(OUR_CXXFLAGS)) $(CPPFLAGS) $(CXXFLAGS) -static -o $@ $<

.PHONY: demo
demo: ## from nothing to a running container: installs what is missing, builds, shows
	@scripts/install-deps build run
	@$(MAKE) all base-image
	@BUILD=$(BUILD) scripts/demo

.PHONY: test
test: ## install what is missing, build, run all unit and integration tests
	@scripts/install-deps build run test
	@$(MAKE) all base-image $(BUILD)/unit-tests $(HELPERS)
	@BUILD=$(BUILD) tests/run $(if $(FILTER),--filter '$(FILTER)') $(TESTS)

.PHONY: test-vm
test-vm: ## run the tests that depend on the kind of host here and in three guests of qemu, side by side
	@scripts/install-deps build run test
	@$(MAKE) all base-image $(HELPERS)
	@BUILD=$(BUILD) tests/vm/compare $(TESTS)

.PHONY: bench
bench: ## measure against runc, crun and the bare kernel work, as ratios
	@scripts/install-deps build run bench
	@$(MAKE) all base-image $(BUILD)/bench/bare $(BUILD)/bench/bare_bundle $(BUILD)/bench/interleave \
	  $(BUILD)/bench/read_files
	@BUILD=$(BUILD) scripts/bench

# C and static, so that nothing but the system calls is measured.
$(BUILD)/bench/%: tests/bench/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -O2 -Wall -Wextra -static -o $@ $<

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.cc,%,$(wildcard tests/fuzz/*.cc))

.PHONY: fuzz
fuzz: ## run the fuzzers, each for FUZZ_SECONDS
	@scripts/install-deps build fuzz
	@$(MAKE) BUILD=build-fuzz CXX=$(FUZZ_CXX) CXXFLAGS='-O1 -g -Wno-error -fno-sanitize=pointer-overflow' SANITIZE=fuzzer-no-link,address,undefined \
	  $(FUZZERS:%=build-fuzz/fuzz-%)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZERS:%=build-fuzz/fuzz-%)

# RapidJSON adds to null pointers, which no compiler minds. clang 14 does not capture structured bindings, which C++20 allows.
FUZZ_CXX ?= clang++-16
# libarchive has formats that need libraries of their own: what is not called is left out, as in the programs.
FUZZ_OBJECTS := $(call objects,$(filter-out %/main.cc,$(wildcard rocker-image/*.cc)))

$(BUILD)/fuzz-%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_OBJECTS) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) -fsanitize=fuzzer,address,undefined -Wl,--gc-sections $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS) -lpthread

.PHONY: base-image
base-image: base-image/busybox.tar ## make base-image/busybox.tar from Debian's busybox-static

base-image/busybox.tar: scripts/make-base-image
	$(call say,GEN,$@)scripts/make-base-image $@

# clang-tidy takes seconds a file: one that passed is checked again when its object had to be made again.
ANALYZE ?=
.PHONY: lint
lint: ## check format, clang-tidy, shell scripts and man pages (ANALYZE=1: clang's static analyzer too)
	@scripts/install-deps build test lint
	@scripts/lint
	@$(MAKE) --keep-going tidy

CLANG_TIDY ?= clang-tidy-16
TIDY := $(patsubst %.cc,$(BUILD)/obj/%.tidy$(ANALYZE),$(SOURCES))
.PHONY: tidy
tidy: $(TIDY)

$(TIDY): $(BUILD)/obj/%.tidy$(ANALYZE): %.cc $(BUILD)/obj/%.o .clang-tidy
	$(call say,TIDY,$<)$(CLANG_TIDY) --quiet $(if $(ANALYZE),--checks='clang-analyzer-*') $< -- $(OUR_CXXFLAGS) \
	  $(CPPFLAGS) 2>$@.err || { grep -v 'warnings generated' $@.err; false; }
	@touch $@

.PHONY: compile-commands
compile-commands: compile_commands.json ## write compile_commands.json, for editors and clang-tidy

compile_commands.json: Makefile $(SOURCES)
	$(call say,GEN,$@)scripts/compile-commands '$(subst ','\'',$(CXX) $(OUR_CXXFLAGS) $(CPPFLAGS) $(CXXFLAGS))' \
	  $(filter %.cc,$^) >$@.new && mv $@.new $@

# Completion for bash is made from what the programs say of themselves in --help.
$(BUILD)/completion/%: $(BUILD)/% scripts/make-completion
	@mkdir -p $(@D)
	$(call say,GEN,$@)scripts/make-completion $< >$@.new && mv $@.new $@

# rocker's are made from the tables of options, for three shells.
$(BUILD)/completion/rocker $(BUILD)/completion/_rocker $(BUILD)/completion/rocker.fish: scripts/make-rocker-completion $(BUILD)/rocker-image
	@mkdir -p $(@D)
	$(call say,GEN,$@)scripts/make-rocker-completion $(if $(filter %.fish,$@),fish,$(if $(filter %/_rocker,$@),zsh,bash)) \
	  $(BUILD)/rocker-image >$@.new && mv $@.new $@

COMPLETIONS := $(BUILD)/completion/rocker-image $(BUILD)/completion/rocker-runc $(BUILD)/completion/rocker
.PHONY: completion
completion: $(COMPLETIONS) $(BUILD)/completion/_rocker $(BUILD)/completion/rocker.fish ## make the completion files

UNITS := rocker@.service rocker-restart.service
MAN_PAGES := $(wildcard man/*.[1-8])

.PHONY: install
install: all completion ## install below $(DESTDIR)$(PREFIX)
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(LIBEXECDIR)' '$(DESTDIR)$(COMPDIR)'
	install -m 755 $(BUILD)/rocker-image '$(DESTDIR)$(BINDIR)/rocker-image'
	install -m 755 $(BUILD)/rocker-runc '$(DESTDIR)$(SBINDIR)/rocker-runc'
	$(call place_rocker,$(BINDIR),$(SBINDIR),$(LIBEXECDIR),$(LIBEXECDIR)/rocker-attach) >$(BUILD)/rocker.install
	install -m 755 $(BUILD)/rocker.install '$(DESTDIR)$(BINDIR)/rocker'
	install -m 755 $(BUILD)/rocker-attach '$(DESTDIR)$(LIBEXECDIR)/rocker-attach'
	for file in $(wildcard scripts/rocker.d/*); do install -m 644 $$file '$(DESTDIR)$(LIBEXECDIR)/' || exit; done
	for page in $(MAN_PAGES); do \
	  install -D -m 644 $$page '$(DESTDIR)$(MANDIR)/man'"$${page##*.}/$${page##*/}" || exit; done
	install -m 644 $(COMPLETIONS) '$(DESTDIR)$(COMPDIR)/'
	install -D -m 644 $(BUILD)/completion/_rocker '$(DESTDIR)$(ZSHDIR)/_rocker'
	install -D -m 644 $(BUILD)/completion/rocker.fish '$(DESTDIR)$(FISHDIR)/rocker.fish'
	install -d '$(DESTDIR)$(UNITDIR)'
	for unit in $(UNITS); do \
	  sed 's|@BINDIR@|$(BINDIR)|g' scripts/package/$$unit.in >'$(DESTDIR)$(UNITDIR)'/$$unit && \
	  chmod 644 '$(DESTDIR)$(UNITDIR)'/$$unit || exit; done

.PHONY: uninstall
uninstall: ## remove what install put there
	rm -f '$(DESTDIR)$(BINDIR)/rocker' '$(DESTDIR)$(BINDIR)/rocker-image' '$(DESTDIR)$(SBINDIR)/rocker-runc'
	rm -rf '$(DESTDIR)$(LIBEXECDIR)'
	for page in $(MAN_PAGES); do rm -f '$(DESTDIR)$(MANDIR)/man'"$${page##*.}/$${page##*/}"; done
	for file in $(notdir $(COMPLETIONS)); do rm -f '$(DESTDIR)$(COMPDIR)'/$$file; done
	rm -f '$(DESTDIR)$(ZSHDIR)/_rocker' '$(DESTDIR)$(FISHDIR)/rocker.fish'
	for unit in $(UNITS); do rm -f '$(DESTDIR)$(UNITDIR)'/$$unit; done

DIST ?= dist
.PHONY: dist
dist: ## pack the source into $(DIST)/, reproducibly, with its SHA-256
	@scripts/package/dist '$(DIST)'

# Built again when anything that git knows has changed.
DEBS := $(BUILD)/deb/packages
$(DEBS): $(or $(wildcard $(shell git ls-files 2>/dev/null)),$(SOURCES))
	@scripts/install-deps build package
	@mkdir -p $(@D)
	$(call say,DEB,$(@D))scripts/package/deb $(@D) >$@.new && mv $@.new $@

.PHONY: deb
deb: $(DEBS) ## build the Debian packages into $(BUILD)/deb/
	@cd $(BUILD)/deb && ls -- *.deb

.PHONY: test-deb
test-deb: $(DEBS) base-image ## install the packages in a Debian 12 of their own, try them, remove and purge them
	@scripts/install-deps test package
	@BUILD=$(BUILD) tests/run tests/package/debian.bats

.PHONY: test-reproducible
test-reproducible: $(DEBS) ## build tarball and packages once more, elsewhere, and compare
	@scripts/install-deps test package
	@BUILD=$(BUILD) TEST_FILE_TIMEOUT=3600 tests/run tests/package/reproducible.bats

.PHONY: clean
clean: ## remove everything that make made
	rm -rf build build-sanitize build-fuzz base-image dist compile_commands.json

-include $(patsubst %.o,%.d,$(call objects,$(SOURCES)))
