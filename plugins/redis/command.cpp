#include "command.hpp"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace sluice::redis {
namespace {

template <typename Words>
void append(const Words& words, std::string& out) {
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : words) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* text = nullptr;  // owned
  const int size =
      redisFormatCommandArgv(&text, static_cast<int>(words.size()), data.data(), sizes.data());
  if (size < 0) throw std::bad_alloc{};
  out.append(text, static_cast<std::size_t>(size));
  std::free(text);
}

}  // namespace

void append_command(std::initializer_list<std::string_view> words, std::string& out) {
  append(words, out);
}

void append_command(std::span<const std::string> words, std::string& out) { append(words, out); }

}  // namespace sluice::redis
