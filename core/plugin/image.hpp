// A shared object's file as it was when it was read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::plugin {

/// The whole content of a file of 1 GiB at most. Throws std::runtime_error with the reason, without
/// the path: among others, that the file changed meanwhile.
std::string read_whole(const std::filesystem::path& file);

/// A copy in memory that nobody can change, under a path that no other copy has. Libraries are
/// loaded from it, not from their files: whoever overwrites a file in place does not overwrite the
/// code that runs, and dlopen, which answers with what it once loaded from a path, loads what was
/// rebuilt under the same name. It needs no folder in which files may be executed.
class image {
 public:
  /// `name` is what /proc/<pid>/maps calls it. Throws std::runtime_error with the reason.
  image(const std::string& name, std::string_view bytes);
  image(const image&) = delete;
  image& operator=(const image&) = delete;
  ~image();

  /// Of this process alone, good as long as the image lives.
  const std::filesystem::path& path() const { return path_; }
  /// Nobody else gets the path until the process ends: something is still loaded from it.
  void keep() { kept_ = true; }

 private:
  int memory_;
  std::filesystem::path path_;
  bool kept_ = false;
};

}  // namespace sluice::plugin
