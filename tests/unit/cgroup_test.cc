// From resources to values: conversions, systemd's properties, GVariant text, what files of the kernel say
// (rocker-runc/cgroup/). No cgroup is touched here.
#include <criterion/criterion.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "rocker-runc/cgroup/gvariant.hh"
#include "rocker-runc/cgroup/journal.hh"
#include "rocker-runc/cgroup/manager.hh"
#include "rocker-runc/cgroup/resources.hh"
#include "rocker-runc/cgroup/stats.hh"
#include "rocker-runc/cgroup/systemd_properties.hh"
#include "spec/support/error.hh"
#include "spec/support/str.hh"

using namespace rocker;
using namespace rocker::cgroup;

namespace {

template <typename Fn>
std::string message_of(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <typename Fn>
void expect_error(const char* part, Fn fn) {
  const std::string message = message_of(fn);
  cr_expect(message.find(part) != message.npos, "expected an error with \"%s\", got \"%s\"", part,
            message.c_str());
}

// Properties as text: "MemoryMax=100".
std::string shown(const Variant& v) {
  if (v.signature == "s") return v.text;
  if (v.signature[0] == 'a' || v.signature[0] == '(') {
    std::string text;
    for (const auto& element : v.elements) text += cat(text.empty() ? "" : " ", shown(element));
    return text;
  }
  return v.number == UINT64_MAX ? "infinity" : std::to_string(v.number);
}

std::string find(const std::vector<Property>& list, std::string_view name) {
  for (const auto& [key, value] : list) {
    if (key == name) return shown(value);
  }
  return "(none)";
}

void expect_text(const std::string& actual, const char* expected) {
  cr_expect(actual == expected, "expected \"%s\", got \"%s\"", expected, actual.c_str());
}

}  // namespace

Test(cgroup, shares_become_weights_by_the_formula_of_2025) {
  const std::pair<std::uint64_t, std::uint64_t> known[] = {
      {0, 0},      {1, 1},      {2, 1},         {256, 35},       {512, 59},       {1024, 100},
      {2048, 174}, {4096, 303}, {102400, 4429}, {262144, 10000}, {9999999, 10000}};
  for (const auto& [shares, weight] : known) {
    const auto got = weight_of_shares(shares);
    cr_expect(got == weight, "shares %lu: expected %lu, got %lu", shares, weight, got);
  }
  // runc's and crun's formula as they have it, by libm.
  for (std::uint64_t shares = 3; shares < 262144; ++shares) {
    const double l = std::log2(static_cast<double>(shares));
    const double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
    const auto expected = static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
    const auto got = weight_of_shares(shares);
    cr_assert(got == expected, "shares %lu: expected %lu, got %lu", shares, expected, got);
  }
}

Test(cgroup, block_weights_become_io_weights) {
  cr_expect(io_weight_of_blkio(10) == 1);
  cr_expect(io_weight_of_blkio(1000) == 10000);
  cr_expect(io_weight_of_blkio(500) == 4950);
  cr_expect(io_weight_of_blkio(1) == 1);
}

Test(cgroup, swap_is_the_difference_on_v2) {
  expect_text(swap_of_memsw(100, 300), "200");
  expect_text(swap_of_memsw(100, 100), "0");
  expect_text(swap_of_memsw(100, -1), "max");
  expect_text(swap_of_memsw(100, 0), "");
  expect_text(swap_of_memsw(-1, 0), "max");
  expect_error("may not be below", [] { (void)swap_of_memsw(300, 100); });
  expect_error("memory.limit is not set", [] { (void)swap_of_memsw(0, 100); });
  expect_error("out of range", [] { (void)swap_of_memsw(100, -2); });
}

Test(cgroup, controllers_follow_from_what_is_set) {
  spec::Resources r;
  cr_expect(needed_v2_controllers(r).empty());
  r.memory.limit = 0;  // unset, says runc
  r.cpu.shares = 0;
  cr_expect(needed_v2_controllers(r).empty());
  r.memory.limit = 1;
  r.cpu.cpus = "0";
  r.pids_limit = 0;  // a limit
  r.unified = {{"cgroup.max.depth", "1"}, {"io.max", "x"}, {"misc.max", "y"}, {"memory.pressure", "z"}};
  const auto needed = needed_v2_controllers(r);
  for (const char* name : {"memory", "cpuset", "pids", "io", "misc"}) {
    cr_expect(std::find(needed.begin(), needed.end(), name) != needed.end(), "%s is missing", name);
  }
  cr_expect(needed.size() == 5);
}

Test(cgroup, scopes_are_named_as_runc_names_them) {
  auto name = scope_name("machine-mine.slice:libpod:abc", "id", false);
  expect_text(name.slice, "machine-mine.slice");
  expect_text(name.unit, "libpod-abc.scope");
  name = scope_name("", "id", false);
  expect_text(name.slice, "system.slice");
  expect_text(name.unit, "rocker-id.scope");
  expect_text(scope_name("", "id", true).slice, "user.slice");
  name = scope_name("::abc", "id", false);
  expect_text(name.slice, "system.slice");
  expect_text(name.unit, "abc.scope");
  expect_error("slices hold no processes", [] { scope_name("a.slice::b.slice", "id", false); });
  expect_error("slice:prefix:name", [] { scope_name("/a/b", "id", false); });
  expect_error("slice:prefix:name", [] { scope_name("a:b", "id", false); });
  expect_error("slice:prefix:name", [] { scope_name("a.slice:b:", "id", false); });
  expect_error("name of a slice", [] { scope_name("a:b:c", "id", false); });
  expect_error("unit's name", [] { scope_name("a.slice:b:c d", "id", false); });
}

Test(cgroup, slices_are_in_slices) {
  expect_text(slice_path("system.slice"), "/system.slice");
  expect_text(slice_path("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
  expect_text(slice_path("-.slice"), "");
  for (const char* bad : {"a--b.slice", "-a.slice", "a-.slice"}) {
    expect_error("name of a slice", [&] { slice_path(bad); });
  }
}

Test(cgroup, properties_from_resources) {
  spec::Resources r;
  r.memory.limit = 1000;
  r.memory.swap = 3000;
  r.memory.reservation = 500;
  r.cpu.shares = 1024;
  r.cpu.quota = 33333;
  r.cpu.period = 100000;
  r.cpu.cpus = "0,9";
  r.cpu.mems = "0";
  r.pids_limit = 0;
  r.unified = {{"memory.high", "900"}, {"memory.oom.group", "1"}, {"misc.max", "a 1"}};
  auto list = resource_properties(r, true, false, 252);
  expect_text(find(list, "MemoryMax"), "1000");
  expect_text(find(list, "MemorySwapMax"), "2000");
  expect_text(find(list, "MemoryLow"), "500");
  expect_text(find(list, "CPUWeight"), "100");
  expect_text(find(list, "CPUQuotaPerSecUSec"), "340000");
  expect_text(find(list, "CPUQuotaPeriodUSec"), "100000");
  expect_text(find(list, "AllowedCPUs"), "1 2");
  expect_text(find(list, "AllowedMemoryNodes"), "1");
  expect_text(find(list, "TasksMax"), "1");
  expect_text(find(list, "MemoryHigh"), "900");
  expect_text(find(list, "OOMPolicy"), "kill");
  expect_text(find(list, "DevicePolicy"), "strict");
  cr_expect(find(list, "DeviceAllow").find("/dev/char/1:3 rwm") != std::string::npos);
  cr_expect(find(list, "DeviceAllow").find("char-136 rwm") != std::string::npos);
  cr_expect(find(list, "DeviceAllow").find("block-* m") != std::string::npos);
  list = resource_properties(r, true, true, 240);
  expect_text(find(list, "DevicePolicy"), "(none)");
  expect_text(find(list, "AllowedCPUs"), "(none)");
  expect_text(find(list, "CPUQuotaPeriodUSec"), "(none)");
  expect_text(find(list, "OOMPolicy"), "(none)");
  list = resource_properties(r, false, false, 252);
  expect_text(find(list, "MemoryLimit"), "1000");
  expect_text(find(list, "CPUShares"), "1024");
  r = {};
  r.cpu.idle = 1;
  r.cpu.shares = 512;
  r.memory.limit = -1;
  r.devices = {{.allow = true, .type = 'a', .major = {}, .minor = {}, .access = "rwm"}};
  list = resource_properties(r, true, false, 252);
  expect_text(find(list, "CPUWeight"), "0");
  expect_text(find(list, "MemoryMax"), "infinity");
  expect_text(find(list, "MemorySwapMax"), "infinity");
  expect_text(find(list, "DevicePolicy"), "auto");
}

Test(cgroup, properties_from_annotations) {
  const auto list = annotated_properties({{"org.systemd.property.CollectMode", "'inactive-or-failed'"},
                                          {"org.systemd.property.TimeoutStopSec", "5"},
                                          {"org.systemd.property.RuntimeMaxSec", "1.5"},
                                          {"org.systemd.property.After", "['a.service', 'b.service']"},
                                          {"org.systemd.property.TasksMax", "uint64 99"},
                                          {"org.systemd.propertyX", "1"},
                                          {"com.example", "true"}});
  cr_expect(list.size() == 5);
  expect_text(find(list, "CollectMode"), "inactive-or-failed");
  expect_text(find(list, "TimeoutStopUSec"), "5000000");
  expect_text(find(list, "RuntimeMaxUSec"), "1500000");
  expect_text(find(list, "After"), "a.service b.service");
  expect_text(find(list, "TasksMax"), "99");
  expect_error("name of a property", [] { annotated_properties({{"org.systemd.property.A1b", "1"}}); });
  expect_error("org.systemd.property.Abc: \"tru\"", [] {
    annotated_properties({{"org.systemd.property.Abc", "tru"}});
  });
}

Test(cgroup, gvariant_text) {
  const std::pair<const char*, const char*> known[] = {
      {"true", "b"},
      {"'a'", "s"},
      {"\"a\"", "s"},
      {"7", "i"},
      {"-7", "i"},
      {"uint64 7", "t"},
      {"byte 0xff", "y"},
      {"1.5", "d"},
      {"['a', 'b']", "as"},
      {"@as []", "as"},
      {"[uint32 1, 2]", "au"},
      {"('a', true)", "(sb)"},
      {"[('a', 'b')]", "a(ss)"},
      {"@a(ss) []", "a(ss)"},
      {"@t 5", "t"},
  };
  for (const auto& [text, signature] : known) {
    std::string got = message_of([&] { cr_expect(parse_variant(text).signature == signature, "%s", text); });
    cr_expect(got.empty(), "%s: %s", text, got.c_str());
  }
  for (const char* bad :
       {"", "tru", "'a", "[", "[]", "['a', 1]", "uint32 -1", "byte 256", "1 2", "int32 3000000000", "()",
        "@ 5", "'a' 'b'", "[[[[[[[[[[[[[[[[[[[['a']]]]]]]]]]]]]]]]]]]]", "'\\q'"}) {
    expect_error("GVariant", [&] { parse_variant(bad); });
  }
}

Test(cgroup, paths_stay_below_the_mount_points) {
  spec::Resources none;
  for (const char* bad : {"/", "//", "/../a", "a/../..", "/a/../b", "..", "."}) {
    Request request;
    request.container_id = "x";
    request.cgroups_path = bad;
    request.resources = &none;
    expect_error("/linux/cgroupsPath", [&] { Manager::plan(request); });
  }
}

Test(cgroup, pressure_and_lists_of_numbers) {
  const auto pressure = parse_pressure(
      "some avg10=1.50 avg60=0.25 avg300=0.00 total=123\n"
      "full avg10=0.00 avg60=0.00 avg300=99.99 total=18446744073709551615");
  cr_assert(pressure.has_value());
  cr_expect(pressure->some.avg10 == 1.5 && pressure->some.total == 123);
  cr_expect(pressure->full.avg300 == 99.99 && pressure->full.total == UINT64_MAX);
  cr_expect(!parse_pressure("").has_value());
  const std::vector<std::uint16_t> expected{0, 1, 2, 7};
  cr_expect(parse_number_list("0-2,7\n") == expected);
  cr_expect(parse_number_list("").empty());
}

Test(cgroup, what_a_file_held_is_put_back_in_the_form_it_takes) {
  using cgroup::to_put_back;
  const std::string io_max =
      "8:0 rbps=1000 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=5 riops=max wiops=max";
  cr_expect(to_put_back("memory.max", "1000\n", "max") == "max");
  cr_expect(to_put_back("cpu.max", "1000 100000", "max 50000") == "max 50000");
  cr_expect(to_put_back("cpuset.cpus", "0", "") == "\n");
  cr_expect(to_put_back("io.max", "8:16 wbps=max", io_max) == "8:16 rbps=max wbps=5 riops=max wiops=max");
  cr_expect(to_put_back("io.max", "8:32 wbps=7", io_max) == "8:32 rbps=max wbps=max riops=max wiops=max");
  cr_expect(to_put_back("io.weight", "50", "default 100\n8:0 200") == "default 100");
  cr_expect(to_put_back("io.weight", "8:0 50", "default 100\n8:0 200") == "8:0 200");
  cr_expect(to_put_back("io.weight", "8:16 50", "default 100\n8:0 200") == "8:16 default");
  cr_expect(to_put_back("blkio.throttle.read_bps_device", "8:16 50", "8:0 200") == "8:16 0");
  cr_expect(to_put_back("rdma.max", "mlx4_0 hca_handle=2", "mlx4_0 hca_handle=max hca_object=max") ==
            "mlx4_0 hca_handle=max hca_object=max");
  cr_expect(to_put_back("cgroup.subtree_control", "+pids +cpu", "cpu memory") == "-pids");
  cr_expect(to_put_back("cgroup.subtree_control", "-cpu +io -rdma", "cpu memory") == "+cpu -io");
  cr_expect(to_put_back("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 0") == "0");
}
