// rocker-image/bundle and the grammar of its lines.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "rocker-image/bundle/assemble.hh"
#include "rocker-image/bundle/capabilities.hh"
#include "rocker-image/bundle/options.hh"
#include "rocker-image/bundle/seccomp.hh"
#include "rocker-image/bundle/user_ranges.hh"
#include "rocker-image/bundle/users.hh"
#include "rocker-image/bundle/values.hh"
#include "rocker-image/bundle/volumes.hh"
#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"
#include "spec/support/units.hh"

using namespace rocker;
using namespace rocker::bundle;

namespace {

Options parse(const std::vector<std::string>& line) {
  const auto rows = run_options();
  Options options;
  options.command =
      grammar::parse("run", grammar::Table<Options>(rows), options, line, grammar::Positionals::end_options);
  return options;
}

// What is said about a line, or a value, that is wrong.
template <typename Fn>
std::string complaint(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool has(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// A root file system with the given /etc/passwd and /etc/group, removed at the end.
class Root {
 public:
  Root(std::string_view passwd, std::string_view group) {
    cr_assert_not_null(::mkdtemp(path_));
    make_directories(cat(path_, "/etc"), 0755);
    replace_file(AT_FDCWD, cat(path_, "/etc/passwd"), passwd, 0644);
    replace_file(AT_FDCWD, cat(path_, "/etc/group"), group, 0644);
    fd_ = open_path(path_, O_PATH | O_DIRECTORY);
  }
  ~Root() { remove_tree(AT_FDCWD, path_); }
  int fd() const { return fd_.get(); }

 private:
  char path_[32] = "/tmp/rocker-unit.XXXXXX";
  UniqueFd fd_;
};

spec::Config assembled(const std::vector<std::string>& line, const spec::ImageConfig& image = {}) {
  const Root root("root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n",
                  "root:x:0:\nweb:x:33:\nextra:x:44:web\n");
  Place place;
  place.directory = "/b";
  place.image_reference = "busybox:latest";
  place.root_fd = root.fd();
  return assemble(parse(line), image, place).config;
}

}  // namespace

Test(grammar, takes_values_in_all_of_pflags_spellings) {
  for (const auto& line : std::vector<std::vector<std::string>>{
           {"-m", "64m"}, {"-m64m"}, {"-m=64m"}, {"--memory", "64m"}, {"--memory=64m"}}) {
    cr_assert_eq(parse(line).resources.memory.limit.value_or(0), 64 << 20);
  }
}

Test(grammar, flags_join_and_take_false) {
  const auto options = parse({"-itd", "--rm=false"});
  cr_assert(options.interactive && options.tty && options.detach && !options.remove);
}

Test(grammar, options_end_at_the_first_positional_and_at_two_dashes) {
  cr_assert_eq(parse({"-t", "busybox", "-d", "--rm"}).command,
               (std::vector<std::string>{"busybox", "-d", "--rm"}));
  cr_assert_eq(parse({"--", "-t"}).command, (std::vector<std::string>{"-t"}));
}

Test(grammar, the_last_of_two_counts_and_lists_add_up) {
  const auto options = parse({"-m", "1m", "-m", "2m", "-e", "A=1", "-e", "B=2"});
  cr_assert_eq(options.resources.memory.limit.value_or(0), 2 << 20);
  cr_assert_eq(options.env, (std::vector<std::string>{"A=1", "B=2"}));
}

Test(grammar, names_what_is_wrong_and_what_was_meant) {
  cr_assert(complaint([] { parse({"--memroy", "1m"}); }).find("did you mean --memory?") != std::string::npos);
  cr_assert(complaint([] { parse({"--memory"}); }).find("--memory needs a value") != std::string::npos);
  cr_assert(complaint([] { parse({"--rm=maybe"}); }).find("expected true or false") != std::string::npos);
  cr_assert(complaint([] { parse({"-p", "80:80"}); }).find("rocker has no --publish") != std::string::npos);
}

Test(grammar, no_two_rows_have_one_name_or_letter) {
  const auto rows = run_options();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      cr_assert_neq(rows[i].name, rows[j].name, "%s", std::string(rows[i].name).c_str());
      cr_assert(rows[i].letter == 0 || rows[i].letter != rows[j].letter, "-%c", rows[i].letter);
    }
  }
}

