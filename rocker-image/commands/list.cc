#include "rocker-image/commands/cli.hh"
#include "rocker-image/commands/commands.hh"
#include "rocker-image/store.hh"
#include "spec/support/error.hh"
#include "spec/support/log.hh"
#include "spec/support/units.hh"

namespace rocker::commands {

int list(const Globals& globals, const std::vector<std::string>& args) {
  CommandLine line("list", "", "Shows the images of the store, newest first.");
  if (!line.read(args)) return 0;

  const Store store(globals.root);
  const auto images = store.list([](const Error& error) { log::warn(error.what()); });
  if (images.empty()) {
    print("No images found. Use 'rocker import <tar-file> <image-name>' to import an image.\n");
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "IMAGE ID", "SIZE", "CREATED"}};
  for (const auto& image : images) {
    rows.push_back({image.reference.name, image.reference.tag, spec::short_id(image.record.id),
                    format_size(image.record.size), image.record.created_time});
  }
  print(table_text(rows));
  return 0;
}

}  // namespace rocker::commands
