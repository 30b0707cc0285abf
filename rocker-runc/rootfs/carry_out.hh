// The steps' functions, for apply.cc only: one a step, each in the file of its concern.
#pragma once

#include "rocker-runc/rootfs/apply.hh"

namespace rocker::rootfs {

void carry_out(AttachRoot& step, Context& context);       // root.cc
void carry_out(Pivot& step, Context& context);            // root.cc
void carry_out(ReadonlyRoot& step, Context& context);     // root.cc
void carry_out(RootPropagation& step, Context& context);  // root.cc
void carry_out(BindMount& step, Context& context);        // mounts.cc
void carry_out(NewMount& step, Context& context);         // mounts.cc
void carry_out(CgroupMount& step, Context& context);      // mounts.cc
void carry_out(Remount& step, Context& context);          // mounts.cc
void carry_out(MakeDevice& step, Context& context);       // devices.cc
void carry_out(MakeLink& step, Context& context);         // devices.cc
void carry_out(ReadonlyPath& step, Context& context);     // masks.cc
void carry_out(MaskPath& step, Context& context);         // masks.cc

// The place of a mount or a device in the root, opened O_PATH; made when it is missing: a directory, or an
// empty file with its directories. No link leads out of the root, and a place inside /proc is refused.
UniqueFd open_target(const Context& context, const std::string& path, bool directory);

}  // namespace rocker::rootfs
