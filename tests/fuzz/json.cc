// image.json, index.json, manifest.json, an image's configuration, and references: bytes in, an Error or a
// value out.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "rocker-image/changes.hh"
#include "rocker-image/layout.hh"
#include "rocker-image/manifest.hh"
#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"

using namespace rocker;

namespace {

// Whatever is asked for is the input: then each reader sees it.
class EverythingIs : public LayoutFiles {
 public:
  explicit EverythingIs(const std::string& content) : content_(content) {}
  std::optional<File> open(const std::string&) const override {
    UniqueFd fd(::memfd_create("blob", MFD_CLOEXEC));
    write_all(fd.get(), content_, "blob");
    return File{std::move(fd), {0, content_.size()}};
  }

 private:
  const std::string& content_;
};

template <typename Fn>
void refuse_or_take(Fn fn) {
  try {
    fn();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)spec::parse_image_head(text.c_str());
  refuse_or_take([&] {
    const auto record = spec::parse_image_record(text, "image.json");
    // What was read can be written and is read the same again.
    const std::string written = spec::write_image_record(record);
    const auto again = spec::parse_image_record(written, "image.json");
    if (again.config != record.config || again.history != record.history || again.size != record.size)
      std::abort();
    const auto head = spec::parse_image_head(written.c_str());
    if (head && (head->size != again.size || head->created_ns != again.created_ns)) std::abort();
  });
  refuse_or_take([&] {
    const auto reference = spec::Reference::parse(text);
    if (spec::name_of_directory(reference.directory()) != reference.name) std::abort();
    if (spec::Reference::parse(reference.text()) != reference) std::abort();
  });
  const EverythingIs files(text);
  const auto machine = Platform::of_this_machine();
  refuse_or_take([&] { (void)layout_kind(files); });
  refuse_or_take([&] { (void)layout_images(files, LayoutKind::docker, machine, false); });
  refuse_or_take([&] { (void)layout_images(files, LayoutKind::oci, machine, false); });
  refuse_or_take([&] {
    spec::ImageConfig config;
    apply_change(text, config);
  });
  refuse_or_take([&] {
    ManifestLine line, again;
    if (!parse_line(text, line)) return;
    std::string written;
    append_line(written, line);
    written.pop_back();
    if (!parse_line(written, again)) std::abort();
  });
  return 0;
}
