// References, IDs, image.json and the store's times (spec/image.hh).
#include <criterion/criterion.h>

#include <cstdlib>
#include <ctime>

#include "rocker-image/labels.hh"
#include "spec/image.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;
using spec::Reference;

namespace {

void expect_text(const std::string& actual, const char* expected) {
  cr_expect(actual == expected, "expected \"%s\", got \"%s\"", expected, actual.c_str());
}

bool refused(std::string_view text) {
  try {
    (void)Reference::parse(text);
  } catch (const Error& error) {
    return std::string_view(error.what()).find("is not the name of an image") != std::string_view::npos;
  }
  return false;
}

}  // namespace

Test(image, ids_are_the_ones_that_everybody_has) {
  expect_text(Reference::parse("busybox").id(), "b38350bbd27a");
  expect_text(Reference::parse("busybox:latest").id(), "b38350bbd27a");
  expect_text(Reference::parse("alpine:3.18").id(), "f15074416c1e");
  // Its 64 bits begin with a zero digit, which is not printed.
  expect_text(Reference::parse("nginx").id(), "213c14eeb79f");
  expect_text(spec::short_id("b38350bbd27a"), "b38350bb");
}

Test(image, names_are_split_as_the_oci_grammar_has_it) {
  const auto simple = Reference::parse("busybox");
  expect_text(simple.name, "busybox");
  expect_text(simple.tag, "latest");
  const auto host = Reference::parse("localhost:5000/team/app:v1.2_3-rc");
  expect_text(host.name, "localhost:5000/team/app");
  expect_text(host.tag, "v1.2_3-rc");
  expect_text(host.text(), "localhost:5000/team/app:v1.2_3-rc");
  expect_text(Reference::parse("localhost:5000/app").tag, "latest");
  expect_text(Reference::parse("Example.COM/app").name, "Example.COM/app");
  expect_text(Reference::parse("[::1]:5000/app:x").name, "[::1]:5000/app");
  expect_text(Reference::parse("a.b-c__d--e/f_g").name, "a.b-c__d--e/f_g");
}

Test(image, bad_names_are_refused) {
  for (const char* text :
       {"",     ".",     "..",    "/",        "a/",    "/a",          "a//b",         "A",       "a/B",
        "a..b", "a_",    "-a",    "a:",       "a:.x",  "a:-x",        "a:b:c",        "a b",     "a/../b",
        "a\n",  "a%2Fb", "a:b/c", "\xc3\xa9", "a___b", "a@sha256:00", "host:99999/a", "host:/a", "a:x y"}) {
    cr_expect(refused(text), "\"%s\" was taken", text);
  }
  cr_expect(refused(std::string(256, 'a')));
  cr_expect(refused("a:" + std::string(129, 'x')));
  cr_expect(!refused("a:" + std::string(128, 'x')));
  // Each slash is three characters of the folder's name.
  std::string deep = "a";
  for (int i = 0; i < 80; ++i) deep += "/a";
  cr_expect(refused(deep));
}

Test(image, a_name_is_one_folder) {
  expect_text(Reference::parse("a/b:c").directory(), "a%2Fb");
  cr_expect(Reference::parse("a:b").directory() != Reference::parse("a/b:c").directory());
  for (const char* text : {"busybox", "a/b/c", "localhost:5000/x"}) {
    expect_text(spec::name_of_directory(Reference::parse(text).directory()), text);
  }
}

Test(image, five_members_are_enough) {
  setenv("TZ", "UTC", 1);
  tzset();
  const auto record = spec::parse_image_record(
      R"({"name": "busybox", "tag": "latest", "id": "b38350bbd27a", "size": 462584320,
          "created_time": "2026-01-14 17:07:17", "something": {"new": [1]}})",
      "image.json");
  expect_text(record.name, "busybox");
  cr_expect(record.size == 462584320);
  cr_expect(record.created_ns == 1768410437LL * 1000000000);
  cr_expect(record.config == spec::ImageConfig{});
}

