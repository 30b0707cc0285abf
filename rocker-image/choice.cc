#include "rocker-image/choice.hh"

#include <algorithm>

#include "spec/support/error.hh"
#include "spec/support/str.hh"

namespace rocker {

namespace {

bool has_name(const LayoutImage& image, const std::string& name) {
  return std::any_of(image.names.begin(), image.names.end(),
                     [&](const std::string& n) { return n == name || n == cat(name, ":latest"); });
}

// A tag alone, or the digest of an image that has no name at all.
bool has_tag(const LayoutImage& image, const std::string& tag) {
  return tag == image.digest || std::find(image.tags.begin(), image.tags.end(), tag) != image.tags.end();
}

// Every way to call the image: "app:1 = app:2", or tags, or its digest.
std::string names_of(const LayoutImage& image) {
  auto names = image.names;
  names.insert(names.end(), image.tags.begin(), image.tags.end());
  return names.empty() ? image.digest : printable(join(names, " = "));
}

std::string names_of(const std::vector<LayoutImage>& images) {
  std::vector<std::string> names;
  for (const auto& image : images) names.push_back(names_of(image));
  return join(names, ", ");
}

// Takes away the images that were not asked for.
void choose(std::vector<LayoutImage>& images, const ImportOptions& options) {
  if (options.all) return;
  std::string wanted;
  if (!options.selected.empty()) {
    wanted = short_name(options.selected);
  } else if (images.size() > 1 && options.reference) {
    // The name to be may be the one in the archive.
    const auto any = [&](auto has, const std::string& text) {
      return std::any_of(images.begin(), images.end(), [&](const auto& image) { return has(image, text); });
    };
    if (any(has_name, options.reference->text())) {
      wanted = options.reference->text();
    } else if (options.tag_given && any(has_tag, options.reference->tag)) {
      wanted = options.reference->tag;
    }
  }
  if (!wanted.empty()) {
    const std::string all = names_of(images);
    std::erase_if(images, [&](const LayoutImage& image) {
      return !has_name(image, wanted) && !has_tag(image, wanted);
    });
    if (images.empty()) throw Error(cat("has no image \"", printable(wanted), "\", only ", all));
    images.resize(1);
  }
  if (images.size() > 1) {
    throw Error(cat("has ", images.size(), " images: ", names_of(images)))
        .hint("choose one with --select, or take --all");
  }
}

}  // namespace

std::vector<ChosenImage> choose_images(std::vector<LayoutImage> images, const ImportOptions& options) {
  choose(images, options);
  const bool nameless =
      std::any_of(images.begin(), images.end(), [](const auto& image) { return image.names.empty(); });
  // Tags alone need a name in front of them, and then are its tags.
  const bool name_for_tags = options.all && options.reference && !options.tag_given &&
                             std::all_of(images.begin(), images.end(), [](const auto& image) {
                               return image.names.empty() && !image.tags.empty();
                             });
  if (options.all && options.reference && images.size() > 1 && !name_for_tags) {
    throw Error(cat("has ", images.size(), " images, which can't all be ", options.reference->text()))
        .hint(nameless ? "import one after the other with --select"
                       : "leave out the name: each is imported by its own");
  }
  std::vector<ChosenImage> chosen;
  for (auto& image : images) {
    ChosenImage& choice = chosen.emplace_back();
    const auto add = [&](const spec::Reference& reference) {
      auto& references = choice.references;
      if (std::find(references.begin(), references.end(), reference) == references.end())
        references.push_back(reference);
    };
    if (name_for_tags) {
      for (const auto& tag : image.tags) add(spec::Reference::parse(cat(options.reference->name, ":", tag)));
    } else if (options.reference) {
      add(*options.reference);
    } else if (image.names.empty()) {
      throw Error(cat("has no name for its image",
                      image.tags.empty() ? std::string()
                                         : cat(", only the tag ", printable(join(image.tags, " = ")))))
          .hint(images.size() > 1 ? "give a NAME without a tag behind the archive"
                                  : "give a NAME[:TAG] behind the archive");
    } else if (options.all) {
      for (const auto& name : image.names) add(spec::Reference::parse(name));
    } else {
      const std::string selected = short_name(options.selected);
      const bool by_name = has_name(image, selected);
      add(spec::Reference::parse(by_name ? selected : image.names.front()));
      if (!by_name && image.names.size() > 1) {
        choice.advice = cat("it is ", printable(join(image.names, " = ")), "; --all makes each of these");
      }
    }
    choice.image = std::move(image);
  }
  return chosen;
}

}  // namespace rocker
