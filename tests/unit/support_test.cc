// Sizes as people write and read them, text, paths (spec/support/).
#include <criterion/criterion.h>

#include "spec/support/error.hh"
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
