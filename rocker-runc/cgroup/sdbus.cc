#include "rocker-runc/cgroup/sdbus.hh"

#include <dlfcn.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker::cgroup {

namespace {

// The ELF note that tells packagers what may be loaded later (systemd, docs/ELF_DLOPEN_METADATA).
#define ROCKER_DLOPEN_JSON                                                                    \
  "[{\"feature\":\"systemd\",\"description\":\"cgroups made by systemd (--systemd-cgroup)\"," \
  "\"priority\":\"suggested\",\"soname\":[\"libsystemd.so.0\"]}]"
struct [[gnu::packed]] DlopenNote {
  std::uint32_t name_size, description_size, type;
  char name[4];
  char description[(sizeof ROCKER_DLOPEN_JSON + 3) / 4 * 4];
};
[[gnu::used, gnu::section(".note.dlopen"), gnu::aligned(4)]] const DlopenNote dlopen_note = {
    4, sizeof ROCKER_DLOPEN_JSON, 0x407c0c0a, "FDO", ROCKER_DLOPEN_JSON};

constexpr const char* destination = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";
constexpr int job_seconds = 30;  // as runc

struct Library {
#define ROCKER_SD_BUS(name) decltype(&::name) name = nullptr
  ROCKER_SD_BUS(sd_bus_open_system);
  ROCKER_SD_BUS(sd_bus_open_user);
  ROCKER_SD_BUS(sd_bus_flush_close_unref);
  ROCKER_SD_BUS(sd_bus_message_new_method_call);
  ROCKER_SD_BUS(sd_bus_message_append_basic);
  ROCKER_SD_BUS(sd_bus_message_open_container);
  ROCKER_SD_BUS(sd_bus_message_close_container);
  ROCKER_SD_BUS(sd_bus_message_read);
  ROCKER_SD_BUS(sd_bus_message_unref);
  ROCKER_SD_BUS(sd_bus_call);
  ROCKER_SD_BUS(sd_bus_match_signal);
  ROCKER_SD_BUS(sd_bus_process);
  ROCKER_SD_BUS(sd_bus_wait);
  ROCKER_SD_BUS(sd_bus_get_property_string);
  ROCKER_SD_BUS(sd_bus_error_free);
#undef ROCKER_SD_BUS

  Library() {
    void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW);
    if (handle == nullptr) {
      throw Error(cat("load libsystemd.so.0 for --systemd-cgroup: ", ::dlerror()))
          .hint("install it (Debian: libsystemd0), or leave out --systemd-cgroup");
    }
    const auto find = [&](const char* name, auto& function) {
      void* symbol = ::dlsym(handle, name);
      if (symbol == nullptr) throw Error(cat("libsystemd.so.0 has no ", name)).hint("it is too old");
      std::memcpy(&function, &symbol, sizeof symbol);
    };
#define ROCKER_SD_BUS(name) find(#name, name)
    ROCKER_SD_BUS(sd_bus_open_system);
    ROCKER_SD_BUS(sd_bus_open_user);
    ROCKER_SD_BUS(sd_bus_flush_close_unref);
    ROCKER_SD_BUS(sd_bus_message_new_method_call);
    ROCKER_SD_BUS(sd_bus_message_append_basic);
    ROCKER_SD_BUS(sd_bus_message_open_container);
    ROCKER_SD_BUS(sd_bus_message_close_container);
    ROCKER_SD_BUS(sd_bus_message_read);
    ROCKER_SD_BUS(sd_bus_message_unref);
    ROCKER_SD_BUS(sd_bus_call);
    ROCKER_SD_BUS(sd_bus_match_signal);
    ROCKER_SD_BUS(sd_bus_process);
    ROCKER_SD_BUS(sd_bus_wait);
    ROCKER_SD_BUS(sd_bus_get_property_string);
    ROCKER_SD_BUS(sd_bus_error_free);
#undef ROCKER_SD_BUS
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

void check(int result, std::string_view what) {
  if (result < 0) throw system_error(cat("systemd: ", what), -result);
}

struct BusError {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  ~BusError() { library().sd_bus_error_free(&error); }
  bool is(const char* name) const { return error.name != nullptr && std::strcmp(error.name, name) == 0; }
};

struct Unref {
  void operator()(sd_bus_message* message) const { library().sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;

class Builder {
 public:
  Builder(sd_bus* bus, const char* method) {
    sd_bus_message* raw = nullptr;
    check(library().sd_bus_message_new_method_call(bus, &raw, destination, manager_path, manager_interface,
                                                   method),
          method);
    message_.reset(raw);
  }

  sd_bus_message* get() const { return message_.get(); }

  void basic(char type, const void* value) {
    check(library().sd_bus_message_append_basic(get(), type, value), "build a message");
  }
  void string(const std::string& text) { basic('s', text.c_str()); }
  void open(char type, const std::string& contents) {
    check(library().sd_bus_message_open_container(get(), type, contents.c_str()), "build a message");
  }
  void close() { check(library().sd_bus_message_close_container(get()), "build a message"); }

  void value(const Variant& v) {
    switch (v.signature[0]) {
      case 's':
      case 'o':
      case 'g': basic(v.signature[0], v.text.c_str()); break;
      case 'd': basic('d', &v.real); break;
      case 'b': {
        const int flag = v.number != 0 ? 1 : 0;
        basic('b', &flag);
        break;
      }
      case 'a':
        open('a', v.signature.substr(1));
        for (const auto& element : v.elements) value(element);
        close();
        break;
      case '(':
        open('r', v.signature.substr(1, v.signature.size() - 2));
        for (const auto& element : v.elements) value(element);
        close();
        break;
      case 'y': integer<std::uint8_t>(v); break;
      case 'n':
      case 'q': integer<std::uint16_t>(v); break;
      case 'i':
      case 'u': integer<std::uint32_t>(v); break;
      default: integer<std::uint64_t>(v); break;
    }
  }

  void properties(const std::vector<Property>& list) {
    open('a', "(sv)");
    for (const auto& [name, v] : list) {
      open('r', "sv");
      string(name);
      open('v', v.signature);
      value(v);
      close();
      close();
    }
    close();
  }

 private:
  template <typename T>
  void integer(const Variant& v) {
    const T number = static_cast<T>(v.number);
    basic(v.signature[0], &number);
  }

  Message message_;
};

}  // namespace

struct SystemdBus::Impl {
  sd_bus* bus = nullptr;
  int version = 0;
  std::map<std::string, std::string> jobs;  // object path -> result, of those that are over

