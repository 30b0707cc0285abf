// The verbs, a declaration each; the table is verbs.cc.
#pragma once

#include <set>

#include "rocker-image/verbs/filters.hh"
#include "rocker-image/verbs/prune_filter.hh"
#include "rocker-image/verbs/verb.hh"

namespace rocker::verbs {

using Rows = std::vector<const grammar::Row*>;

// run.cc
Rows run_rows();
Rows start_rows();
Rows attach_rows();
int run(const Room& room, Args args);
int create_verb(const Room& room, Args args);
int start(const Room& room, Args args);
int begin_verb(const Room& room, Args args);  // start, one container
int attach(const Room& room, Args args);
int failed_verb(const Room& room, Args args);  // ID REASON
int ended_verb(const Room& room,
               Args args);  // ID [--runtime PATH] [--rocker PATH]: conmon's exit command, the hook

// stop.cc
Rows stop_rows();
Rows kill_rows();
Rows rm_rows();
Rows prune_rows();
int stop_verb(const Room& room, Args args);
int restart_verb(const Room& room, Args args);
int kill_verb(const Room& room, Args args);
int wait_verb(const Room& room, Args args);
int pause_verb(const Room& room, Args args);
int unpause_verb(const Room& room, Args args);
int rm_verb(const Room& room, Args args);
int rename_verb(const Room& room, Args args);
int prune_verb(const Room& room, Args args);
std::uint64_t prune_containers(const Room& room,
                               const Filters& filters);  // says which; the bytes that they had

// ps.cc, logs.cc, exec.cc, inspect.cc, resources.cc
Rows ps_rows();
Rows logs_rows();
Rows events_rows();
Rows exec_rows();
Rows inspect_rows();
Rows stats_rows();
Rows update_rows();
int ps(const Room& room, Args args);
// docker's fields of a container in a listing; `size`: what it has written, 0 when nobody asks.
std::string container_row(const Facts& facts, const containers::Live& live, std::uint64_t size,
                          bool no_trunc);
int logs(const Room& room, Args args);
int events(const Room& room, Args args);
int exec(const Room& room, Args args);
int inspect(const Room& room, Args args);
int port(const Room& room, Args args);
int stats(const Room& room, Args args);
int top(const Room& room, Args args);
int update(const Room& room, Args args);

// cp.cc, layers.cc, diff.cc
Rows cp_rows();
Rows export_rows();
Rows commit_rows();
int cp(const Room& room, Args args);
int diff(const Room& room, Args args);
int export_verb(const Room& room, Args args);
int commit(const Room& room, Args args);

// volumes.cc
Rows volume_ls_rows();
Rows volume_rm_rows();
Rows volume_create_rows();
Rows volume_inspect_rows();
int volume_ls(const Room& room, Args args);
int volume_rm(const Room& room, Args args);
int volume_create(const Room& room, Args args);
int volume_inspect(const Room& room, Args args);
int volume_prune(const Room& room, Args args);
std::uint64_t prune_volumes(const Room& room,
                            const PruneFilter& filter);  // says which; the bytes that they had
struct VolumeUse {
  std::string name;
  std::size_t links = 0;  // the containers that have it, whether they run or not
  std::uint64_t bytes = 0;
};
std::vector<VolumeUse> volume_use(const Room& room);

Rows volume_prune_rows();

// images.cc
struct PrunedImages {
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
};
std::uint64_t bytes_of(const spec::ImageRecord& record);  // what it takes up
// Which NAME:TAGs the containers were made of. An image may be another by now: what a container says it is of
// is kept.
std::set<std::string> images_of_containers(const Room& room);
bool is_used(const Room& room, const Image& image, const std::set<std::string>& of_containers);
// `all`: images that no container uses, too.
PrunedImages prune_images(const Room& room, bool all, const PruneFilter& filter);
Rows image_prune_rows();
int image_prune(const Room& room, Args args);
int image_inspect(const Room& room, Args args);
int image_tree(const Room& room, Args args);

// load.cc: a line of `rocker-image import`
Rows load_rows();
std::vector<std::string> load_words(Args args);

// system.cc, system_df.cc, version.cc, doctor.cc
Rows info_rows();
Rows system_df_rows();
Rows system_prune_rows();
int system_df(const Room& room, Args args);
int system_info(const Room& room, Args args);
int system_prune(const Room& room, Args args);
Rows version_rows();
int version(const Room& room, Args args);
int doctor(const Room& room, Args args);

// health.cc: ID; what the shell starts beside a container that has a check
int health(const Room& room, Args args);
// Starts it again for a container that runs, where it was killed. Called by those who show the health.
void keep_checked(const Room& room, const Facts& facts, const containers::Live& live);

// complete.cc: what the completions ask
int complete(const Room& room, Args args);

}  // namespace rocker::verbs
