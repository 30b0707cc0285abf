// The importer's rooms without a store: hashes, names, manifests, templates, changes, layouts.
#include <criterion/criterion.h>

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <map>

#include "rocker-image/archive.hh"
#include "rocker-image/archive_index.hh"
#include "rocker-image/changes.hh"
#include "rocker-image/extract.hh"
#include "rocker-image/file_table.hh"
#include "rocker-image/hash.hh"
#include "rocker-image/layout.hh"
#include "rocker-image/manifest.hh"
#include "rocker-image/manifest_writer.hh"
#include "rocker-image/source.hh"
#include "spec/support/error.hh"
#include "spec/support/fd.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

void expect_text(const std::string& actual, const char* expected) {
  cr_expect(actual == expected, "expected \"%s\", got \"%s\"", expected, actual.c_str());
}

template <typename Fn>
bool throws(Fn fn) {
  try {
    fn();
  } catch (const Error&) {
    return true;
  }
  return false;
}

}  // namespace

Test(importer, sha256_of_known_text) {
  Sha256 hash;
  hash.update("abc", 3);
  expect_text(Sha256::text(hash.finish()),
              "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 zeros, bytes;
  zeros.update_zeros(200000);
  const std::string text(200000, '\0');
  bytes.update(text.data(), text.size());
  cr_expect(zeros.finish() == bytes.finish());
  Sha256::Digest digest;
  cr_expect(!Sha256::parse("sha256:00", digest));
  cr_expect(!Sha256::parse("sha512:" + std::string(64, '0'), digest));
  cr_expect(!Sha256::parse("sha256:" + std::string(64, 'G'), digest));
  cr_expect(Sha256::parse("sha256:" + std::string(64, 'f'), digest) && digest[31] == 0xff);
}

Test(importer, a_file_is_found_by_its_inode_in_memory_and_on_the_disk) {
  const auto record_of = [](unsigned n) {
    FileRecord record;
    record.size = n;
    record.mode = S_IFREG | 0644;
    for (std::size_t i = 0; i < sizeof n; ++i) record.digest[i + 5] = static_cast<unsigned char>(n >> 8 * i);
    return record;
  };
  for (const std::size_t most : {0, 1, 4, 1000}) {  // rows
    FileTable table("/tmp", most);
    std::map<std::uint64_t, FileRecord> expected;
    // Rows, jumps, one beyond the end of any file, and inodes that are used again.
    std::uint64_t inode = 11;
    for (unsigned n = 1; n <= 2000; ++n) {
      inode = n % 700 == 0 ? inode + 100000 : n % 97 == 0 ? inode - 50 : inode + 1;
      const std::uint64_t used = n == 1500   ? UINT64_MAX - 3
                                 : n == 1600 ? UINT64_MAX / 2 / sizeof(FileRecord)
                                             : inode;
      table.add(used, record_of(n));
      expected[used] = record_of(n);
    }
    table.finish();
    for (const auto& [wanted, record] : expected) {
      const auto* found = table.find(wanted);
      cr_assert(found != nullptr && *found == record, "inode %lu of a table for %zu", wanted, most);
    }
    for (const std::uint64_t missing : {std::uint64_t{0}, std::uint64_t{5}, inode + 1, UINT64_MAX}) {
      cr_expect(table.find(missing) == nullptr);
    }
  }
}

Test(importer, names_never_lead_above_the_root) {
  const auto joined = [](std::string_view name) { return join(safe_components(name), "/"); };
  expect_text(joined("./a//b/./c/"), "a/b/c");
  expect_text(joined("/abs"), "abs");
  expect_text(joined("a/../b"), "b");
  expect_text(joined("."), "");
  for (const char* name : {"..", "../a", "a/../..", "/..", "a/b/../../../c"}) {
    cr_expect(throws([&] { (void)safe_components(name); }), "\"%s\" was taken", name);
  }
  cr_expect(throws([] { (void)safe_components(std::string(256, 'n')); }));
}

Test(importer, a_manifest_line_is_read_as_it_was_written) {
  ManifestLine line;
  line.path = "a b/\xc3\xa9#=\\\n";
  line.type = "file";
  line.mode = 04755;
  line.uid = 4294967294;
  line.gid = 7;
  line.size = 1ull << 40;
  line.seconds = -5;
  line.nanoseconds = 123;
  line.digest.emplace();
  line.digest->fill(0xab);
  line.xattrs.emplace();
  line.xattrs->fill(0xcd);
  std::string text;
  append_line(text, line);
  cr_expect(text.ends_with('\n') && text.find('\n') == text.size() - 1);
  text.pop_back();
  ManifestLine again;
  cr_assert(parse_line(text, again));
  cr_expect(again == line);
  cr_expect(!parse_line("#mtree", again));
  cr_expect(throws([&] { parse_line("x type=file", again); }));
  cr_expect(throws([&] { parse_line("./x uid=many", again); }));
}

Test(importer, a_manifest_is_told_of_the_xattrs_of_directories_later) {
  const UniqueFd fd(::memfd_create("manifest", MFD_CLOEXEC));
  ManifestWriter writer{UniqueFd(::dup(fd.get()))};
  ManifestLine line;
  line.type = "dir";
  const auto some = writer.add_with_room(line), none = writer.add_with_room(line);
  for (int i = 0; i < 10000; ++i) writer.add(line);
  const auto last = writer.add_with_room(line);
  Sha256::Digest digest;
  digest.fill(0xcd);
  writer.fill(none, line);
  line.xattrs = digest;
  line.mode = 0750;
  writer.fill(some, line);
  writer.fill(last, line);
  writer.finish();
  cr_assert(::lseek(fd.get(), 0, SEEK_SET) == 0);
  const std::string text = read_all(fd.get(), "manifest", 1 << 20);
  std::vector<ManifestLine> lines;
  for (const auto one : split(text, '\n')) {
    if (parse_line(one, line)) lines.push_back(line);
  }
  cr_assert(lines.size() == 10003);
  cr_expect(lines.front().xattrs == digest && lines.back().xattrs == digest);
  cr_expect(!lines[1].xattrs && !lines[2].xattrs && lines[1].type == "dir" && lines[1].mode == 0);
  cr_expect(lines.front().mode == 0750);
}

Test(importer, a_manifest_that_can_not_be_written_is_an_error_also_of_its_thread) {
  ManifestLine line;
  line.type = "file";
  for (const int lines : {1, 100, 10000}) {
    ManifestWriter writer{UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC))};
    cr_expect(throws([&] {
                for (int i = 0; i < lines; ++i) writer.add(line);
                writer.finish();
              }),
              "%d lines", lines);
  }
}

