// Sizes as people write and read them, text, paths (spec/support/).
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/fd_list.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"
#include "spec/support/utf8.hh"

using namespace rocker;

namespace {

void expect_text(const std::string& actual, const char* expected) {
  cr_expect(actual == expected, "expected \"%s\", got \"%s\"", expected, actual.c_str());
}

// The message of the error that fn throws, or "" when it throws none.
template <typename Fn>
std::string message_of(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

Test(support, sizes_are_cut_and_not_rounded) {
  expect_text(format_size(0), "0B");
  expect_text(format_size(500), "500B");
  expect_text(format_size(1023), "1023B");
  expect_text(format_size(1024), "1.0KB");
  expect_text(format_size(2048), "2.0KB");
  expect_text(format_size(462584320), "441.1MB");
  expect_text(format_size((1ull << 20) - 1), "1023.9KB");
  expect_text(format_size(1ull << 30), "1.0GB");
}

Test(support, sizes_are_read_as_docker_reads_them) {
  cr_expect(parse_size("1024", "--memory") == 1024);
  cr_expect(parse_size("256m", "--memory") == 256ull << 20);
  cr_expect(parse_size("256M", "--memory") == 256ull << 20);
  cr_expect(parse_size("1g", "--memory") == 1ull << 30);
  cr_expect(parse_size("1.5GiB", "--memory") == 3ull << 29);
  cr_expect(parse_size("64kb", "--memory") == 64ull << 10);
}

Test(support, a_size_that_is_none_is_refused_with_the_name_of_its_option) {
  for (const char* text : {"", "m", "-1", "12x", "1e3", "99999999999999999999g", "0x10"}) {
    const std::string message = message_of([&] { parse_size(text, "--memory"); });
    cr_expect(message.find("--memory") != std::string::npos, "\"%s\": \"%s\"", text, message.c_str());
  }
}

Test(support, text_from_outside_is_shown_on_one_line) {
  expect_text(printable("plain"), "plain");
  const std::string shown = printable("a\n\x1b[31mb");
  cr_expect(shown.find('\n') == std::string::npos && shown.find('\x1b') == std::string::npos, "got \"%s\"",
            shown.c_str());
  cr_expect(printable(std::string(5000, 'x')).size() < 300);
  // UTF-8 stays, C1 controls and what is no UTF-8 do not; a character is not cut.
  expect_text(printable("na\xc3\xafve \xf0\x9f\x90\xb3"), "na\xc3\xafve \xf0\x9f\x90\xb3");
  expect_text(printable("\xc2\x9b\xff\xc0\x80\xed\xa0\x80\xe2\x82"),
              "\\xc2\\x9b\\xff\\xc0\\x80\\xed\\xa0\\x80\\xe2\\x82");
  expect_text(printable("ab\xc3\xaf", 3), "ab...");
  expect_text(valid_utf8("a\xff\xc3\xaf\xe2\x82"), "a\xef\xbf\xbd\xc3\xaf\xef\xbf\xbd\xef\xbf\xbd");
}

Test(support, paths_are_made_absolute_by_their_text_alone) {
  expect_text(absolute_path("/a/./b//c/../d"), "/a/b/d");
  expect_text(absolute_path("/.."), "/");
  expect_text(absolute_path("/"), "/");
}

Test(support, numbers_are_whole_or_nothing) {
  long long number = 7;
  cr_expect(parse_number("-12", number) && number == -12);
  cr_expect(parse_number("755", number, 8) && number == 0755);
  for (const char* text : {"", "1x", " 1", "1 ", "99999999999999999999", "+"}) {
    cr_expect(!parse_number(text, number), "\"%s\" was taken for a number", text);
  }
}

Test(support, an_error_gathers_its_context_on_the_way_up) {
  Error error("no such thing");
  error.context("mount /proc").hint("look for it");
  expect_text(error.message(), "mount /proc: no such thing");
  cr_expect(std::string(error.what()).find("look for it") != std::string::npos);
}

Test(support, a_file_is_read_to_its_end_and_no_further_than_allowed) {
  // Around what is read without an allocation, and around its double.
  for (const std::size_t size : {0u, 1u, 8191u, 8192u, 8193u, 16384u, 16385u, 100000u}) {
    const UniqueFd file(::memfd_create("read", MFD_CLOEXEC));
    std::string content(size, 'x');
    if (size != 0) content.back() = 'y';
    write_all(file.get(), content, "memory");
    const auto again = [&] { cr_assert(::lseek(file.get(), 0, SEEK_SET) == 0); };
    again();
    cr_expect(read_all(file.get(), "memory", size) == content, "%zu bytes", size);
    again();
    std::string part(size + 1, '?');
    cr_expect(read_up_to(file.get(), part.data(), part.size(), "memory") == size && part == content + "?");
    if (size == 0) continue;
    again();
    const auto said = message_of([&] { (void)read_all(file.get(), "memory", size - 1); });
    cr_expect(said.starts_with("memory: larger than "), "%zu bytes: %s", size, said.c_str());
  }
  int ends[2];
  cr_assert(::pipe(ends) == 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  write_all(writing.get(), "in two ", "pipe");
  char text[16];
  cr_expect(read_up_to(reading.get(), text, 3, "pipe") == 3);
  write_all(writing.get(), "pieces", "pipe");
  writing.reset();
  expect_text(read_all(reading.get(), "pipe", sizeof text), "two pieces");
}

Test(support, neighbouring_descriptors_are_closed_and_no_other_one) {
  const auto is_open = [](int fd) { return ::fcntl(fd, F_GETFD) >= 0; };
  std::vector<UniqueFd> all;
  for (int i = 0; i < 12; ++i) all.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<int> closed, kept;
  {
    FdList list;
    list.add(UniqueFd());
    // Two rows of neighbours and one alone, not in order.
    for (const std::size_t i : {8, 9, 10, 1, 2, 3, 5}) {
      closed.push_back(all[i].get());
      list.add(std::move(all[i]));
    }
    cr_expect(list.size() == 7);
    for (const auto& one : all) {
      if (one) kept.push_back(one.get());
    }
    cr_expect(std::all_of(closed.begin(), closed.end(), is_open));
  }
  cr_expect(std::none_of(closed.begin(), closed.end(), is_open));
  cr_expect(kept.size() == 5 && std::all_of(kept.begin(), kept.end(), is_open));
}

Test(support, directories_are_made_with_what_they_are_in) {
  char folder[] = "/tmp/rocker-unit-XXXXXX";
  cr_assert(::mkdtemp(folder) != nullptr);
  const std::string top = folder;
  const auto mode_of = [](const std::string& path) {
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) ? st.st_mode & 07777 : 0U;
  };
  const mode_t old = ::umask(077);
  make_directories(cat(top, "/a/b/c"), 0751);
  make_directories(cat(top, "/a/b/d"), 0711);
  make_directories(cat(top, "/a/b/c"), 0700);  // it is there
  ::umask(old);
  for (const char* made : {"/a", "/a/b", "/a/b/c"}) cr_expect(mode_of(cat(top, made)) == 0751, "%s", made);
  cr_expect(mode_of(cat(top, "/a/b/d")) == 0711);
  replace_file(AT_FDCWD, cat(top, "/file"), "", 0600);
  cr_expect(message_of([&] { make_directories(cat(top, "/file/x/y"), 0700); }).starts_with("mkdir "));
  cr_assert(::symlink("nowhere/at/all", cat(top, "/link").c_str()) == 0);
  cr_expect(message_of([&] { make_directories(cat(top, "/link/x"), 0700); }).starts_with("mkdir "));
  remove_tree(AT_FDCWD, top);
}
