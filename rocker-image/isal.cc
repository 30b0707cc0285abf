#include "rocker-image/isal.hh"

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>

#include <memory>

#include "spec/support/error.hh"

namespace rocker {

namespace {

// The ELF note by which packagers see what is loaded at run time (https://systemd.io/ELF_DLOPEN_METADATA).
constexpr char note_json[] =
    R"([{"soname":["libisal.so.2"],"feature":"gzip","description":"faster gzip","priority":"recommended"}])";
struct DlopenNote {
  unsigned name_size = sizeof "FDO";
  unsigned json_size = sizeof note_json;
  unsigned type = 0x407c0c0a;
  char name[sizeof "FDO"] = "FDO";
  char json[(sizeof note_json + 3) / 4 * 4] = {};
  constexpr DlopenNote() {
    for (std::size_t i = 0; i < sizeof note_json; ++i) json[i] = note_json[i];
  }
};
[[gnu::used, gnu::retain, gnu::section(".note.dlopen"), gnu::aligned(4)]] constexpr DlopenNote dlopen_note;

}  // namespace

const Isal* Isal::load() {
  static const std::unique_ptr<const Isal> isal = [] {
    std::unique_ptr<Isal> loaded;
    void* library = ::dlopen("libisal.so.2", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return loaded;
    loaded.reset(new Isal);
    loaded->init_ = reinterpret_cast<void (*)(State*)>(::dlsym(library, "isal_inflate_init"));
    loaded->reset_ = reinterpret_cast<void (*)(State*)>(::dlsym(library, "isal_inflate_reset"));
    loaded->inflate_ = reinterpret_cast<int (*)(State*)>(::dlsym(library, "isal_inflate"));
    if (loaded->init_ == nullptr || loaded->reset_ == nullptr || loaded->inflate_ == nullptr) loaded.reset();
    return loaded;
  }();
  return isal.get();
}

Isal::State* Isal::make() const {
  auto* state = new State;
  init_(state);
  // The header is read, and the trailer's checksum and length are verified.
  state->crc_flag = ISAL_GZIP;
  return state;
}

void Isal::free(State* state) {
  delete state;
}

void Isal::reset(State* state) const {
  reset_(state);
  state->crc_flag = ISAL_GZIP;
}

bool Isal::step(State* state, const unsigned char*& in, std::size_t& in_left, unsigned char*& out,
                std::size_t& out_left) const {
  state->next_in = const_cast<unsigned char*>(in);
  state->avail_in = static_cast<unsigned>(in_left);
  state->next_out = out;
  state->avail_out = static_cast<unsigned>(out_left);
  const int status = inflate_(state);
  in = state->next_in;
  in_left = state->avail_in;
  out = state->next_out;
  out_left = state->avail_out;
  switch (status) {
    case ISAL_DECOMP_OK:
    case ISAL_END_INPUT: return state->block_state == ISAL_BLOCK_FINISH;
    case ISAL_INCORRECT_CHECKSUM: throw Error("its checksum is wrong");
    default: throw Error("bad data");
  }
}

}  // namespace rocker
