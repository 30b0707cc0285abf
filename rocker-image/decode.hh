// Compressed streams, found by what is in them and never by a name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rocker-image/source.hh"

namespace rocker {

// The stream without its compression, however many times it was compressed (at most four): gzip, xz, zstd,
// bzip2, lzma, lz4, lzip and compress. Truncated or damaged input, bad checksums and garbage behind the end
// throw Error with the place in the input.
class Decoded : public Source {
 public:
  // The file outlives this.
  explicit Decoded(FileSource& file);
  std::size_t read(char* buffer, std::size_t size) override;

  // The names of the compressions, outermost first; empty for a plain stream.
  const std::vector<std::string>& compressions() const { return compressions_; }

 private:
  std::vector<std::unique_ptr<Source>> chain_;
  std::vector<std::string> compressions_;
};

// The decoders themselves, each in its own file. `input` stands at the beginning of what they decode; `where`
// is asked for the place in the input when something is wrong.
struct DecoderInput {
  Source& source;
  std::string compression;  // its name
  const FileSource& file;

  // "what (near byte N of the input)"
  class Error error(std::string_view what) const;
};
std::unique_ptr<Source> make_gzip_decoder(DecoderInput input);
std::unique_ptr<Source> make_xz_decoder(DecoderInput input);
std::unique_ptr<Source> make_zstd_decoder(DecoderInput input);
// bzip2, lzma, lz4, lzip and compress, by libarchive.
std::unique_ptr<Source> make_archive_filter(DecoderInput input);

}  // namespace rocker