Test(image, a_record_is_read_as_it_was_written) {
  spec::ImageRecord record;
  record.name = "a/b";
  record.tag = "1";
  record.id = record.reference().id();
  record.size = 1ull << 40;
  record.created_ns = 1768410437123456789;
  record.created_time = spec::local_time(record.created_ns);
  record.generation = "0123456789abcdef";
  record.architecture = "arm64";
  record.variant = "v8";
  record.entries = 12;
  record.disk_usage = 34;
  record.source = {"/x.tar", "docker", "sha256:00", {"sha256:11", "sha256:22"}};
  record.config.user = "1000:1000";
  record.config.exposed_ports = {"80/tcp"};
  record.config.env = {"PATH=/bin", "A=b c"};
  record.config.entrypoint = {"/init"};
  record.config.cmd = {"a", ""};
  record.config.volumes = {"/data"};
  record.config.working_dir = "/w";
  record.config.labels = {{"k", "v\n\"w\""}};
  record.config.stop_signal = "SIGQUIT";
  record.history = {{"2026-01-14T17:07:17Z", "RUN x", "me", "c", true}};
  const auto again = spec::parse_image_record(spec::write_image_record(record), "image.json");
  cr_expect(again.created_ns == record.created_ns);
  expect_text(again.generation, "0123456789abcdef");
  expect_text(again.variant, "v8");
  cr_expect(again.entries == 12 && again.disk_usage == 34);
  cr_expect(again.source == record.source);
  cr_expect(again.config == record.config);
  cr_expect(again.history == record.history);
}

Test(image, a_head_is_that_of_the_record_or_nothing) {
  spec::ImageRecord record;
  record.name = "a";
  record.tag = "1";
  record.id = record.reference().id();
  record.size = 1ull << 40;
  record.created_ns = 1768410437123456789;
  record.created_time = "2026-01-14 17:07:17";
  record.config.labels = {{"size", "7"}, {"created_time", "never"}};
  const std::string text = spec::write_image_record(record);
  const auto head = spec::parse_image_head(text.c_str());
  cr_assert(head.has_value());
  cr_expect(head->size == record.size && head->created_ns == record.created_ns);

  // An end that could be one is taken for it.
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    const std::string cut = text.substr(0, size);
    if (!trim(cut).ends_with('}')) cr_expect(!spec::parse_image_head(cut.c_str()), "cut at %zu", size);
  }
  // In another order, and what is of the same name further in.
  cr_expect(spec::parse_image_head(
      R"({"config": {"size": 1, "created": "x"}, "created": "2026-01-14T17:07:17Z", "size": 2})"));
  for (const char* other :
       {R"({"size": "2", "created": "2026-01-14T17:07:17Z"})", R"({"size": 2})",
        R"({"size": 2, "created": "now"})", R"([{"size": 2, "created": "2026-01-14T17:07:17Z"}])",
        R"({"a": {"size": 2, "created": "2026-01-14T17:07:17Z"}})", "\"}", "7", "", "}"}) {
    cr_expect(!spec::parse_image_head(other), "%s", other);
  }
}

Test(image, a_broken_record_names_its_member) {
  const auto message = [](const char* text) -> std::string {
    try {
      (void)spec::parse_image_record(text, "image.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  cr_expect(message("").find("image.json") != std::string::npos);
  cr_expect(message("{\"name\": 7}").find("/name") != std::string::npos);
  cr_expect(message("{\"name\":\"a\",\"tag\":\"b\",\"id\":\"c\",\"size\":-1,\"created_time\":\"\"}")
                .find("/size") != std::string::npos);
  cr_expect(message("{\"name\":\"a\",\"tag\":\"b\",\"id\":\"c\",\"size\":1}").find("created_time") !=
            std::string::npos);
}

Test(image, times_in_utc) {
  expect_text(spec::utc_time(0), "1970-01-01T00:00:00.000000000Z");
  expect_text(spec::utc_time(1768410437123456789), "2026-01-14T17:07:17.123456789Z");
  std::int64_t ns = 0;
  cr_expect(spec::parse_utc_time("2026-01-14T17:07:17.123456789Z", ns) && ns == 1768410437123456789);
  cr_expect(spec::parse_utc_time("2026-01-14T18:07:17.5+01:00", ns) && ns == 1768410437500000000);
  for (const char* text :
       {"", "2026-01-14", "2026-13-14T00:00:00Z", "2026-01-14T00:00:00", "x026-01-14T00:00:00Z"}) {
    cr_expect(!spec::parse_utc_time(text, ns), "\"%s\" was taken", text);
  }
}

Test(image, a_label_is_asked_for_by_its_key_or_with_its_value) {
  const std::map<std::string, std::string> labels{{"kind", "a=b"}, {"empty", ""}};
  for (const char* there : {"kind", "kind=a=b", "empty", "empty="})
    cr_expect(has_label(labels, there), "\"%s\" was not found", there);
  for (const char* missing : {"kin", "kind=", "kind=a", "empty=x", "=", ""})
    cr_expect(!has_label(labels, missing), "\"%s\" was found", missing);
}