  ~Impl() { library().sd_bus_flush_close_unref(bus); }

  static int job_removed(sd_bus_message* message, void* self, sd_bus_error*) {
    std::uint32_t id = 0;
    const char *path = nullptr, *unit = nullptr, *result = nullptr;
    if (library().sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0) {
      static_cast<Impl*>(self)->jobs.emplace(path, result);
    }
    return 0;
  }

  // `reply`: where the path of a job goes. Gives back the name of an error that the caller wants to see.
  std::string call(const Builder& request, std::string_view what, std::string* job,
                   std::initializer_list<const char*> expected_errors) {
    BusError error;
    sd_bus_message* raw = nullptr;
    const int result = library().sd_bus_call(bus, request.get(), 0, &error.error, &raw);
    const Message reply(raw);
    if (result < 0) {
      for (const char* name : expected_errors) {
        if (error.is(name)) return name;
      }
      Error failure(
          cat("systemd: ", what, ": ",
              error.error.message != nullptr ? printable(error.error.message) : std::strerror(-result)),
          -result);
      if (error.is("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") ||
          error.is("org.freedesktop.DBus.Error.AccessDenied")) {
        failure.hint("this user may not: run as root, or under a systemd of the user's own");
      }
      throw failure;
    }
    if (job != nullptr) {
      const char* path = nullptr;
      check(library().sd_bus_message_read(reply.get(), "o", &path), "read the job of a reply");
      *job = path;
    }
    return "";
  }

  // The result of the job: "done", "failed", "timeout" ...; "" when it did not end in time.
  std::string wait(const std::string& job) {
    timespec start{}, now{};
    ::clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
      if (const auto found = jobs.find(job); found != jobs.end()) return found->second;
      const int processed = library().sd_bus_process(bus, nullptr);
      check(processed, "wait for a job");
      if (processed > 0) continue;
      ::clock_gettime(CLOCK_MONOTONIC, &now);
      if (now.tv_sec - start.tv_sec >= job_seconds) return "";
      check(library().sd_bus_wait(bus, 1000000), "wait for a job");
    }
  }

  std::string manager_property(const char* name) const {
    char* text = nullptr;
    check(library().sd_bus_get_property_string(bus, destination, manager_path, manager_interface, name,
                                               nullptr, &text),
          cat("read the property ", name));
    const std::unique_ptr<char, decltype(&::free)> owned(text, ::free);
    return text;
  }