Test(importer, changes_are_a_dockerfiles) {
  spec::ImageConfig config;
  for (const char* change :
       {"CMD [\"a\", \"b c\"]", "ENTRYPOINT run me", "ENV A=1 B=\"x y\"", "ENV A=2", "WORKDIR /a",
        "WORKDIR b", "EXPOSE 80 80/tcp 1000-1002/udp", "LABEL a.b='c d'"}) {
    apply_change(change, config);
  }
  cr_expect(config.cmd == std::vector<std::string>({"a", "b c"}));
  cr_expect(config.entrypoint == std::vector<std::string>({"/bin/sh", "-c", "run me"}));
  cr_expect(config.env == std::vector<std::string>({"B=x y", "A=2"}));
  expect_text(config.working_dir, "/a/b");
  cr_expect(config.exposed_ports == std::vector<std::string>({"80/tcp", "1000-1002/udp"}));
  expect_text(config.labels["a.b"], "c d");
  for (const char* bad : {"", "FROM x", "CMD [1]", "EXPOSE 0", "EXPOSE 80/icmp", "ENV", "LABEL =x"}) {
    cr_expect(throws([&] { apply_change(bad, config); }), "\"%s\" was taken", bad);
  }
}

Test(importer, layouts_are_known_by_their_first_entry) {
  for (const char* name : {"blobs/", "./oci-layout", "manifest.json", "repositories"})
    cr_expect(may_be_layout(name));
  const std::string digest(64, 'a');
  cr_expect(may_be_layout(digest + "/layer.tar") && may_be_layout(digest + ".json") &&
            may_be_layout(digest + ".tar"));
  for (const char* name : {"", "./", "bin/", "etc/passwd", "abc.json"}) cr_expect(!may_be_layout(name));
  expect_text(short_name("docker.io/library/busybox:1"), "busybox:1");
  expect_text(short_name("docker.io/a/b:1"), "a/b:1");
  expect_text(short_name("quay.io/library/b:1"), "quay.io/library/b:1");
  const auto platform = Platform::parse("linux/arm/v7");
  cr_expect(platform.architecture == "arm" && platform.variant == "v7");
  cr_expect(throws([] { (void)Platform::parse("linux/"); }));
}

