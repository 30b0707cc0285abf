# rocker - see `make help`.
#
# One file for everything: programs, tests, install. Objects go to $(BUILD); a build with other flags (SANITIZE=,
# CXX=) has its own folder, so that two never mix.

VERSION := 0.1.0

PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
LIBEXECDIR  ?= $(PREFIX)/libexec/rocker
MANDIR      ?= $(PREFIX)/share/man
COMPDIR     ?= $(PREFIX)/share/bash-completion/completions

SANITIZE ?=
BUILD    ?= build$(if $(SANITIZE),-sanitize)
CXX      ?= g++
CXXFLAGS ?= -O2 -g
LDFLAGS  ?=
V        ?= 0

# What the code needs, whatever CXXFLAGS says. _FILE_OFFSET_BITS: images are large on 32-bit machines too.
OUR_CXXFLAGS := -std=c++20 -I. -MMD -MP -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough \
                -fstack-protector-strong -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -DROCKER_VERSION='"$(VERSION)"'
OUR_LDFLAGS  := -Wl,-z,relro -Wl,--as-needed -Wl,-O1
ifneq ($(SANITIZE),)
OUR_CXXFLAGS += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
OUR_LDFLAGS  += -fsanitize=$(SANITIZE)
else
# A start of rocker-runc is a few hundred microseconds: the C++ runtime is linked in, since loading it would take
# longer than all that the program does. Code and data that nothing uses are left out.
OUR_CXXFLAGS += -ffunction-sections -fdata-sections -D_FORTIFY_SOURCE=2
OUR_LDFLAGS  += -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-z,now
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
UNIT_SOURCES  := $(wildcard tests/unit/*.cc)

objects = $(patsubst %.cc,$(BUILD)/%.o,$(1))
SPEC_LIB := $(BUILD)/librocker-spec.a

# Debian has no static libmount: rocker-runc loads it on demand, rocker-image links it.
RUNC_LIBS  := -l:libseccomp.a -l:libcap.a -ldl
IMAGE_LIBS := -larchive -lmount -lcrypto

PROGRAMS := $(BUILD)/rocker-image $(BUILD)/rocker-runc $(BUILD)/rocker

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(call say,CXX,$<)$(CXX) $(OUR_CXXFLAGS) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

$(SPEC_LIB): $(call objects,$(SPEC_SOURCES))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(BUILD)/rocker-image: $(call objects,$(IMAGE_SOURCES)) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^ $(IMAGE_LIBS)

$(BUILD)/rocker-runc: $(call objects,$(RUNC_SOURCES)) $(SPEC_LIB)
	$(call say,LD,$@)$(CXX) $(CXXFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $^ $(RUNC_LIBS)

-include $(patsubst %.o,%.d,$(call objects,$(SPEC_SOURCES) $(IMAGE_SOURCES) $(RUNC_SOURCES) $(UNIT_SOURCES)))
