#include "rocker-image/describe.hh"

namespace rocker {

namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  std::string_view name;
};

constexpr Magic known[] = {
    {0, "hsqs"sv, "a squashfs image: unpack it by unsquashfs, or import the folder where it is mounted"},
    {0, "sqsh"sv, "a squashfs image of a machine with the other byte order"},
    {1024, "\xe2\xe1\xf5\xe0"sv, "an EROFS image: import the folder where it is mounted"},
    {1080, "\x53\xef"sv, "an ext4 file system: import the folder where it is mounted"},
    {0, "XFSB"sv, "an XFS file system: import the folder where it is mounted"},
    {32769, "CD001"sv, "an ISO 9660 image: import the folder where it is mounted"},
    {0, "\x45\x3d\xcd\x28"sv, "a cramfs image: import the folder where it is mounted"},
    {0, "PK\x03\x04"sv, "a zip archive"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {0, "Rar!"sv, "a RAR archive"},
    {0, "MSCF"sv, "a cabinet archive"},
    {0, "xar!"sv, "a xar archive"},
    {0, "!<arch>\n"sv, "an ar archive (a .deb or a static library)"},
    {0, "#mtree"sv, "a list of files (mtree) and not the files"},
    {0, "\xed\xab\xee\xdb"sv, "an RPM package"},
    // Compressions that take a program of their own, which is never run.
    {0, "\x89LZO"sv, "an lzop stream: decompress it by lzop first"},
    {0, "LRZI"sv, "an lrzip stream: decompress it by lrzip first"},
    {0, "GRZipII"sv, "a grzip stream: decompress it by grzip first"},
    {0, "\x37\xe4\x53\x96"sv, "an rzip stream"},
    {0, "begin-base64 "sv, "base64 text: decode it by uudecode first"},
    {0, "begin 6"sv, "uuencoded text: decode it by uudecode first"},
    {0, "-----BEGIN PGP MESSAGE"sv, "an OpenPGP message: decrypt it by gpg first"},
    {0,
     "\x7f"
     "ELF"sv,
     "an ELF program"},
    {0, "\xff\xd8\xff"sv, "a JPEG picture"},
    {0, "\x89PNG"sv, "a PNG picture"},
    {0, "GIF8"sv, "a GIF picture"},
    {0, "%PDF"sv, "a PDF document"},
    {0, "QFI\xfb"sv, "a qcow2 disk image"},
    {0, "KDMV"sv, "a VMDK disk image"},
    {0, "#!"sv, "a script"},
    {0, "<!DOCTYPE"sv, "an HTML page"},
    {0, "<html"sv, "an HTML page"},
};

}  // namespace

std::string describe_content(std::string_view head) {
  for (const auto& [offset, bytes, name] : known) {
    if (head.size() > offset && head.substr(offset).starts_with(bytes)) return std::string(name);
  }
  if (head.size() >= 512 && head.substr(510, 2) == "\x55\xaa"sv) return "a disk image with a partition table";
  if (!head.empty() && head.find_first_not_of('\0') == std::string_view::npos) return "nothing but zeros";
  if (head.starts_with('{') || head.starts_with('[')) return "what looks like JSON";
  return {};
}

}  // namespace rocker