Test(values, cpus_are_exact) {
  cr_assert_eq(parse_cpus("1.5"), 150'000);
  cr_assert_eq(parse_cpus(".5"), 50'000);
  cr_assert_eq(parse_cpus("0.3"), 30'000);
  cr_assert_eq(parse_cpus("2"), 200'000);
  cr_assert_eq(parse_cpus("0"), 0);
  for (const char* bad : {"", ".", "0.001", "-1", "1.5x", "1.2.3"}) {
    cr_assert(!complaint([&] { parse_cpus(bad); }).empty(), "%s", bad);
  }
}

Test(values, ulimits_durations_and_signals) {
  const auto limit = parse_ulimit("nofile=1:2");
  cr_assert(limit.type == "RLIMIT_NOFILE" && limit.soft == 1 && limit.hard == 2);
  cr_assert_eq(parse_ulimit("core=-1").hard, ~std::uint64_t{0});
  cr_assert(!complaint([] { parse_ulimit("nofile=3:2"); }).empty());
  cr_assert_eq(parse_duration("1m30s", "x"), 90);
  cr_assert_eq(parse_duration("500ms", "x"), 1);
  cr_assert(!complaint([] { parse_duration("soon", "x"); }).empty());
  cr_assert_eq(parse_signal("term", "x"), "SIGTERM");
  cr_assert_eq(parse_signal("9", "x"), "SIGKILL");
  cr_assert_eq(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
  cr_assert(!complaint([] { parse_signal("SIGNOPE", "x"); }).empty());
}

Test(users, names_numbers_and_groups) {
  const Root root("root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n",
                  "web:x:34:\nextra:x:44:web,root\n");
  const auto web = resolve_user(root.fd(), "web", {});
  cr_assert(web.user.uid == 33 && web.user.gid == 34 && web.home == "/srv");
  cr_assert_eq(web.user.additional_gids, (std::vector<gid_t>{44}));
  // A group of its own takes the others away; --group-add adds.
  cr_assert(resolve_user(root.fd(), "web:44", {}).user.additional_gids.empty());
  cr_assert_eq(resolve_user(root.fd(), "7", {"extra", "9"}).user.additional_gids,
               (std::vector<gid_t>{9, 44}));
  cr_assert_eq(resolve_user(root.fd(), "7", {}).user.gid, 0);
  cr_assert(!complaint([&] { resolve_user(root.fd(), "nobody", {}); }).empty());
  cr_assert(!complaint([&] { resolve_user(root.fd(), "4294967295", {}); }).empty());
}

Test(capabilities, add_and_drop_in_any_order) {
  cr_assert_eq(choose_capabilities({}, {}, false, 0).bounding.size(), 11);
  cr_assert_eq(choose_capabilities({"chown"}, {"ALL"}, false, 0).effective,
               (std::vector<std::string>{"CAP_CHOWN"}));
  const auto all = choose_capabilities({"ALL"}, {"cap_sys_admin"}, false, 0).bounding;
  cr_assert(has(all, "CAP_NET_ADMIN") && !has(all, "CAP_SYS_ADMIN"));
  // Another user has at hand what was added by name only, and that survives execve as ambient.
  const auto user = choose_capabilities({"NET_RAW"}, {}, false, 1000);
  cr_assert_eq(user.effective, (std::vector<std::string>{"CAP_NET_RAW"}));
  cr_assert_eq(user.ambient, user.effective);
  cr_assert(!complaint([] { choose_capabilities({"FLY"}, {}, false, 0); }).empty());
}

Test(volumes, spellings_of_a_mount) {
  const auto bind = parse_volume("/a:/b:ro,noexec");
  cr_assert(bind.kind == VolumeRequest::Kind::bind && bind.readonly && bind.make_source);
  const auto mount = mount_of(bind, bind.source, false);
  cr_assert(has(mount.options, "ro") && has(mount.options, "noexec") && has(mount.options, "rprivate"));
  cr_assert(parse_volume("data:/b").kind == VolumeRequest::Kind::volume);
  cr_assert(parse_volume("/b").source.empty());
  const auto long_form = parse_mount("type=bind,source=/a,target=/b,readonly");
  cr_assert(long_form.readonly && !long_form.make_source);
  cr_assert(has(mount_of(parse_tmpfs("/t:exec"), "", false).options, "exec"));
  cr_assert(!has(mount_of(parse_tmpfs("/t:exec"), "", false).options, "noexec"));
  for (const char* bad : {"a:b", "/a:/", "/a:/b:what", "../x y:/b:ro:z"}) {
    cr_assert(!complaint([&] { parse_volume(bad); }).empty(), "%s", bad);
  }
  cr_assert(!complaint([] { parse_mount("type=bind,source=/a"); }).empty());
}

Test(volumes, mount_has_dockers_grammar) {
  // CSV: a field in quotes may have a comma, and keys are in letters of any case.
  const auto quoted = parse_mount(R"(Type=bind,"Source=/a,b",DST=/c,"target=/with ""quotes""")");
  cr_assert(quoted.source == "/a,b", "%s", quoted.source.c_str());
  cr_assert(quoted.destination == "/with \"quotes\"", "%s", quoted.destination.c_str());
  const auto options = [](const char* text) { return mount_of(parse_mount(text), "/a", false).options; };
  cr_assert(has(options("type=bind,src=/a,dst=/b,ro,bind-recursive=readonly"), "rro"));
  cr_assert(has(options("type=bind,src=/a,dst=/b,ro"), "rro"));
  cr_assert(!has(options("type=bind,src=/a,dst=/b"), "rro"));
  cr_assert(!has(options("type=bind,src=/a,dst=/b,ro,bind-recursive=writable"), "rro"));
  cr_assert(has(mount_of(parse_mount("type=bind,src=/a,dst=/b,bind-recursive=disabled"), "/a", false).options,
                "bind"));
  cr_assert(parse_mount("src=v,dst=/b,volume-driver=local,consistency=cached").kind ==
            VolumeRequest::Kind::volume);
  const struct {
    const char *text, *part;
  } bad[] = {{"type=bind,src=/a,dst=/b,bind-recursive=readonly", "is for what is read-only"},
             {"type=bind,src=/a,dst=/b,tmpfs-size=1", "tmpfs-size is not for type=bind"},
             {"type=bind,src=/a,dst=/b,volume-nocopy", "volume-nocopy is not for type=bind"},
             {"src=v,dst=/b,bind-propagation=rslave", "bind-propagation is not for type=volume"},
             {"src=v,dst=/b,volume-subpath=x", "rocker has no volume-subpath"},
             {"src=v,dst=/b,volume-driver=nfs", "expected local"},
             {"type=image,src=v,dst=/b", "expected type=bind, volume or tmpfs"},
             {"\"src=v,dst=/b", "a quote is not closed"},
             {"src=v\"x\",dst=/b", "a quote in the middle"}};
  for (const auto& [text, part] : bad) {
    const std::string said = complaint([&] { parse_mount(text); });
    cr_assert(said.find(part) != std::string::npos, "%s: %s", text, said.c_str());
  }
  cr_assert(complaint([] { parse_volume("v:/b:rw,ro"); }).find("exclude each other") != std::string::npos);
}

Test(volumes, idmapped_with_users_of_its_own) {
  const auto options = [](const VolumeRequest& request, bool own_users) {
    return mount_of(request, "/a", own_users).options;
  };
  cr_assert(has(options(parse_volume("data:/b"), true), "idmap"));
  cr_assert(has(options(parse_volume("data:/b"), true), "nodev"));
  cr_assert(!has(options(parse_volume("data:/b:dev"), true), "nodev"));
  cr_assert(!has(options(parse_volume("data:/b"), false), "idmap"));
  cr_assert(!has(options(parse_volume("/a:/b"), true), "idmap"));
  cr_assert(has(options(parse_volume("/a:/b:idmap"), true), "idmap"));
  cr_assert(!has(options(parse_volume("/a:/b:idmap"), false), "idmap"));
  cr_assert(has(options(parse_mount("type=bind,source=/a,target=/b,idmap"), true), "idmap"));
  cr_assert(!complaint([] { parse_volume("/a:/b:idmap=uids=0-1-10"); }).empty());
}

Test(user_ranges, of_nobody_by_default) {
  const auto source = parse_range_source("me:524288:65536\n", "me:524288:65536\n# none\n",
                                         "root:x:0:0:root:/root:/bin/sh\nldap:x:1000000:1::/:\n", "");
  cr_assert(source.owner.empty() && source.given.empty());
  std::vector<UserRange> used;
  for (int i = 0; i < 200; ++i) {
    const UserRange range = pick_range(source, used, cat("container", i));
    cr_assert(range.first % 65536 == 0 && range.first > 524288 && range.first <= 1878982656);
    cr_assert(range.first != 983040, "a user's");
    cr_assert(std::find(used.begin(), used.end(), range) == used.end());
    used.push_back(range);
  }
  cr_assert(pick_range(source, {}, "same") == pick_range(source, {}, "same"));
  cr_assert(pick_range(source, {}, "one") != pick_range(source, {}, "other"));
}

Test(user_ranges, of_rocker_or_containers) {
  const std::string_view both = "containers:200000:131073\n";
  auto source = parse_range_source(both, both, "x:x:200001:1::/:\n", "");
  cr_assert_eq(source.owner, "containers");
  std::vector<UserRange> used;
  for (int i = 0; i < 2; ++i) used.push_back(pick_range(source, used, "seed"));
  std::sort(used.begin(), used.end(), [](auto a, auto b) { return a.first < b.first; });
  cr_assert(used[0].first == 200000 && used[1].first == 265536);
  cr_assert(complaint([&] { pick_range(source, used, "seed"); }).find("\"containers\"") != std::string::npos);
  // rocker's own go first, and those that only one of the files gives are none.
  source = parse_range_source("containers:200000:65536\nrocker:300000:100000\nrocker:9:junk",
                              "rocker:310000:65536\n", "", "");
  cr_assert(source.owner == "rocker" && source.given.size() == 1);
  cr_assert_eq(pick_range(source, {}, "seed").first, 310000);
  // One that overlaps by a single ID is used.
  const UserRange neighbour{310000 + 65535};
  cr_assert(!complaint([&] { pick_range(source, std::span(&neighbour, 1), "seed"); }).empty());
  source = parse_range_source("rocker:300000:65536\n", "", "", "");
  cr_assert(!complaint([&] { pick_range(source, {}, "seed"); }).empty());
}

Test(user_ranges, the_layers_have_every_number_once) {
  for (const std::uint32_t first : {1U, 50000U, 65536U, 100000U, 524288U, 0xffffffffU - 65536}) {
    const auto maps = UserRange{first}.layer_mappings();
    cr_assert(maps[0].container_id == 0 && maps[0].host_id == first && maps[0].size == 65536);
    for (std::size_t i = 0; i < maps.size(); ++i) {
      cr_assert(maps[i].size > 0 && maps[i].host_id <= 0xffffffff - maps[i].size);
      cr_assert(i == 0 || maps[i].container_id == maps[i].host_id);
      for (std::size_t j = 0; j < i; ++j) {
        const auto apart = [&](std::uint32_t a, std::uint32_t b) {
          return std::uint64_t{a} + maps[i].size <= b || std::uint64_t{b} + maps[j].size <= a;
        };
        cr_assert(apart(maps[i].host_id, maps[j].host_id), "first %u", first);
        cr_assert(apart(maps[i].container_id, maps[j].container_id), "first %u", first);
      }
    }
  }
}

Test(assemble, entry_point_command_and_environment_as_docker_has_them) {
  spec::ImageConfig image;
  image.entrypoint = {"/entry"};
  image.cmd = {"default"};
  image.env = {"A=image", "PATH=/image"};
  image.user = "web";
  image.working_dir = "/srv";
  auto config = assembled({}, image);
  cr_assert_eq(config.process->args, (std::vector<std::string>{"/entry", "default"}));
  cr_assert_eq(config.process->user.uid, 33);
  cr_assert_eq(config.process->cwd, "/srv");
  cr_assert(has(config.process->env, "PATH=/image") && has(config.process->env, "HOME=/srv"));
  cr_assert_eq(assembled({"x"}, image).process->args, (std::vector<std::string>{"/entry", "x"}));
  cr_assert_eq(assembled({"--entrypoint", "/other"}, image).process->args,
               (std::vector<std::string>{"/other"}));
  cr_assert_eq(assembled({"--entrypoint", "", "x"}, image).process->args, (std::vector<std::string>{"x"}));
  cr_assert(has(assembled({"-e", "A=mine", "x"}, image).process->env, "A=mine"));
  cr_assert(!complaint([] { assembled({}); }).empty());
}

Test(assemble, defaults_hold_the_container_in) {
  const auto config = assembled({"true"});
  cr_assert(config.process->no_new_privileges);
  cr_assert(config.linux_.seccomp && config.linux_.seccomp->default_action == "SCMP_ACT_ERRNO");
  cr_assert(config.linux_.creates(spec::NamespaceType::network));
  cr_assert(has(config.linux_.masked_paths, "/proc/kcore") && has(config.linux_.readonly_paths, "/proc/sys"));
  cr_assert(!config.linux_.resources->devices.empty() && !config.linux_.resources->devices[0].allow);
  const auto open = assembled({"--network", "host", "--pid", "host", "true"});
  cr_assert(!open.linux_.creates(spec::NamespaceType::network) &&
            !open.linux_.creates(spec::NamespaceType::pid));
}

Test(seccomp, gates_follow_the_capabilities) {
  const auto allows = [](const spec::Seccomp& profile, std::string_view call) {
    return std::any_of(profile.syscalls.begin(), profile.syscalls.end(), [&](const auto& rule) {
      return rule.action == "SCMP_ACT_ALLOW" && has(rule.names, call);
    });
  };
  cr_assert(!allows(default_seccomp({}), "bpf"));
  cr_assert(allows(default_seccomp({"CAP_SYS_ADMIN"}), "bpf"));
  cr_assert(!allows(default_seccomp({"CAP_SYS_ADMIN"}), "kexec_load"));
}

Test(seccomp, profiles_in_dockers_format) {
  char path[] = "/tmp/rocker-unit.XXXXXX";
  const UniqueFd fd(::mkstemp(path));
  write_all(fd.get(), R"({"defaultAction":"SCMP_ACT_ERRNO","archMap":[],"syscalls":[
      {"names":["read"],"action":"SCMP_ACT_ALLOW"},
      {"names":["new"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.0"}},
      {"names":["admin"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
      {"names":["plain"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}}]})",
            path);
  const auto names = [&](const std::vector<std::string>& caps) {
    std::string out;
    for (const auto& rule : read_seccomp_profile(path, caps).syscalls) out += rule.names[0] + " ";
    return out;
  };
  cr_assert_eq(names({}), "read plain ");
  cr_assert_eq(names({"CAP_SYS_ADMIN"}), "read admin ");
  ::unlink(path);
}

Test(format, ages_as_docker_words_them) {
  constexpr std::int64_t second = 1'000'000'000;
  cr_assert_eq(age(0), "Less than a second");
  cr_assert_eq(age(59 * second), "59 seconds");
  cr_assert_eq(age(90 * second), "About a minute");
  cr_assert_eq(age(180 * second), "3 minutes");
  cr_assert_eq(age(3600 * second), "About an hour");
  cr_assert_eq(age(50 * 3600 * second), "2 days");
}
