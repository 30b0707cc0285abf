#include "rocker-image/bundle/etc_files.hh"

#include <arpa/inet.h>
#include <fcntl.h>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/str.hh"

namespace rocker::bundle {

namespace {

constexpr std::size_t most = 1 << 20;

void check_address(std::string_view text, std::string_view option) {
  unsigned char buffer[sizeof(in6_addr)];
  const std::string address(text.substr(0, text.find('%')));
  if (::inet_pton(AF_INET, address.c_str(), buffer) != 1 &&
      ::inet_pton(AF_INET6, address.c_str(), buffer) != 1) {
    throw Error(cat(option, ": expected an IP address, found \"", printable(text), "\""));
  }
}

std::string hosts(const Options& options, const std::string& hostname) {
  std::string text;
  if (options.network == "host") text = read_file_if_exists(AT_FDCWD, "/etc/hosts", most).value_or("");
  if (text.empty()) {
    text = cat("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    if (!hostname.empty()) text += cat("127.0.0.1\t", hostname, "\n");
  } else if (!text.ends_with('\n')) {
    text += '\n';
  }
  for (const auto& entry : options.add_hosts) {
    // docker: "=" or ":". An IPv6 address has colons of its own, and may stand in brackets.
    const auto apart = entry.find_first_of(":=");
    if (apart == std::string::npos || apart == 0) {
      throw Error(cat("--add-host: expected NAME:IP, found \"", printable(entry), "\""));
    }
    auto address = std::string_view(entry).substr(apart + 1);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    if (address == "host-gateway") {
      if (options.network != "host") {
        throw Error(cat("--add-host ", printable(entry), ": with --network ", printable(options.network),
                        " no address leads to the host"))
            .hint("use --network host, or give the address");
      }
      address = "127.0.0.1";
    }
    check_address(address, "--add-host");
    text += cat(address, "\t", std::string_view(entry).substr(0, apart), "\n");
  }
  return text;
}

std::string resolv_conf(const Options& options) {
  std::string text;
  const std::string own = read_file_if_exists(AT_FDCWD, "/etc/resolv.conf", most).value_or("");
  for (const auto line : split(own, '\n')) {
    const bool replaced =
        (line.starts_with("nameserver") && !options.dns.empty()) ||
        ((line.starts_with("search") || line.starts_with("domain")) && !options.dns_search.empty()) ||
        (line.starts_with("options") && !options.dns_options.empty());
    if (!replaced && !line.empty()) text += cat(line, "\n");
  }
  for (const auto& address : options.dns) {
    check_address(address, "--dns");
    text += cat("nameserver ", address, "\n");
  }
  // docker: a single dot means none at all.
  if (!options.dns_search.empty() && options.dns_search[0] != ".") {
    text += cat("search ", join(options.dns_search, " "), "\n");
  }
  if (!options.dns_options.empty()) text += cat("options ", join(options.dns_options, " "), "\n");
  return text;
}

}  // namespace

std::vector<EtcFile> etc_files(const Options& options, const std::string& hostname) {
  return {{"hosts", hosts(options, hostname)},
          {"hostname", cat(hostname, "\n")},
          {"resolv.conf", resolv_conf(options)}};
}

}  // namespace rocker::bundle
