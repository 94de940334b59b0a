#include "config/interpolate.hpp"

#include "config/redis_key.hpp"
#include "config/text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sluice::config {

namespace {

constexpr std::size_t secret_file_limit = 4096;

bool is_variable(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

class expander {
 public:
  expander(const environment& variables, redis_keys remote)
      : variables_{variables}, remote_{remote} {}

  expansion run(std::string_view raw) {
    std::string_view rest = raw;
    while (!rest.empty() && out_.failed == expansion::failure::none) {
      if (rest.starts_with("$${")) {
        literal("${");
        rest.remove_prefix(3);
      } else if (rest.starts_with("${")) {
        out_.whole = rest.size() == raw.size() && rest.find('}') == rest.size() - 1;
        rest = reference(rest);
      } else {
        literal(rest.substr(0, 1));
        rest.remove_prefix(1);
      }
    }
    if (out_.failed != expansion::failure::none) out_.text.clear();
    return std::move(out_);
  }

 private:
  void literal(std::string_view text) {
    out_.text += text;
    out_.shown += text;
  }

  void from_outside(const std::string& reference, std::string origin) {
    out_.outside = true;
    out_.shown += "${" + reference + "}";
    out_.origins.push_back(std::move(origin));
  }

  void fail(expansion::failure why, std::string message) {
    out_.failed = why;
    out_.error = std::move(message);
  }

  /// Expands the "${...}" that `rest` begins with; returns what follows it.
  std::string_view reference(std::string_view rest) {
    out_.used = true;
    const std::size_t end = rest.find('}');
    if (end == std::string_view::npos) {
      fail(expansion::failure::syntax, "${ without its }; a plain ${ is written $${");
      return {};
    }
    const std::string_view inside = rest.substr(2, end - 2);
    if (inside.find("${") != std::string_view::npos)
      fail(expansion::failure::syntax, "a ${...} inside another one is not possible");
    else if (inside.starts_with("file:"))
      file(std::string{inside.substr(5)});
    else if (inside.starts_with("redis:"))
      redis(inside.substr(6));
    else
      variable(inside);
    return rest.substr(end + 1);
  }

  void variable(std::string_view inside) {
    const std::size_t colon = inside.find(':');
    const std::string name{inside.substr(0, colon)};
    const std::string_view how =
        colon == std::string_view::npos ? std::string_view{} : inside.substr(colon);
    if (!is_variable(name) || !(how.empty() || how.starts_with(":-") || how.starts_with(":?")))
      return fail(expansion::failure::syntax,
                  in_quotes("${" + std::string{inside} + "}") +
                      " is not understood; allowed are ${VAR}, ${VAR:-default}, ${VAR:?message}, "
                      "${file:/path} and, for a secret, ${redis:redis://host:port/database/key}");
    const auto value = variables_(name);
    // As in a shell: with a colon, an empty variable counts as unset.
    if (value && (how.empty() || !value->text.empty())) {
      out_.text += value->text;
      from_outside(name, value->origin + ' ' + name);
    } else if (how.starts_with(":-")) {
      literal(how.substr(2));
      out_.origins.push_back(name + " is not set");
    } else if (how.starts_with(":?")) {
      fail(expansion::failure::variable, "environment variable " + name + " is not set: " +
                                             printable(how.substr(2), longest_message));
    } else {
      fail(expansion::failure::variable, "environment variable " + name + " is not set");
    }
  }

  void file_error(const std::string& path, const std::string& why) {
    fail(expansion::failure::file, "file " + in_quotes(path) + ": " + why);
  }

  void file(const std::string& path) {
    from_outside("file:" + path, "file " + path);
    // Not to wait: opening a named pipe would hang.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return file_error(path, std::generic_category().message(errno));
    struct stat about {};
    if (::fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
      ::close(descriptor);
      return file_error(path, "not a regular file");
    }
    std::array<char, secret_file_limit + 1> buffer{};
    std::size_t size = 0;
    ssize_t got = 0;
    do {
      got = ::read(descriptor, buffer.data() + size, buffer.size() - size);
      if (got > 0) size += static_cast<std::size_t>(got);
    } while ((got > 0 && size < buffer.size()) || (got < 0 && errno == EINTR));
    const int error = errno;
    ::close(descriptor);
    if (got < 0) return file_error(path, std::generic_category().message(error));
    if (size > secret_file_limit) return file_error(path, "longer than 4 KiB");
    while (size > 0 && (buffer[size - 1] == '\n' || buffer[size - 1] == '\r')) --size;
    out_.text.append(buffer.data(), size);
  }

  void redis(std::string_view url) {
    redis_key which;
    try {
      which = parse_redis_key(url);
    } catch (const std::invalid_argument& wrong) {
      return fail(expansion::failure::syntax, "${redis:***}: " + std::string{wrong.what()});
    }
    from_outside("redis:" + which.shown(), which.shown());
    out_.redis = true;
    out_.password |= !which.password.empty();
    if (remote_ == redis_keys::refused)
      fail(expansion::failure::syntax,
           "a ${redis:...} may stand for a secret only; allowed here are ${VAR} and ${file:/path}");
    if (remote_ == redis_keys::read) out_.text += read_redis_key(which);
  }

  const environment& variables_;
  const redis_keys remote_;
  expansion out_;
};

}  // namespace

expansion expand(std::string_view raw, const environment& variables, redis_keys remote) {
  return expander{variables, remote}.run(raw);
}

}  // namespace sluice::config