  void reset_failed(const std::string& unit) {
    Builder request(bus, "ResetFailedUnit");
    request.string(unit);
    call(request, cat("reset the unit ", unit), nullptr, {"org.freedesktop.systemd1.NoSuchUnit"});
  }
};

SystemdBus::SystemdBus(bool user) : impl_(std::make_unique<Impl>()) {
  const Library& sd = library();
  const int result = user ? sd.sd_bus_open_user(&impl_->bus) : sd.sd_bus_open_system(&impl_->bus);
  if (result < 0) {
    throw system_error(cat("connect to the ", user ? "user's" : "system", " bus for --systemd-cgroup"),
                       -result)
        .hint(user ? "set XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS, or leave out --systemd-cgroup"
                   : "this host is not run by systemd with D-Bus: leave out --systemd-cgroup");
  }
  // JobRemoved is sent to subscribers; the match has to be there before the first job is.
  check(sd.sd_bus_match_signal(impl_->bus, nullptr, destination, manager_path, manager_interface,
                               "JobRemoved", Impl::job_removed, impl_.get()),
        "watch for jobs");
  const Builder subscribe(impl_->bus, "Subscribe");
  impl_->call(subscribe, "subscribe to jobs", nullptr, {"org.freedesktop.systemd1.AlreadySubscribed"});
}

SystemdBus::~SystemdBus() = default;

std::string SystemdBus::control_group() {
  return impl_->manager_property("ControlGroup");
}

int SystemdBus::version() {
  if (impl_->version != 0) return impl_->version;
  // "252.39-1~deb12u1", older ones "v245"
  const std::string text = impl_->manager_property("Version");
  std::string_view digits(text);
  digits.remove_prefix(std::min(digits.find_first_of("0123456789"), digits.size()));
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  unsigned long long number = 0;
  parse_number(digits, number);
  return impl_->version = static_cast<int>(number);
}

void SystemdBus::start_transient(const std::string& unit, const std::vector<Property>& properties) {
  Builder request(impl_->bus, "StartTransientUnit");
  request.string(unit);
  request.string("replace");
  request.properties(properties);
  request.open('a', "(sa(sv))");
  request.close();
  const std::string what = cat("start the unit ", unit);
  std::string job;
  static constexpr const char* exists = "org.freedesktop.systemd1.UnitExists";
  if (!impl_->call(request, what, &job, {exists}).empty()) {
    // Most likely one that has failed and was never reset. One that is alive stays, and is the error.
    impl_->reset_failed(unit);
    Builder again(impl_->bus, "StartTransientUnit");
    again.string(unit);
    again.string("replace");
    again.properties(properties);
    again.open('a', "(sa(sv))");
    again.close();
    if (!impl_->call(again, what, &job, {exists}).empty()) {
      throw Error(cat("systemd: ", what, ": there is a unit of that name already"), EBUSY)
          .hint("another container uses it: give a cgroupsPath of its own");
    }
  }
  const std::string result = impl_->wait(job);
  if (result == "done") return;
  impl_->reset_failed(unit);
  throw Error(cat("systemd: ", what, ": ",
                  result.empty() ? cat("the job did not end within ", job_seconds, " s")
                                 : cat("the job ended as ", result)))
      .hint(cat("see journalctl -u ", unit));
}

void SystemdBus::stop(const std::string& unit) {
  Builder request(impl_->bus, "StopUnit");
  request.string(unit);
  request.string("replace");
  std::string job;
  static constexpr const char* gone = "org.freedesktop.systemd1.NoSuchUnit";
  if (!impl_->call(request, cat("stop the unit ", unit), &job, {gone}).empty()) return;
  if (impl_->wait(job).empty()) {
    throw Error(cat("systemd: stop the unit ", unit, ": the job did not end within ", job_seconds, " s"));
  }
  impl_->reset_failed(unit);
}

void SystemdBus::set_properties(const std::string& unit, const std::vector<Property>& properties) {
  if (properties.empty()) return;
  Builder request(impl_->bus, "SetUnitProperties");
  request.string(unit);
  const int runtime = 1;
  request.basic('b', &runtime);
  request.properties(properties);
  impl_->call(request, cat("set properties of the unit ", unit), nullptr, {});
}

void SystemdBus::attach(const std::string& unit, const std::string& sub_cgroup, pid_t pid) {
  Builder request(impl_->bus, "AttachProcessesToUnit");
  request.string(unit);
  request.string(sub_cgroup.empty() ? "" : cat("/", sub_cgroup));
  request.open('a', "u");
  const auto number = static_cast<std::uint32_t>(pid);
  request.basic('u', &number);
  request.close();
  impl_->call(request, cat("move a process into the unit ", unit), nullptr, {});
}

}  // namespace rocker::cgroup