Test(importer, reading_an_index_can_be_interrupted) {
  struct NoFiles : LayoutFiles {
    std::optional<File> open(const std::string&) const override { return std::nullopt; }
  } files;
  Cancel cancel;
  cancel.set();
  for (const auto kind : {LayoutKind::oci, LayoutKind::docker}) {
    int found = 0;
    try {
      (void)layout_images(files, kind, Platform::of_this_machine(), false, &cancel);
    } catch (const Error& error) {
      found = error.errno_value();
    }
    cr_expect(found == ECANCELED, "expected ECANCELED, got %d", found);
  }
}

Test(importer, a_platform_has_one_name) {
  constexpr const char* names[][2] = {
      {"linux/aarch64", "linux/arm64"},
      {"aarch64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64"},
      {"x86_64", "linux/amd64"},
      {"x86-64", "linux/amd64"},
      {"Linux/AMD64", "linux/amd64"},
      {"linux/amd64/v1", "linux/amd64"},
      {"linux/amd64/v3", "linux/amd64/v3"},
      {"i386", "linux/386"},
      {"linux/i686", "linux/386"},
      {"armhf", "linux/arm/v7"},
      {"linux/armel", "linux/arm/v6"},
      {"linux/armhf/v8", "linux/arm/v8"},
      {"linux", "linux"},
      {"windows", "windows"},
      {"riscv64", "linux/riscv64"},
  };
  for (const auto& [given, meant] : names) expect_text(Platform::parse(given).text(), meant);
  for (const char* bad : {"", "/", "linux//arm64", "linux/arm/v7/x"})
    cr_expect(throws([&] { (void)Platform::parse(bad); }), "\"%s\" was taken", bad);
  // An archive may have the other name as well.
  cr_expect(match(Platform::parse("linux/arm64"), {"linux", "aarch64", "v8"}) == 3);
  cr_expect(match(Platform::parse("linux/armhf"), {"linux", "arm", "v6"}) == 1);
  cr_expect(match(Platform::parse("aarch64"), {"linux", "amd64", ""}) == 0);
}

namespace {

// A tar of empty files: blobs/0, blobs/1, ...
UniqueFd tar_of(int files) {
  std::string tar;
  for (int i = 0; i < files; ++i) {
    char header[512] = {};
    std::snprintf(header, 100, "blobs/%d", i);
    std::snprintf(header + 100, 8, "%07o", 0644u);
    std::snprintf(header + 124, 12, "%011o", 0u);
    std::snprintf(header + 257, 8, "ustar");
    header[156] = '0';
    std::fill_n(header + 148, 8, ' ');
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(header + 148, 8, "%06o", sum);
    tar.append(header, sizeof header);
  }
  tar.append(1024, '\0');
  UniqueFd fd(::memfd_create("tar", MFD_CLOEXEC));
  write_all(fd.get(), tar, "tar");
  return fd;
}

}  // namespace

Test(importer, an_archive_index_has_few_members_and_can_be_interrupted) {
  const UniqueFd few = tar_of(1000), many = tar_of(110'000);
  const ArchiveIndex index(few.get(), nullptr);
  cr_expect(index.is_complete() && index.find("blobs/999"));
  const ArchiveIndex full(many.get(), nullptr);
  cr_expect(!full.is_complete() && !full.find("blobs/0"));
  Cancel cancel;
  cancel.set();
  cr_expect(throws([&] { ArchiveIndex(few.get(), &cancel); }));
}
