// Paths inside a root that somebody else has filled (spec/support/safe_path.hh): what is made where links
// lead.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "spec/support/error.hh"
#include "spec/support/file.hh"
#include "spec/support/safe_path.hh"
#include "spec/support/str.hh"

using namespace rocker;

namespace {

// DIR/root is the root, and nothing may appear in DIR beside it.
struct Tree {
  std::string dir;
  UniqueFd root;

  Tree() {
    char name[] = "/tmp/rocker-safe-path.XXXXXX";
    dir = mkdtemp(name);
    mkdir(path("root").c_str(), 0755);
    root = open_path(path("root"), O_PATH | O_DIRECTORY);
  }
  ~Tree() { remove_tree(AT_FDCWD, dir); }

  std::string path(std::string_view name) const { return cat(dir, "/", name); }
  void link(const std::string& target, const std::string& name) const {
    cr_assert(symlink(target.c_str(), path(cat("root/", name)).c_str()) == 0);
  }
  char kind(const std::string& name) const {
    struct stat st {};
    if (lstat(path(name).c_str(), &st) < 0) return '-';
    return S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : S_ISLNK(st.st_mode) ? 'l' : '?';
  }
  bool nothing_outside() const {
    // The directory's links: itself, "." and the root's "..".
    struct stat st {};
    return stat(dir.c_str(), &st) == 0 && st.st_nlink == 3 && access(path("out").c_str(), F_OK) < 0;
  }
};

bool fails_with(int errno_value, const std::function<void()>& fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.errno_value() == errno_value;
  }
  return false;
}

}  // namespace

Test(safe_path, directories_are_made) {
  const Tree tree;
  const UniqueFd last = make_directories_in_root(tree.root.get(), "/a/./b//c/", 0750);
  struct stat made {
  }, seen{};
  cr_assert(fstat(last.get(), &made) == 0 && stat(tree.path("root/a/b/c").c_str(), &seen) == 0);
  cr_expect(made.st_ino == seen.st_ino && (seen.st_mode & 07777 & ~0750u) == 0);
}

Test(safe_path, links_that_dangle_are_followed_inside) {
  const Tree tree;
  tree.link("../run", "var-run");           // above the root: the root
  tree.link(tree.path("out"), "absolute");  // a path of the host's
  tree.link("chain2", "chain1");
  tree.link("deep/er", "chain2");
  make_directories_in_root(tree.root.get(), "/var-run/lock/x", 0755);
  cr_expect(tree.kind("root/run/lock/x") == 'd');
  make_directories_in_root(tree.root.get(), "/absolute/y", 0755);
  cr_expect(tree.kind(cat("root", tree.path("out/y"))) == 'd');
  make_directories_in_root(tree.root.get(), "chain1/z", 0755);
  cr_expect(tree.kind("root/deep/er/z") == 'd');
  cr_expect(tree.kind("root/chain1") == 'l');
  cr_expect(tree.nothing_outside());
}

Test(safe_path, links_in_a_circle_end) {
  const Tree tree;
  tree.link("b", "a");
  tree.link("a", "b");
  tree.link("self/x", "self");
  cr_expect(fails_with(ELOOP, [&] { make_directories_in_root(tree.root.get(), "a/x", 0755); }));
  cr_expect(fails_with(ELOOP, [&] { make_directories_in_root(tree.root.get(), "self", 0755); }));
  cr_expect(fails_with(ELOOP, [&] { make_file_in_root(tree.root.get(), "a", 0644); }));
  cr_expect(tree.nothing_outside());
}

Test(safe_path, a_file_is_made_where_a_link_leads) {
  const Tree tree;
  tree.link(tree.path("out"), "absolute");
  tree.link("../../../x/made", "relative");
  make_file_in_root(tree.root.get(), "/absolute", 0644);
  cr_expect(tree.kind(cat("root", tree.path("out"))) == 'f');
  make_file_in_root(tree.root.get(), "/relative", 0644);
  cr_expect(tree.kind("root/x/made") == 'f');
  make_file_in_root(tree.root.get(), "new/dir/file", 0644);
  cr_expect(tree.kind("root/new/dir/file") == 'f');
  cr_expect(tree.nothing_outside());
}

Test(safe_path, what_is_there_is_what_is_opened) {
  const Tree tree;
  make_directories_in_root(tree.root.get(), "dir", 0755);
  make_file_in_root(tree.root.get(), "file", 0644);
  tree.link("file", "link");
  struct stat file {
  }, link{}, dir{};
  fstat(make_file_in_root(tree.root.get(), "file", 0644).get(), &file);
  fstat(make_file_in_root(tree.root.get(), "link", 0644).get(), &link);
  fstat(make_file_in_root(tree.root.get(), "dir", 0644).get(), &dir);
  cr_expect(file.st_ino == link.st_ino && S_ISREG(file.st_mode) && S_ISDIR(dir.st_mode));
  cr_expect(fails_with(ENOTDIR, [&] { make_directories_in_root(tree.root.get(), "file/x", 0755); }));
  cr_expect(fails_with(ENOTDIR, [&] { make_file_in_root(tree.root.get(), "file/x", 0644); }));
}
