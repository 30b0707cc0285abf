// /etc/hosts, /etc/hostname and /etc/resolv.conf: a container's own, kept in its bundle and mounted over the
// image's.
#pragma once

#include <string>
#include <vector>

#include "rocker-image/bundle/options.hh"

namespace rocker::bundle {

struct EtcFile {
  std::string name;  // "hosts"
  std::string text;
};

// What they hold. Of the host's files only resolv.conf is taken over, and hosts when the network is the
// host's. Throws Error for a --dns or --add-host that is no address.
std::vector<EtcFile> etc_files(const Options& options, const std::string& hostname);

}  // namespace rocker::bundle
